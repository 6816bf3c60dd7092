// Losses as modules: what a network's output costs against its target.

import { checkChoice, checkNumber, readOptions } from "../errors.js";
import { requireTensor, type Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { Module } from "./module.js";

/** What becomes of the loss of each sample. "mean" divides by the sum of the class weights where there are any. */
export type Reduction = "mean" | "sum" | "none";

const reductions: readonly Reduction[] = ["mean", "sum", "none"];

export abstract class Loss extends Module {
  readonly reduction: Reduction;

  protected constructor(reduction: Reduction) {
    super();
    this.reduction = checkChoice(new.target.name, "reduction", reduction, reductions);
  }
}

function optionalTensor(op: string, name: string, value: Tensor | null): Tensor | null {
  return value === null ? null : requireTensor(op, name, value);
}

export interface CrossEntropyLossOptions {
  /** [C]: what a sample of each class counts. */
  weight?: Tensor | null;
  /** A target that counts nothing. */
  ignoreIndex?: number;
  /** How much of each target is spread evenly over all classes, 0 to 1. */
  labelSmoothing?: number;
  reduction?: Reduction;
}

/** −log softmax(x)[target]. x [N, C] logits; target [N] class indices (int64 or int32), or [N, C] probabilities. */
export class CrossEntropyLoss extends Loss {
  readonly weight: Tensor | null = null;
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;

  constructor(options?: CrossEntropyLossOptions) {
    const op = "CrossEntropyLoss";
    const defaults: Required<CrossEntropyLossOptions> = {
      weight: null,
      ignoreIndex: -100,
      labelSmoothing: 0,
      reduction: "mean",
    };
    const given = readOptions(op, options, defaults);
    super(given.reduction);
    this.registerBuffer("weight", optionalTensor(op, "weight", given.weight));
    this.ignoreIndex = checkNumber(op, "ignoreIndex", given.ignoreIndex, { integer: true });
    this.labelSmoothing = checkNumber(op, "labelSmoothing", given.labelSmoothing, { min: 0, max: 1 });
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.crossEntropy(x, target, {
      weight: this.weight,
      ignoreIndex: this.ignoreIndex,
      labelSmoothing: this.labelSmoothing,
      reduction: this.reduction,
    });
  }
}

/** −x[target] for log probabilities x [N, C] and class indices [N]. */
export class NLLLoss extends Loss {
  readonly weight: Tensor | null = null;
  readonly ignoreIndex: number;

  constructor(options?: Omit<CrossEntropyLossOptions, "labelSmoothing">) {
    const defaults: { weight: Tensor | null; ignoreIndex: number; reduction: Reduction } = {
      weight: null,
      ignoreIndex: -100,
      reduction: "mean",
    };
    const given = readOptions("NLLLoss", options, defaults);
    super(given.reduction);
    this.registerBuffer("weight", optionalTensor("NLLLoss", "weight", given.weight));
    this.ignoreIndex = checkNumber("NLLLoss", "ignoreIndex", given.ignoreIndex, { integer: true });
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.nllLoss(x, target, {
      weight: this.weight,
      ignoreIndex: this.ignoreIndex,
      reduction: this.reduction,
    });
  }
}

/** (x − target)² */
export class MSELoss extends Loss {
  constructor(options?: { reduction?: Reduction }) {
    super(readOptions<{ reduction: Reduction }>("MSELoss", options, { reduction: "mean" }).reduction);
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.mseLoss(x, target, { reduction: this.reduction });
  }
}

/** |x − target| */
export class L1Loss extends Loss {
  constructor(options?: { reduction?: Reduction }) {
    super(readOptions<{ reduction: Reduction }>("L1Loss", options, { reduction: "mean" }).reduction);
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.l1Loss(x, target, { reduction: this.reduction });
  }
}

/** |x − target|, squared and halved below `beta` (Girshick, 2015). */
export class SmoothL1Loss extends Loss {
  readonly beta: number;

  constructor(options?: { reduction?: Reduction; beta?: number }) {
    const defaults: { reduction: Reduction; beta: number } = { reduction: "mean", beta: 1 };
    const given = readOptions("SmoothL1Loss", options, defaults);
    super(given.reduction);
    this.beta = checkNumber("SmoothL1Loss", "beta", given.beta, { min: 0 });
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.smoothL1Loss(x, target, { beta: this.beta, reduction: this.reduction });
  }
}

/** (x − target)² / 2, and delta (|x − target| − delta / 2) beyond `delta` (Huber, 1964). */
export class HuberLoss extends Loss {
  readonly delta: number;

  constructor(options?: { reduction?: Reduction; delta?: number }) {
    const defaults: { reduction: Reduction; delta: number } = { reduction: "mean", delta: 1 };
    const given = readOptions("HuberLoss", options, defaults);
    super(given.reduction);
    this.delta = checkNumber("HuberLoss", "delta", given.delta, { min: 0, aboveMin: true });
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.huberLoss(x, target, { delta: this.delta, reduction: this.reduction });
  }
}

/**
 * −(t log x + (1 − t) log(1 − x)) of probabilities x against targets of 0 to 1, of one shape; each logarithm counts at least −100.
 * `weight` is what each element counts, broadcast to x.
 */
export class BCELoss extends Loss {
  readonly weight: Tensor | null = null;

  constructor(options?: { weight?: Tensor | null; reduction?: Reduction }) {
    const defaults: { weight: Tensor | null; reduction: Reduction } = { weight: null, reduction: "mean" };
    const given = readOptions("BCELoss", options, defaults);
    super(given.reduction);
    this.registerBuffer("weight", optionalTensor("BCELoss", "weight", given.weight));
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropy(x, target, { weight: this.weight, reduction: this.reduction });
  }
}

/** Binary cross entropy of logits x against targets of 0 to 1, of one shape. `posWeight` is what a positive counts. */
export class BCEWithLogitsLoss extends Loss {
  readonly weight: Tensor | null = null;
  readonly posWeight: Tensor | null = null;

  constructor(options?: { weight?: Tensor | null; posWeight?: Tensor | null; reduction?: Reduction }) {
    const op = "BCEWithLogitsLoss";
    const defaults: { weight: Tensor | null; posWeight: Tensor | null; reduction: Reduction } = {
      weight: null,
      posWeight: null,
      reduction: "mean",
    };
    const given = readOptions(op, options, defaults);
    super(given.reduction);
    this.registerBuffer("weight", optionalTensor(op, "weight", given.weight));
    this.registerBuffer("posWeight", optionalTensor(op, "posWeight", given.posWeight));
  }

  forward(x: Tensor, target: Tensor): Tensor {
    return F.binaryCrossEntropyWithLogits(x, target, {
      weight: this.weight,
      posWeight: this.posWeight,
      reduction: this.reduction,
    });
  }

  protected override stateKey(field: string): string {
    return field === "posWeight" ? "pos_weight" : field;
  }
}
