// Which runs were started from this window: a start is written down, and the run that then appears is matched to it.

import { realpathSync } from "node:fs";
import type { Run } from "../runs/registry.js";

interface Start {
  script: string;
  /** Milliseconds since 1970; the run began after it. */
  time: number;
}

/** Clocks of files and processes may differ by a little. */
const slack = 1500;
/** A start whose run has not appeared by then never had one. */
const patience = 2 * 60_000;

export class ExpectedRuns {
  #starts: Start[] = [];
  readonly #started: Set<string>;
  readonly #keep: (folders: string[]) => void;
  readonly #now: () => number;

  /** `started` are the folders known from before a reload; `keep` is told whenever they change. */
  constructor(started: readonly string[], keep: (folders: string[]) => void, now: () => number = Date.now) {
    this.#started = new Set(started);
    this.#keep = keep;
    this.#now = now;
  }

  expect(script: string): void {
    const time = this.#now();
    this.#starts = this.#starts.filter((start) => time - start.time < patience);
    this.#starts.push({ script, time });
  }

  /** True once, for the run that a start waited for. */
  claim(run: Run): boolean {
    if (this.#started.has(run.folder)) return false;
    const index = this.#starts.findIndex(
      (start) => samePath(start.script, run.record.script) && run.record.startTime >= start.time - slack,
    );
    if (index < 0) return false;
    this.#starts.splice(index, 1);
    this.#started.add(run.folder);
    this.#keep([...this.#started].slice(-100));
    return true;
  }

  /** Whether the run was started from this window, also before a reload. */
  has(run: Run): boolean {
    return this.#started.has(run.folder);
  }
}

/** Whether two paths name one file, whatever links and letter case they are written with. */
export function samePath(a: string, b: string): boolean {
  return a === b || canonical(a) === canonical(b);
}

function canonical(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
