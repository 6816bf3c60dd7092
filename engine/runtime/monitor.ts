// The monitor worker: writes what the main thread recorded, answers clients, and sees to it that stop means stop.
// It goes on while the main thread is at a breakpoint or deep in a loop: whatever it needs is in shared memory.

import { parentPort, workerData } from "node:worker_threads";
import { writeSync } from "node:fs";
import { readBreakConditions } from "../breaks/conditions.js";
import { isLive, type RunRecord, type RunState } from "../protocol.js";
import { jsonNumber, writeRecord } from "../store/record.js";
import { checkedName } from "../store/runs.js";
import { Answers } from "../inspect/answers.js";
import { Estimate } from "./estimate.js";
import type { BreaksChanged, FromMonitor, MonitorData, Nudge, Outcome } from "./messages.js";
import { RunWriter } from "./runWriter.js";
import { MonitorServer } from "./server.js";
import { control } from "./shared.js";
import { watchSignals, type WatchedSignal } from "./signals.js";

const { memory, port, folder, record } = workerData as MonitorData;
const flags = memory.control;
const main = parentPort!;

const tickMilliseconds = 50;
const recordMilliseconds = 1000;
/** After a request to stop: to the next step or op; then for process.exit to act; and for `finally` blocks to run. */
const grace = { reach: 600, exit: 200, finallyBlocks: 10_000 };
/** A terminal may deliver one Ctrl+C twice, through the process group and through a parent that passes it on. */
const sameSignalMilliseconds = 300;

let recordDirty = true;
let recordWritten = 0;
let changed = false;
let flushedStep = 0;
let outcome: Outcome | null = null;
let ended = false;
let lastSignal = -Infinity;
let waitingSince: number | null = null;
const estimate = new Estimate();
const answers = new Answers();

const writer = new RunWriter(folder, memory, port, {
  step(step, epoch, batch, batches, loss, wall) {
    const { progress } = record;
    Object.assign(progress, { step, epoch, batch, batches });
    if (loss !== null) progress.loss = jsonNumber(loss);
    progress.secondsLeft = estimate.secondsLeft(wall, progress);
    flushedStep = step;
    if (record.state === "starting") setState("running");
    touch();
  },
  config(values) {
    Object.assign(record.config, values);
    const { epochs } = values;
    if (typeof epochs === "number" && epochs > 0) record.progress.epochs = epochs;
    touch();
  },
  summary(values) {
    Object.assign(record.summary, values);
    touch();
  },
  note(note) {
    record.note = note;
    touch();
  },
  device(name, description) {
    record.device = name;
    record.deviceDescription = description;
    touch();
  },
  addon(file) {
    answers.open(file);
  },
  end(value) {
    outcome = value;
  },
});

const server = new MonitorServer(
  () => record,
  {
    pause: () => {
      Atomics.store(flags, control.allowance, 0);
      Atomics.store(flags, control.pause, 1);
      return settled(() => record.state === "paused" || !isLive(record.state));
    },
    resume: () => {
      Atomics.store(flags, control.pause, 0);
      Atomics.store(flags, control.allowance, 0);
      wakeMain();
      return settled(() => record.state !== "paused");
    },
    stepBatch: () => {
      const before = record.progress.step;
      if (Atomics.load(flags, control.waiting) === 1) Atomics.add(flags, control.allowance, 1);
      Atomics.store(flags, control.pause, 1);
      wakeMain();
      return settled(
        () => (record.state === "paused" && record.progress.step > before) || !isLive(record.state),
      );
    },
    stop: () => {
      requestStop(130);
      return structuredClone(record); // as it is now: the run may have ended before the answer is written
    },
    kill: () => {
      setTimeout(() => {
        endProcess("Ended at once by request: `finally` blocks did not run.", 137);
      }, 10); // the answer goes out first
      return record;
    },
    rename: ({ name }) => {
      if (typeof name !== "string") throw new Error("A run's name is a text.");
      record.name = checkedName(name);
      touch();
      saveRecord();
      return record;
    },
    breakWhen: ({ breakWhen }) => {
      port.postMessage({ type: "breaks", breakWhen: readBreakConditions(breakWhen) } satisfies BreaksChanged);
      Atomics.store(flags, control.breaks, 1);
      return {};
    },
    inspect: ({ pin, ask }, guest) => {
      tick(); // the engine may have been loaded since the last one
      return answers.answer(pin, ask, guest);
    },
    release: ({ pins }) => {
      answers.release(pins);
      return {};
    },
  },
  (guest) => {
    answers.guestLeft(guest);
  },
);

