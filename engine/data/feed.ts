// One epoch loaded by workers: which worker loads what, how far ahead, and the batches in their order.

import { fail } from "../errors.js";
import { isReady, makeReady, unpack } from "./parcel.js";
import type { Loaded, WorkerPool } from "./workerPool.js";

export interface FeedOptions {
  /** The item numbers of each batch; null for a stream, of which each worker has its own copy. */
  order: Iterator<ArrayLike<number>> | null;
  numWorkers: number;
  prefetchFactor: number;
  /** Batches of this epoch that were handed out before. */
  position: number;
}

export interface FedBatch {
  value: unknown;
  /** Else the value is the items, to be made into a batch. */
  isMade: boolean;
  samples: number;
}

interface Task {
  number: number;
  worker: number;
}

/**
 * Batches go to the workers in turn, so that which worker loads a batch depends on its number alone. Ahead of the one
 * that was handed out last there are never more than prefetchFactor times the number of workers.
 */
export class Feed {
  readonly #pool: WorkerPool;
  readonly #order: FeedOptions["order"];
  readonly #tasks: Task[] = [];
  readonly #isDone: boolean[];
  /** The random state of each worker after its last batch that was handed out. */
  readonly randomStates: (Uint8Array | null)[];
  #next: number;

  constructor(pool: WorkerPool, options: FeedOptions, randomStates: readonly (Uint8Array | null)[]) {
    this.#pool = pool;
    this.#order = options.order;
    this.#isDone = new Array<boolean>(options.numWorkers).fill(false);
    this.randomStates = Array.from(this.#isDone, (_, worker) => randomStates[worker] ?? null);
    this.#next = options.position % options.numWorkers;
    for (let ahead = options.prefetchFactor * options.numWorkers; ahead > 0; ahead--) this.#put();
  }

  /** Gives the next worker the next batch to load; nothing where none is left. */
  #put(): void {
    const workers = this.#isDone.length;
    for (let tried = 0; tried < workers; tried++) {
      const worker = this.#next;
      this.#next = (worker + 1) % workers;
      if (this.#isDone[worker] === true) continue;
      const task = { number: this.#pool.newTask(), worker };
      if (this.#order === null) {
        this.#pool.post(worker, { type: "next", task: task.number });
      } else {
        const next = this.#order.next();
        if (next.done === true) return;
        this.#pool.post(worker, { type: "load", task: task.number, entries: Array.from(next.value) });
      }
      this.#tasks.push(task);
      return;
    }
  }

  /** The next batch; null at the end of the epoch. */
  async next(): Promise<FedBatch | null> {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      const loaded = this.#settle(task, await this.#pool.take(task.number));
      if (loaded === null) continue;
      if (!isReady(loaded.parcel)) await makeReady(loaded.parcel);
      return fedBatch(loaded);
    }
    return null;
  }

  /** The same without returning to the event loop. */
  nextSync(): FedBatch | null {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      const loaded = this.#settle(task, this.#pool.takeSync(task.number));
      if (loaded === null) continue;
      if (!isReady(loaded.parcel)) {
        fail(
          "DataLoader",
          "the items are instances of classes that are not loaded here, iterate with 'for await'",
        );
      }
      return fedBatch(loaded);
    }
    return null;
  }

  #settle({ worker }: Task, loaded: Loaded): (Loaded & { type: "batch" }) | null {
    if (loaded.type === "done") this.#isDone[worker] = true;
    else this.randomStates[worker] = loaded.random;
    this.#put();
    return loaded.type === "done" ? null : loaded;
  }
}

function fedBatch({ parcel, isMade, samples }: Loaded & { type: "batch" }): FedBatch {
  return { value: unpack(parcel), isMade, samples };
}
