// Whether a DataLoader's workers can be used, and their lives: for one epoch, or until the loader is gone.

import { Feed } from "./feed.js";
import type { Epoch } from "./loaderState.js";
import { CannotSend, placeOf } from "./parcel.js";
import { Locator } from "./place.js";
import { isInsideWorker } from "./workerThread.js";
import { WorkerPool, type PoolOptions, type Unusable } from "./workerPool.js";
import type { Job } from "./workerMessages.js";

export interface WorkersOptions extends Pick<
  PoolOptions,
  "dataset" | "numWorkers" | "isIterable" | "batchSize" | "dropLast" | "timeout"
> {
  prefetchFactor: number;
  persistent: boolean;
  collateFn: ((items: never[]) => unknown) | null;
  workerInitFn: ((worker: number) => unknown) | null;
}

const warned = new Set<string>();
/** Ends the threads of loaders that nobody holds any more. */
const abandoned = new FinalizationRegistry<{ pool: WorkerPool | null }>((kept) => void kept.pool?.close());

export class Workers {
  readonly #options: WorkersOptions;
  /** Threads that wait for the next epoch. */
  readonly #kept: { pool: WorkerPool | null } = { pool: null };
  readonly #pools = new Map<Feed, WorkerPool>();
  #isUsable: boolean;
  #randomStates: readonly (Uint8Array | null)[] = [];
  #feed: Feed | null = null;

  constructor(owner: object, options: WorkersOptions) {
    this.#options = options;
    this.#isUsable = !isInsideWorker() && options.numWorkers > 0;
    if (options.persistent && this.#isUsable) abandoned.register(owner, this.#kept);
  }

  /** Of each worker after its last batch that was handed out; for a saved state. */
  get randomStates(): readonly (Uint8Array | null)[] {
    return this.#feed?.randomStates ?? this.#randomStates;
  }

  /** Null where the loader is to load by itself. */
  async feed(epoch: Epoch): Promise<Feed | null> {
    const pool = this.#open(epoch);
    if (pool === null) return null;
    try {
      return this.#begin(pool, epoch, await pool.started());
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  feedSync(epoch: Epoch): Feed | null {
    const pool = this.#open(epoch);
    if (pool === null) return null;
    try {
      return this.#begin(pool, epoch, pool.startedSync());
    } catch (error) {
      void pool.close();
      throw error;
    }
  }

  #open(epoch: Epoch): WorkerPool | null {
    if (!this.#isUsable) return null;
    const { pool } = this.#kept;
    this.#kept.pool = null;
    if (pool !== null && !pool.isBroken) {
      if (this.#options.isIterable) pool.restart();
      return pool;
    }
    const locator = new Locator();
    try {
      const { collateFn, workerInitFn, prefetchFactor: _, persistent: __, ...options } = this.#options;
      return new WorkerPool({
        ...options,
        collate: collateFn === null ? "default" : placeOrNull(collateFn, locator),
        initialize: workerInitFn === null ? null : placeOf(workerInitFn, "workerInitFn", locator),
        seed: epoch.seed,
        // A stream is iterated again from its start, so its random numbers begin there too.
        random: this.#options.isIterable ? [] : epoch.workerStates,
      });
    } catch (error) {
      if (!(error instanceof CannotSend)) throw error;
      this.#giveUp(error);
      return null;
    } finally {
      locator.close();
    }
  }

  #begin(pool: WorkerPool, epoch: Epoch, unusable: Unusable | null): Feed | null {
    if (unusable !== null) {
      this.#giveUp(unusable);
      void pool.close();
      return null;
    }
    const { numWorkers, prefetchFactor } = this.#options;
    const options = { order: epoch.order, numWorkers, prefetchFactor, position: epoch.index };
    const before = epoch.workerStates.length > 0 ? epoch.workerStates : this.#randomStates;
    const feed = new Feed(pool, options, before);
    this.#pools.set(feed, pool);
    this.#feed = feed;
    return feed;
  }

  #giveUp({ what, advice }: Unusable): void {
    this.#isUsable = false;
    const sentence = `DataLoader: ${what}; ${advice}. Until then its batches are loaded on the main thread.`;
    if (warned.has(sentence)) return;
    warned.add(sentence);
    process.emitWarning(sentence, "DescentWarning");
  }

  /** The epoch is over, whether all of it was used or not. */
  async endFeed(feed: Feed | null): Promise<void> {
    const pool = feed === null ? undefined : this.#pools.get(feed);
    if (feed === null || pool === undefined) return;
    this.#pools.delete(feed);
    if (this.#feed === feed) this.#feed = null;
    if (this.#options.persistent && this.#kept.pool === null && !pool.isBroken) {
      pool.forget();
      this.#kept.pool = pool;
      this.#randomStates = feed.randomStates;
      return;
    }
    await pool.close();
  }
}

function placeOrNull(collateFn: (items: never[]) => unknown, locator: Locator): Job["collate"] {
  try {
    return placeOf(collateFn, "collateFn", locator);
  } catch (error) {
    if (error instanceof CannotSend) return null; // the loader makes the batches of the items
    throw error;
  }
}
