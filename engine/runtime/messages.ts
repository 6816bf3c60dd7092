// What the main thread and the monitor worker tell each other beside the shared memory: rare things, as messages.

import type { MessagePort } from "node:worker_threads";
import type { BreakConditions } from "../breaks/conditions.js";
import type { RunError, RunRecord, RunState } from "../protocol.js";
import type { SharedMemory } from "./shared.js";

export interface MonitorData {
  memory: SharedMemory;
  port: MessagePort;
  folder: string;
  record: RunRecord;
}

/** How the run ended, as the main thread sees it. */
export interface Outcome {
  state: Extract<RunState, "finished" | "failed" | "stopped">;
  exitCode: number;
  error: RunError | null;
  note: string | null;
}

export type ToMonitor =
  /** Comes before the first record with this layout. Of a step's layout, `squared` values at the end are squared gradient norms. */
  | { type: "layout"; layout: number; tags: string[]; kind: "step" | "log"; squared: string[] }
  | { type: "config"; values: Record<string, unknown> }
  | { type: "summary"; values: Record<string, unknown> }
  | { type: "text"; tag: string; text: string; step: number; wall: number }
  | { type: "image"; tag: string; step: number; wall: number; shape: number[]; values: Float64Array }
  | { type: "histogram"; tag: string; step: number; wall: number; values: Float64Array }
  | { type: "checkpoint"; path: string; step: number }
  | { type: "note"; note: string }
  | { type: "device"; name: string; description: string | null }
  /** What the engine loaded: the monitor opens the same file when it is first asked about a tensor. */
  | { type: "addon"; file: string }
  /** The last message: everything before it is to be written, then `control.done` set. */
  | { type: "end"; outcome: Outcome };

/** On the message port, for the main thread to fetch when `control.breaks` says so. */
export interface BreaksChanged {
  type: "breaks";
  breakWhen: BreakConditions;
}

export type FromMonitor =
  /** The stop was not reached in time and the event loop may be alive: end by process.exit. */
  | { type: "exit" }
  /** This Node gives a worker no way to see signals: the main thread has to pass them on. */
  | { type: "noSignals" };

/** Wakes the worker, or passes a signal on. */
export type Nudge = { type: "wake" } | { type: "signal"; name: "SIGINT" | "SIGTERM" | "SIGHUP" };
