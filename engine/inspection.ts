// Looking at tensors of a process: what may be asked about a pinned tensor, and what is answered. Shared, as types, by the engine
// (engine/inspect answers), the extension (carries) and the inspector's webview (asks). Nothing here runs.

/** A place in the user's source; lines and columns count from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** Numbers over all elements (or, where `sampled`, over an even sample of them). null where JSON or the tensor has none. */
export interface Statistics {
  /** Elements looked at, and of them those that are no number or infinite, and zeros. */
  count: number;
  nan: number;
  positiveInfinity: number;
  negativeInfinity: number;
  zeros: number;
  /** Over the finite elements; null where there is none. `std` is of the population. */
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  /** L2 norm over the finite elements. */
  norm: number | null;
  sampled: boolean;
}

/** What is known of a tensor without its numbers. */
export interface TensorFacts {
  shape: number[];
  dtype: string;
  device: string;
  strides: number[];
  offset: number;
  contiguous: boolean;
  /** Bytes of its own elements, and of the storage they lie in. */
  bytes: number;
  storageBytes: number;
  /** Grows with each change in place: what was read under another version is out of date. */
  version: number;
  /** Equal for tensors that share memory. */
  storage: number;
  requiresGrad: boolean;
  isLeaf: boolean;
  hasGrad: boolean;
  /** "AddBackward0"; null for a leaf. */
  gradFn: string | null;
  /** A parameter's path, or a name of the user's own. */
  label: string | null;
  /** parameter, gradient, optimizerState, activation, input, temporary */
  category: string;
  /** The line that made it, where it is known. */
  madeAt: Place | null;
}

/** The value of the pinned tensor, or its gradient; `minus`: less another pin of the same shape, element by element. */
export interface Subject {
  part: "value" | "grad";
  minus?: number;
}

/** A rectangle of a tensor: two dims are shown, the others stand at an index. */
export interface SliceAsk extends Subject {
  kind: "slice";
  /** An index for every dim; those of `rowDim` and `columnDim` are not looked at. */
  index: number[];
  /** null: one row or column. Both null: one element. */
  rowDim: number | null;
  columnDim: number | null;
  /** Of the shown dims, in elements: the first, and how many. */
  row: number;
  column: number;
  rows: number;
  columns: number;
  /**
   * At most so many cells are answered in each direction; elements that share a cell are put together by `by`. A cell holds
   * ceil(rows / mostRows) × ceil(columns / mostColumns) elements, counted from `row` and `column`, the last ones fewer. The rectangle may
   * reach beyond the end of the tensor, where there are no cells: a cell's size is that of the asked rectangle, not of what is left of it.
   */
  mostRows: number;
  mostColumns: number;
  by: "first" | "mean" | "min" | "max" | "absmax";
}

export interface SliceAnswer {
  kind: "slice";
  /** Cells answered. */
  rows: number;
  columns: number;
  /** Row by row: Float64, or BigInt64 where `number` says so (int64 elements, one to a cell). NaN and infinities are as they are. */
  number: "float64" | "int64";
  values: ArrayBuffer;
  /** Uint8 of each cell: bit 0 a NaN among its elements, bit 1 +Inf, bit 2 -Inf. */
  flags: ArrayBuffer;
  /** Over the finite cells; null where there is none. */
  min: number | null;
  max: number | null;
  /** Not every element of a cell was looked at. */
  sampled: boolean;
}

export interface StatisticsAsk extends Subject {
  kind: "statistics";
}
export interface StatisticsAnswer {
  kind: "statistics";
  statistics: Statistics;
}

/** Finite elements by size, in bins of equal width from `from` to `to` (default: minimum and maximum). */
export interface HistogramAsk extends Subject {
  kind: "histogram";
  bins: number;
  from?: number;
  to?: number;
}
export interface HistogramAnswer {
  kind: "histogram";
  from: number;
  to: number;
  counts: number[];
  below: number;
  above: number;
  sampled: boolean;
}

/** Statistics of each index of one dim, at most `most` of them. */
export interface ChannelsAsk extends Subject {
  kind: "channels";
  dim: number;
  first: number;
  most: number;
}
export interface ChannelsAnswer {
  kind: "channels";
  channels: Statistics[];
}

/** The first element (in logical order, from `after` on, exclusive) of a kind, or the place of an extreme. */
export interface FindAsk extends Subject {
  kind: "find";
  what: "nan" | "infinity" | "nonFinite" | "min" | "max";
  after?: number[];
}
export interface FindAnswer {
  kind: "find";
  /** null: there is none. */
  index: number[] | null;
  value: number | null;
}

/** The autograd graph that made the tensor, breadth first, at most `most` nodes. */
export interface GraphAsk {
  kind: "graph";
  most: number;
}
export interface GraphNode {
  id: number;
  /** "AddmmBackward0", "AccumulateGrad" */
  name: string;
  /** Shape of what it made, where that is known. */
  shape: number[] | null;
  /** The parameter of an AccumulateGrad. */
  label: string | null;
  madeAt: Place | null;
  /** Ids of the nodes that its inputs' gradients flow to. */
  next: number[];
}
export interface GraphAnswer {
  kind: "graph";
  /** The first is the tensor's own; empty for a leaf that nothing made. */
  nodes: GraphNode[];
  truncated: boolean;
}

/** The elements of a slice as a file or as text; at most 64 MiB leave the process. */
export interface ExportAsk extends Subject {
  kind: "export";
  format: "npy" | "csv" | "typescript";
  /** As in a slice; without it the whole tensor. */
  slice?: Pick<SliceAsk, "index" | "rowDim" | "columnDim" | "row" | "column" | "rows" | "columns">;
}
export interface ExportAnswer {
  kind: "export";
  bytes: ArrayBuffer;
}

export interface Asks {
  slice: [SliceAsk, SliceAnswer];
  statistics: [StatisticsAsk, StatisticsAnswer];
  histogram: [HistogramAsk, HistogramAnswer];
  channels: [ChannelsAsk, ChannelsAnswer];
  find: [FindAsk, FindAnswer];
  graph: [GraphAsk, GraphAnswer];
  export: [ExportAsk, ExportAnswer];
}
export type Ask = Asks[keyof Asks][0];
export type Answer = Asks[keyof Asks][1];

/**
 * What a stopped process answers to `globalThis[Symbol.for("descent.debug")]`, each as JSON of less than 1,000 characters: an editor reads
 * it through `evaluate`. Everything big goes over the run's socket, by the pin's number (MonitorRequests.inspect).
 */
export interface DebugBridge {
  /** Brings the numbers that descriptions show up to date. Called by the editor at each stop, before it asks for variables. */
  stopped(): string;
  /** Keeps a tensor (or what has one in it: a parameter) for `inspect`: `{ pin, facts }`, or `{ problem }` in a sentence. `copy`: as it is now. */
  pin(value: unknown, options?: { copy?: boolean }): string;
  /** Lets go of pins. */
  release(...pins: number[]): string;
}
export type PinResult = { pin: number; facts: TensorFacts } | { problem: string };
