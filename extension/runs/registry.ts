// Every run of the open folders, found by its folder on disk, kept up to date by its socket while it lives.
// Knows nothing of the editor: whoever watches files calls touch(), the rest is a slow poll of the live ones.

import type { BreakConditions } from "../../engine/breaks/conditions.js";
import type { Answer, Ask } from "../../engine/inspection.js";
import { isLive, type RunRecord } from "../../engine/protocol.js";
import { Emitter, type Disposable } from "../event.js";

export interface Run {
  /** Absolute path of the run's folder: what identifies a run across windows and reloads. */
  readonly folder: string;
  /** As last heard; its state is the effective one ("lost" when the process is gone without saying so). */
  readonly record: RunRecord;
}

export interface RunChange {
  kind: "added" | "changed" | "removed";
  run: Run;
  /** The record before; null when the run is new. */
  before: RunRecord | null;
}

export type ControlMethod = "pause" | "resume" | "stepBatch" | "stop" | "kill";

/** A live run's socket. */
export interface RunConnection {
  control(method: ControlMethod): Promise<RunRecord>;
  rename(name: string): Promise<RunRecord>;
  /** About a tensor that the process, stopped under a debugger, keeps by this number. */
  inspect(pin: number, ask: Ask): Promise<Answer>;
  /** Lets go of such tensors. */
  release(pins: number[]): Promise<void>;
  breakWhen(conditions: BreakConditions): Promise<void>;
  onChanged(listener: (record: RunRecord) => void): void;
  onFlushed(listener: () => void): void;
  onClosed(listener: () => void): void;
  dispose(): void;
}

/** What the registry needs from the run store and the monitor's client. */
export interface RunSource {
  /** Absolute folders of the runs below a workspace folder; empty when there are none. */
  list(root: string): Promise<string[]>;
  /** The record with its effective state; null when the folder holds none that can be read. */
  read(folder: string): Promise<RunRecord | null>;
  connect(record: RunRecord): Promise<RunConnection>;
  /** Ends the process of a live run without its help; false when there was none to end. */
  kill(record: RunRecord): Promise<boolean>;
  rename(folder: string, name: string): Promise<void>;
  remove(folder: string): Promise<void>;
}

interface Entry {
  run: Run;
  connection: RunConnection | null;
  connecting: Promise<RunConnection> | null;
  /** Not before this time (ms) is a failed connection tried again. */
  retryAt: number;
}

const retryMilliseconds = 3000;

export class RunRegistry {
  readonly #source: RunSource;
  readonly #entries = new Map<string, Entry>();
  readonly #changes = new Emitter<RunChange>();
  readonly #flushes = new Emitter<Run>();
  #roots: string[] = [];
  #scanning: Promise<void> | null = null;
  #disposed = false;

  readonly onDidChange: (listener: (change: RunChange) => void) => Disposable = this.#changes.on;
  /** New steps of a live run can be read from its event file. */
  readonly onDidFlush: (listener: (run: Run) => void) => Disposable = this.#flushes.on;

  constructor(source: RunSource) {
    this.#source = source;
  }

