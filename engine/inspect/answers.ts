// Answers what is asked about pinned tensors, on the monitor's thread: it reads their memory natively while the main thread stands still.

import { createRequire } from "node:module";
import { brotliDecompressSync } from "node:zlib";
import type { Answer, GraphAnswer, SliceAsk, Subject } from "../inspection.js";
import type { NativePins } from "../native.js";
import { cellKinds, checkAsk, checkPin } from "./asks.js";

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
      if ("minus" in checked && checked.minus !== undefined) this.note(guest, checked.minus);
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

  private answerChecked(native: NativePins, pin: number, ask: ReturnType<typeof checkAsk>): Answer {
    switch (ask.kind) {
      case "slice":
        return sliceOf(native, pin, ask);
      case "graph":
        return graphOf(native, pin, ask.most);
      default:
        throw new Error(`'${ask.kind}' cannot be asked yet.`);
    }
  }
}

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
