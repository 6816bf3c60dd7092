// One curve: every point, and a min/max/mean/last pyramid above them that makes drawing a million points cheap.

/** Bits of a bucket's flags. */
export const seriesFlags = { nan: 1, positiveInfinity: 2, negativeInfinity: 4 } as const;

/** Steps and times of events, shared by all series of a folder: a point is a value and the number of its moment. */
export class Moments {
  count = 0;
  step = new Float64Array(1024);
  wall = new Float64Array(1024);

  add(step: number, wall: number): number {
    if (this.count === this.step.length) {
      this.step = grown(this.step, new Float64Array(this.count * 2));
      this.wall = grown(this.wall, new Float64Array(this.count * 2));
    }
    this.step[this.count] = step;
    this.wall[this.count] = wall;
    return this.count++;
  }
}

/** Consecutive points by index: bucket k of level n holds the points [k·2^n, (k+1)·2^n). Arrays of equal length. */
export interface Buckets {
  level: number;
  /** Number of the first bucket. */
  start: number;
  /** Step and seconds since 1970 of each bucket's last point. */
  step: Float64Array<ArrayBuffer>;
  wall: Float64Array<ArrayBuffer>;
  /** Over the finite values; NaN where a bucket has none. */
  min: Float32Array<ArrayBuffer>;
  max: Float32Array<ArrayBuffer>;
  mean: Float32Array<ArrayBuffer>;
  /** The last point's value as it is. */
  last: Float32Array<ArrayBuffer>;
  flags: Uint8Array<ArrayBuffer>;
}

/** Levels below this one are summarised from the points when asked for: storing them would cost more than the points. */
const firstStoredLevel = 4;

class Level {
  count = 0;
  min = new Float32Array(64);
  max = new Float32Array(64);
  sum = new Float64Array(64);
  finite = new Float64Array(64);
  flags = new Uint8Array(64);

  push(bucket: Summary): void {
    const k = this.count++;
    if (k === this.min.length) {
      this.min = grown(this.min, new Float32Array(k * 2));
      this.max = grown(this.max, new Float32Array(k * 2));
      this.sum = grown(this.sum, new Float64Array(k * 2));
      this.finite = grown(this.finite, new Float64Array(k * 2));
      this.flags = grown(this.flags, new Uint8Array(k * 2));
    }
    this.min[k] = bucket.min;
    this.max[k] = bucket.max;
    this.sum[k] = bucket.sum;
    this.finite[k] = bucket.finite;
    this.flags[k] = bucket.flags;
  }
}

/** What the pyramid knows of a stretch of points; a scratch object that stretches are added to. */
class Summary {
  min = Infinity;
  max = -Infinity;
  sum = 0;
  finite = 0;
  flags = 0;

  clear(): void {
    this.min = Infinity;
    this.max = -Infinity;
    this.sum = this.finite = this.flags = 0;
  }

  addPoint(value: number): void {
    if (Number.isFinite(value)) {
      if (value < this.min) this.min = value;
      if (value > this.max) this.max = value;
      this.sum += value;
      this.finite++;
    } else if (value > 0) this.flags |= seriesFlags.positiveInfinity;
    else if (value < 0) this.flags |= seriesFlags.negativeInfinity;
    else this.flags |= seriesFlags.nan;
  }

  addBucket(level: Level, k: number): void {
    if (level.min[k]! < this.min) this.min = level.min[k]!;
    if (level.max[k]! > this.max) this.max = level.max[k]!;
    this.sum += level.sum[k]!;
    this.finite += level.finite[k]!;
    this.flags |= level.flags[k]!;
  }
}

export class Series {
  readonly tag: string;
  count = 0;
  /** Values that were NaN or infinite. */
  nonFinite = 0;
  /** Over the finite values of the whole series; NaN where it has none. */
  min = NaN;
  max = NaN;
  private readonly moments: Moments;
  private values = new Float32Array(64);
  private momentOf = new Uint32Array(64);
  /** Element n is level n + firstStoredLevel; only whole buckets are stored. */
  private readonly levels: Level[] = [];
  private readonly summary = new Summary();
  /** False once a step went backwards: then no search by halving. */
  private ordered = true;

  constructor(tag: string, moments: Moments) {
    this.tag = tag;
    this.moments = moments;
  }

  get last(): number {
    return this.count === 0 ? NaN : this.values[this.count - 1]!;
  }

  valueAt(index: number): number {
    return this.values[index]!;
  }

  stepAt(index: number): number {
    return this.moments.step[this.momentOf[index]!]!;
  }

  wallAt(index: number): number {
    return this.moments.wall[this.momentOf[index]!]!;
  }

  /** The highest level that has more than one bucket. */
  get topLevel(): number {
    return this.count < 2 ? 0 : 31 - Math.clz32(this.count - 1);
  }

