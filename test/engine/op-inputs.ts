// Inputs that rows of the op table ask for, as data, and the tensors made from them; and functions that JavaScript lacks.

import { tensor, Tensor, type DType } from "descent";

/** A tensor to make, anew for each use. */
export class Input {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  /** "float": whichever precision is tested. */
  readonly dtype: DType | "float";
  /** Never wants a gradient (a weight, a buffer). */
  readonly isFrozen: boolean;

  constructor(shape: readonly number[], values: readonly number[], dtype: DType | "float", isFrozen = false) {
    this.shape = shape;
    this.values = values;
    this.dtype = dtype;
    this.isFrozen = isFrozen;
  }

  get isDifferentiable(): boolean {
    return this.dtype === "float" && !this.isFrozen;
  }

  make(precision: "float64" | "float32"): Tensor {
    const dtype = this.dtype === "float" ? precision : this.dtype;
    return tensor(Float64Array.from(this.values), { shape: this.shape, dtype });
  }
}

export type Argument =
  Input | readonly Argument[] | { readonly [option: string]: Argument } | number | boolean | string | null;

let seed = 0;

/** Floating-point values spread over [low, high), none of them round. Each call gives others. */
export function numbers(shape: readonly number[], low = -2, high = 2): Input {
  seed += 1;
  return new Input(shape, spread(sizeOf(shape), low, high, seed), "float");
}

export function spread(count: number, low: number, high: number, start: number): number[] {
  return Array.from(
    { length: count },
    (_, k) => low + (high - low) * (((start * 0.7548776662 + k + 1) * 0.6180339887498949) % 1),
  );
}

/** low, low + 1, ... to below high, and round again. */
export function integers(shape: readonly number[], low: number, high: number, dtype: DType = "int64"): Input {
  return new Input(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, k) => low + (k % (high - low))),
    dtype,
  );
}

/** Values that are no variables of the op. */
export function oneOf(shape: readonly number[], values: readonly number[]): Input {
  return new Input(shape, values, "float", true);
}

/** true, false, false, true, false, false, ... */
export function bits(shape: readonly number[]): Input {
  return new Input(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, k) => (k % 3 === 0 ? 1 : 0)),
    "bool",
  );
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** All inputs within arguments, in order. */
export function inputsOf(args: Argument): Input[] {
  if (args instanceof Input) return [args];
  if (Array.isArray(args)) return (args as Argument[]).flatMap(inputsOf);
  if (typeof args === "object" && args !== null) return Object.values(args).flatMap(inputsOf);
  return [];
}

/** The arguments with `made` in the places of the inputs, in order. */
export function withTensors(args: readonly Argument[], made: readonly Tensor[]): unknown[] {
  let next = 0;
  const place = (argument: Argument): unknown => {
    if (argument instanceof Input) return made[next++];
    if (Array.isArray(argument)) return (argument as Argument[]).map(place);
    if (typeof argument === "object" && argument !== null) {
      return Object.fromEntries(Object.entries(argument).map(([key, value]) => [key, place(value)]));
    }
    return argument;
  };
  return args.map(place);
}

/** The error function, by its power series near zero and its continued fraction beyond (Abramowitz and Stegun 7.1.5, 7.1.14). */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = size;
  for (let n = 100; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * fraction));
}

export function roundHalfToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}
