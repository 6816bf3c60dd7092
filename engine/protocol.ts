// What crosses the process border: the run record on disk, the requests the monitor answers, the events it sends.

import type { BreakConditions } from "./breaks/conditions.js";
import type { Answer, Ask } from "./inspection.js";

/** Version of everything in this file; a peer with another major number is refused with a sentence. */
export const protocolVersion = 1;

/** Where runs live, below the workspace folder. */
export const runsFolder = ".descent/runs";

export type RunState =
  | "starting" // the process is up, the script has not reached its first step
  | "running"
  | "paused" // at the end of a step, by request
  | "stopping" // asked to stop, `finally` blocks running
  | "stopped" // ended because it was asked to
  | "finished" // ended by itself with exit code 0
  | "failed" // threw, or ended with another exit code
  | "lost"; // ended without saying so: the process is gone, its flushed steps are kept

export const liveStates: readonly RunState[] = ["starting", "running", "paused", "stopping"];

export function isLive(state: RunState): boolean {
  return liveStates.includes(state);
}

/** Environment variables by which a launcher speaks to the import hook, and the hook to its child processes. */
export const environment = {
  /** JSON of LaunchOptions; removed from the environment as soon as it is read. */
  launch: "DESCENT_LAUNCH",
  /** Set in a recorded process: its children and worker threads are not runs of their own. */
  insideRun: "DESCENT_RUN_ID",
  /** JSON of BreakConditions: what to stop at, where no launcher says. */
  breakWhen: "DESCENT_BREAK_WHEN",
  /** none | bar | plain: what the terminal shows; by default a bar on a terminal and plain lines elsewhere. */
  progress: "DESCENT_PROGRESS",
  /** The workspace folder whose .descent/runs the run goes to, where the launcher does not say. */
  workspace: "DESCENT_WORKSPACE",
} as const;

export interface LaunchOptions {
  /** Folder that holds `.descent`. */
  workspace?: string;
  /** The run's id, where the launcher wants to know it beforehand. */
  id?: string;
  name?: string;
  device?: string;
  /** What to stop at, from the first operation on: only where a debugger is attached. */
  breakWhen?: BreakConditions;
}

/** A place in the user's source. Lines and columns count from 1. */
export interface SourceLocation {
  file: string;
  line: number;
  column: number;
}

export interface RunError {
  name: string;
  /** One sentence: what was wrong and what to do. */
  message: string;
  location: SourceLocation | null;
  /** The stack as Node prints it, on the user's lines. */
  stack: string;
}

/** Where a run stands in its data, so that 'time left' can be told. */
export interface RunProgress {
  /** Optimizer steps finished. */
  step: number;
  /** Epochs begun, from 1; 0 before the first. */
  epoch: number;
  /** Epochs intended: `run.config({ epochs })`; null when not said. */
  epochs: number | null;
  /** Batches done of this epoch, and how many it has; null for a loader of unknown length. */
  batch: number;
  batches: number | null;
  /** The last loss `backward()` began at; null before the first, the strings for values JSON has not. */
  loss: number | "NaN" | "Infinity" | "-Infinity" | null;
  /** Seconds to the end of the run where `epochs` is known, else to the end of the epoch; null when not known. */
  secondsLeft: number | null;
}

/** `.descent/runs/<id>/run.json`, replaced atomically at every change of state and about once a second while running. */
export interface RunRecord {
  version: number;
  id: string;
  /** Shown to people; `descent run --name`, else the script's file name. Renaming changes only this. */
  name: string;
  /** Absolute path of the script. */
  script: string;
  args: string[];
  cwd: string;
  state: RunState;
  /** Milliseconds since 1970. */
  startTime: number;
  endTime: number | null;
  pid: number;
  /** When the operating system says the process began (its own unit), to tell a reused pid; null where it cannot. */
  pidStart: string | null;
  exitCode: number | null;
  error: RunError | null;
  /** One sentence for a run with nothing to show: it never called backward, never imported descent, ... */
  note: string | null;
  progress: RunProgress;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
  /** Where the loss is computed: "cpu", "cuda:0"; until there is one, what was asked for. */
  device: string;
  /** What its driver calls it: "NVIDIA H200"; null for the CPU, and where it is not known. */
  deviceDescription: string | null;
  /** Path of the monitor's socket or pipe, and the token its `hello` wants; null once the run has ended. */
  socket: string | null;
  token: string | null;
  nodeVersion: string;
  descentVersion: string;
  findings: Finding[];
  /** A debugger started it, and may say what to stop at (`breakWhen`). */
  debugged?: boolean;
}

