// Pooling layers: the largest element or the mean of each window.

import { checkBoolean, checkNumber, readOptions } from "../errors.js";
import type { Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { Module } from "./module.js";
import { perDim, showTuple, type PerDim } from "./tuples.js";

export interface MaxPoolOptions<WithIndices extends boolean = boolean> {
  /** The distance of two windows; the window's size unless said otherwise. */
  stride?: PerDim | null;
  /** How many places, none of them ever the largest, lie around the input; at most half a window. */
  padding?: PerDim;
  /** The distance of two places of a window. */
  dilation?: PerDim;
  /** Whether `forward` gives the places of the largest elements too. */
  returnIndices?: WithIndices;
  /** Whether windows may hang over the end. */
  ceilMode?: boolean;
}

export interface AvgPoolOptions {
  /** The distance of two windows; the window's size unless said otherwise. */
  stride?: PerDim | null;
  /** How many zeros lie around the input; at most half a window. */
  padding?: PerDim;
  /** Whether windows may hang over the end. */
  ceilMode?: boolean;
  /** Whether the padding counts in the mean. */
  countIncludePad?: boolean;
}

/** What a pooling layer with indices gives: the values, and with them their places. */
export type Pooled<WithIndices extends boolean> = WithIndices extends true ? [Tensor, Tensor] : Tensor;

/** A setting as it was given, checked. */
function checked(op: string, name: string, value: PerDim, dims: number, min: number): PerDim {
  perDim(op, name, value, dims, min);
  return value;
}

abstract class MaxPool<WithIndices extends boolean> extends Module {
  readonly kernelSize: PerDim;
  readonly stride: PerDim;
  readonly padding: PerDim;
  readonly dilation: PerDim;
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;

  constructor(op: string, dims: number, kernelSize: PerDim, options?: MaxPoolOptions<WithIndices>) {
    super();
    const defaults = { stride: null, padding: 0, dilation: 1, returnIndices: false, ceilMode: false };
    const given = readOptions<Required<MaxPoolOptions>>(op, options, defaults);
    this.kernelSize = checked(op, "kernelSize", kernelSize, dims, 1);
    this.stride = checked(op, "stride", given.stride ?? kernelSize, dims, 1);
    this.padding = checked(op, "padding", given.padding, dims, 0);
    this.dilation = checked(op, "dilation", given.dilation, dims, 1);
    this.returnIndices = checkBoolean(op, "returnIndices", given.returnIndices);
    this.ceilMode = checkBoolean(op, "ceilMode", given.ceilMode);
  }

  protected override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    const shown = Object.entries({ kernelSize, stride, padding, dilation, ceilMode });
    return shown.map(([name, value]) => `${name}=${showTuple(value)}`).join(", ");
  }
}

/** The largest element of each window. (N, C, L) → (N, C, ⌊(L + 2 padding − dilation (k − 1) − 1) / stride⌋ + 1); N may be left out. */
export class MaxPool1d<WithIndices extends boolean = false> extends MaxPool<WithIndices> {
  constructor(kernelSize: PerDim, options?: MaxPoolOptions<WithIndices>) {
    super("MaxPool1d", 1, kernelSize, options);
  }

  forward(x: Tensor): Pooled<WithIndices> {
    const { stride, padding, dilation, returnIndices, ceilMode } = this;
    const options = { stride, padding, dilation, returnIndices, ceilMode };
    return F.maxPool1d(x, this.kernelSize, options) as Pooled<WithIndices>;
  }
}

/** The largest element of each window. (N, C, H, W) → (N, C, ⌊(H + 2 padding − dilation (k − 1) − 1) / stride⌋ + 1, likewise W); N may be left out. */
export class MaxPool2d<WithIndices extends boolean = false> extends MaxPool<WithIndices> {
  constructor(kernelSize: PerDim, options?: MaxPoolOptions<WithIndices>) {
    super("MaxPool2d", 2, kernelSize, options);
  }

  forward(x: Tensor): Pooled<WithIndices> {
    const { stride, padding, dilation, returnIndices, ceilMode } = this;
    const options = { stride, padding, dilation, returnIndices, ceilMode };
    return F.maxPool2d(x, this.kernelSize, options) as Pooled<WithIndices>;
  }
}

const avgDefaults: Required<AvgPoolOptions> = {
  stride: null,
  padding: 0,
  ceilMode: false,
  countIncludePad: true,
};

abstract class AvgPool extends Module {
  readonly kernelSize: PerDim;
  readonly stride: PerDim;
  readonly padding: PerDim;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;

  constructor(op: string, dims: number, kernelSize: PerDim, given: Required<AvgPoolOptions>) {
    super();
    this.kernelSize = checked(op, "kernelSize", kernelSize, dims, 1);
    this.stride = checked(op, "stride", given.stride ?? kernelSize, dims, 1);
    this.padding = checked(op, "padding", given.padding, dims, 0);
    this.ceilMode = checkBoolean(op, "ceilMode", given.ceilMode);
    this.countIncludePad = checkBoolean(op, "countIncludePad", given.countIncludePad);
  }

