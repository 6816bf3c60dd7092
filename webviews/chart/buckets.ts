// The points of one series as the extension sends them: buckets at some level, merged chunk by chunk.

import type { SeriesChunk } from "../protocol.js";

export const nanFlag = 1;
export const positiveInfinityFlag = 2;
export const negativeInfinityFlag = 4;

/** Parallel arrays, of which the first `length` entries count. One entry is one bucket. */
export interface Points {
  length: number;
  step: Float64Array;
  wall: Float64Array;
  min: Float32Array;
  max: Float32Array;
  last: Float32Array;
  mean: Float32Array;
  flags: Uint8Array;
  /** How many points the bucket stands for. */
  weight: Float32Array;
}

export function emptyPoints(capacity = 0): Points {
  return {
    length: 0,
    step: new Float64Array(capacity),
    wall: new Float64Array(capacity),
    min: new Float32Array(capacity),
    max: new Float32Array(capacity),
    last: new Float32Array(capacity),
    mean: new Float32Array(capacity),
    flags: new Uint8Array(capacity),
    weight: new Float32Array(capacity),
  };
}

/** Consecutive buckets of one level. */
class Layer {
  level = 0;
  /** Number of the first bucket held. */
  start = 0;
  points = emptyPoints();

  /** Takes the chunk in, in place of everything held when it is `fresh`; false when buckets between the two are missing. */
  merge(chunk: SeriesChunk, added: Points, fresh: boolean): boolean {
    const { points } = this;
    const at = chunk.start - this.start;
    const replaces = fresh || points.length === 0 || chunk.level !== this.level || at < 0;
    if (!replaces && at > points.length) return false;
    if (replaces) {
      this.level = chunk.level;
      this.start = chunk.start;
    }
    const offset = replaces ? 0 : at;
    this.points = withCapacity(points, offset, offset + added.length);
    copyInto(this.points, offset, added, 0, added.length);
    this.points.length = offset + added.length;
    return true;
  }

  /** Index of the first point held, counted from the series' first, and one past the last. */
  get firstPoint(): number {
    return this.start * 2 ** this.level;
  }
  get endPoint(): number {
    return (this.start + this.points.length) * 2 ** this.level;
  }
}

/** What a chart draws a series from. */
export interface PointSource {
  /** Grows with each change, for caches. */
  readonly version: number;
  readonly points: Points;
}

/** One series: an overview of the whole run, and the finer detail of a window where one was asked for. */
export class SeriesData implements PointSource {
  version = 0;
  #overview = new Layer();
  #detail: Layer | null = null;
  #combined: Points | null = null;

  /**
   * Takes a chunk in. `whole` says whether it answers a request for the whole run, `fresh` whether it is the first to
   * answer its request.
   * @returns false when the chunk does not join what is held: the window must be asked for again.
   */
  merge(chunk: SeriesChunk, whole: boolean, fresh: boolean): boolean {
    const added = readChunk(chunk);
    if (added === null) return true;
    const layer = whole ? this.#overview : (this.#detail ??= new Layer());
    const joined = layer.merge(chunk, added, fresh);
    if (joined) {
      this.version++;
      this.#combined = null;
    }
    return joined;
  }

  /** The whole run is shown again: the window's detail is of no more use. */
  dropDetail(): void {
    if (this.#detail === null) return;
    this.#detail = null;
    this.#combined = null;
    this.version++;
  }

  /** Everything known, in order of step: detail where there is some, the overview elsewhere. */
  get points(): Points {
    return (this.#combined ??= sorted(this.#combine()));
  }

  #combine(): Points {
    const overview = this.#overview;
    const detail = this.#detail;
    if (detail === null || detail.points.length === 0) return overview.points;
    if (overview.points.length === 0) return detail.points;
    const size = 2 ** overview.level;
    const all = overview.points.length;
    const head = clamp(Math.floor(detail.firstPoint / size) - overview.start, 0, all);
    const tail = clamp(Math.ceil(detail.endPoint / size) - overview.start, head, all);
    const points = emptyPoints(head + detail.points.length + (all - tail));
    copyInto(points, 0, overview.points, 0, head);
    copyInto(points, head, detail.points, 0, detail.points.length);
    copyInto(points, head + detail.points.length, overview.points, tail, all);
    points.length = points.step.length;
    return points;
  }
}

/** Index of the first entry whose value is not below `value`. */
export function lowerBound(values: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Step of the first point of the first bucket, which carries its last: exact where steps are evenly spaced. NaN where there is none. */
export function firstStep({ step, weight, length }: Points): number {
  if (length < 2) return length === 0 ? NaN : step[0]!;
  const spacing = (step[1]! - step[0]!) / weight[1]!;
  return Math.max(step[0]! - (weight[0]! - 1) * spacing, Math.min(step[0]!, 0));
}

/** Index of the bucket whose step is nearest, or -1 where there is none. */
export function nearestIndex(points: Points, step: number): number {
  if (points.length === 0) return -1;
  const right = Math.min(lowerBound(points.step, points.length, step), points.length - 1);
  const left = Math.max(right - 1, 0);
  return step - points.step[left]! <= points.step[right]! - step ? left : right;
}

/** null for a chunk with nothing in it, or whose buffers do not agree in length. */
function readChunk(chunk: SeriesChunk): Points | null {
  const length = chunk.step.byteLength / 8;
  const wide = chunk.wall.byteLength === 8 * length;
  const narrow = [chunk.min, chunk.max, chunk.last, chunk.mean].every(
    (part) => part.byteLength === 4 * length,
  );
  if (length === 0 || !wide || !narrow || chunk.flags.byteLength !== length) return null;
  return {
    length,
    step: new Float64Array(chunk.step),
    wall: new Float64Array(chunk.wall),
    min: new Float32Array(chunk.min),
    max: new Float32Array(chunk.max),
    last: new Float32Array(chunk.last),
    mean: new Float32Array(chunk.mean),
    flags: new Uint8Array(chunk.flags),
    weight: new Float32Array(length).fill(2 ** chunk.level),
  };
}

/** The same points with room for `length`, of which the first `kept` are carried over. */
function withCapacity(points: Points, kept: number, length: number): Points {
  if (points.step.length >= length) return points;
  const grown = emptyPoints(Math.max(length, 2 * kept));
  copyInto(grown, 0, points, 0, kept);
  return grown;
}

function copyInto(target: Points, at: number, source: Points, from: number, to: number): void {
  target.step.set(source.step.subarray(from, to), at);
  target.wall.set(source.wall.subarray(from, to), at);
  target.min.set(source.min.subarray(from, to), at);
  target.max.set(source.max.subarray(from, to), at);
  target.last.set(source.last.subarray(from, to), at);
  target.mean.set(source.mean.subarray(from, to), at);
  target.flags.set(source.flags.subarray(from, to), at);
  target.weight.set(source.weight.subarray(from, to), at);
}

/** Users may log steps in any order; what is drawn and searched must rise. */
function sorted(points: Points): Points {
  const { step, length } = points;
  let rises = true;
  for (let i = 1; i < length && rises; i++) rises = step[i - 1]! <= step[i]!;
  if (rises) return points;
  const order = Array.from({ length }, (_, i) => i).sort((a, b) => step[a]! - step[b]!);
  const result = emptyPoints(length);
  order.forEach((from, to) => {
    copyInto(result, to, points, from, from + 1);
  });
  result.length = length;
  return result;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
