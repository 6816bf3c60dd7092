// Samplers: the order in which a loader asks for items.

import { checkBoolean, checkNumber, fail, readOptions, show } from "../errors.js";
import { Generator, randomOrder, randomStream } from "../random.js";
import { Tensor } from "../tensor.js";

/** Item numbers, anew for each epoch. */
export interface Sampler<Sample = number> extends Iterable<Sample> {
  readonly length: number;
}

interface Sized {
  readonly length: number;
}

function readCount(op: string, source: unknown): number {
  const length = (source as Partial<Sized> | null | undefined)?.length;
  if (typeof length === "number" && Number.isInteger(length) && length >= 0) return length;
  return fail(op, `the source must be a dataset or an array, it is ${show(source)}`, {
    source: show(source),
  });
}

/** Numbers in an array, a typed array or a tensor of one dim. */
function readList(op: string, name: string, value: unknown): unknown[] {
  if (value instanceof Tensor && value.shape.length === 1) return Array.from(value.data(), Number);
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<number | bigint>, Number);
  }
  const found = value instanceof Tensor ? `a tensor of [${value.shape.join(", ")}]` : show(value);
  return fail(op, `${name} must be an array of numbers or a tensor of one dim, not ${found}`);
}

/** 0, 1, 2, ... */
export class SequentialSampler implements Sampler {
  readonly length: number;

  constructor(source: Sized) {
    this.length = readCount("SequentialSampler", source);
  }

  *[Symbol.iterator](): Iterator<number> {
    for (let k = 0; k < this.length; k++) yield k;
  }
}

export interface RandomSamplerOptions {
  /** Each draw from all items, rather than each item once. */
  replacement?: boolean;
  /** How many to draw; all of them when not given. */
  numSamples?: number | null;
  generator?: Generator | null;
}

/** All items in random order, or draws with replacement. */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly replacement: boolean;
  readonly #count: number;
  readonly generator: Generator | null;

  constructor(source: Sized, options?: RandomSamplerOptions) {
    const op = "RandomSampler";
    this.#count = readCount(op, source);
    const defaults: Required<RandomSamplerOptions> = {
      replacement: false,
      numSamples: null,
      generator: null,
    };
    const given = readOptions(op, options, defaults);
    this.replacement = checkBoolean(op, "replacement", given.replacement);
    this.length =
      given.numSamples === null
        ? this.#count
        : checkNumber(op, "numSamples", given.numSamples, { min: 1, integer: true });
    this.generator = checkGenerator(op, given.generator);
  }

  *[Symbol.iterator](): Iterator<number> {
    if (this.replacement) {
      if (this.#count === 0) return;
      const random = randomStream(this.generator);
      for (let left = this.length; left > 0; left--) yield Math.floor(random() * this.#count);
      return;
    }
    for (let done = 0; done < this.length && this.#count > 0;) {
      const order = randomOrder(this.#count, this.generator);
      yield* order.subarray(0, this.length - done);
      done += order.length;
    }
  }
}

/** The given item numbers in random order, each once. */
export class SubsetRandomSampler implements Sampler {
  readonly indices: readonly number[];
  readonly generator: Generator | null;

  constructor(indices: ArrayLike<number> | Tensor, options?: { generator?: Generator | null }) {
    const op = "SubsetRandomSampler";
    this.indices = readList(op, "the indices", indices).map((index) =>
      checkNumber(op, "each index", index, { min: 0, integer: true }),
    );
    const defaults: { generator: Generator | null } = { generator: null };
    this.generator = checkGenerator(op, readOptions(op, options, defaults).generator);
  }

  get length(): number {
    return this.indices.length;
  }

  *[Symbol.iterator](): Iterator<number> {
    for (const position of randomOrder(this.length, this.generator)) yield this.indices[position]!;
  }
}

/** `numSamples` draws, each item as often as its weight says: for classes of unequal size. */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  readonly #cumulative: Float64Array;
  readonly #weights: Float64Array;
  /** The last one that can be drawn. */
  readonly #last: number;
  readonly #replacement: boolean;
  readonly generator: Generator | null;

  constructor(
    weights: ArrayLike<number> | Tensor,
    numSamples: number,
    options?: { replacement?: boolean; generator?: Generator | null },
  ) {
    const op = "WeightedRandomSampler";
    const list = readList(op, "the weights", weights);
    if (list.length === 0) fail(op, "there are no weights");
    this.#weights = Float64Array.from(list, (weight) => checkNumber(op, "each weight", weight, { min: 0 }));
    this.length = checkNumber(op, "numSamples", numSamples, { min: 1, integer: true });
    const defaults: { replacement: boolean; generator: Generator | null } = {
      replacement: true,
      generator: null,
    };
    const given = readOptions(op, options, defaults);
    this.#replacement = checkBoolean(op, "replacement", given.replacement);
    this.generator = checkGenerator(op, given.generator);
    const usable = this.#weights.filter((weight) => weight > 0).length;
    if (usable === 0) fail(op, "there are no weights above 0");
    if (!this.#replacement && usable < numSamples) {
      fail(op, `${numSamples} draws without replacement need as many weights above 0, there are ${usable}`);
    }
    this.#last = this.#weights.findLastIndex((weight) => weight > 0);
    let sum = 0;
    this.#cumulative = this.#weights.map((weight) => (sum += weight));
  }

  *[Symbol.iterator](): Iterator<number> {
    const random = randomStream(this.generator);
    if (this.#replacement) {
      const total = this.#cumulative.at(-1)!;
      for (let left = this.length; left > 0; left--)
        yield firstAbove(this.#cumulative, this.#last, random() * total);
      return;
    }
    // Without replacement: the largest of u^(1/weight) are a draw one by one (Efraimidis & Spirakis, 2006).
    const keys = Array.from(this.#weights, (weight, index) => ({
      index,
      key: weight > 0 ? Math.log(1 - random()) / weight : -Infinity,
    }));
    keys.sort((a, b) => b.key - a.key);
    for (const { index } of keys.slice(0, this.length)) yield index;
  }
}

/** The first position up to `last` whose entry is above `value`, which rounding may bring to the end. */
function firstAbove(sorted: Float64Array, last: number, value: number): number {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Lists of item numbers, `batchSize` at a time, from another sampler. */
export class BatchSampler implements Sampler<number[]> {
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly sampler: Sampler;

  /** `dropLast` as PyTorch has it, by its place, or as an option. */
  constructor(
    sampler: Sampler | readonly number[],
    batchSize: number,
    dropLast?: boolean | { dropLast?: boolean },
  ) {
    const op = "BatchSampler";
    const options = typeof dropLast === "boolean" ? { dropLast } : dropLast;
    checkSampler(op, sampler);
    this.sampler = sampler;
    this.batchSize = checkNumber(op, "batchSize", batchSize, { min: 1, integer: true });
    this.dropLast = checkBoolean(op, "dropLast", readOptions(op, options, { dropLast: false }).dropLast);
  }

  get length(): number {
    const batches = this.sampler.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  *[Symbol.iterator](): Iterator<number[]> {
    let batch: number[] = [];
    for (const index of this.sampler) {
      batch.push(index);
      if (batch.length < this.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }
}

export function checkSampler(op: string, value: unknown): void {
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) {
    fail(op, `the sampler must be iterable, it is ${show(value)}`, { sampler: show(value) });
  }
}

export function checkGenerator(op: string, value: unknown): Generator | null {
  if (value === null || value instanceof Generator) return value;
  return fail(op, `the generator must be a Generator, it is ${show(value)}`, { generator: show(value) });
}
