// Activations as layers. Each is one function of the same name applied element by element, or along a dim.
// With `inplace`, the input itself becomes the output.

import { tensor } from "../create.js";
import { checkBoolean, checkChoice, checkNumber, readOptions } from "../errors.js";
import { readPlaced } from "../ops/options.js";
import type { Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

export interface InplaceOptions {
  /** Overwrites the input instead of making a new tensor. Default: false. */
  inplace?: boolean;
}

/** What layers share that may write into their input. */
abstract class Overwriting extends Module {
  readonly inplace: boolean;

  protected constructor(name: string, inplace: boolean) {
    super();
    this.inplace = checkBoolean(name, "inplace", inplace);
  }

  protected override extraRepr(): string {
    return this.inplace ? "inplace=true" : "";
  }
}

/** As `extraRepr` writes it: "alpha=1, inplace=true". */
function listed(...parts: string[]): string {
  return parts.filter((part) => part !== "").join(", ");
}

/** `new Softmax(1)` and `new Softmax({ dim: 1 })` are the same. */
function readDim(op: string, given: number | { dim?: number }, standard?: number): number {
  const { dim } = readPlaced<{ dim: unknown }>(op, [given], ["dim"], { dim: standard });
  return checkNumber(op, "dim", dim, { integer: true });
}

/** max(x, 0) */
export class ReLU extends Overwriting {
  constructor(options?: InplaceOptions) {
    super("ReLU", readOptions("ReLU", options, { inplace: false }).inplace);
  }

  forward(x: Tensor): Tensor {
    return this.inplace ? x.relu_() : F.relu(x);
  }
}

/** min(max(x, 0), 6) */
export class ReLU6 extends Overwriting {
  constructor(options?: InplaceOptions) {
    super("ReLU6", readOptions("ReLU6", options, { inplace: false }).inplace);
  }

  forward(x: Tensor): Tensor {
    return this.inplace ? x.relu6_() : F.relu6(x);
  }
}

/** 1 / (1 + e⁻ˣ) */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** x Φ(x), exact or by tanh (Hendrycks & Gimpel, 2016). */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(options?: { approximate?: "none" | "tanh" }) {
    super();
    const { approximate } = readOptions("GELU", options, { approximate: "none" });
    this.approximate = checkChoice("GELU", "approximate", approximate, ["none", "tanh"]);
  }

  forward(x: Tensor): Tensor {
    return F.gelu(x, { approximate: this.approximate });
  }

  protected override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

/** x for positive x, negativeSlope · x otherwise. */
export class LeakyReLU extends Overwriting {
  readonly negativeSlope: number;

  constructor(options?: InplaceOptions & { negativeSlope?: number }) {
    const given = readOptions("LeakyReLU", options, { negativeSlope: 0.01, inplace: false });
    super("LeakyReLU", given.inplace);
    this.negativeSlope = checkNumber("LeakyReLU", "negativeSlope", given.negativeSlope);
  }

  forward(x: Tensor): Tensor {
    const options = { negativeSlope: this.negativeSlope };
    return this.inplace ? x.leakyRelu_(options) : F.leakyRelu(x, options);
  }

  protected override extraRepr(): string {
    return listed(`negativeSlope=${this.negativeSlope}`, super.extraRepr());
  }
}

/**
 * x for positive x, weight · x otherwise, with a weight that is learned: one for all, or one for each channel, dim 1
 * (He et al., 2015). It begins at `init`.
 */
export class PReLU extends Module {
  readonly numParameters: number;
  weight: Parameter;

  constructor(options?: { numParameters?: number; init?: number }) {
    super();
    const { numParameters, init } = readOptions("PReLU", options, { numParameters: 1, init: 0.25 });
    this.numParameters = checkNumber("PReLU", "numParameters", numParameters, { min: 1, integer: true });
    checkNumber("PReLU", "init", init);
    this.weight = new Parameter(tensor(Array<number>(numParameters).fill(init)));
  }

  forward(x: Tensor): Tensor {
    return F.prelu(x, this.weight);
  }

  protected override extraRepr(): string {
    return `numParameters=${this.numParameters}`;
  }
}

/** x for positive x, alpha (eˣ − 1) otherwise (Clevert et al., 2015). */
export class ELU extends Overwriting {
  readonly alpha: number;

  constructor(options?: InplaceOptions & { alpha?: number }) {
    const given = readOptions("ELU", options, { alpha: 1, inplace: false });
    super("ELU", given.inplace);
    this.alpha = checkNumber("ELU", "alpha", given.alpha);
  }

  forward(x: Tensor): Tensor {
    const options = { alpha: this.alpha };
    return this.inplace ? x.elu_(options) : F.elu(x, options);
  }

  protected override extraRepr(): string {
    return listed(`alpha=${this.alpha}`, super.extraRepr());
  }
}

/** x for positive x, alpha (e^(x / alpha) − 1) otherwise (Barron, 2017). */
export class CELU extends Overwriting {
  readonly alpha: number;

  constructor(options?: InplaceOptions & { alpha?: number }) {
    const given = readOptions("CELU", options, { alpha: 1, inplace: false });
    super("CELU", given.inplace);
    this.alpha = checkNumber("CELU", "alpha", given.alpha);
  }

  forward(x: Tensor): Tensor {
    const options = { alpha: this.alpha };
    return this.inplace ? x.celu_(options) : F.celu(x, options);
  }

  protected override extraRepr(): string {
    return listed(`alpha=${this.alpha}`, super.extraRepr());
  }
}

/** The self-normalising exponential linear unit (Klambauer et al., 2017). */
export class SELU extends Overwriting {
  constructor(options?: InplaceOptions) {
    super("SELU", readOptions("SELU", options, { inplace: false }).inplace);
  }

  forward(x: Tensor): Tensor {
    return this.inplace ? x.selu_() : F.selu(x);
  }
}

/** x · sigmoid(x) */
export class SiLU extends Overwriting {
  constructor(options?: InplaceOptions) {
    super("SiLU", readOptions("SiLU", options, { inplace: false }).inplace);
  }

  forward(x: Tensor): Tensor {
    return this.inplace ? x.silu_() : F.silu(x);
  }
}

/** log(1 + e^(beta x)) / beta, and x itself where beta x is above the threshold. */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(options?: { beta?: number; threshold?: number }) {
    super();
    const given = readOptions("Softplus", options, { beta: 1, threshold: 20 });
    this.beta = checkNumber("Softplus", "beta", given.beta);
    this.threshold = checkNumber("Softplus", "threshold", given.threshold);
  }

  forward(x: Tensor): Tensor {
    return F.softplus(x, { beta: this.beta, threshold: this.threshold });
  }

  protected override extraRepr(): string {
    return `beta=${this.beta}, threshold=${this.threshold}`;
  }
}

