// Answers what may be asked of a tensor (engine/inspection.ts) from numbers in the page: slow, plain, and right.

import type {
  Answer,
  Ask,
  ChannelsAnswer,
  ExportAnswer,
  FindAnswer,
  HistogramAnswer,
  SliceAnswer,
  SliceAsk,
  Statistics,
} from "../../../engine/inspection.js";

/** A tensor as a function of the number of an element, in logical order. */
export interface Numbers {
  shape: readonly number[];
  dtype: string;
  at(element: number): number | bigint;
}

/** More elements than these are sampled, evenly. */
const mostLookedAt = 2_000_000;

export function answerTo(ask: Ask, value: Numbers, grad: Numbers | null, minus: Numbers | null): Answer {
  if (ask.kind === "graph") return { kind: "graph", nodes: [], truncated: false };
  const own = ask.part === "grad" ? grad : value;
  if (own === null) throw new Error("It has no gradient.");
  const of = minus === null ? own : difference(own, minus);
  switch (ask.kind) {
    case "slice":
      return slice(ask, of);
    case "statistics":
      return { kind: "statistics", statistics: statisticsOf(elements(of)) };
    case "histogram":
      return histogram(of, ask.bins, ask.from, ask.to);
    case "channels":
      return channels(of, ask.dim, ask.first, ask.most);
    case "find":
      return find(of, ask.what, ask.after);
    case "export":
      return exported(of, ask.format);
  }
}

