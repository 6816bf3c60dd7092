// Normalisation layers: over the batch, over a sample's last dims, over groups of its channels, over each channel.

import { getDefaultDevice } from "../device.js";
import { checkBoolean, checkNumber, checkShape, fail, readOptions } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { ones, zeros } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";
import { tensor } from "../create.js";
import type { DType } from "../dtype.js";
import * as F from "./functional.js";
import { ones_, zeros_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

interface Place {
  dtype?: DType;
  device?: string;
}

export interface ChannelNormOptions extends Place {
  /** Added to the variance, so that nothing is divided by zero. */
  eps?: number;
  /** What the newest batch counts in the running statistics; null takes the mean over all batches. */
  momentum?: number | null;
  /** With a learned scale and shift. */
  affine?: boolean;
  /** Keeps a running mean and variance for evaluation. */
  trackRunningStats?: boolean;
  /** With a learned shift, where affine. */
  bias?: boolean;
}

export type BatchNormOptions = ChannelNormOptions;
export type InstanceNormOptions = ChannelNormOptions;

const pytorchNames: Readonly<Record<string, string>> = {
  runningMean: "running_mean",
  runningVar: "running_var",
  numBatchesTracked: "num_batches_tracked",
};

/** What layers that normalise by channel share: a weight and a bias a channel, and running statistics. */
abstract class ChannelNorm extends Module {
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

  constructor(numFeatures: number, options: ChannelNormOptions | undefined, isOnByDefault: boolean) {
    super();
    const op = this.constructor.name;
    const defaults: Required<ChannelNormOptions> = {
      eps: 1e-5,
      momentum: 0.1,
      affine: isOnByDefault,
      trackRunningStats: isOnByDefault,
      bias: true,
      dtype: "float32",
      device: getDefaultDevice(),
    };
    const given = readOptions(op, options, defaults);
    const place = { dtype: given.dtype, device: given.device };
    this.numFeatures = checkNumber(op, "numFeatures", numFeatures, { min: 0, integer: true });
    this.eps = checkNumber(op, "eps", given.eps);
    this.momentum = given.momentum === null ? null : checkNumber(op, "momentum", given.momentum);
    this.affine = checkBoolean(op, "affine", given.affine);
    this.trackRunningStats = checkBoolean(op, "trackRunningStats", given.trackRunningStats);
    const hasBias = checkBoolean(op, "bias", given.bias);
    this.weight = this.affine ? new Parameter(ones([numFeatures], place)) : null;
    this.bias = this.affine && hasBias ? new Parameter(zeros([numFeatures], place)) : null;
    const tracks = this.trackRunningStats;
    this.registerBuffer("runningMean", tracks ? zeros([numFeatures], place) : null);
    this.registerBuffer("runningVar", tracks ? ones([numFeatures], place) : null);
    this.registerBuffer("numBatchesTracked", tracks ? tensor(0n, { device: given.device }) : null);
  }

  /** Sets the running statistics back to mean 0 and variance 1. */
  resetRunningStats(): void {
    this.runningMean?.fill_(0);
    this.runningVar?.fill_(1);
    this.numBatchesTracked?.fill_(0);
  }

  /** Sets weight, bias and running statistics back to what they were at first. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
    if (this.bias !== null) zeros_(this.bias);
    this.resetRunningStats();
  }

  abstract override forward(x: Tensor): Tensor;

  protected override stateKey(field: string): string {
    return pytorchNames[field] ?? field;
  }

  protected override extraRepr(): string {
    const { numFeatures, eps, momentum, affine, trackRunningStats } = this;
    return `${numFeatures}, eps=${eps}, momentum=${momentum}, affine=${affine}, trackRunningStats=${trackRunningStats}`;
  }
}

/** What a layer takes, as numbers of dims and in words; the fewest dims first. */
interface Shapes {
  dims: readonly number[];
  text: string;
}

/** y = (x − mean) / √(var + eps) · weight + bias, by channel over the batch. */
abstract class BatchNorm extends ChannelNorm {
  protected abstract get shapes(): Shapes;

  forward(x: Tensor): Tensor {
    const op = this.constructor.name;
    const { shape } = requireTensor(op, "the input", x);
    if (!this.shapes.dims.includes(shape.length) || shape[1] !== this.numFeatures) {
      const wanted = this.shapes.text.replaceAll("C", String(this.numFeatures));
      const input = `[${shape.join(", ")}]`;
      fail(op, `the input must be ${wanted}, it is ${input}`, { input }, "shape");
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
}

/**
 * y = (x − mean) / √(var + eps) · weight + bias, by channel over the batch while training, by the running statistics in
 * evaluation (Ioffe & Szegedy, 2015). x [N, C] or [N, C, L].
 */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormOptions) {
    super(numFeatures, options, true);
  }

  protected override get shapes(): Shapes {
    return { dims: [2, 3], text: "[N, C] or [N, C, L]" };
  }
}

/** As BatchNorm1d, for images: x [N, C, H, W]. */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormOptions) {
    super(numFeatures, options, true);
  }

  protected override get shapes(): Shapes {
    return { dims: [4], text: "[N, C, H, W]" };
  }
}