/** The logarithm of the sigmoid, exact for large negative x. */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.logsigmoid(x);
  }
}

/** x, held between minVal and maxVal. */
export class Hardtanh extends Overwriting {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(options?: InplaceOptions & { minVal?: number; maxVal?: number }) {
    const given = readOptions("Hardtanh", options, { minVal: -1, maxVal: 1, inplace: false });
    super("Hardtanh", given.inplace);
    this.minVal = checkNumber("Hardtanh", "minVal", given.minVal);
    this.maxVal = checkNumber("Hardtanh", "maxVal", given.maxVal, { min: given.minVal });
  }

  forward(x: Tensor): Tensor {
    const options = { minVal: this.minVal, maxVal: this.maxVal };
    return this.inplace ? x.hardtanh_(options) : F.hardtanh(x, options);
  }

  protected override extraRepr(): string {
    return listed(`minVal=${this.minVal}, maxVal=${this.maxVal}`, super.extraRepr());
  }
}

/** x min(max(x + 3, 0), 6) / 6 (Howard et al., 2019). */
export class Hardswish extends Overwriting {
  constructor(options?: InplaceOptions) {
    super("Hardswish", readOptions("Hardswish", options, { inplace: false }).inplace);
  }

  forward(x: Tensor): Tensor {
    return this.inplace ? x.hardswish_() : F.hardswish(x);
  }
}