function difference(a: Numbers, b: Numbers): Numbers {
  return {
    ...a,
    at: (element) => {
      const [x, y] = [a.at(element), b.at(element)];
      return typeof x === "bigint" && typeof y === "bigint" ? x - y : Number(x) - Number(y);
    },
  };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The number of an element with this index. */
export function elementOf(shape: readonly number[], index: readonly number[]): number {
  return shape.reduce((before, size, dim) => before * size + index[dim]!, 0);
}

function indexOf(shape: readonly number[], element: number): number[] {
  const index: number[] = [];
  let rest = element;
  for (const size of shape.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

function slice(ask: SliceAsk, of: Numbers): SliceAnswer {
  const { rowDim, columnDim } = ask;
  const down = cellsOf(ask.row, ask.rows, ask.mostRows, rowDim === null ? 1 : of.shape[rowDim]!);
  const across = cellsOf(
    ask.column,
    ask.columns,
    ask.mostColumns,
    columnDim === null ? 1 : of.shape[columnDim]!,
  );
  const isExact = of.dtype === "int64" && down.step === 1 && across.step === 1;
  const count = down.count * across.count;
  const values = isExact ? new BigInt64Array(count) : new Float64Array(count);
  const flags = new Uint8Array(count);
  let [min, max] = [Infinity, -Infinity];
  let sampled = false;
  for (let r = 0; r < down.count; r++) {
    for (let c = 0; c < across.count; c++) {
      const found: (number | bigint)[] = [];
      const stride = Math.max(1, Math.floor(Math.sqrt((down.step * across.step) / 16)));
      sampled ||= stride > 1;
      for (let y = 0; y < down.step; y += stride) {
        for (let x = 0; x < across.step; x += stride) {
          const [row, column] = [ask.row + r * down.step + y, ask.column + c * across.step + x];
          if (row >= down.end || column >= across.end) continue;
          const index = ask.index.map((at, dim) => (dim === rowDim ? row : dim === columnDim ? column : at));
          found.push(of.at(elementOf(of.shape, index)));
        }
      }
      const at = r * across.count + c;
      for (const one of found) flags[at]! |= flagOf(Number(one));
      if (isExact) values[at] = found[0] as bigint;
      else values[at] = found.length === 1 ? Number(found[0]) : reduce(found.map(Number), ask.by);
      const number = Number(values[at]);
      if (!Number.isFinite(number)) continue;
      min = Math.min(min, number);
      max = Math.max(max, number);
    }
  }
  return {
    ...{ kind: "slice", rows: down.count, columns: across.count, number: isExact ? "int64" : "float64" },
    ...{ values: values.buffer, flags: flags.buffer, sampled },
    min: min === Infinity ? null : min,
    max: max === -Infinity ? null : max,
  };
}

function cellsOf(
  first: number,
  wanted: number,
  most: number,
  size: number,
): { step: number; count: number; end: number } {
  const step = Math.max(1, Math.ceil(wanted / most));
  const end = Math.min(size, first + wanted);
  return { step, end, count: Math.max(0, Math.ceil((end - first) / step)) };
}

function flagOf(value: number): number {
  return Number.isNaN(value) ? 1 : value === Infinity ? 2 : value === -Infinity ? 4 : 0;
}

function reduce(all: readonly number[], by: SliceAsk["by"]): number {
  if (by === "first") return all[0]!;
  const finite = all.filter(Number.isFinite);
  if (finite.length === 0) return NaN;
  switch (by) {
    case "mean":
      return finite.reduce((sum, value) => sum + value, 0) / finite.length;
    case "min":
      return finite.reduce((a, b) => Math.min(a, b));
    case "max":
      return finite.reduce((a, b) => Math.max(a, b));
    case "absmax":
      return finite.reduce((a, b) => Math.max(Math.abs(a), Math.abs(b)));
  }
}

interface Looked {
  values: Float64Array;
  sampled: boolean;
}

function elements(of: Numbers, chosen?: { dim: number; at: number }): Looked {
  const size = sizeOf(of.shape);
  const stride = Math.max(1, Math.ceil(size / mostLookedAt));
  const values: number[] = [];
  for (let element = 0; element < size; element += stride) {
    if (chosen !== undefined && indexOf(of.shape, element)[chosen.dim] !== chosen.at) continue;
    values.push(Number(of.at(element)));
  }
  return { values: Float64Array.from(values), sampled: stride > 1 };
}

function statisticsOf({ values, sampled }: Looked): Statistics {
  const finite = values.filter(Number.isFinite);
  const sum = finite.reduce((total, value) => total + value, 0);
  const mean = sum / finite.length;
  const none = finite.length === 0;
  const count = (test: (value: number) => boolean): number => values.filter(test).length;
  return {
    count: values.length,
    nan: count(Number.isNaN),
    positiveInfinity: count((value) => value === Infinity),
    negativeInfinity: count((value) => value === -Infinity),
    zeros: count((value) => value === 0),
    min: none ? null : finite.reduce((a, b) => Math.min(a, b)),
    max: none ? null : finite.reduce((a, b) => Math.max(a, b)),
    mean: none ? null : mean,
    std: none
      ? null
      : Math.sqrt(finite.reduce((total, value) => total + (value - mean) ** 2, 0) / finite.length),
    norm: none ? null : Math.sqrt(finite.reduce((total, value) => total + value ** 2, 0)),
    sampled,
  };
}

function histogram(of: Numbers, bins: number, first?: number, last?: number): HistogramAnswer {
  const { values, sampled } = elements(of);
  const finite = values.filter(Number.isFinite);
  const from = first ?? (finite.length === 0 ? 0 : finite.reduce((a, b) => Math.min(a, b)));
  const to = last ?? (finite.length === 0 ? 0 : finite.reduce((a, b) => Math.max(a, b)));
  const counts = Array.from({ length: bins }, () => 0);
  let [below, above] = [0, 0];
  for (const value of finite) {
    if (value < from) below++;
    else if (value > to) above++;
    else counts[Math.min(bins - 1, Math.floor(((value - from) / (to - from || 1)) * bins))]!++;
  }
  return { kind: "histogram", from, to, counts, below, above, sampled };
}

function channels(of: Numbers, dim: number, first: number, most: number): ChannelsAnswer {
  const last = Math.min(of.shape[dim]!, first + most);
  const all = Array.from({ length: Math.max(0, last - first) }, (_, k) =>
    statisticsOf(elements(of, { dim, at: first + k })),
  );
  return { kind: "channels", channels: all };
}

function find(
  of: Numbers,
  what: "nan" | "infinity" | "nonFinite" | "min" | "max",
  after?: number[],
): FindAnswer {
  const size = sizeOf(of.shape);
  const start = after === undefined ? 0 : elementOf(of.shape, after) + 1;
  let best: { element: number; value: number } | null = null;
  for (let element = start; element < Math.min(size, start + mostLookedAt); element++) {
    const value = Number(of.at(element));
    const isOdd = !Number.isFinite(value);
    if (what === "min" || what === "max") {
      const isBetter = best === null || (what === "min" ? value < best.value : value > best.value);
      if (!isOdd && isBetter) best = { element, value };
      continue;
    }
    const fits =
      what === "nonFinite" ? isOdd : what === "nan" ? Number.isNaN(value) : isOdd && !Number.isNaN(value);
    if (fits) {
      best = { element, value };
      break;
    }
  }
  if (best === null) return { kind: "find", index: null, value: null };
  return {
    kind: "find",
    index: indexOf(of.shape, best.element),
    value: Number.isNaN(best.value) ? null : best.value,
  };
}

function exported(of: Numbers, format: "npy" | "csv" | "typescript"): ExportAnswer {
  const values = Array.from({ length: sizeOf(of.shape) }, (_, element) => of.at(element));
  const text =
    format === "typescript" ? `tensor([${values.join(", ")}])` : values.join(format === "csv" ? "\n" : " ");
  const bytes = new TextEncoder().encode(text);
  return { kind: "export", bytes: bytes.slice().buffer };
}
