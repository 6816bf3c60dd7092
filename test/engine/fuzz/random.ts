// What the fuzzer draws from: numbers that depend on the case alone, and the values that find faults.

import type { DType } from "descent";

/** Small deterministic generator (mulberry32), so that a case can be repeated by its number. */
export class Random {
  private state: number;

  constructor(start: number) {
    this.state = start >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

export const dtypes: readonly DType[] = [
  "bool",
  "uint8",
  "int8",
  "int16",
  "int32",
  "int64",
  "float32",
  "float64",
  "float16",
  "bfloat16",
];
export const sizes = [0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17, 33];
export const far = [
  2 ** 31,
  -(2 ** 31),
  2 ** 46,
  2 ** 53,
  -(2 ** 53),
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 70n,
];
export const odd = [NaN, Infinity, -Infinity, -0, 1e30, -1e300, 1e-310, 2 ** 40, 0.1];

/** Values of which a few are NaN, infinite or extreme. */
export function floats(random: Random, count: number): Float64Array {
  const isSpecial = random.chance(0.05);
  return Float64Array.from({ length: count }, () =>
    isSpecial && random.chance(0.2) ? random.oneOf(odd) : random.next() * 6 - 2,
  );
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
