// Dropout, by element and by channel, and Flatten.

import { checkNumber } from "../errors.js";
import { readPlaced } from "../ops/options.js";
import { requireTensor, type Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { Module } from "./module.js";

/** While training, zeroes each element with probability p and divides the others by 1 − p (Hinton et al., 2012). */
export class Dropout extends Module {
  readonly p: number;

  constructor(p?: number | { p?: number }) {
    super();
    const given = readPlaced("Dropout", [p], ["p"], { p: 0.5 });
    this.p = checkNumber("Dropout", "p", given.p, { min: 0, max: 1 });
  }

  forward(x: Tensor): Tensor {
    return F.dropout(x, this.p, { training: this.training });
  }

  protected override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/** While training, zeroes each channel of each sample with probability p and divides the others by 1 − p. x [N, C, ...]. */
export class Dropout2d extends Module {
  readonly p: number;

  constructor(p?: number | { p?: number }) {
    super();
    const given = readPlaced("Dropout2d", [p], ["p"], { p: 0.5 });
    this.p = checkNumber("Dropout2d", "p", given.p, { min: 0, max: 1 });
  }

  forward(x: Tensor): Tensor {
    return F.dropout2d(x, this.p, { training: this.training });
  }

  protected override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/** Joins the dims from startDim to endDim: (N, C, H, W) → (N, C·H·W) by default. */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim?: number | { startDim?: number; endDim?: number }, endDim?: number) {
    super();
    const places = ["startDim", "endDim"] as const;
    const given = readPlaced("Flatten", [startDim, endDim], places, { startDim: 1, endDim: -1 });
    this.startDim = checkNumber("Flatten", "startDim", given.startDim, { integer: true });
    this.endDim = checkNumber("Flatten", "endDim", given.endDim, { integer: true });
  }

  forward(x: Tensor): Tensor {
    return requireTensor("Flatten", "the input", x).flatten(this.startDim, this.endDim);
  }

  protected override extraRepr(): string {
    return `startDim=${this.startDim}, endDim=${this.endDim}`;
  }
}
