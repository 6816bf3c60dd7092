// Answers what is asked about pinned tensors, on the monitor's thread: it reads their memory natively while the main thread stands still.

import { createRequire } from "node:module";
import { brotliDecompressSync } from "node:zlib";
import { dtypes } from "../dtype.js";
import type {
  Answer,
  Ask,
  ChannelsAsk,
  ExportAsk,
  FindAnswer,
  FindAsk,
  GraphAnswer,
  HistogramAnswer,
  HistogramAsk,
  SliceAsk,
  Statistics,
  Subject,
} from "../inspection.js";
import type { NativePins } from "../native.js";
import { cellKinds, checkAsk, checkPin } from "./asks.js";
import { exported, mostExported } from "./exports.js";

export class Answers {
  private file: string | null = null;
  private addon: NativePins | null = null;
  /** By connection: pins that were asked about over it. */
  private readonly asked = new Map<object, Set<number>>();

  /** The addon that the main thread has loaded, from which on there are tensors. */
  open(file: string): void {
    this.file = file;
  }

  /** `pin` and `ask` are a peer's: believed after a check. @throws Error with one sentence. */
  answer(pin: unknown, ask: unknown, guest: object): Answer {
    const number = checkPin(pin);
    const checked = checkAsk(ask);
    try {
      const native = this.native();
      const answer = this.answerChecked(native, number, checked);
      this.note(guest, number);
      if ("minus" in checked) this.note(guest, checked.minus);
      return answer;
    } catch (error) {
      throw new Error(sentenceOf(error), { cause: error });
    }
  }

  /** Unknown numbers do nothing. @throws Error with one sentence for what is no list of pins. */
  release(pins: unknown): void {
    if (!Array.isArray(pins)) throw new Error("Pins to let go of are a list of numbers.");
    const numbers = pins.map(checkPin);
    for (const pin of numbers) this.releaseOne(pin);
  }

  /** Pins that only this connection asked about are let go of: its window cannot ask again. */
  guestLeft(guest: object): void {
    const pins = this.asked.get(guest) ?? [];
    this.asked.delete(guest);
    for (const pin of pins)
      if (![...this.asked.values()].some((others) => others.has(pin))) this.releaseOne(pin);
  }

  private releaseOne(pin: number): void {
    for (const pins of this.asked.values()) pins.delete(pin);
    if (this.file !== null) this.native().releasePin(pin);
  }

  private note(guest: object, pin: number): void {
    const pins = this.asked.get(guest);
    if (pins === undefined) this.asked.set(guest, new Set([pin]));
    else pins.add(pin);
  }

  /** Opened when first needed: a run that nobody inspects never loads it here. */
  private native(): NativePins {
    if (this.addon !== null) return this.addon;
    if (this.file === null) throw new Error("The run has not loaded descent yet: it has no tensors.");
    this.addon = createRequire(import.meta.url)(this.file) as NativePins;
    this.addon.setUnpacker((packed) => brotliDecompressSync(packed));
    return this.addon;
  }

  private answerChecked(native: NativePins, pin: number, ask: Ask): Answer {
    switch (ask.kind) {
      case "slice":
        return sliceOf(native, pin, ask);
      case "statistics":
        return { kind: "statistics", statistics: statisticsOf(native, pin, ask) };
      case "histogram":
        return histogramOf(native, pin, ask);
      case "channels":
        return channelsOf(native, pin, ask);
      case "find":
        return findIn(native, pin, ask);
      case "graph":
        return graphOf(native, pin, ask.most);
      case "export":
        return exportOf(native, pin, ask);
    }
  }
}

/** Elements that are all looked at; of more, an even sample of so many. */
const mostExact = 2 ** 28;
/** Of all channels together: neighbours of a channel may lie far apart. */
const mostOfChannels = 2 ** 26;

function sliceOf(native: NativePins, pin: number, ask: SliceAsk): Answer {
  const { row, column, rows, columns, mostRows, mostColumns } = ask;
  const numbers = [ask.rowDim ?? -1, ask.columnDim ?? -1, row, column, rows, columns, mostRows, mostColumns];
  return native.sliceOfPin(
    pin,
    ...subjectOf(ask),
    Float64Array.from(ask.index),
    Float64Array.from([...numbers, cellKinds.indexOf(ask.by)]),
  );
}

function subjectOf({ part, minus }: Subject): [isGrad: boolean, minus: number] {
  return [part === "grad", minus ?? 0];
}

function statisticsOf(native: NativePins, pin: number, ask: Subject): Statistics {
  return readStatistics(native.statisticsOfPin(pin, ...subjectOf(ask), mostExact), 0);
}

/** Of 11 numbers from `at` on. JSON has no NaN: what is not there is null. */
function readStatistics(numbers: number[], at: number): Statistics {
  const next = (k: number): number => numbers[at + k]!;
  const orNull = (k: number): number | null => (Number.isFinite(next(k)) ? next(k) : null);
  const min = orNull(5);
  return {
    count: next(0),
    nan: next(1),
    positiveInfinity: next(2),
    negativeInfinity: next(3),
    zeros: next(4),
    min,
    max: orNull(6),
    mean: orNull(7),
    std: orNull(8),
    norm: min === null ? null : orNull(9),
    sampled: next(10) === 1,
  };
}

