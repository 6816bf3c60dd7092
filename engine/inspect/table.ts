// The table that descriptions are read from: a row of numbers for each tensor, filled by native code when the debugger has stopped.
// Reading here is reading an array: nothing that a debugger would take for a side effect.

import { slotOf, type Tensor } from "../tensor.js";

/** What stands where in a row; `FactColumn` of native/inspect/facts.h has the same. */
export const columns = {
  seen: 0,
  numbers: 1,
  disposed: 2,
  count: 3,
  nan: 4,
  positiveInfinity: 5,
  negativeInfinity: 6,
  zeros: 7,
  min: 8,
  max: 9,
  mean: 10,
  std: 11,
  norm: 12,
  sampled: 13,
  hasBins: 14,
  hasGrad: 15,
  gradNumbers: 16,
  gradNorm: 17,
  gradNaN: 18,
  gradInfinities: 19,
  gradSampled: 20,
  gradFn: 21,
  site: 22,
  version: 23,
  storage: 24,
  storageBytes: 25,
  offset: 26,
  contiguous: 27,
  leaf: 28,
  category: 29,
  firstStride: 30,
  firstBin: 42,
  dtype: 58,
  deviceKind: 59,
  deviceIndex: 60,
  requiresGrad: 61,
  dims: 62,
  firstSize: 63,
} as const;
export const rowLength = 75;
export const bins = 16;

export const table = {
  rows: new Float64Array(0),
  /** What rows of the last stop say in their first column; 0: there was none. */
  stop: 0,
  /** Number k of a row is entry k - 1. */
  gradFns: [] as readonly string[],
  /** "train.ts:12:5" by number of the call site. */
  sites: [] as (string | undefined)[],
  /** What is said of a tensor, by slot: made ahead, because a debugger is slow at what it forbids side effects. */
  texts: [] as (Texts | undefined)[],
};

/** Parts of a description, of one stop: before a label, and after it, of a tensor and of a parameter. */
export interface Texts {
  stop: number;
  head: string;
  tail: string;
  parameterTail: string;
}

/** Where the row of a tensor begins; -1: nobody has looked at it since it was made, or since the last stop but one. */
export function rowOf(x: Tensor): number {
  const begin = slotOf(x) * rowLength;
  return table.stop > 0 && begin >= 0 && table.rows[begin] === table.stop ? begin : -1;
}

export function read(row: number, column: number): number {
  return table.rows[row + column]!;
}

/** Its statistics are of this stop. */
export function hasNumbers(row: number): boolean {
  return row >= 0 && table.rows[row + columns.numbers] === table.stop;
}

/** It has a gradient, whose numbers are of this stop. */
export function hasGradNumbers(row: number): boolean {
  return row >= 0 && read(row, columns.hasGrad) === 1 && read(row, columns.gradNumbers) === table.stop;
}
