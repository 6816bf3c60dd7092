// Run records for tests: a plausible one, changed where a test says.

import type { RunProgress, RunRecord } from "../../engine/protocol.js";

export function progress(changes: Partial<RunProgress> = {}): RunProgress {
  return {
    step: 0,
    epoch: 0,
    epochs: null,
    batch: 0,
    batches: null,
    loss: null,
    secondsLeft: null,
    ...changes,
  };
}

export function record(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    version: 1,
    id: "run-1",
    name: "train.ts",
    script: "/project/train.ts",
    args: [],
    cwd: "/project",
    state: "running",
    startTime: 1_000_000,
    endTime: null,
    pid: 4242,
    pidStart: null,
    exitCode: null,
    error: null,
    note: null,
    progress: progress(),
    config: {},
    summary: {},
    device: "cpu",
    deviceDescription: null,
    socket: "/tmp/socket",
    token: "token",
    nodeVersion: "v20.20.0",
    descentVersion: "0.1.0",
    findings: [],
    ...changes,
  };
}

/** Resolves once `look` gives something; looks again whenever the event loop turns. */
export async function until<T>(look: () => T | undefined | null | false, what = "the state"): Promise<T> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
