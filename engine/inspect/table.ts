// The table that descriptions are read from: a row of numbers for each tensor, filled by native code when the debugger has stopped.
// Reading here is reading an array: nothing that a debugger would take for a side effect.

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
} as const;
export const rowLength = 58;
export const bins = 16;

export const table = {
  rows: new Float64Array(0),
  /** What rows of the last stop say in their first column; 0: there was none. */
  stop: 0,
  /** Number k of a row is entry k - 1. */
  gradFns: [] as readonly string[],
  /** "train.ts:12:5" by number of the call site. */
  sites: [] as (string | undefined)[],
};

/** What is known of a tensor as of the last stop; only of one that lived then. */
export interface Row {
  begin: number;
  hasNumbers: boolean;
  hasGradNumbers: boolean;
}

/** null: nobody has looked at it since it was made, or since the last stop but one. */
export function rowOf(x: { readonly slot: number }): Row | null {
  const begin = x.slot * rowLength;
  if (table.stop === 0 || !(begin >= 0) || table.rows[begin] !== table.stop) return null;
  return {
    begin,
    hasNumbers: table.rows[begin + columns.numbers] === table.stop,
    hasGradNumbers:
      table.rows[begin + columns.hasGrad] === 1 && table.rows[begin + columns.gradNumbers] === table.stop,
  };
}

export function read(row: Row, column: number): number {
  return table.rows[row.begin + column]!;
}
