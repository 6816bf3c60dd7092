// Dropout, Flatten and BatchNorm1d.

import { checkBoolean, checkNumber, fail, readOptions } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { ones, zeros } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";
import { tensor } from "../create.js";
import * as F from "./functional.js";
import { ones_, zeros_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** While training, zeroes each element with probability p and divides the others by 1 − p (Hinton et al., 2012). */
export class Dropout extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    this.p = checkNumber("Dropout", "p", p, { min: 0, max: 1 });
  }

  forward(x: Tensor): Tensor {
    return F.dropout(x, this.p, { training: this.training });
  }

  protected override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/** Joins the dims from startDim to endDim: (N, C, H, W) → (N, C·H·W) by default. */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = checkNumber("Flatten", "startDim", startDim, { integer: true });
    this.endDim = checkNumber("Flatten", "endDim", endDim, { integer: true });
  }

  forward(x: Tensor): Tensor {
    return requireTensor("Flatten", "the input", x).flatten(this.startDim, this.endDim);
  }

  protected override extraRepr(): string {
    return `startDim=${this.startDim}, endDim=${this.endDim}`;
  }
}

export interface BatchNormOptions {
  eps?: number;
  /** What the newest batch counts in the running statistics; null takes the mean over all batches. */
  momentum?: number | null;
  /** With a learned scale and shift. */
  affine?: boolean;
  /** Keeps a running mean and variance for evaluation. */
  trackRunningStats?: boolean;
}

const pytorchNames: Readonly<Record<string, string>> = {
  runningMean: "running_mean",
  runningVar: "running_var",
  numBatchesTracked: "num_batches_tracked",
};

/**
 * y = (x − mean) / √(var + eps) · weight + bias, by channel over the batch while training, by the running statistics in
 * evaluation (Ioffe & Szegedy, 2015). x [N, C] or [N, C, L].
 */
export class BatchNorm1d extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  readonly runningMean: Tensor | null = null;
  readonly runningVar: Tensor | null = null;
  readonly numBatchesTracked: Tensor | null = null;

  constructor(numFeatures: number, options?: BatchNormOptions) {
    super();
    const op = "BatchNorm1d";
    const defaults: Required<BatchNormOptions> = {
      eps: 1e-5,
      momentum: 0.1,
      affine: true,
      trackRunningStats: true,
    };
    const given = readOptions(op, options, defaults);
    this.numFeatures = checkNumber(op, "numFeatures", numFeatures, { min: 1, integer: true });
    this.eps = checkNumber(op, "eps", given.eps, { min: 0 });
    this.momentum =
      given.momentum === null ? null : checkNumber(op, "momentum", given.momentum, { min: 0, max: 1 });
    this.affine = checkBoolean(op, "affine", given.affine);
    this.trackRunningStats = checkBoolean(op, "trackRunningStats", given.trackRunningStats);
    this.weight = this.affine ? new Parameter(ones([numFeatures])) : null;
    this.bias = this.affine ? new Parameter(zeros([numFeatures])) : null;
    const tracks = this.trackRunningStats;
    this.registerBuffer("runningMean", tracks ? zeros([numFeatures]) : null);
    this.registerBuffer("runningVar", tracks ? ones([numFeatures]) : null);
    this.registerBuffer("numBatchesTracked", tracks ? tensor(0n) : null);
  }

  /** Weight 1, bias 0, and no statistics yet. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
    if (this.bias !== null) zeros_(this.bias);
    this.runningMean?.fill_(0);
    this.runningVar?.fill_(1);
    this.numBatchesTracked?.fill_(0);
  }

  forward(x: Tensor): Tensor {
    const { shape } = requireTensor("BatchNorm1d", "the input", x);
    if ((shape.length !== 2 && shape.length !== 3) || shape[1] !== this.numFeatures) {
      fail(
        "BatchNorm1d",
        `the input must be [N, ${this.numFeatures}] or [N, ${this.numFeatures}, L], it is [${shape.join(", ")}]`,
        { input: `[${shape.join(", ")}]` },
        "shape",
      );
    }
    const usesBatch = this.training || this.runningMean === null;
    let momentum = this.momentum ?? 0;
    if (this.training && this.numBatchesTracked !== null) {
      noGrad(() => this.numBatchesTracked?.add_(1));
      if (this.momentum === null) momentum = 1 / this.numBatchesTracked.item();
    }
    return F.batchNorm(x, this.runningMean, this.runningVar, {
      weight: this.weight,
      bias: this.bias,
      training: usesBatch,
      momentum,
      eps: this.eps,
    });
  }

  protected override stateKey(field: string): string {
    return pytorchNames[field] ?? field;
  }

  protected override extraRepr(): string {
    const { numFeatures, eps, momentum, affine, trackRunningStats } = this;
    return `${numFeatures}, eps=${eps}, momentum=${momentum}, affine=${affine}, trackRunningStats=${trackRunningStats}`;
  }
}
