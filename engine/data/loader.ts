// DataLoader: batches of a dataset, in order or shuffled, for `for` and for `for await`.

import { checkBoolean, checkFunction, checkNumber, fail, readOptions, show } from "../errors.js";
import { tensor } from "../create.js";
import { describeLoader } from "../inspect/objects.js";
import { observer } from "../observer.js";
import { drawSeed, inOrder, randomOrder, type Generator as RandomGenerator } from "../random.js";
import type { Tensor } from "../tensor.js";
import { defaultCollate, type Collated } from "./collate.js";
import { IterableDataset, Subset, TensorDataset, toDataset, type Dataset } from "./dataset.js";
import {
  findGenerators,
  fromStart,
  loaderState,
  randomStart,
  readLoaderState,
  restoreGenerators,
  type Epoch,
  type LoaderState,
  type ResumedEpoch,
} from "./loaderState.js";
import type { FedBatch } from "./feed.js";
import { placed } from "./placing.js";
import { BatchSampler, checkGenerator, checkSampler, type Sampler } from "./samplers.js";
import { Workers } from "./workers.js";
import { asInput } from "./workerThread.js";

export interface DataLoaderOptions<Item, Batch> {
  /** Items a batch. */
  batchSize?: number;
  /** In a new random order each epoch. */
  shuffle?: boolean;
  /** The order of items; instead of shuffle. */
  sampler?: Sampler | readonly number[] | null;
  /** The items of each batch; instead of batchSize, shuffle, sampler and dropLast. */
  batchSampler?: Iterable<readonly number[]> | null;
  /** Makes a batch of a list of items. */
  collateFn?: ((items: Item[]) => Batch) | null;
  /** Leaves out a last batch that is not full. */
  dropLast?: boolean;
  /** Shuffles by this instead of by the seed of the process. */
  generator?: RandomGenerator | null;
  /**
   * Threads that load, each with a copy of the dataset (its tensors are shared). The class of the dataset must be exported
   * by a module other than the script that trains; tensors of a TensorDataset need no worker and get none.
   */
  numWorkers?: number;
  /** Batches in memory that a GPU copies from faster and while it computes; without a GPU it changes nothing. */
  pinMemory?: boolean;
  /** Batches loaded ahead by each worker, 2 when not given; needs workers. */
  prefetchFactor?: number | null;
  /** Keeps the workers between epochs; needs workers. */
  persistentWorkers?: boolean;
  /** Runs in each worker when it starts, with its number; a function that a module exports. */
  workerInitFn?: ((worker: number) => void | Promise<void>) | null;
  /** Seconds to wait for a batch of a worker's before giving up; 0: for ever. */
  timeout?: number;
}

const op = "DataLoader";
/** In place of a batch that was handed out before. */
const skipped = Symbol("skipped");

/** The tensors of a dataset that is nothing but tensors, and which of their entries belong to it. */
interface WholeTensors {
  tensors: readonly Tensor[];
  entries: Int32Array | null;
}

/**
 * Iterating gives one epoch of batches: `for await (const [x, y] of loader)`, or `for` where no item is a promise. Batches
 * of a TensorDataset, or of a part of one, are cut from the whole tensors in one go. Every batch is brought to the default device.
 */
export class DataLoader<Item, Batch = Collated<Item>> implements Iterable<Batch>, AsyncIterable<Batch> {
  readonly dataset: Dataset<Item> | IterableDataset<Item>;
  readonly batchSize: number | null;
  readonly dropLast: boolean;
  readonly shuffle: boolean;
  readonly numWorkers: number;
  readonly pinMemory: boolean;
  readonly prefetchFactor: number | null;
  readonly persistentWorkers: boolean;
  /** Seconds that a batch of a worker's may take; 0: any. */
  readonly timeout: number;
  readonly #sampler: Sampler | readonly number[] | null;
  readonly #batchSampler: Iterable<readonly number[]> | null;
  readonly #generator: RandomGenerator | null;
  readonly #collate: (items: Item[]) => Batch;
  readonly #whole: WholeTensors | null;
  readonly #workers: Workers;
  #running: Epoch | null = null;
  #resumed: ResumedEpoch | null = null;

