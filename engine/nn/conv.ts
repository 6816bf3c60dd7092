// Convolutions and transposed convolutions of signals and images.

import { getDefaultDevice } from "../device.js";
import { checkBoolean, checkChoice, checkNumber, fail, readOptions, show } from "../errors.js";
import { empty } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";
import type { DType } from "../dtype.js";
import * as F from "./functional.js";
import { kaimingUniform_, uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import { areAll, perDim, showTuple, type PerDim } from "./tuples.js";

export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

export interface ConvOptions {
  /** The distance of two windows. */
  stride?: PerDim;
  /** What lies around the input: so many places on each side, or as many as keep its size ("same"), or none ("valid"). */
  padding?: PerDim | "same" | "valid";
  /** The distance of two places of a kernel. */
  dilation?: PerDim;
  /** In how many groups channels are kept apart. */
  groups?: number;
  bias?: boolean;
  /** What the padding holds. */
  paddingMode?: PaddingMode;
  dtype?: DType;
  device?: string;
}

export interface ConvTransposeOptions {
  stride?: PerDim;
  /** How much is cut off on each side. */
  padding?: PerDim;
  /** How much larger than least the output is: below the stride or the dilation. */
  outputPadding?: PerDim;
  groups?: number;
  bias?: boolean;
  dilation?: PerDim;
  dtype?: DType;
  device?: string;
}

interface Settings {
  inChannels: number;
  outChannels: number;
  kernelSize: PerDim;
  stride: PerDim;
  dilation: PerDim;
  groups: number;
  bias: boolean;
  dtype: DType;
  device: string;
}

/** What convolutions and their transposes have in common. The weight begins as PyTorch's: even in ±1/√(inputs of a unit). */
abstract class Convolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(op: string, dims: number, settings: Settings, isTransposed: boolean) {
    super();
    const channels = { min: 1, integer: true };
    const groups = (this.groups = checkNumber(op, "groups", settings.groups, channels));
    this.inChannels = checkNumber(op, "inChannels", settings.inChannels, channels);
    this.outChannels = checkNumber(op, "outChannels", settings.outChannels, channels);
    for (const name of ["inChannels", "outChannels"] as const) {
      if (this[name] % groups === 0) continue;
      fail(op, `groups must divide ${name}, they are ${groups} and ${this[name]}`, { groups: `${groups}` });
    }
    this.kernelSize = perDim(op, "kernelSize", settings.kernelSize, dims, 1);
    this.stride = perDim(op, "stride", settings.stride, dims, 1);
    this.dilation = perDim(op, "dilation", settings.dilation, dims, 1);
    const { dtype, device } = settings;
    const [outer, inner] = isTransposed
      ? [this.inChannels, this.outChannels / groups]
      : [this.outChannels, this.inChannels / groups];
    this.weight = new Parameter(empty([outer, inner, ...this.kernelSize], { dtype, device }));
    this.bias = checkBoolean(op, "bias", settings.bias)
      ? new Parameter(empty([this.outChannels], { dtype, device }))
      : null;
    this.resetParameters();
  }

  /** Draws new initial values, as PyTorch does: uniform within 1 / sqrt(inputs of an output) either way. */
  resetParameters(): void {
    // With a = √5 this is ±1/√fanIn.
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    const fanIn = this.weight.shape.slice(1).reduce((product, size) => product * size, 1);
    const bound = 1 / Math.sqrt(Math.max(1, fanIn));
    if (this.bias !== null) uniform_(this.bias, -bound, bound);
  }

  /** The start of what is printed; `more` are settings that are shown where they are not `zero`. */
  protected describe(more: string[]): string {
    return [
      `${this.inChannels}, ${this.outChannels}, kernelSize=${showTuple(this.kernelSize)}`,
      `stride=${showTuple(this.stride)}`,
      ...more,
      ...(this.groups === 1 ? [] : [`groups=${this.groups}`]),
      ...(this.bias === null ? ["bias=false"] : []),
    ].join(", ");
  }

  protected describeDilation(): string[] {
    return areAll(this.dilation, 1) ? [] : [`dilation=${showTuple(this.dilation)}`];
  }
}

