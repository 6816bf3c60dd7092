// The loader's side of its worker threads: starts them, gives them batches to load, takes what they loaded, ends them.

import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import { DescentError } from "../errors.js";
import { zeros } from "../generated/ops.js";
import { native } from "../native.js";
import { discard, pack } from "./parcel.js";
import { Locator } from "./place.js";
import { jobKey, type Failure, type FromWorker, type Job, type ToWorker } from "./workerMessages.js";

const op = "DataLoader";

export interface PoolOptions {
  dataset: unknown;
  numWorkers: number;
  isIterable: boolean;
  batchSize: number;
  dropLast: boolean;
  collate: Job["collate"];
  initialize: Job["initialize"];
  seed: bigint;
  /** Random states to go on from, by worker. */
  random: readonly (Uint8Array | null)[];
  /** Milliseconds that a batch may take; 0: any. */
  timeout: number;
}

interface Member {
  worker: Worker;
  port: MessagePort;
  group: number;
}

export type Loaded = FromWorker & { type: "batch" | "done" };

/** Why the workers cannot be used, which is no error: the loader loads by itself then. */
export interface Unusable {
  what: string;
  advice: string;
}

let groups = 0;

export class WorkerPool {
  readonly #members: Member[] = [];
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  readonly #timeout: number;
  readonly #arrived = new Map<number, FromWorker & { task: number }>();
  #nextTask = 0;
  /** Tasks before this one are of an epoch that is over. */
  #firstTask = 0;
  #readyCount = 0;
  #unusable: Unusable | null = null;
  #lost: Error | null = null;
  #wake: (() => void) | null = null;
  #isClosed = false;

  /** @throws CannotSend where the dataset cannot go to another thread. */
  constructor(options: PoolOptions) {
    this.#timeout = options.timeout;
    const locator = new Locator();
    try {
      for (let id = 0; id < options.numWorkers; id++) this.#members.push(this.#start(id, options, locator));
    } catch (error) {
      void this.close();
      throw error;
    } finally {
      locator.close();
    }
  }

  #start(id: number, options: PoolOptions, locator: Locator): Member {
    const group = ++groups;
    const { port1, port2 } = new MessageChannel();
    let worker: Worker;
    try {
      const { dataset, random, timeout: _, seed, ...rest } = options;
      const parcel = pack(dataset, "the dataset", group, locator);
      const shared = { ...rest, id, group, port: port2, signal: this.#signal, dataset: parcel };
      const job: Job = { ...shared, seed: BigInt.asUintN(64, seed + BigInt(id)), random: random[id] ?? null };
      worker = new Worker(new URL(import.meta.url), {
        name: `descent data ${id}`,
        workerData: { [jobKey]: job },
        transferList: [port2],
        ...workerFlags(),
      });
    } catch (error) {
      port1.close();
      native.dropShared(group);
      throw error;
    }
    worker.unref();
    worker.on("error", (error) => {
      this.#lose(id, error);
    });
    worker.on("exit", () => {
      this.#lose(id, null);
      native.dropShared(group); // what it had handed over when it was ended
    });
    port1.on("message", (message: FromWorker) => {
      this.#take(id, message);
    });
    port1.unref();
    return { worker, port: port1, group };
  }

  /** A worker has ended by itself. */
  get isBroken(): boolean {
    return this.#lost !== null;
  }

  /** Every worker begins its stream again. */
  restart(): void {
    for (const { port } of this.#members) port.postMessage({ type: "restart" } satisfies ToWorker);
  }

  /** Gives worker `id` something to do. */
  post(id: number, message: ToWorker): void {
    this.#members[id]!.port.postMessage(message);
  }

  /** Null when every worker has the dataset. */
  async started(): Promise<Unusable | null> {
    await this.#until(() => this.#hasStarted(), "to start");
    return this.#unusable;
  }

  startedSync(): Unusable | null {
    this.#untilSync(() => this.#hasStarted(), "to start");
    return this.#unusable;
  }

  #hasStarted(): boolean {
    return this.#unusable !== null || this.#readyCount === this.#members.length;
  }

  async take(task: number): Promise<Loaded> {
    await this.#until(() => this.#arrived.has(task), "for a batch");
    return this.#claim(task);
  }

  /** The same without returning to the event loop. */
  takeSync(task: number): Loaded {
    this.#untilSync(() => this.#arrived.has(task), "for a batch");
    return this.#claim(task);
  }

