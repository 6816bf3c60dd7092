// Layers that change the size of images: by interpolation, by zeros around them, by moving channels into them.

import { checkBoolean, checkChoice, checkNumber, fail, readOptions, show } from "../errors.js";
import { requireTensor, type Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { Module } from "./module.js";
import { showTuple, type PerDim } from "./tuples.js";

export type UpsampleMode = "nearest" | "nearest-exact" | "linear" | "bilinear" | "bicubic" | "area";

export interface UpsampleOptions {
  /** The size wanted, one for each dim or one for all. */
  size?: PerDim | null;
  /** How many outputs there are for an input, one for each dim or one for all; in place of size. */
  scaleFactor?: PerDim | null;
  mode?: UpsampleMode;
  /** Whether the middles of the corners stay where they are. For the modes linear, bilinear and bicubic. */
  alignCorners?: boolean | null;
  /** Whether the rounded size says the scale, rather than scaleFactor. */
  recomputeScaleFactor?: boolean | null;
}

const standard: Required<UpsampleOptions> = {
  size: null,
  scaleFactor: null,
  mode: "nearest",
  alignCorners: null,
  recomputeScaleFactor: null,
};

/** Signals and images in another size. (N, C, L) → (N, C, size), (N, C, H, W) → (N, C, size...); see `nn.functional.interpolate`. */
export class Upsample extends Module {
  readonly size: PerDim | null;
  readonly scaleFactor: PerDim | null;
  readonly mode: UpsampleMode;
  readonly alignCorners: boolean | null;
  readonly recomputeScaleFactor: boolean | null;

  constructor(options?: UpsampleOptions) {
    super();
    const op = new.target.name;
    const given = readOptions(op, options, standard);
    this.size = checkNumbers(op, "size", given.size, true);
    this.scaleFactor = checkNumbers(op, "scaleFactor", given.scaleFactor, false);
    const modes = ["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "area"] as const;
    this.mode = checkChoice(op, "mode", given.mode, modes);
    this.alignCorners = checkFlag(op, "alignCorners", given.alignCorners);
    this.recomputeScaleFactor = checkFlag(op, "recomputeScaleFactor", given.recomputeScaleFactor);
  }

  forward(x: Tensor): Tensor {
    const { size, scaleFactor, mode, alignCorners, recomputeScaleFactor } = this;
    return F.interpolate(x, { size, scaleFactor, mode, alignCorners, recomputeScaleFactor });
  }

  protected override extraRepr(): string {
    const size =
      this.scaleFactor !== null
        ? `scaleFactor=${showTuple(this.scaleFactor)}`
        : `size=${showTuple(this.size)}`;
    return `${size}, mode='${this.mode}'`;
  }
}

type ScaleOptions = Pick<UpsampleOptions, "size" | "scaleFactor">;

/** Each pixel repeated. (N, C, H, W) → (N, C, size...) */
export class UpsamplingNearest2d extends Upsample {
  constructor(options?: ScaleOptions) {
    super({ ...readScale("UpsamplingNearest2d", options), mode: "nearest" });
  }
}

/** Pixels weighed by their distance, corners where they were. (N, C, H, W) → (N, C, size...) */
export class UpsamplingBilinear2d extends Upsample {
  constructor(options?: ScaleOptions) {
    super({ ...readScale("UpsamplingBilinear2d", options), mode: "bilinear", alignCorners: true });
  }
}

function readScale(op: string, options: ScaleOptions | undefined): Required<ScaleOptions> {
  return readOptions<Required<ScaleOptions>>(op, options, { size: null, scaleFactor: null });
}

function checkNumbers(op: string, name: string, value: unknown, integer: boolean): PerDim | null {
  if (value === null) return null;
  const range = { min: 0, aboveMin: true, integer };
  if (!Array.isArray(value)) return checkNumber(op, name, value, range);
  const list: unknown[] = value;
  return list.map((one, k) => checkNumber(op, `${name}[${k}]`, one, range));
}

function checkFlag(op: string, name: string, value: unknown): boolean | null {
  return value === null ? null : checkBoolean(op, name, value);
}

/** Zeros around images: as many on each side, or [left, right, top, bottom]; negative numbers cut off. (..., H, W) → (..., H', W') */
export class ZeroPad2d extends Module {
  readonly padding: readonly number[];

  constructor(padding: number | readonly number[]) {
    super();
    const sides: unknown[] = Array.isArray(padding)
      ? (padding as unknown[])
      : new Array<unknown>(4).fill(padding);
    if (sides.length !== 4) {
      fail("ZeroPad2d", `the padding must be a number or [left, right, top, bottom], it is ${show(padding)}`);
    }
    this.padding = sides.map((side) => checkNumber("ZeroPad2d", "the padding", side, { integer: true }));
  }

  forward(x: Tensor): Tensor {
    return F.pad(requireTensor("ZeroPad2d", "the input", x), this.padding);
  }

  protected override extraRepr(): string {
    return showTuple(this.padding);
  }
}

/** Channels as pixels (Shi et al., 2016). (..., C r², H, W) → (..., C, H r, W r) */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    const range = { min: 1, integer: true };
    this.upscaleFactor = checkNumber("PixelShuffle", "upscaleFactor", upscaleFactor, range);
  }

  forward(x: Tensor): Tensor {
    return F.pixelShuffle(x, this.upscaleFactor);
  }

  protected override extraRepr(): string {
    return `upscaleFactor=${this.upscaleFactor}`;
  }
}

/** The way back of PixelShuffle. (..., C, H r, W r) → (..., C r², H, W) */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    const range = { min: 1, integer: true };
    this.downscaleFactor = checkNumber("PixelUnshuffle", "downscaleFactor", downscaleFactor, range);
  }

  forward(x: Tensor): Tensor {
    return F.pixelUnshuffle(x, this.downscaleFactor);
  }

  protected override extraRepr(): string {
    return `downscaleFactor=${this.downscaleFactor}`;
  }
}