  protected override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    const shown = Object.entries({ kernelSize, stride, padding });
    return shown.map(([name, value]) => `${name}=${showTuple(value)}`).join(", ");
  }
}

/** The mean of each window. (N, C, L) → (N, C, ⌊(L + 2 padding − k) / stride⌋ + 1); N may be left out. */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: PerDim, options?: AvgPoolOptions) {
    super("AvgPool1d", 1, kernelSize, readOptions("AvgPool1d", options, avgDefaults));
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, ceilMode, countIncludePad } = this;
    return F.avgPool1d(x, this.kernelSize, { stride, padding, ceilMode, countIncludePad });
  }
}

export interface AvgPool2dOptions extends AvgPoolOptions {
  /** What sums are divided by, in place of the window's size; not 0. */
  divisorOverride?: number | null;
}

/** The mean of each window. (N, C, H, W) → (N, C, ⌊(H + 2 padding − k) / stride⌋ + 1, likewise W); N may be left out. */
export class AvgPool2d extends AvgPool {
  readonly divisorOverride: number | null;

  constructor(kernelSize: PerDim, options?: AvgPool2dOptions) {
    const given = readOptions<Required<AvgPool2dOptions>>("AvgPool2d", options, {
      ...avgDefaults,
      divisorOverride: null,
    });
    super("AvgPool2d", 2, kernelSize, given);
    const { divisorOverride } = given;
    this.divisorOverride =
      divisorOverride === null
        ? null
        : checkNumber("AvgPool2d", "divisorOverride", divisorOverride, { integer: true });
  }

  forward(x: Tensor): Tensor {
    const { stride, padding, ceilMode, countIncludePad, divisorOverride } = this;
    const options = { stride, padding, ceilMode, countIncludePad, divisorOverride };
    return F.avgPool2d(x, this.kernelSize, options);
  }
}

/** The size wanted: one number for all dims, or one for each, null for a dim that stays as it is. */
export type AdaptiveSize = number | readonly (number | null)[];

abstract class AdaptivePool extends Module {
  readonly outputSize: AdaptiveSize;

  constructor(op: string, dims: number, outputSize: AdaptiveSize) {
    super();
    const known = Array.isArray(outputSize)
      ? (outputSize as readonly (number | null)[]).map((size) => size ?? 0)
      : outputSize;
    perDim(op, "outputSize", known as PerDim, dims, 0);
    this.outputSize = outputSize;
  }

  protected override extraRepr(): string {
    return `outputSize=${showTuple(this.outputSize)}`;
  }
}

/** The means of outputSize windows that share the signal out. (N, C, L) → (N, C, outputSize); N may be left out. */
export class AdaptiveAvgPool1d extends AdaptivePool {
  constructor(outputSize: AdaptiveSize) {
    super("AdaptiveAvgPool1d", 1, outputSize);
  }

  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool1d(x, this.outputSize);
  }
}

/** The means of outputSize windows that share the image out. (N, C, H, W) → (N, C, outputSize...); N may be left out. */
export class AdaptiveAvgPool2d extends AdaptivePool {
  constructor(outputSize: AdaptiveSize) {
    super("AdaptiveAvgPool2d", 2, outputSize);
  }

  forward(x: Tensor): Tensor {
    return F.adaptiveAvgPool2d(x, this.outputSize);
  }
}

export interface AdaptiveMaxPoolOptions<WithIndices extends boolean = boolean> {
  /** Whether `forward` gives the places of the largest elements too. */
  returnIndices?: WithIndices;
}

/** The largest elements of outputSize windows that share the signal out. (N, C, L) → (N, C, outputSize); N may be left out. */
export class AdaptiveMaxPool1d<WithIndices extends boolean = false> extends AdaptivePool {
  readonly returnIndices: boolean;

  constructor(outputSize: AdaptiveSize, options?: AdaptiveMaxPoolOptions<WithIndices>) {
    const op = "AdaptiveMaxPool1d";
    super(op, 1, outputSize);
    this.returnIndices = readReturnIndices(op, options);
  }

  forward(x: Tensor): Pooled<WithIndices> {
    const options = { returnIndices: this.returnIndices };
    return F.adaptiveMaxPool1d(x, this.outputSize, options) as Pooled<WithIndices>;
  }
}

/** The largest elements of outputSize windows that share the image out. (N, C, H, W) → (N, C, outputSize...); N may be left out. */
export class AdaptiveMaxPool2d<WithIndices extends boolean = false> extends AdaptivePool {
  readonly returnIndices: boolean;

  constructor(outputSize: AdaptiveSize, options?: AdaptiveMaxPoolOptions<WithIndices>) {
    const op = "AdaptiveMaxPool2d";
    super(op, 2, outputSize);
    this.returnIndices = readReturnIndices(op, options);
  }

  forward(x: Tensor): Pooled<WithIndices> {
    const options = { returnIndices: this.returnIndices };
    return F.adaptiveMaxPool2d(x, this.outputSize, options) as Pooled<WithIndices>;
  }
}

function readReturnIndices(op: string, options: AdaptiveMaxPoolOptions | undefined): boolean {
  const { returnIndices } = readOptions(op, options, { returnIndices: false });
  return checkBoolean(op, "returnIndices", returnIndices);
}