  #claim(task: number): Loaded {
    const message = this.#arrived.get(task)!;
    this.#arrived.delete(task);
    if (message.type === "error") throw workerError(message.doing, message.failure);
    return message as Loaded;
  }

  /** A number for the next task. */
  newTask(): number {
    return this.#nextTask++;
  }

  /** Lets go of what is loaded, and of what is still on its way: an epoch has ended. */
  forget(): void {
    for (const message of this.#arrived.values()) if (message.type === "batch") discard(message.parcel);
    this.#arrived.clear();
    this.#firstTask = this.#nextTask;
  }

  #take(id: number, message: FromWorker): void {
    if (message.type === "ready") this.#readyCount += 1;
    else if (message.type === "unusable") this.#unusable ??= message;
    else if (message.type === "lost") this.#lose(id, message.failure);
    else if (message.task >= this.#firstTask) this.#arrived.set(message.task, message);
    else if (message.type === "batch") discard(message.parcel);
    this.#wake?.();
  }

  #lose(id: number, reason: Failure | Error | null): void {
    if (this.#isClosed) return;
    if (this.#lost === null || (reason !== null && this.#lost.cause === undefined)) {
      const failure = reason === null ? null : { code: null, op: null, facts: null, ...describe(reason) };
      this.#lost = lostError(id, failure);
    }
    this.#wake?.();
  }

  async #until(isThere: () => boolean, what: string): Promise<void> {
    if (isThere()) return;
    for (const { port } of this.#members) port.ref(); // the process waits for us
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#wake = () => {
          if (isThere()) resolve();
          else if (this.#lost !== null) reject(this.#lost);
          else if (this.#isClosed) resolve();
        };
        if (this.#timeout > 0) {
          timer = setTimeout(() => {
            reject(timeoutError(this.#timeout, what));
          }, this.#timeout);
        }
        this.#wake();
      });
    } finally {
      clearTimeout(timer);
      this.#wake = null;
      for (const { port } of this.#members) port.unref();
    }
  }

  #untilSync(isThere: () => boolean, what: string): void {
    const deadline = this.#timeout > 0 ? performance.now() + this.#timeout : Infinity;
    while (true) {
      const seen = Atomics.load(this.#signal, 0);
      for (const [id, { port }] of this.#members.entries()) {
        for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
          this.#take(id, next.message as FromWorker);
        }
      }
      if (isThere()) return;
      if (this.#lost !== null) throw this.#lost;
      if (performance.now() > deadline) throw timeoutError(this.#timeout, what);
      Atomics.wait(this.#signal, 0, seen, 100);
      zeros([0]).dispose(); // an op throws when the run was asked to stop
    }
  }

  /** Ends the threads at once, whatever they do; tensors on their way are let go. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.forget();
    this.#wake?.();
    const members = this.#members.splice(0);
    for (const { port } of members) port.close();
    await Promise.all(members.map(({ worker }) => worker.terminate()));
    for (const { group } of members) native.dropShared(group);
  }
}

/** Threads get the flags of the process; but one that says what a script given as text is stops a file from being run. */
function workerFlags(): { execArgv?: string[] } {
  const flags = process.execArgv;
  if (!flags.some((flag) => flag.startsWith("--input-type"))) return {};
  const isKept = (flag: string): boolean =>
    /^(--import|--require|-r|--(experimental-)?loader|--conditions|-C)\b/.test(flag);
  const execArgv = flags.flatMap((flag, k) => {
    if (!isKept(flag)) return [];
    return flag.includes("=") ? [flag] : [flag, flags[k + 1] ?? ""];
  });
  return { execArgv };
}

function describe({ name, message, stack }: Failure | Error): Pick<Failure, "name" | "message" | "stack"> {
  return { name, message, stack: stack ?? "" };
}

/** The error as the worker had it, in the place where the loop waits for its batch; its stack begins in the worker. */
function workerError(doing: string, failure: Failure): DescentError {
  const sentence =
    doing === "workerInitFn" ? "workerInitFn failed in a worker" : `a worker could not ${doing}`;
  return asError(`${sentence}: ${failure.message.replace(/^DataLoader: /, "")}`, failure);
}

function lostError(id: number, failure: Failure | null): DescentError {
  if (failure !== null) return asError(`worker ${id} failed: ${failure.message}`, failure);
  return new DescentError("worker", op, `${op}: worker ${id} ended before its work was done`);
}

function asError(sentence: string, failure: Failure): DescentError {
  const error = new DescentError(
    failure.code !== null && failure.op !== null ? failure.code : "worker",
    op,
    `${op}: ${sentence}`,
    failure.facts ?? {},
  );
  const cause = new Error(failure.message);
  cause.name = failure.name;
  cause.stack = failure.stack;
  error.cause = cause;
  const frames = failure.stack.split("\n").filter((line) => /^\s+at /.test(line));
  const here = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  error.stack = [
    `${error.name}: ${error.message}`,
    ...frames,
    "    in a worker, for the loop that waited here:",
    ...here,
  ].join("\n");
  return error;
}

function timeoutError(milliseconds: number, what: string): DescentError {
  return new DescentError(
    "worker",
    op,
    `${op}: waited ${milliseconds / 1000} s ${what}, which is the timeout`,
  );
}
