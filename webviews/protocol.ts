// Every message between the extension and a webview. Types and constants only: both sides import it, it imports nothing.
// Binary data travels as fresh ArrayBuffers (a typed array's view would send its whole backing buffer).

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