const convDefaults: Required<ConvOptions> = {
  stride: 1,
  padding: 0,
  dilation: 1,
  groups: 1,
  bias: true,
  paddingMode: "zeros",
  dtype: "float32",
  get device() {
    return getDefaultDevice();
  },
};

type FunctionOptions = Required<Pick<ConvOptions, "stride" | "padding" | "dilation" | "groups">>;

abstract class ForwardConvolution extends Convolution {
  readonly padding: readonly number[] | "same" | "valid";
  readonly paddingMode: PaddingMode;
  /** What is put around the input before an unpadded convolution, last dim first; null where zeros do. */
  readonly #around: number[] | null;

  constructor(
    op: string,
    dims: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    options: ConvOptions | undefined,
  ) {
    const given = readOptions(op, options, convDefaults);
    super(op, dims, { ...given, inChannels, outChannels, kernelSize }, false);
    const { padding } = given;
    if (typeof padding === "string") {
      this.padding = checkChoice(op, "padding", padding, ["same", "valid"] as const);
      if (padding === "same" && !areAll(this.stride, 1)) {
        fail(op, `padding 'same' goes with a stride of 1 only, it is ${show(given.stride)}`);
      }
    } else {
      this.padding = perDim(op, "padding", padding, dims, 0);
    }
    const modes = ["zeros", "reflect", "replicate", "circular"] as const;
    this.paddingMode = checkChoice(op, "paddingMode", given.paddingMode, modes);
    this.#around = this.paddingMode === "zeros" ? null : this.placesAround();
  }

  private placesAround(): number[] {
    const sides = this.kernelSize.map((size, dim) => {
      if (this.padding === "valid") return [0, 0];
      if (this.padding !== "same") return [this.padding[dim]!, this.padding[dim]!];
      const total = this.dilation[dim]! * (size - 1);
      return [Math.floor(total / 2), total - Math.floor(total / 2)];
    });
    return sides.reverse().flat();
  }

  /** The input, padded where zeros do not do, and the options of the function. */
  protected prepare(op: string, x: Tensor): [Tensor, FunctionOptions] {
    const { stride, dilation, groups } = this;
    if (this.#around === null) return [x, { stride, padding: this.padding, dilation, groups }];
    const mode = this.paddingMode as "reflect" | "replicate" | "circular";
    const padded = F.pad(requireTensor(op, "the input", x), this.#around, { mode });
    return [padded, { stride, padding: 0, dilation, groups }];
  }

  protected override extraRepr(): string {
    const isPadded = typeof this.padding === "string" || !areAll(this.padding, 0);
    return [
      this.describe([
        ...(isPadded ? [`padding=${showTuple(this.padding)}`] : []),
        ...this.describeDilation(),
      ]),
      ...(this.paddingMode === "zeros" ? [] : [`paddingMode=${this.paddingMode}`]),
    ].join(", ");
  }
}

/**
 * Slides kernels over a signal. (N, C, L) → (N, K, ⌊(L + 2 padding − dilation (k − 1) − 1) / stride⌋ + 1); N may be left out.
 * Weight [K, C / groups, k].
 */
export class Conv1d extends ForwardConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvOptions) {
    super("Conv1d", 1, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    const [input, options] = this.prepare("Conv1d", x);
    return F.conv1d(input, this.weight, this.bias, options);
  }
}

/**
 * Slides kernels over an image (LeCun et al., 1989). (N, C, H, W) → (N, K, ⌊(H + 2 padding − dilation (kH − 1) − 1) / stride⌋ + 1,
 * likewise W); N may be left out. Weight [K, C / groups, kH, kW].
 */
export class Conv2d extends ForwardConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvOptions) {
    super("Conv2d", 2, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    const [input, options] = this.prepare("Conv2d", x);
    return F.conv2d(input, this.weight, this.bias, options);
  }
}