export interface Finding {
  rule: string;
  severity: "info" | "warning" | "error";
  step: number;
  module?: string;
  parameter?: string;
  file?: string;
  line?: number;
  measured: number | string;
  threshold: number | string;
  message: string;
  advice: string;
}

/** Requests to the monitor, JSON-RPC over the socket: name → [params, result]. `hello` must come first. */
export interface MonitorRequests {
  hello: [{ version: number; token: string; client: string }, { version: number; record: RunRecord }];
  pause: [Record<string, never>, RunRecord];
  resume: [Record<string, never>, RunRecord];
  /** Runs one optimizer step, then pauses again. */
  stepBatch: [Record<string, never>, RunRecord];
  /** `finally` blocks and a last flush run; ends the process itself after a grace period. */
  stop: [Record<string, never>, RunRecord];
  /** Ends the process at once, after a flush. */
  kill: [Record<string, never>, RunRecord];
  rename: [{ name: string }, RunRecord];
  /** What to stop at from now on; heeded at the next operation, also while the process stands at a breakpoint. */
  breakWhen: [{ breakWhen: BreakConditions }, Record<string, never>];
  /** About a tensor that the process keeps (DebugBridge.pin), also while its main thread stands; an error is one sentence. */
  inspect: [{ pin: number; ask: Ask }, Answer];
  /** Lets go of such tensors: by whoever no longer stands at the stop where they were pinned. Unknown numbers do nothing. */
  release: [{ pins: number[] }, Record<string, never>];
}

/** Notifications from the monitor. */
export interface MonitorEvents {
  /** The record changed (state or progress); at most 20 a second. */
  changed: RunRecord;
  /** The event file is now this long: whoever shows the run reads on from where it was. */
  flushed: { bytes: number; step: number };
}

/** Tags the recorder writes by itself. The user's own (`run.log`) are anything else. */
export const tags = {
  loss: "loss",
  learningRate: "lr",
  gradNorm: "grad_norm/total",
  /** followed by a parameter's name: grad_norm/fc1.weight */
  gradNormPrefix: "grad_norm/",
  /** followed by a layer's name: derived by whoever reads, from the norms of the layer's parameters; never in a file */
  layerGradNormPrefix: "grad_norm.layer/",
  /** samples a second, over the last step */
  throughput: "throughput/samples_per_second",
  stepMilliseconds: "time/step_ms",
  /** followed by a category: bytes on the CPU; of another device "memory/cuda:0/" and a category or one of `memoryOfDevice` */
  memoryPrefix: "memory/",
  /** Bytes that tensors use, that they ever used at most, that were taken from the device, and that can be had at most. */
  memoryOfDevice: ["allocated", "peak", "reserved", "limit"],
  /** followed by a device's name and "/utilisation" (percent), "/celsius" or "/watts" */
  devicePrefix: "device/",
} as const;

/** In the order of the native allocator's enumeration. */
export const memoryCategories = [
  "parameter",
  "gradient",
  "optimizerState",
  "activation",
  "input",
  "temporary",
] as const;
/** Of each device, as the core tells: kind, index, bytes by category, the most ever in use, bytes held, the most there can be. */
export const deviceMemoryNumbers = 2 + memoryCategories.length + 3;
export type MemoryCategory = (typeof memoryCategories)[number];
