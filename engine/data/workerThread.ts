// The worker's side of a DataLoader: rebuilds the dataset, loads what it is told to in that order, and hands it over.

import { isMainThread, workerData } from "node:worker_threads";
import { native } from "../native.js";
import { memoryCategories } from "../protocol.js";
import { defaultCollate } from "./collate.js";
import type { Dataset, IterableDataset } from "./dataset.js";
import { CannotSend, importPlace, makeReady, pack, unpack } from "./parcel.js";
import { Locator, type Place } from "./place.js";
import { describeError, jobKey, type FromWorker, type Job, type ToWorker } from "./workerMessages.js";

/** What `getWorkerInfo()` tells inside a worker. */
export interface WorkerInfo {
  /** From 0. */
  readonly id: number;
  readonly numWorkers: number;
  /** The seed of this worker's random numbers. */
  readonly seed: bigint;
  /** This worker's own copy. */
  readonly dataset: unknown;
}

let info: WorkerInfo | null = null;
let isImporting = false;

/** Inside a worker of a DataLoader: which one it is, so that an IterableDataset can give its part. Null elsewhere. */
export function getWorkerInfo(): WorkerInfo | null {
  return info;
}

const ownJob = (): Job | undefined =>
  isMainThread ? undefined : ((workerData as Record<string, unknown> | null)?.[jobKey] as Job | undefined);

/** A loader made inside a worker loads on its own thread; one made while the dataset is imported means that the script is. */
export function isInsideWorker(): boolean {
  if (isImporting) {
    const advice = "move the dataset to a module that does not import the script that trains";
    throw new CannotSend("importing its module makes another DataLoader", advice);
  }
  return ownJob() !== undefined;
}

/** Called when the engine is loaded: in a thread that a DataLoader started, its work begins. */
export function serveIfWorker(): void {
  const job = ownJob();
  if (job === undefined) return;
  native.becomeWorker(job.seed);
  const post = (message: FromWorker): void => {
    job.port.postMessage(message);
    Atomics.add(job.signal, 0, 1);
    Atomics.notify(job.signal, 0);
  };
  process.on("uncaughtExceptionMonitor", (error: unknown) => {
    post({ type: "lost", failure: describeError(error) });
  });
  process.on("exit", () => {
    post({ type: "lost", failure: null });
  });
  // One after the other, in the order of the messages; the first waits until the dataset is there.
  let last = begin(job, post);
  job.port.on("message", (message: ToWorker) => {
    last = last.then(async (worker) => {
      if (worker !== null) await worker(message);
      return worker;
    });
  });
}

type Work = (message: ToWorker) => Promise<void>;

async function begin(job: Job, post: (message: FromWorker) => void): Promise<Work | null> {
  let dataset: unknown;
  let collate: ((items: unknown[]) => unknown) | null = null;
  let initialize: ((worker: number) => unknown) | null = null;
  try {
    isImporting = true;
    await makeReady(job.dataset);
    if (job.collate === "default") collate = defaultCollate;
    else if (job.collate !== null) collate = (await importCollate(job.collate)) as typeof collate;
    if (job.initialize !== null)
      initialize = (await importPlace(job.initialize)) as (worker: number) => unknown;
    dataset = unpack(job.dataset);
  } catch (error) {
    const isOurs = error instanceof CannotSend;
    post({
      type: "unusable",
      what: isOurs ? error.what : `its module cannot be imported: ${describeError(error).message}`,
      advice: isOurs ? error.advice : "make it a module that can be imported by itself",
    });
    return null;
  } finally {
    isImporting = false;
  }
  info = Object.freeze({ id: job.id, numWorkers: job.numWorkers, seed: job.seed, dataset });
  post({ type: "ready" });
  let failedAtStart: Error | null = null;
  try {
    await initialize?.(job.id);
  } catch (error) {
    failedAtStart = error instanceof Error ? error : new Error(String(error));
  }
  if (job.random !== null) native.setRandomState(job.random);
  const load = job.isIterable
    ? streamLoader(dataset as IterableDataset, job)
    : itemLoader(dataset as Dataset);
  return async (message) => {
    if (message.type === "restart") return load.restart();
    const { task } = message;
    let doing = "workerInitFn";
    try {
      if (failedAtStart !== null) throw failedAtStart;
      doing = "load a batch";
      const items = await load.items(message, (what) => {
        doing = what;
      });
      if (items === null) {
        post({ type: "done", task });
        return;
      }
      doing = "make a batch";
      const batch = collate === null ? items : asInput(() => collate(items));
      const parcel = packBatch(batch, job.group);
      const random = native.getRandomState();
      post({ type: "batch", task, parcel, isMade: collate !== null, samples: items.length, random });
    } catch (error) {
      post({ type: "error", task, doing, failure: describeError(error) });
    }
  };
}

/** Null where its module does not export it: the loader makes the batches then. */
async function importCollate(place: Place): Promise<unknown> {
  try {
    return await importPlace(place);
  } catch (error) {
    if (error instanceof CannotSend) return null;
    throw error;
  }
}

interface Loader {
  /** The items of the next batch; null at the end of a stream. */
  items(message: ToWorker, doing: (what: string) => void): Promise<unknown[] | null>;
  restart(): Promise<void>;
}

function itemLoader(dataset: Dataset): Loader {
  return {
    items: (message, doing) => {
      const { entries } = message as ToWorker & { type: "load" };
      return Promise.all(
        Array.from(entries, async (entry) => {
          try {
            return await dataset.get(entry);
          } catch (error) {
            doing(`load item ${entry}`);
            throw error;
          }
        }),
      );
    },
    restart: () => Promise.resolve(),
  };
}

function streamLoader(dataset: IterableDataset, { batchSize, dropLast }: Job): Loader {
  let iterator: AsyncIterator<unknown> | null = null;
  let isDone = false;
  return {
    async items() {
      iterator ??= dataset[Symbol.asyncIterator]();
      const items: unknown[] = [];
      while (!isDone && items.length < batchSize) {
        const next = await iterator.next();
        if (next.done === true) isDone = true;
        else items.push(next.value);
      }
      return items.length === 0 || (items.length < batchSize && dropLast) ? null : items;
    },
    async restart() {
      if (iterator !== null && !isDone) await iterator.return?.();
      iterator = null;
      isDone = false;
    },
  };
}

function packBatch(batch: unknown, group: number): ReturnType<typeof pack> {
  const locator = new Locator();
  try {
    return pack(batch, "the batch", group, locator);
  } finally {
    locator.close();
  }
}

const inputCategory = memoryCategories.indexOf("input");

/** Runs `make` so that the memory it takes is counted as input. */
export function asInput<T>(make: () => T): T {
  const before = native.setCategory(inputCategory);
  try {
    return make();
  } finally {
    native.setCategory(before);
  }
}