const transposeDefaults: Required<ConvTransposeOptions> = {
  stride: 1,
  padding: 0,
  outputPadding: 0,
  groups: 1,
  bias: true,
  dilation: 1,
  dtype: "float32",
  get device() {
    return getDefaultDevice();
  },
};

export interface OutputSizeOptions {
  /** The size wanted, among those that a stride above 1 allows, in place of outputPadding: as x.shape, or its last dims only. */
  outputSize?: readonly number[] | null;
}

abstract class TransposedConvolution extends Convolution {
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];

  constructor(
    op: string,
    dims: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    options: ConvTransposeOptions | undefined,
  ) {
    const given = readOptions(op, options, transposeDefaults);
    super(op, dims, { ...given, inChannels, outChannels, kernelSize }, true);
    this.padding = perDim(op, "padding", given.padding, dims, 0);
    this.outputPadding = perDim(op, "outputPadding", given.outputPadding, dims, 0);
  }

  /** The options of the function; with a size wanted, the outputPadding that makes it. */
  protected settings(op: string, x: Tensor, options: OutputSizeOptions | undefined): object {
    const { stride, padding, groups, dilation } = this;
    const { outputSize } = readOptions<Required<OutputSizeOptions>>(op, options, { outputSize: null });
    if (outputSize === null) return { stride, padding, outputPadding: this.outputPadding, groups, dilation };
    const dims = this.kernelSize.length;
    const { shape } = requireTensor(op, "the input", x);
    if (!Array.isArray(outputSize) || (outputSize.length !== dims && outputSize.length !== shape.length)) {
      return fail(op, `outputSize must have ${dims} or ${shape.length} sizes, it is ${show(outputSize)}`);
    }
    const wanted = (outputSize as readonly number[]).slice(-dims);
    const outputPadding = wanted.map((size, dim) => {
      const length = shape[shape.length - dims + dim] ?? 0;
      const reach = dilation[dim]! * (this.kernelSize[dim]! - 1) + 1;
      const least = (length - 1) * stride[dim]! - 2 * padding[dim]! + reach;
      const range = { min: least, max: least + stride[dim]! - 1, integer: true };
      return checkNumber(op, `outputSize[${dim}]`, size, range) - least;
    });
    return { stride, padding, outputPadding, groups, dilation };
  }

  protected override extraRepr(): string {
    return this.describe([
      ...(areAll(this.padding, 0) ? [] : [`padding=${showTuple(this.padding)}`]),
      ...this.describeDilation(),
      ...(areAll(this.outputPadding, 0) ? [] : [`outputPadding=${showTuple(this.outputPadding)}`]),
    ]);
  }
}

/**
 * The gradient of Conv1d as a layer. (N, C, L) → (N, K, (L − 1) stride − 2 padding + dilation (k − 1) + outputPadding + 1);
 * N may be left out. Weight [C, K / groups, k].
 */
export class ConvTranspose1d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvTransposeOptions) {
    super("ConvTranspose1d", 1, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor, options?: OutputSizeOptions): Tensor {
    return F.convTranspose1d(x, this.weight, this.bias, this.settings("ConvTranspose1d", x, options));
  }
}

/**
 * The gradient of Conv2d as a layer (Zeiler et al., 2010). (N, C, H, W) → (N, K, (H − 1) stride − 2 padding + dilation (kH − 1) +
 * outputPadding + 1, likewise W); N may be left out. Weight [C, K / groups, kH, kW].
 */
export class ConvTranspose2d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, options?: ConvTransposeOptions) {
    super("ConvTranspose2d", 2, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor, options?: OutputSizeOptions): Tensor {
    return F.convTranspose2d(x, this.weight, this.bias, this.settings("ConvTranspose2d", x, options));
  }
}
