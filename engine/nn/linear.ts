// Linear, Bilinear and Identity.

import { getDefaultDevice } from "../device.js";
import { empty } from "../generated/ops.js";
import { checkBoolean, checkNumber, readOptions } from "../errors.js";
import { requireTensor, type Tensor } from "../tensor.js";
import type { DType } from "../dtype.js";
import * as F from "./functional.js";
import { kaimingUniform_, uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

export interface LinearOptions {
  bias?: boolean;
  dtype?: DType;
  device?: string;
}

/**
 * y = x Wᵀ + b. (..., inFeatures) → (..., outFeatures). Weight [outFeatures, inFeatures] and bias begin even in ±1/√inFeatures.
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options?: LinearOptions) {
    super();
    this.inFeatures = checkNumber("Linear", "inFeatures", inFeatures, { min: 0, integer: true });
    this.outFeatures = checkNumber("Linear", "outFeatures", outFeatures, { min: 0, integer: true });
    const defaults: Required<LinearOptions> = { bias: true, dtype: "float32", device: getDefaultDevice() };
    const { bias, dtype, device } = readOptions("Linear", options, defaults);
    this.weight = new Parameter(empty([outFeatures, inFeatures], { dtype, device }));
    this.bias = checkBoolean("Linear", "bias", bias)
      ? new Parameter(empty([outFeatures], { dtype, device }))
      : null;
    this.resetParameters();
  }

  /** Draws new initial values, as PyTorch does: uniform within 1 / sqrt(inFeatures) either way. */
  resetParameters(): void {
    // With a = √5 this is ±1/√fanIn.
    kaimingUniform_(this.weight, { a: Math.sqrt(5) });
    const bound = 1 / Math.sqrt(Math.max(1, this.inFeatures));
    if (this.bias !== null) uniform_(this.bias, -bound, bound);
  }

  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias);
  }

  protected override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, bias=${this.bias !== null}`;
  }
}

/**
 * y = a W b + c for each output: (..., in1Features) x (..., in2Features) → (..., outFeatures). Weight [outFeatures, in1Features,
 * in2Features] and bias begin even in ±1/√in1Features.
 */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(in1Features: number, in2Features: number, outFeatures: number, options?: LinearOptions) {
    super();
    this.in1Features = checkNumber("Bilinear", "in1Features", in1Features, { min: 1, integer: true });
    this.in2Features = checkNumber("Bilinear", "in2Features", in2Features, { min: 0, integer: true });
    this.outFeatures = checkNumber("Bilinear", "outFeatures", outFeatures, { min: 0, integer: true });
    const defaults: Required<LinearOptions> = { bias: true, dtype: "float32", device: getDefaultDevice() };
    const { bias, dtype, device } = readOptions("Bilinear", options, defaults);
    this.weight = new Parameter(empty([outFeatures, in1Features, in2Features], { dtype, device }));
    this.bias = checkBoolean("Bilinear", "bias", bias)
      ? new Parameter(empty([outFeatures], { dtype, device }))
      : null;
    this.resetParameters();
  }

  /** Draws new initial values, as PyTorch does: uniform within 1 / sqrt(in1Features) either way. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.in1Features);
    uniform_(this.weight, -bound, bound);
    if (this.bias !== null) uniform_(this.bias, -bound, bound);
  }

  forward(a: Tensor, b: Tensor): Tensor {
    return F.bilinear(a, b, this.weight, this.bias);
  }

  protected override extraRepr(): string {
    const { in1Features, in2Features, outFeatures } = this;
    return `in1Features=${in1Features}, in2Features=${in2Features}, outFeatures=${outFeatures}, bias=${this.bias !== null}`;
  }
}

/** Gives back what it gets: a place holder. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return requireTensor("Identity", "the input", x);
  }
}