/** As BatchNorm1d, for volumes: x [N, C, D, H, W]. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormOptions) {
    super(numFeatures, options, true);
  }

  protected override get shapes(): Shapes {
    return { dims: [5], text: "[N, C, D, H, W]" };
  }
}

/** y = (x − mean) / √(var + eps) · weight + bias, by channel of each sample. */
abstract class InstanceNorm extends ChannelNorm {
  protected abstract get shapes(): Shapes;

  forward(x: Tensor): Tensor {
    const op = this.constructor.name;
    const { shape } = requireTensor(op, "the input", x);
    const input = `[${shape.join(", ")}]`;
    if (!this.shapes.dims.includes(shape.length)) {
      fail(op, `the input must be ${this.shapes.text}, it is ${input}`, { input }, "shape");
    }
    const isSingle = shape.length === this.shapes.dims[0];
    const channels = shape[isSingle ? 0 : 1]!;
    if (channels !== this.numFeatures && (this.affine || this.trackRunningStats)) {
      fail(op, `the input must have ${this.numFeatures} channels, it is ${input}`, { input }, "shape");
    }
    const y = F.instanceNorm(isSingle ? x.unsqueeze(0) : x, {
      runningMean: this.runningMean,
      runningVar: this.runningVar,
      weight: this.weight,
      bias: this.bias,
      useInputStats: this.training || !this.trackRunningStats,
      momentum: this.momentum ?? 0,
      eps: this.eps,
    });
    return isSingle ? y.squeeze(0) : y;
  }
}

/** Normalises each channel of each sample by itself (Ulyanov et al., 2016). x [N, C, L] or [C, L]. */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options?: InstanceNormOptions) {
    super(numFeatures, options, false);
  }

  protected override get shapes(): Shapes {
    return { dims: [2, 3], text: "[N, C, L] or [C, L]" };
  }
}

/** As InstanceNorm1d, for images: x [N, C, H, W] or [C, H, W]. */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options?: InstanceNormOptions) {
    super(numFeatures, options, false);
  }

  protected override get shapes(): Shapes {
    return { dims: [3, 4], text: "[N, C, H, W] or [C, H, W]" };
  }
}

/** As InstanceNorm1d, for volumes: x [N, C, D, H, W] or [C, D, H, W]. */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options?: InstanceNormOptions) {
    super(numFeatures, options, false);
  }

  protected override get shapes(): Shapes {
    return { dims: [4, 5], text: "[N, C, D, H, W] or [C, D, H, W]" };
  }
}

export interface LayerNormOptions extends Place {
  /** Added to the variance, so that nothing is divided by zero. */
  eps?: number;
  /** With a learned scale, and a shift unless `bias` says no. */
  elementwiseAffine?: boolean;
  bias?: boolean;
}

