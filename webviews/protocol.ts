// Every message between the extension and a webview. Types and constants only: both sides import it, it imports types alone.
// Binary data travels as fresh ArrayBuffers (a typed array's view would send its whole backing buffer).

import type { Answer, Ask, Place, TensorFacts } from "../engine/inspection.js";

export interface RunView {
  id: string;
  name: string;
  script: string;
  /** A RunState of engine/protocol. */
  state: string;
  live: boolean;
  startTime: number;
  endTime: number | null;
  step: number;
  epoch: number;
  epochs: number | null;
  batch: number;
  batches: number | null;
  /** Loss as shown to people, already formatted: "0.0123", "NaN", "–". */
  loss: string;
  secondsLeft: number | null;
  device: string;
  /** One sentence when there is something to say: the error, the note. */
  message: string | null;
  /** Where the error is; clicking the message opens it. */
  location: { file: string; line: number; column: number } | null;
  config: Record<string, unknown>;
  summary: Record<string, unknown>;
}

export interface SeriesInfo {
  tag: string;
  /** What the extension thinks it is; decides the chart it belongs to. */
  group:
    | "loss"
    | "gradient"
    | "memory"
    | "memoryTotal"
    | "device"
    | "throughput"
    | "learningRate"
    | "time"
    | "user";
  /** Shown in legends: "fc1.weight", "activation". */
  label: string;
  /** The layer a gradient series belongs to; null for others. "fc1" for fc1.weight and for the layer's own series. */
  layer: string | null;
  unit: "" | "bytes" | "samples/s" | "ms" | "%" | "°C" | "W";
  /** The GPU it is about: "cuda:0"; not there for the CPU and for what belongs to no device. */
  device?: string;
  count: number;
  /** null where the value is NaN or infinite, which JSON has not, or where there is none. */
  last: number | null;
  /** Over the finite values; null where there is none. */
  min: number | null;
  max: number | null;
  /** Values that were NaN or infinite. */
  nonFinite: number;
}

/** Points of one series, bucketed: bucket k holds 2^level consecutive points (by index), counted from point 0 of the series. */
export interface SeriesChunk {
  tag: string;
  level: number;
  /** Number of the first bucket here. What the webview had from this bucket on is replaced. */
  start: number;
  /** Float64: step of the last point of each bucket. */
  step: ArrayBuffer;
  /** Float64: seconds since 1970 of the last point of each bucket. */
  wall: ArrayBuffer;
  /** Float32 each: over the finite values of a bucket; NaN where it has none. */
  min: ArrayBuffer;
  max: ArrayBuffer;
  last: ArrayBuffer;
  mean: ArrayBuffer;
  /** Uint8: bit 0 a NaN, bit 1 +Inf, bit 2 -Inf in the bucket. */
  flags: ArrayBuffer;
}

export type ToDashboard =
  | {
      type: "snapshot";
      run: RunView | null;
      series: SeriesInfo[];
      settings: DashboardSettings;
      state: DashboardState | null;
    }
  | { type: "run"; run: RunView }
  | { type: "series"; series: SeriesInfo[] }
  /** At most 20 a second. Answers to `view` carry its number; live growth carries the number of the newest view. */
  | { type: "data"; view: number; chunks: SeriesChunk[] }
  | { type: "settings"; settings: DashboardSettings };

export type FromDashboard =
  | { type: "ready" }
  /**
   * What is on screen: the tags, the window in steps and about how many buckets are wanted in it. `from` null: from
   * the first point. `to` null: to the end, and growing with it. Each is answered by `data` with whole windows first.
   */
  | { type: "view"; view: number; tags: string[]; from: number | null; to: number | null; buckets: number }
  /** `kill` has been confirmed by the user when it arrives. */
  | { type: "control"; action: "pause" | "resume" | "stepBatch" | "stop" | "kill" | "rerun" }
  | { type: "open"; file: string; line: number; column: number }
  | { type: "startTraining" }
  | { type: "state"; state: DashboardState };

export interface DashboardSettings {
  /** 0 ≤ smoothing < 1: weight of the past in an exponential moving average. */
  smoothing: number;
}

/** What a reload must not lose. */
export interface DashboardState {
  smoothing: number;
  logScale: Record<string, boolean>;
  logX: boolean;
  xAxis: "step" | "wall" | "relative";
  /** Tags whose series are switched off in a legend. */
  hidden: string[];
  /** A fixed window in steps; null while the charts follow the run. */
  window: { from: number; to: number } | null;
  /** While following: how many of the last steps are shown; null for the whole run. */
  span: number | null;
  /** Ids of the cards shown over the whole width. */
  wide: string[];
}

/** A tensor that the inspector shows: what the user named, and what it stands for at this stop. */
export interface InspectedTensor {
  /** The same over all stops. */
  id: string;
  /** "x", "this.fc1.weight": evaluated anew in the chosen frame at each stop. */
  expression: string;
  /** null until it was found once. */
  facts: TensorFacts | null;
  /** Counts the stops: an answer given under another number is out of date. */
  stop: number;
  /** current: of the stop that the editor is at. old: kept from an earlier stop, because the process runs, has ended, or the frame has no such name. */
  freshness: "current" | "old";
  /** One sentence when there is nothing, or nothing new, to show. */
  problem: string | null;
  /** Stays at each stop until it is closed; others are replaced by the next that is inspected. */
  pinned: boolean;
  /** Copies kept of earlier stops, newest first: what `minus` may name. */
  earlier: { id: string; label: string }[];
}

/** What a reload must not lose of one tensor's view; the inspector's own, carried by the extension. */
export type InspectorState = Record<string, unknown>;

export type ToInspector =
  | {
      type: "snapshot";
      tensors: InspectedTensor[];
      selected: string | null;
      /** What the debugger does: without it there is nothing to ask. */
      session: "none" | "running" | "stopped";
      state: InspectorState | null;
    }
  | { type: "tensor"; tensor: InspectedTensor }
  | { type: "session"; session: "none" | "running" | "stopped" }
  | { type: "select"; id: string }
  | { type: "closed"; id: string }
  /** In the order they were asked is not promised. */
  | { type: "answer"; request: number; answer: Answer }
  | { type: "problem"; request: number; message: string };

export type FromInspector =
  | { type: "ready" }
  /** `minus`: the id of another tensor, or of a copy of an earlier stop; the extension puts its pin's number into the ask. */
  | { type: "ask"; request: number; id: string; minus: string | null; ask: Ask }
  /** An expression that the user typed. */
  | { type: "add"; expression: string }
  | { type: "select"; id: string }
  | { type: "pin"; id: string; pinned: boolean }
  /** Keeps a copy of the value as it is now, to compare with at later stops. */
  | { type: "keep"; id: string }
  | { type: "close"; id: string }
  | { type: "open"; place: Place }
  /** Text or a picture, made by the page, that the user asked to copy or to save. */
  | { type: "copy"; text: string }
  | { type: "save"; name: string; bytes: ArrayBuffer }
  | { type: "state"; state: InspectorState };
