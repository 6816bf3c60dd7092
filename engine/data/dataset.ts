// Datasets: numbered items, and sets made from other sets.

import { checkNumber, fail, readOptions, show } from "../errors.js";
import { describeDataset } from "../inspect/objects.js";
import { native } from "../native.js";
import { memoryCategories } from "../protocol.js";
import { randomOrder, type Generator } from "../random.js";
import { requireTensor, type Tensor } from "../tensor.js";
import { checkGenerator } from "./samplers.js";

const inputCategory = memoryCategories.indexOf("input");

/** Items by number. Extend it, or give a DataLoader any array. */
export abstract class Dataset<Item = unknown> {
  /** How many items there are. */
  abstract get length(): number;

  /** Item number `index`, from 0; a promise where it must be fetched. The datasets here count negative numbers from the end. */
  abstract get(index: number): Item | Promise<Item>;

  /** What a debugger shows on one line. */
  [Symbol.for("debug.description")](): string {
    return describeDataset(this);
  }
}

/** Items that come one after the other, with no number: a file read line by line, a stream. Cannot be shuffled. */
export abstract class IterableDataset<Item = unknown> {
  abstract [Symbol.asyncIterator](): AsyncIterator<Item>;

  /** What a debugger shows on one line. */
  [Symbol.for("debug.description")](): string {
    return describeDataset(this);
  }
}

/** Tensors of one first size; item k is entry k of each. A DataLoader cuts its batches from the whole tensors. */
export class TensorDataset<Tensors extends readonly Tensor[] = Tensor[]> extends Dataset<Tensors> {
  readonly tensors: Tensors;

  constructor(...tensors: Tensors) {
    super();
    if (tensors.length === 0) fail("TensorDataset", "give at least one tensor");
    tensors.forEach((each, k) => {
      const { shape } = requireTensor("TensorDataset", `tensor ${k}`, each);
      const first = tensors[0]!.shape;
      if (shape.length === 0 || shape[0] !== first[0]) {
        fail(
          "TensorDataset",
          `first sizes differ, [${first.join(", ")}] and [${shape.join(", ")}]`,
          { first: `[${first.join(", ")}]`, other: `[${shape.join(", ")}]` },
          "shape",
        );
      }
    });
    for (const each of tensors) native.retag(each, inputCategory); // in the memory chart it is what it is: data
    this.tensors = tensors;
  }

  get length(): number {
    return this.tensors[0]!.shape[0]!;
  }

  get(index: number): Tensors {
    const entry = readIndex("TensorDataset", index, this.length);
    return this.tensors.map((each) => each.select(0, entry)) as unknown as Tensors;
  }
}

/** Some items of another dataset, by their numbers there. */
export class Subset<Item> extends Dataset<Item> {
  readonly dataset: Dataset<Item>;
  readonly indices: readonly number[];

  constructor(dataset: Dataset<Item> | readonly Item[], indices: readonly number[]) {
    super();
    this.dataset = toDataset("Subset", dataset);
    if (!Array.isArray(indices)) fail("Subset", `the indices must be an array, they are ${show(indices)}`);
    const { length } = this.dataset;
    const wrapped = indices.map((index) => readIndex("Subset", index, length));
    this.indices = wrapped.some((index, k) => index !== indices[k]) ? wrapped : indices;
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number): Item | Promise<Item> {
    return this.dataset.get(this.indices[readIndex("Subset", index, this.length)]!);
  }
}

/** One dataset behind the other. */
export class ConcatDataset<Item> extends Dataset<Item> {
  readonly datasets: readonly Dataset<Item>[];
  /** The number of items up to the end of each. */
  private readonly ends: number[] = [];