/** Resolves with the record once `condition` holds, or after half a second: a long step is no reason not to answer. */
async function settled(condition: () => boolean): Promise<RunRecord> {
  const deadline = performance.now() + 500;
  while (performance.now() < deadline) {
    tick();
    if (condition()) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return record;
}

function setState(state: RunState): void {
  if (record.state === state) return;
  record.state = state;
  touch();
  recordWritten = 0; // at the next tick, not within a second
}

function touch(): void {
  recordDirty = changed = true;
}

function saveRecord(): void {
  recordDirty = false;
  recordWritten = performance.now();
  try {
    writeRecord(folder, record);
  } catch {
    recordDirty = true; // a full disk, or the folder was deleted under us: the next round tries again
  }
}

function wakeMain(): void {
  Atomics.add(flags, control.wake, 1);
  Atomics.notify(flags, control.wake);
}

function tick(): void {
  if (ended) return;
  Atomics.add(flags, control.heartbeat, 1);
  excludePause(); // before the steps made while paused are looked at: they estimate the time left
  const waiting = Atomics.load(flags, control.waiting) === 1; // asked before the flush: who waits has recorded its step
  const grew = writer.flush();
  if (outcome !== null) {
    void finish(outcome);
    return;
  }
  if (waiting && record.state === "running") {
    waitingSince = Date.now();
    setState("paused");
  } else if (!waiting && record.state === "paused") {
    setState("running");
  }
  if (!waiting) {
    excludePause();
    waitingSince = null;
  }
  if (recordDirty && performance.now() - recordWritten >= recordMilliseconds) saveRecord();
  if (grew && server.isWatched) void server.send("flushed", { bytes: writer.bytes, step: flushedStep });
  if (changed) {
    changed = false;
    if (server.isWatched) void server.send("changed", record);
  }
}

/** Time spent waiting does not count as training, also where single steps were made in between. */
function excludePause(): void {
  if (waitingSince === null) return;
  const now = Date.now();
  estimate.exclude((now - waitingSince) / 1000);
  waitingSince = now;
}

/** The script is leaving, and its main thread waits for `control.done`. */
async function finish(end: Outcome): Promise<void> {
  ended = true;
  conclude(end.state, end.exitCode, end.error, end.note);
  await new Promise((resolve) => setImmediate(resolve)); // answers to requests go before the farewell
  const told = Promise.all([
    server.send("flushed", { bytes: writer.bytes, step: flushedStep }),
    server.send("changed", record),
  ]);
  await Promise.race([told, new Promise((resolve) => setTimeout(resolve, 1000))]);
  server.close();
  Atomics.store(flags, control.done, 1);
  Atomics.notify(flags, control.done);
}

function conclude(
  state: Outcome["state"],
  exitCode: number,
  error: Outcome["error"],
  note: string | null,
): void {
  record.state = state;
  record.exitCode = exitCode;
  record.error = error;
  record.note = note ?? record.note;
  record.endTime = Date.now();
  record.socket = record.token = null;
  record.progress.secondsLeft = null;
  writer.close();
  saveRecord();
}

function requestStop(exitCode: number): void {
  if (Atomics.exchange(flags, control.stopAsked, 1) === 1) return;
  Atomics.store(flags, control.stopCode, exitCode);
  Atomics.compareExchange(flags, control.stop, 0, 1);
  wakeMain();
  setState("stopping");
  tick();
  setTimeout(() => {
    if (Atomics.load(flags, control.stop) === 2) {
      setTimeout(() => {
        endProcess(
          `Ended by force: \`finally\` blocks took more than ${grace.finallyBlocks / 1000} s.`,
          exitCode,
        );
      }, grace.finallyBlocks);
      return;
    }
    main.postMessage({ type: "exit" } satisfies FromMonitor);
    setTimeout(() => {
      const note =
        "Stopped by force because the script was busy outside of training steps: its `finally` blocks did not run.";
      if (Atomics.load(flags, control.stop) !== 2) endProcess(note, exitCode);
    }, grace.exit);
  }, grace.reach);
}

/** What was recorded is written; then nothing of the script runs any more. */
function endProcess(note: string, exitCode: number): void {
  if (ended) return;
  tick();
  ended = true;
  conclude("stopped", exitCode, null, note);
  server.close();
  process.kill(process.pid, "SIGKILL");
}

function heard(signal: WatchedSignal): void {
  const own = signal === "SIGINT" ? control.ownSigint : signal === "SIGTERM" ? control.ownSigterm : -1;
  if (own >= 0 && Atomics.load(flags, own) === 1) return; // the script deals with it
  const now = performance.now();
  if (now - lastSignal < sameSignalMilliseconds) return;
  lastSignal = now;
  const exitCode = signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 129;
  if (Atomics.load(flags, control.stopAsked) === 1) endProcess("Ended at once by a second signal.", exitCode);
  else requestStop(exitCode);
}

main.on("message", (nudge: Nudge) => {
  if (nudge.type === "signal") heard(nudge.name);
  tick();
});

if (!watchSignals(heard)) main.postMessage({ type: "noSignals" } satisfies FromMonitor);
try {
  await server.listen();
  record.socket = server.path;
  record.token = server.token;
} catch (error) {
  record.note = `No window can follow this run live (${error instanceof Error ? error.message : String(error)}).`;
}
saveRecord();
setInterval(tick, tickMilliseconds);
process.on("uncaughtException", (error) => {
  // A fault here must not take the training with it.
  writeSync(2, `descent: the run's monitor failed and goes on: ${error.message}\n`);
});