function histogramOf(native: NativePins, pin: number, ask: HistogramAsk): HistogramAnswer {
  let { from, to } = ask;
  if (from === undefined || to === undefined) {
    const { min, max } = statisticsOf(native, pin, ask);
    from ??= min ?? 0;
    to ??= max ?? 0;
  }
  if (to < from) throw new Error(`A histogram cannot reach from ${from} to ${to}.`);
  const numbers = native.histogramOfPin(pin, ...subjectOf(ask), from, to, ask.bins, mostExact);
  const counts = numbers.slice(0, ask.bins);
  const [below, above, sampled] = numbers.slice(ask.bins) as [number, number, number];
  return { kind: "histogram", from, to, counts, below, above, sampled: sampled === 1 };
}

function channelsOf(native: NativePins, pin: number, ask: ChannelsAsk): Answer {
  const numbers = native.channelsOfPin(pin, ...subjectOf(ask), ask.dim, ask.first, ask.most, mostOfChannels);
  const channels = Array.from({ length: numbers.length / 11 }, (_, k) => readStatistics(numbers, 11 * k));
  return { kind: "channels", channels };
}

function findIn(native: NativePins, pin: number, ask: FindAsk): FindAnswer {
  const shape = shapeOf(native, pin, ask);
  const first = ask.after === undefined ? 0 : placeOf(ask.after, shape) + 1;
  const nowhere: FindAnswer = { kind: "find", index: null, value: null };
  const { what } = ask;
  let sought = ["nan", "infinity", "nonFinite"].indexOf(what);
  let wanted = 0;
  if (what === "min" || what === "max") {
    const [min, max] = native.extremesOfPin(pin, ...subjectOf(ask));
    sought = 3;
    wanted = what === "min" ? min : max;
    if (Number.isNaN(wanted)) return nowhere;
  }
  const place = native.findInPin(pin, ...subjectOf(ask), sought, first, wanted);
  if (place < 0) return nowhere;
  const index = indexOf(place, shape);
  return { kind: "find", index, value: valueAt(native, pin, ask, index) };
}

/** NaN and infinities as they are: the wire turns them to null. */
function valueAt(native: NativePins, pin: number, ask: Subject, index: number[]): number | null {
  const only = Float64Array.of(-1, -1, 0, 0, 1, 1, 1, 1, 0);
  const { values, number } = native.sliceOfPin(pin, ...subjectOf(ask), Float64Array.from(index), only);
  const value = number === "int64" ? Number(new BigInt64Array(values)[0]) : new Float64Array(values)[0]!;
  return Number.isFinite(value) ? value : null;
}

function shapeOf(native: NativePins, pin: number, { part }: Subject): number[] {
  const described = native.describePin(pin, part === "grad");
  if (described === null) throw new Error("The tensor had no gradient when it was pinned.");
  return described.shape;
}

/** The row-major place of an index. */
function placeOf(index: number[], shape: number[]): number {
  if (index.length !== shape.length || index.some((at, dim) => at >= shape[dim]!))
    throw new Error(`[${index.join(", ")}] is no index of a tensor of shape [${shape.join(", ")}].`);
  return index.reduce((place, at, dim) => place * shape[dim]! + at, 0);
}

function indexOf(place: number, shape: number[]): number[] {
  const index = new Array<number>(shape.length);
  let left = place;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    index[dim] = left % shape[dim]!;
    left = Math.floor(left / shape[dim]!);
  }
  return index;
}

function exportOf(native: NativePins, pin: number, ask: ExportAsk): Answer {
  const { slice } = ask;
  let shape = shapeOf(native, pin, ask);
  let rectangle: Float64Array | null = null;
  if (slice !== undefined) {
    const dims = [slice.rowDim, slice.columnDim].filter((dim) => dim !== null);
    const first = [slice.row, slice.column];
    const asked = [slice.rows, slice.columns];
    const { rowDim } = slice;
    const sizes = shape;
    shape = dims.map((dim) => {
      const side = dim === rowDim ? 0 : 1;
      return Math.max(0, Math.min(asked[side]!, (sizes[dim] ?? 0) - first[side]!));
    });
    rectangle = Float64Array.of(slice.rowDim ?? -1, slice.columnDim ?? -1, ...first, ...asked);
  }
  const index = slice === undefined ? null : Float64Array.from(slice.index);
  const elements = native.elementsOfPin(pin, ...subjectOf(ask), index, rectangle, mostExported);
  const dtype = dtypes[elements.dtype]!;
  return { kind: "export", bytes: exported(ask.format, dtype, shape, elements.bytes) };
}

/** As it was when the tensor was pinned: `note` is what engine/inspect/pins.ts wrote down. */
function graphOf(native: NativePins, pin: number, most: number): GraphAnswer {
  const graph = JSON.parse(native.noteOfPin(pin)) as Omit<GraphAnswer, "kind">;
  if (graph.nodes.length <= most) return { kind: "graph", ...graph };
  const nodes = graph.nodes.slice(0, most);
  const isThere = new Set(nodes.map(({ id }) => id));
  return {
    kind: "graph",
    nodes: nodes.map((node) => ({ ...node, next: node.next.filter((id) => isThere.has(id)) })),
    truncated: true,
  };
}

/** The core's sentences begin with the name of the function. */
function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const sentence = message.replace(/^\w+: /, "");
  const capital = sentence.charAt(0).toUpperCase() + sentence.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