  add(value: number, moment: number): void {
    const index = this.count;
    if (index === this.values.length) {
      this.values = grown(this.values, new Float32Array(index * 2));
      this.momentOf = grown(this.momentOf, new Uint32Array(index * 2));
    }
    this.values[index] = value;
    this.momentOf[index] = moment;
    const kept = this.values[index]; // as a float32
    if (kept - kept === 0) {
      if (!(kept >= this.min)) this.min = kept;
      if (!(kept <= this.max)) this.max = kept;
    } else this.nonFinite++;
    if (index > 0 && this.ordered && this.stepAt(index) < this.stepAt(index - 1)) this.ordered = false;
    this.count = index + 1;
    if ((this.count & 15) === 0) this.completeBuckets();
  }

  /** Forgets the points from the first one whose step is not below `step`: a restarted run writes them anew. */
  truncateFrom(step: number): void {
    let keep = this.count;
    while (keep > 0 && this.stepAt(keep - 1) >= step) keep--;
    if (keep === this.count) return;
    this.count = keep;
    this.levels.forEach((level, n) => (level.count = Math.floor(keep / 2 ** (n + firstStoredLevel))));
    this.min = this.max = NaN;
    this.nonFinite = 0;
    for (let index = 0; index < keep; index++) {
      const value = this.values[index]!;
      if (!Number.isFinite(value)) this.nonFinite++;
      else {
        if (!(value >= this.min)) this.min = value;
        if (!(value <= this.max)) this.max = value;
      }
    }
  }

  /** Index of the first point whose step is at least `step`; count when there is none. */
  indexOfStep(step: number): number {
    if (!this.ordered) {
      for (let index = 0; index < this.count; index++) if (this.stepAt(index) >= step) return index;
      return this.count;
    }
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.stepAt(middle) < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The level at which the points [from, to) make at most about `buckets` buckets. */
  levelFor(from: number, to: number, buckets: number): number {
    const wanted = Math.max(1, buckets);
    return Math.max(0, Math.ceil(Math.log2(Math.max(1, to - from) / wanted)));
  }

  /** Buckets [start, end) of a level, end as far as there are points; the last one may still be growing. */
  buckets(level: number, start: number, end: number): Buckets {
    const size = 2 ** level;
    const first = Math.max(0, start);
    const last = Math.max(first, Math.min(end, Math.ceil(this.count / size)));
    const n = last - first;
    const out: Buckets = {
      level,
      start: first,
      step: new Float64Array(n),
      wall: new Float64Array(n),
      min: new Float32Array(n),
      max: new Float32Array(n),
      mean: new Float32Array(n),
      last: new Float32Array(n),
      flags: new Uint8Array(n),
    };
    for (let k = 0; k < n; k++) {
      const from = (first + k) * size;
      const to = Math.min(from + size, this.count);
      this.summarise(from, to);
      const { min, max, sum, finite, flags } = this.summary;
      out.step[k] = this.stepAt(to - 1);
      out.wall[k] = this.wallAt(to - 1);
      out.min[k] = finite === 0 ? NaN : min;
      out.max[k] = finite === 0 ? NaN : max;
      out.mean[k] = finite === 0 ? NaN : sum / finite;
      out.last[k] = this.values[to - 1]!;
      out.flags[k] = flags;
    }
    return out;
  }

  /** Summarises the points [from, to) with the largest stored buckets that fit. */
  private summarise(from: number, to: number): void {
    this.summary.clear();
    let at = from;
    while (at < to) {
      let level = this.levels.length - 1;
      while (level >= 0) {
        const size = 2 ** (level + firstStoredLevel);
        if (at % size === 0 && at + size <= to) break;
        level--;
      }
      if (level < 0) this.summary.addPoint(this.values[at++]!);
      else {
        const size = 2 ** (level + firstStoredLevel);
        this.summary.addBucket(this.levels[level]!, at / size);
        at += size;
      }
    }
  }

  /** The point count has reached a multiple of 16: one bucket of the first stored level is whole, perhaps more above it. */
  private completeBuckets(): void {
    const size = 2 ** firstStoredLevel;
    this.summary.clear();
    for (let index = this.count - size; index < this.count; index++)
      this.summary.addPoint(this.values[index]!);
    this.level(0).push(this.summary);
    for (let n = 0; this.level(n).count % 2 === 0; n++) {
      const below = this.level(n);
      this.summary.clear();
      this.summary.addBucket(below, below.count - 2);
      this.summary.addBucket(below, below.count - 1);
      this.level(n + 1).push(this.summary);
    }
  }

  private level(n: number): Level {
    if (n === this.levels.length) this.levels.push(new Level());
    return this.levels[n]!;
  }
}

function grown<T extends Float32Array | Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
