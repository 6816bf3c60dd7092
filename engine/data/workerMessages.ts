// What a DataLoader and its worker threads say to each other.

import type { MessagePort } from "node:worker_threads";
import type { Parcel } from "./parcel.js";
import type { Place } from "./place.js";

/** What a worker is started with, under this key of its workerData. */
export const jobKey = "descent data worker";

export interface Job {
  id: number;
  numWorkers: number;
  port: MessagePort;
  /** Element 0 counts what the workers have posted: a loader that may not return to its event loop waits on it. */
  signal: Int32Array;
  /** Names the tensors on their way to this worker, and from it. */
  group: number;
  dataset: Parcel;
  isIterable: boolean;
  batchSize: number;
  dropLast: boolean;
  /** Makes batches in the worker; null: the items travel, and the loader makes the batch. */
  collate: "default" | Place | null;
  initialize: Place | null;
  seed: bigint;
  /** The random state to go on from; null: the seed's own. */
  random: Uint8Array | null;
}

export type ToWorker =
  | { type: "load"; task: number; entries: ArrayLike<number> }
  | { type: "next"; task: number }
  /** A new epoch of a stream: iterate it from the start. */
  | { type: "restart" };

export interface Failure {
  name: string;
  message: string;
  stack: string;
  code: string | null;
  op: string | null;
  facts: Record<string, string> | null;
}

export type FromWorker =
  | { type: "ready" }
  /** The dataset cannot be built here. */
  | { type: "unusable"; what: string; advice: string }
  /** `isMade`: a batch; otherwise the items of one. */
  | { type: "batch"; task: number; parcel: Parcel; isMade: boolean; samples: number; random: Uint8Array }
  /** The stream of this worker has ended. */
  | { type: "done"; task: number }
  | { type: "error"; task: number; doing: string; failure: Failure }
  /** The thread ends by itself. */
  | { type: "lost"; failure: Failure | null };

export function describeError(error: unknown): Failure {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: "", code: null, op: null, facts: null };
  }
  const { code, op, facts } = error as { code?: unknown; op?: unknown; facts?: unknown };
  return {
    name: error.name,
    message: error.message,
    stack: error.stack ?? "",
    code: typeof code === "string" ? code : null,
    op: typeof op === "string" ? op : null,
    facts: typeof facts === "object" ? (facts as Record<string, string> | null) : null,
  };
}
