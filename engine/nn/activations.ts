// Activations as layers. Each is one function of the same name applied element by element, or along a dim.

import { checkChoice, checkNumber, readOptions } from "../errors.js";
import type { Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { Module } from "./module.js";

/** max(x, 0) */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x);
  }
}

/** 1 / (1 + e⁻ˣ) */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x);
  }
}

export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x);
  }
}

/** x Φ(x), exact or by tanh. */
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
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(options?: { negativeSlope?: number }) {
    super();
    const { negativeSlope } = readOptions("LeakyReLU", options, { negativeSlope: 0.01 });
    this.negativeSlope = checkNumber("LeakyReLU", "negativeSlope", negativeSlope);
  }

  forward(x: Tensor): Tensor {
    return F.leakyRelu(x, { negativeSlope: this.negativeSlope });
  }

  protected override extraRepr(): string {
    return `negativeSlope=${this.negativeSlope}`;
  }
}

/** x for positive x, alpha (eˣ − 1) otherwise. */
export class ELU extends Module {
  readonly alpha: number;

  constructor(options?: { alpha?: number }) {
    super();
    this.alpha = checkNumber("ELU", "alpha", readOptions("ELU", options, { alpha: 1 }).alpha);
  }

  forward(x: Tensor): Tensor {
    return F.elu(x, { alpha: this.alpha });
  }

  protected override extraRepr(): string {
    return `alpha=${this.alpha}`;
  }
}

export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return F.selu(x);
  }
}

/** x · sigmoid(x) */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return F.silu(x);
  }
}

/** log(1 + e^(beta x)) / beta, and x itself where beta x is above the threshold. */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(options?: { beta?: number; threshold?: number }) {
    super();
    const { beta, threshold } = readOptions("Softplus", options, { beta: 1, threshold: 20 });
    this.beta = checkNumber("Softplus", "beta", beta);
    this.threshold = checkNumber("Softplus", "threshold", threshold);
  }

  forward(x: Tensor): Tensor {
    return F.softplus(x, { beta: this.beta, threshold: this.threshold });
  }

  protected override extraRepr(): string {
    return `beta=${this.beta}, threshold=${this.threshold}`;
  }
}

export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.logsigmoid(x);
  }
}

/** x, held between minVal and maxVal. */
export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(options?: { minVal?: number; maxVal?: number }) {
    super();
    const { minVal, maxVal } = readOptions("Hardtanh", options, { minVal: -1, maxVal: 1 });
    this.minVal = checkNumber("Hardtanh", "minVal", minVal);
    this.maxVal = checkNumber("Hardtanh", "maxVal", maxVal, { min: minVal });
  }

  forward(x: Tensor): Tensor {
    return F.hardtanh(x, { minVal: this.minVal, maxVal: this.maxVal });
  }

  protected override extraRepr(): string {
    return `minVal=${this.minVal}, maxVal=${this.maxVal}`;
  }
}

export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return F.hardswish(x);
  }
}

export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return F.mish(x);
  }
}

/** eˣ over its sum along `dim`: (...) → (...), each line adding up to 1. */
export class Softmax extends Module {
  readonly dim: number;

  constructor(dim: number) {
    super();
    this.dim = checkNumber("Softmax", "dim", dim, { integer: true });
  }

  forward(x: Tensor): Tensor {
    return F.softmax(x, this.dim);
  }

  protected override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** The logarithm of softmax, without overflow. */
export class LogSoftmax extends Module {
  readonly dim: number;

  constructor(dim: number) {
    super();
    this.dim = checkNumber("LogSoftmax", "dim", dim, { integer: true });
  }

  forward(x: Tensor): Tensor {
    return F.logSoftmax(x, this.dim);
  }

  protected override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}