  /** Newest first. */
  all(): Run[] {
    return [...this.#entries.values()]
      .map((entry) => entry.run)
      .sort((a, b) => b.record.startTime - a.record.startTime || b.folder.localeCompare(a.folder));
  }

  get(folder: string): Run | undefined {
    return this.#entries.get(folder)?.run;
  }

  newestLive(): Run | undefined {
    return this.all().find((run) => isLive(run.record.state));
  }

  get roots(): readonly string[] {
    return this.#roots;
  }

  /** The folders whose `.descent/runs` are looked at. */
  async setRoots(roots: readonly string[]): Promise<void> {
    this.#roots = [...new Set(roots)];
    await this.scan();
  }

  /** Looks for new and vanished runs, and reads the live ones again. */
  async scan(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = null;
    });
    return this.#scanning;
  }

  async #scan(): Promise<void> {
    const found = new Set<string>();
    for (const root of this.#roots) {
      for (const folder of await this.#source.list(root)) found.add(folder);
    }
    for (const folder of [...this.#entries.keys()]) {
      if (!found.has(folder)) this.#forget(folder);
    }
    for (const folder of found) {
      const entry = this.#entries.get(folder);
      if (entry === undefined || (isLive(entry.run.record.state) && entry.connection === null)) {
        await this.touch(folder);
      }
    }
  }

  /** Reads one run again: its `run.json` appeared, changed or went. */
  async touch(folder: string): Promise<void> {
    const record = await this.#source.read(folder).catch(() => null);
    if (this.#disposed) return;
    if (record === null) this.#forget(folder);
    // What the socket of a live run says is newer than its file.
    else if (!this.#entries.get(folder)?.connection || !isLive(record.state)) this.#update(folder, record);
  }

  /** Asks a live run for something; its answer is taken over at once. Throws one sentence when it cannot be asked. */
  async control(run: Run, method: ControlMethod): Promise<void> {
    const connecting = this.#connection(run);
    try {
      this.#update(run.folder, await (await connecting).control(method));
    } catch (error) {
      const { record } = this.get(run.folder) ?? run;
      if (method !== "kill" || !(await this.#source.kill(record))) throw error;
      await this.touch(run.folder);
    }
  }

  /** The live run that a process is; null where it is none of the folders' looked at. */
  async ofProcess(pid: number, id: string): Promise<Run | null> {
    const find = (): Run | null =>
      this.all().find(({ record }) => record.pid === pid && record.id === id && isLive(record.state)) ?? null;
    const found = find();
    if (found) return found;
    await this.scan(); // its folder may be newer than the last look
    return find();
  }

  /** Asks a live run about a pinned tensor. Throws one sentence when it cannot be asked. */
  async inspect(run: Run, pin: number, ask: Ask): Promise<Answer> {
    return (await this.#connection(run)).inspect(pin, ask);
  }

  async release(run: Run, pins: number[]): Promise<void> {
    await (await this.#connection(run)).release(pins);
  }

  /** Tells a run under the debugger what to stop at. */
  async breakWhen(run: Run, conditions: BreakConditions): Promise<void> {
    await (await this.#connection(run)).breakWhen(conditions);
  }

  #connection(run: Run): Promise<RunConnection> {
    const entry = this.#entries.get(run.folder);
    if (entry === undefined || !isLive(entry.run.record.state))
      throw new Error(`'${run.record.name}' is not running any more.`);
    return this.#connect(entry);
  }

  /** Changes the name shown; the folder stays. */
  async rename(run: Run, name: string): Promise<void> {
    const connection = this.#entries.get(run.folder)?.connection;
    if (connection) {
      this.#update(run.folder, await connection.rename(name));
    } else {
      await this.#source.rename(run.folder, name);
      await this.touch(run.folder);
    }
  }

  /** Removes the folder of a run that has ended. */
  async remove(run: Run): Promise<void> {
    await this.touch(run.folder);
    const current = this.get(run.folder);
    if (current && isLive(current.record.state)) {
      throw new Error(`'${current.record.name}' is still running: stop it first, then delete it.`);
    }
    await this.#source.remove(run.folder);
    this.#forget(run.folder);
  }

  dispose(): void {
    this.#disposed = true;
    for (const entry of this.#entries.values()) entry.connection?.dispose();
    this.#entries.clear();
    this.#changes.dispose();
    this.#flushes.dispose();
  }

  #update(folder: string, record: RunRecord): void {
    if (this.#disposed) return;
    let entry = this.#entries.get(folder);
    const before = entry?.run.record ?? null;
    const run: Run = { folder, record };
    if (entry === undefined) {
      entry = { run, connection: null, connecting: null, retryAt: 0 };
      this.#entries.set(folder, entry);
    } else {
      entry.run = run;
    }
    if (before === null || JSON.stringify(before) !== JSON.stringify(record)) {
      this.#changes.fire({ kind: before === null ? "added" : "changed", run, before });
    }
    if (isLive(record.state)) {
      void this.#connect(entry).catch(() => undefined); // the poll goes on reading run.json
    } else if (entry.connection) {
      const connection = entry.connection;
      entry.connection = null;
      connection.dispose();
    }
  }

  async #connect(entry: Entry): Promise<RunConnection> {
    if (entry.connection) return entry.connection;
    const { record } = entry.run;
    if (record.socket === null) throw new Error(`'${record.name}' is not ready yet: try again in a moment.`);
    if (Date.now() < entry.retryAt)
      throw new Error(`'${record.name}' does not answer. 'Kill' ends its process.`);
    entry.connecting ??= this.#open(entry).finally(() => {
      entry.connecting = null;
    });
    return entry.connecting;
  }

  async #open(entry: Entry): Promise<RunConnection> {
    const { folder, record } = entry.run;
    let connection: RunConnection;
    try {
      connection = await this.#source.connect(record);
    } catch (error) {
      entry.retryAt = Date.now() + retryMilliseconds;
      throw error;
    }
    if (this.#disposed || this.#entries.get(folder) !== entry) {
      connection.dispose();
      throw new Error(`'${record.name}' is gone.`);
    }
    entry.connection = connection;
    connection.onChanged((changed) => {
      this.#update(folder, changed);
    });
    connection.onFlushed(() => {
      this.#flushes.fire(entry.run);
    });
    connection.onClosed(() => {
      if (entry.connection !== connection) return;
      entry.connection = null;
      void this.touch(folder); // run.json says the rest
    });
    return connection;
  }

  #forget(folder: string): void {
    const entry = this.#entries.get(folder);
    if (!entry) return;
    this.#entries.delete(folder);
    entry.connection?.dispose();
    this.#changes.fire({ kind: "removed", run: entry.run, before: entry.run.record });
  }
}