/**
 * y = (x − mean) / √(var + eps) · weight + bias over the last dims of each sample (Ba, Kiros & Hinton, 2016).
 * (..., normalizedShape) → the same.
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options?: LayerNormOptions) {
    super();
    const op = "LayerNorm";
    this.normalizedShape = readShape(op, normalizedShape);
    const defaults: Required<LayerNormOptions> = {
      eps: 1e-5,
      elementwiseAffine: true,
      bias: true,
      dtype: "float32",
      device: getDefaultDevice(),
    };
    const { eps, elementwiseAffine, bias, dtype, device } = readOptions(op, options, defaults);
    this.eps = checkNumber(op, "eps", eps);
    this.elementwiseAffine = checkBoolean(op, "elementwiseAffine", elementwiseAffine);
    const hasBias = checkBoolean(op, "bias", bias) && this.elementwiseAffine;
    this.weight = this.elementwiseAffine
      ? new Parameter(ones(this.normalizedShape, { dtype, device }))
      : null;
    this.bias = hasBias ? new Parameter(zeros(this.normalizedShape, { dtype, device })) : null;
  }

  /** Sets the weight to ones and the bias to zeros. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
    if (this.bias !== null) zeros_(this.bias);
  }

  forward(x: Tensor): Tensor {
    return F.layerNorm(x, this.normalizedShape, { weight: this.weight, bias: this.bias, eps: this.eps });
  }

  protected override extraRepr(): string {
    const shape = `[${this.normalizedShape.join(", ")}]`;
    return `${shape}, eps=${this.eps}, elementwiseAffine=${this.elementwiseAffine}, bias=${this.bias !== null}`;
  }
}

export interface RMSNormOptions extends Place {
  /** Added to the mean square; null takes the spacing of numbers at 1. */
  eps?: number | null;
  /** With a learned scale. */
  elementwiseAffine?: boolean;
}

/** y = x / √(mean(x²) + eps) · weight over the last dims of each sample (Zhang & Sennrich, 2019). */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | null;
  readonly elementwiseAffine: boolean;
  weight: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options?: RMSNormOptions) {
    super();
    const op = "RMSNorm";
    this.normalizedShape = readShape(op, normalizedShape);
    const defaults: Required<RMSNormOptions> = {
      eps: null,
      elementwiseAffine: true,
      dtype: "float32",
      device: getDefaultDevice(),
    };
    const { eps, elementwiseAffine, dtype, device } = readOptions(op, options, defaults);
    this.eps = eps === null ? null : checkNumber(op, "eps", eps);
    this.elementwiseAffine = checkBoolean(op, "elementwiseAffine", elementwiseAffine);
    this.weight = this.elementwiseAffine
      ? new Parameter(ones(this.normalizedShape, { dtype, device }))
      : null;
  }

  /** Sets the weight to ones. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
  }

  forward(x: Tensor): Tensor {
    return F.rmsNorm(x, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }

  protected override extraRepr(): string {
    const shape = `[${this.normalizedShape.join(", ")}]`;
    return `${shape}, eps=${this.eps}, elementwiseAffine=${this.elementwiseAffine}`;
  }
}

export interface GroupNormOptions extends Place {
  /** Added to the variance, so that nothing is divided by zero. */
  eps?: number;
  /** With a learned scale a channel, and a shift unless `bias` says no. */
  affine?: boolean;
  bias?: boolean;
}

/** Normalises the channels of each sample in `numGroups` groups (Wu & He, 2018). (N, C, ...) → the same. */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, options?: GroupNormOptions) {
    super();
    const op = "GroupNorm";
    const defaults: Required<GroupNormOptions> = {
      eps: 1e-5,
      affine: true,
      bias: true,
      dtype: "float32",
      device: getDefaultDevice(),
    };
    const given = readOptions(op, options, defaults);
    const place = { dtype: given.dtype, device: given.device };
    this.numGroups = checkNumber(op, "numGroups", numGroups, { min: 1, integer: true });
    this.numChannels = checkNumber(op, "numChannels", numChannels, { min: 0, integer: true });
    if (numChannels % numGroups !== 0) {
      fail(op, `numGroups must divide numChannels, got ${numGroups} and ${numChannels}`);
    }
    this.eps = checkNumber(op, "eps", given.eps);
    this.affine = checkBoolean(op, "affine", given.affine);
    const hasBias = checkBoolean(op, "bias", given.bias) && this.affine;
    this.weight = this.affine ? new Parameter(ones([numChannels], place)) : null;
    this.bias = hasBias ? new Parameter(zeros([numChannels], place)) : null;
  }

  /** Sets the weight to ones and the bias to zeros. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight);
    if (this.bias !== null) zeros_(this.bias);
  }

  forward(x: Tensor): Tensor {
    return F.groupNorm(x, this.numGroups, { weight: this.weight, bias: this.bias, eps: this.eps });
  }

  protected override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${this.eps}, affine=${this.affine}`;
  }
}

function readShape(op: string, given: number | readonly number[]): readonly number[] {
  const shape = checkShape(op, "normalizedShape", typeof given === "number" ? [given] : given);
  if (shape.length === 0) fail(op, "normalizedShape must name at least one dim, it is []", {}, "shape");
  return [...shape];
}