/** min(max(x + 3, 0), 6) / 6 */
export class Hardsigmoid extends Overwriting {
  constructor(options?: InplaceOptions) {
    super("Hardsigmoid", readOptions("Hardsigmoid", options, { inplace: false }).inplace);
  }

  forward(x: Tensor): Tensor {
    return this.inplace ? x.hardsigmoid_() : F.hardsigmoid(x);
  }
}

/** x tanh(softplus(x)) (Misra, 2019). */
export class Mish extends Overwriting {
  constructor(options?: InplaceOptions) {
    super("Mish", readOptions("Mish", options, { inplace: false }).inplace);
  }

  forward(x: Tensor): Tensor {
    return this.inplace ? x.mish_() : F.mish(x);
  }
}

/** x / (1 + |x|) */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return F.softsign(x);
  }
}

/** x − tanh(x) */
export class Tanhshrink extends Module {
  forward(x: Tensor): Tensor {
    return F.tanhshrink(x);
  }
}

/** x moved towards zero by lambd, and 0 within it. */
export class Softshrink extends Module {
  readonly lambd: number;

  constructor(options?: { lambd?: number }) {
    super();
    const given = readOptions("Softshrink", options, { lambd: 0.5 });
    this.lambd = checkNumber("Softshrink", "lambd", given.lambd, { min: 0 });
  }

  forward(x: Tensor): Tensor {
    return F.softshrink(x, { lambd: this.lambd });
  }

  protected override extraRepr(): string {
    return `lambd=${this.lambd}`;
  }
}

/** x, and 0 within lambd of zero. */
export class Hardshrink extends Module {
  readonly lambd: number;

  constructor(options?: { lambd?: number }) {
    super();
    const given = readOptions("Hardshrink", options, { lambd: 0.5 });
    this.lambd = checkNumber("Hardshrink", "lambd", given.lambd);
  }

  forward(x: Tensor): Tensor {
    return F.hardshrink(x, { lambd: this.lambd });
  }

  protected override extraRepr(): string {
    return `lambd=${this.lambd}`;
  }
}

/** x above the threshold, and `value` elsewhere. */
export class Threshold extends Overwriting {
  readonly threshold: number;
  readonly value: number;

  constructor(threshold: number, value: number, options?: InplaceOptions) {
    super("Threshold", readOptions("Threshold", options, { inplace: false }).inplace);
    this.threshold = checkNumber("Threshold", "threshold", threshold);
    this.value = checkNumber("Threshold", "value", value);
  }

  forward(x: Tensor): Tensor {
    const y = F.threshold(x, this.threshold, this.value);
    return this.inplace ? x.copy_(y) : y;
  }

  protected override extraRepr(): string {
    return listed(`threshold=${this.threshold}, value=${this.value}`, super.extraRepr());
  }
}

/** eˣ over its sum along `dim`: (...) → (...), each line adding up to 1. */
export class Softmax extends Module {
  readonly dim: number;

  constructor(dim: number | { dim: number }) {
    super();
    this.dim = readDim("Softmax", dim);
  }

  forward(x: Tensor): Tensor {
    return F.softmax(x, this.dim);
  }

  protected override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** The softmax of −x along `dim`. */
export class Softmin extends Module {
  readonly dim: number;

  constructor(dim: number | { dim: number }) {
    super();
    this.dim = readDim("Softmin", dim);
  }

  forward(x: Tensor): Tensor {
    return F.softmin(x, this.dim);
  }

  protected override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** The logarithm of softmax, without overflow. */
export class LogSoftmax extends Module {
  readonly dim: number;

  constructor(dim: number | { dim: number }) {
    super();
    this.dim = readDim("LogSoftmax", dim);
  }

  forward(x: Tensor): Tensor {
    return F.logSoftmax(x, this.dim);
  }

  protected override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** The first half of `dim` times the sigmoid of the second (Dauphin et al., 2017): (..., 2N, ...) → (..., N, ...). */
export class GLU extends Module {
  readonly dim: number;

  constructor(dim: number | { dim?: number } = -1) {
    super();
    this.dim = readDim("GLU", dim, -1);
  }

  forward(x: Tensor): Tensor {
    return F.glu(x, this.dim);
  }

  protected override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}