  constructor(
    dataset: Dataset<Item> | IterableDataset<Item> | readonly Item[],
    options?: DataLoaderOptions<Item, Batch>,
  ) {
    const given = readOptions<Required<DataLoaderOptions<Item, Batch>>>(op, options, {
      batchSize: 1,
      shuffle: false,
      sampler: null,
      batchSampler: null,
      collateFn: null,
      dropLast: false,
      generator: null,
      numWorkers: 0,
      pinMemory: false,
      prefetchFactor: null,
      persistentWorkers: false,
      workerInitFn: null,
      timeout: 0,
    });
    this.dataset = dataset instanceof IterableDataset ? dataset : toDataset(op, dataset);
    this.shuffle = checkBoolean(op, "shuffle", given.shuffle);
    this.dropLast = checkBoolean(op, "dropLast", given.dropLast);
    this.#generator = checkGenerator(op, given.generator);
    const batchSize = checkNumber(op, "batchSize", given.batchSize, { min: 1, integer: true });
    this.#sampler = given.sampler;
    this.#batchSampler = given.batchSampler;
    this.batchSize = given.batchSampler === null ? batchSize : null;
    this.#checkOrder(options ?? {});

    this.numWorkers = checkNumber(op, "numWorkers", given.numWorkers, { min: 0, integer: true });
    this.pinMemory = checkBoolean(op, "pinMemory", given.pinMemory);
    this.persistentWorkers = checkBoolean(op, "persistentWorkers", given.persistentWorkers);
    this.prefetchFactor =
      given.prefetchFactor === null
        ? null
        : checkNumber(op, "prefetchFactor", given.prefetchFactor, { min: 1, integer: true });
    if (this.numWorkers === 0 && (this.prefetchFactor !== null || this.persistentWorkers)) {
      fail(op, "prefetchFactor and persistentWorkers need workers, set numWorkers above 0");
    }
    if (given.workerInitFn !== null) checkFunction(op, "workerInitFn", given.workerInitFn);

    if (given.collateFn !== null) checkFunction(op, "collateFn", given.collateFn);
    this.#collate = given.collateFn ?? ((items) => defaultCollate(items) as Batch);
    this.#whole = given.collateFn === null ? wholeTensors(this.dataset) : null;
    this.timeout = checkNumber(op, "timeout", given.timeout, { min: 0 });
    this.#workers = new Workers(this, {
      dataset: this.dataset,
      numWorkers: this.#whole === null ? this.numWorkers : 0,
      isIterable: this.dataset instanceof IterableDataset,
      batchSize,
      dropLast: this.dropLast,
      prefetchFactor: this.prefetchFactor ?? 2,
      persistent: this.persistentWorkers,
      collateFn: given.collateFn,
      workerInitFn: given.workerInitFn,
      timeout: this.timeout * 1000,
    });
  }

  #checkOrder(options: DataLoaderOptions<Item, Batch>): void {
    if (this.#sampler !== null) {
      checkSampler(op, this.#sampler);
      if (this.shuffle) fail(op, "give either shuffle or a sampler, not both");
    }
    if (this.#batchSampler !== null) {
      checkSampler(op, this.#batchSampler);
      const others = ["batchSize", "shuffle", "sampler", "dropLast"] as const;
      const also = others.filter((key) => options[key] !== undefined && options[key] !== false);
      if (also.length > 0) fail(op, `a batchSampler decides alone, leave out ${also.join(", ")}`);
    }
    if (this.dataset instanceof IterableDataset) {
      if (this.shuffle || this.#sampler !== null || this.#batchSampler !== null) {
        fail(op, "an IterableDataset has an order of its own, leave out shuffle and samplers");
      }
    }
  }

  /** Batches an epoch. An IterableDataset has no length. */
  get length(): number {
    const batches = this.#countBatches();
    return batches ?? fail(op, "the number of batches is not known before they are loaded");
  }

  /** What a debugger shows on one line. */
  [Symbol.for("debug.description")](): string {
    return describeLoader(this);
  }

  #countBatches(): number | null {
    if (this.dataset instanceof IterableDataset) return null;
    if (this.#batchSampler !== null) {
      const { length } = this.#batchSampler as { length?: unknown };
      return typeof length === "number" ? length : null;
    }
    const count = this.#sampler === null ? this.dataset.length : this.#sampler.length;
    return (this.dropLast ? Math.floor : Math.ceil)(count / this.batchSize!);
  }

  /** One epoch, for datasets whose items are at hand, or loaded by workers: this thread waits for them. */
  *[Symbol.iterator](): Generator<Batch, void, void> {
    const { dataset } = this;
    const epoch = this.#begin();
    const feed = this.#workers.feedSync(epoch);
    try {
      if (feed !== null) {
        for (let next = feed.nextSync(); next !== null; next = feed.nextSync()) {
          const batch = this.#hand(epoch, next.samples, () => this.#finish(next));
          if (batch !== skipped) yield batch;
        }
        return;
      }
      if (dataset instanceof IterableDataset) fail(op, "an IterableDataset needs 'for await'");
      for (let next = epoch.order!.next(); next.done !== true; next = epoch.order!.next()) {
        const entries = next.value;
        yield this.#hand(epoch, entries.length, () =>
          this.#whole === null
            ? this.#makeBatch(Array.from(entries, (entry) => atHand(dataset.get(entry))))
            : this.#cut(this.#whole, entries),
        ) as Batch;
      }
    } finally {
      this.#end(epoch);
      void this.#workers.endFeed(feed);
    }
  }

  /** One epoch. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    const { dataset } = this;
    const epoch = this.#begin();
    const feed = await this.#workers.feed(epoch);
    try {
      if (feed !== null) {
        for (let next = await feed.next(); next !== null; next = await feed.next()) {
          const batch = this.#hand(epoch, next.samples, () => this.#finish(next));
          if (batch !== skipped) yield batch;
        }
      } else if (dataset instanceof IterableDataset) {
        for await (const items of this.#group(dataset)) {
          const batch = this.#hand(epoch, items.length, () => this.#makeBatch(items));
          if (batch !== skipped) yield batch;
        }
      } else {
        for (let next = epoch.order!.next(); next.done !== true; next = epoch.order!.next()) {
          const entries = next.value;
          const items =
            this.#whole === null
              ? await Promise.all(Array.from(entries, (entry) => dataset.get(entry)))
              : null;
          yield this.#hand(epoch, entries.length, () =>
            items === null ? this.#cut(this.#whole!, entries) : this.#makeBatch(items),
          ) as Batch;
        }
      }
    } finally {
      this.#end(epoch);
      await this.#workers.endFeed(feed);
    }
  }

  /** A new epoch, or the rest of one that `loadStateDict` was given. */
  #begin(): Epoch {
    const resumed = this.#resumed;
    this.#resumed = null;
    const batches = this.#countBatches();
    observer.current?.epoch(this, batches);
    const start = resumed?.start ?? randomStart(this.#generators());
    const isStream = this.dataset instanceof IterableDataset;
    const position = resumed?.position ?? 0;
    const begin = (): { seed: bigint; order: Iterator<ArrayLike<number>> | null } => {
      // Drawn whether or not there are workers, so that all else that is random is the same with and without.
      const seed = this.#whole === null ? drawSeed(this.#generator) : 0n;
      const order = isStream ? null : this.#order()[Symbol.iterator]();
      for (let k = 0; k < position; k++) order?.next();
      return { seed, order };
    };
    const drawn = resumed === null ? begin() : fromStart(resumed, this.#generators(), begin);
    const epoch: Epoch = {
      ...drawn,
      start,
      batches,
      index: isStream ? 0 : position,
      skip: isStream ? position : 0,
      workerStates: resumed?.workers ?? [],
    };
    this.#running = epoch;
    return epoch;
  }

  #end(epoch: Epoch): void {
    if (this.#running === epoch) this.#running = null;
  }

  /** Makes the next batch and tells of it; `skipped` for one that was handed out before the state was saved. */
  #hand(epoch: Epoch, samples: number, make: () => Batch): Batch | typeof skipped {
    const index = epoch.index++;
    if (index < epoch.skip) return skipped;
    const batch = asInput(() => placed(make(), this.pinMemory));
    observer.current?.batch(this, { samples, index, batches: epoch.batches });
    return batch;
  }

  #finish({ value, isMade }: FedBatch): Batch {
    return isMade ? (value as Batch) : this.#makeBatch(value as Item[]);
  }

  #generators(): RandomGenerator[] {
    return findGenerators(this.#generator, this.#sampler, this.#batchSampler);
  }

  /** Where this loader is: in the middle of an epoch, while a loop is running; plain data, for a checkpoint. */
  stateDict(): LoaderState {
    return loaderState(this.#running, this.#generators(), this.#workers.randomStates);
  }

  /** The next iteration goes on where the state was saved: the same order, from the batch after the last one handed out. */
  loadStateDict(state: LoaderState): void {
    const read = readLoaderState(state, this.#generators().length);
    restoreGenerators(this.#generators(), read.generators);
    this.#resumed = read.running;
  }

  /** The item numbers of each batch. */
  *#order(): Iterable<ArrayLike<number>> {
    if (this.#batchSampler !== null) {
      for (const numbers of this.#batchSampler) yield checkNumbers(numbers);
      return;
    }
    const batchSize = this.batchSize!;
    if (this.#sampler !== null) {
      const batches = new BatchSampler(this.#sampler, batchSize, { dropLast: this.dropLast });
      for (const numbers of batches) yield checkNumbers(numbers);
      return;
    }
    const count = (this.dataset as Dataset<Item>).length;
    const order = this.shuffle ? randomOrder(count, this.#generator) : inOrder(count);
    for (let from = 0; from < count; from += batchSize) {
      if (this.dropLast && from + batchSize > count) return;
      yield order.subarray(from, from + batchSize);
    }
  }

  async *#group(dataset: IterableDataset<Item>): AsyncGenerator<Item[], void, void> {
    let items: Item[] = [];
    for await (const item of dataset) {
      items.push(item);
      if (items.length < this.batchSize!) continue;
      yield items;
      items = [];
    }
    if (items.length > 0 && !this.dropLast) yield items;
  }

  #makeBatch(items: Item[]): Batch {
    return asInput(() => this.#collate(items));
  }

  /** The entries of whole tensors, each in one native call. */
  #cut(whole: WholeTensors, numbers: ArrayLike<number>): Batch {
    return asInput(() => {
      const entries = new Int32Array(numbers);
      if (whole.entries !== null) {
        for (let k = 0; k < entries.length; k++) entries[k] = whole.entries[entries[k]!] ?? -1;
      }
      const { device } = whole.tensors[0]!;
      const index = tensor(entries, { dtype: "int64", device });
      const batch = whole.tensors.map((each) =>
        each.indexSelect(0, each.device === device ? index : index.to(each.device)),
      );
      index.dispose();
      return batch as Batch;
    });
  }
}

/** What a sampler of the user's gave, before a typed array would make numbers of anything. */
function checkNumbers(numbers: readonly number[]): readonly number[] {
  const given: unknown = numbers;
  if (!Array.isArray(given)) fail(op, `a batch sampler gives arrays of item numbers, not ${show(numbers)}`);
  for (const number of numbers) checkNumber(op, "an item number", number, { min: 0, integer: true });
  return numbers;
}

function atHand<Item>(item: Item | Promise<Item>): Item {
  if (item instanceof Promise) {
    item.catch(() => undefined); // the error below says what is wrong; this one would end the process
    fail(op, "the dataset gives promises, iterate with 'for await'");
  }
  return item;
}

function wholeTensors(dataset: unknown): WholeTensors | null {
  if (dataset instanceof TensorDataset) {
    const tensors = dataset.tensors as unknown;
    // A class made of TensorDataset that gives other items than its tensors is loaded item by item.
    const isPlain = dataset.get === TensorDataset.prototype.get && Array.isArray(tensors);
    return isPlain ? { tensors: tensors as Tensor[], entries: null } : null;
  }
  if (dataset instanceof Subset) {
    const whole = wholeTensors(dataset.dataset);
    if (whole === null) return null;
    const entries = Int32Array.from(dataset.indices, (index) => whole.entries?.[index] ?? index);
    return { tensors: whole.tensors, entries };
  }
  return null;
}