  constructor(datasets: readonly (Dataset<Item> | readonly Item[])[]) {
    super();
    if (!Array.isArray(datasets) || datasets.length === 0) {
      fail("ConcatDataset", `give an array of datasets, not ${show(datasets)}`);
    }
    this.datasets = (datasets as readonly (Dataset<Item> | readonly Item[])[]).map((dataset) =>
      toDataset("ConcatDataset", dataset),
    );
    let end = 0;
    for (const dataset of this.datasets) this.ends.push((end += dataset.length));
  }

  get length(): number {
    return this.ends.at(-1)!;
  }

  /** The number of items up to the end of each dataset. */
  get cumulativeSizes(): number[] {
    return [...this.ends];
  }

  get(index: number): Item | Promise<Item> {
    const entry = readIndex("ConcatDataset", index, this.length);
    const which = this.ends.findIndex((end) => entry < end);
    return this.datasets[which]!.get(entry - (which === 0 ? 0 : this.ends[which - 1]!));
  }
}

/**
 * Splits a dataset at random into parts of the given lengths, or of the given fractions that add up to 1; what fractions
 * leave over goes to the first parts, one each.
 */
export function randomSplit<Item>(
  dataset: Dataset<Item> | readonly Item[],
  lengths: readonly number[],
  options?: { generator?: Generator | null },
): Subset<Item>[] {
  const whole = toDataset("randomSplit", dataset);
  if (!Array.isArray(lengths) || lengths.length === 0) {
    fail("randomSplit", `the lengths must be an array, they are ${show(lengths)}`);
  }
  for (const length of lengths) checkNumber("randomSplit", "each length", length, { min: 0 });
  const counts = countParts(lengths, whole.length);
  const defaults: { generator: Generator | null } = { generator: null };
  const generator = checkGenerator("randomSplit", readOptions("randomSplit", options, defaults).generator);
  const order = Array.from(randomOrder(whole.length, generator));
  let from = 0;
  return counts.map((count) => new Subset(whole, order.slice(from, (from += count))));
}

function countParts(lengths: readonly number[], total: number): number[] {
  const sum = lengths.reduce((a, b) => a + b, 0);
  if (lengths.every(Number.isInteger) && sum === total) return [...lengths];
  if (Math.abs(sum - 1) > 1e-9) {
    fail("randomSplit", `the lengths add up to ${sum}, give ${total} items or fractions that add up to 1`, {
      sum: String(sum),
      items: String(total),
    });
  }
  const counts = lengths.map((fraction) => Math.floor(total * fraction));
  let left = total - counts.reduce((a, b) => a + b, 0);
  for (let k = 0; left > 0; k = (k + 1) % counts.length, left--) counts[k]! += 1;
  return counts;
}

/** An array is a dataset of its entries. */
export class ArrayDataset<Item> extends Dataset<Item> {
  readonly items: readonly Item[];

  constructor(items: readonly Item[]) {
    super();
    this.items = items;
  }

  get length(): number {
    return this.items.length;
  }

  get(index: number): Item {
    return this.items[readIndex("Dataset", index, this.length)]!;
  }
}

export function toDataset<Item>(op: string, value: Dataset<Item> | readonly Item[]): Dataset<Item> {
  if (value instanceof Dataset) return value;
  if (Array.isArray(value)) return new ArrayDataset(value as readonly Item[]);
  const like = value as unknown as Partial<Dataset<Item>> | null | undefined;
  if (
    typeof like === "object" &&
    like !== null &&
    typeof like.get === "function" &&
    typeof like.length === "number"
  ) {
    return like as Dataset<Item>;
  }
  return fail(op, `the dataset must be a Dataset or an array, it is ${show(value)}`, {
    dataset: show(value),
  });
}

/** An item's number from 0 on; negative ones count from the end. */
function readIndex(op: string, index: unknown, length: number): number {
  if (typeof index !== "number" || !Number.isInteger(index) || index < -length || index >= length) {
    return fail(op, `no item ${show(index)}, there are ${length}`, { index: show(index) }, "index");
  }
  return index < 0 ? index + length : index;
}
