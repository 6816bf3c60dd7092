// Losses and layers that measure how far two tensors lie apart, or how one distribution differs from another.

import { checkBoolean, checkChoice, checkNumber, readOptions } from "../errors.js";
import { readPlaced } from "../ops/options.js";
import type { Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { Loss, type Reduction } from "./losses.js";
import { Module } from "./module.js";

/**
 * The Kullback-Leibler divergence of log probabilities x from the target's probabilities, or with `logTarget` their logarithms.
 * "batchmean" divides the sum by the size of dim 0, as the definition wants it; "mean" by the number of elements.
 */
export class KLDivLoss extends Module {
  readonly reduction: Reduction | "batchmean";
  readonly logTarget: boolean;

  constructor(options?: { reduction?: Reduction | "batchmean"; logTarget?: boolean }) {
    super();
    const defaults: { reduction: Reduction | "batchmean"; logTarget: boolean } = {
      reduction: "mean",
      logTarget: false,
    };
    const { reduction, logTarget } = readOptions("KLDivLoss", options, defaults);
    this.reduction = checkChoice("KLDivLoss", "reduction", reduction, ["mean", "sum", "none", "batchmean"]);
    this.logTarget = checkBoolean("KLDivLoss", "logTarget", logTarget);
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.klDiv(x, target, { reduction: this.reduction, logTarget: this.logTarget });
  }
}

interface MarginOptions {
  margin?: number;
  reduction?: Reduction;
}

/** 1 − cos(x1, x2) for a target of 1, max(cos(x1, x2) − margin, 0) for −1. x1, x2 [N, D], target [N]; or [D] and []. */
export class CosineEmbeddingLoss extends Loss {
  readonly margin: number;

  constructor(options?: MarginOptions) {
    const defaults: Required<MarginOptions> = { margin: 0, reduction: "mean" };
    const given = readOptions("CosineEmbeddingLoss", options, defaults);
    super(given.reduction);
    this.margin = checkNumber("CosineEmbeddingLoss", "margin", given.margin);
  }

  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return F.cosineEmbeddingLoss(x1, x2, target, { margin: this.margin, reduction: this.reduction });
  }
}

/** max(−target (x1 − x2) + margin, 0): a target of 1 wants x1 larger, −1 wants x2. All [N]. */
export class MarginRankingLoss extends Loss {
  readonly margin: number;

  constructor(options?: MarginOptions) {
    const defaults: Required<MarginOptions> = { margin: 0, reduction: "mean" };
    const given = readOptions("MarginRankingLoss", options, defaults);
    super(given.reduction);
    this.margin = checkNumber("MarginRankingLoss", "margin", given.margin);
  }

  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return F.marginRankingLoss(x1, x2, target, { margin: this.margin, reduction: this.reduction });
  }
}

export interface TripletMarginLossOptions extends MarginOptions {
  /** Which norm the distance is. */
  p?: number;
  /** Added to each difference. */
  eps?: number;
  /** Takes the distance from positive to negative where it is the smaller one (Balntas et al., 2016). */
  swap?: boolean;
}

/** max(|anchor − positive| − |anchor − negative| + margin, 0). All [N, D], or [D]. */
export class TripletMarginLoss extends Loss {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(options?: TripletMarginLossOptions) {
    const op = "TripletMarginLoss";
    const defaults: Required<TripletMarginLossOptions> = {
      margin: 1,
      p: 2,
      eps: 1e-6,
      swap: false,
      reduction: "mean",
    };
    const given = readOptions(op, options, defaults);
    super(given.reduction);
    this.margin = checkNumber(op, "margin", given.margin, { min: 0, aboveMin: true });
    this.p = checkNumber(op, "p", given.p);
    this.eps = checkNumber(op, "eps", given.eps);
    this.swap = checkBoolean(op, "swap", given.swap);
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { margin, p, eps, swap, reduction } = this;
    return F.tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction });
  }
}

/** The cosine of the angle between two tensors along `dim`; norms count at least `eps`. */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor(dim?: number | { dim?: number; eps?: number }, options?: { eps?: number }) {
    super();
    const op = "CosineSimilarity";
    const given = readPlaced(op, [dim, options], ["dim"], { dim: 1, eps: 1e-8 });
    this.dim = checkNumber(op, "dim", given.dim, { integer: true });
    this.eps = checkNumber(op, "eps", given.eps);
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return F.cosineSimilarity(x1, x2, this.dim, { eps: this.eps });
  }
}

/** The p-norm of x1 − x2 + eps along the last dim. */
export class PairwiseDistance extends Module {
  readonly p: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor(
    p?: number | { p?: number; eps?: number; keepdim?: boolean },
    options?: { eps?: number; keepdim?: boolean },
  ) {
    super();
    const op = "PairwiseDistance";
    const given = readPlaced(op, [p, options], ["p"], { p: 2, eps: 1e-6, keepdim: false });
    this.p = checkNumber(op, "p", given.p);
    this.eps = checkNumber(op, "eps", given.eps);
    this.keepdim = checkBoolean(op, "keepdim", given.keepdim);
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return F.pairwiseDistance(x1, x2, this.p, { eps: this.eps, keepdim: this.keepdim });
  }
}
