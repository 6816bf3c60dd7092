// The tensor inspector without its panel: which expressions are shown, what they stand for at this stop, and who answers about them.
// A tensor is kept in its process only while the process stands: nothing of ours holds memory of a training that runs, but for copies.

import type { TensorFacts } from "../../engine/inspection.js";
import type { FromInspector, InspectedTensor, InspectorState, ToInspector } from "../../webviews/protocol.js";
import type { Stop, TensorProcess } from "../debug/stops.js";
import { misfit } from "./inspectorAsks.js";
import { readInspectorMessage } from "./inspectorMessages.js";

export type Session = "none" | "running" | "stopped";

/** What a reload must not lose: expressions, not values. */
export interface KeptInspector {
  tensors: { id: string; expression: string; pinned: boolean }[];
  selected: string | null;
  state: InspectorState | null;
}

export interface InspectorOptions {
  post: (message: ToInspector) => void;
  keep: (kept: KeptInspector) => void;
  /** What the model does not do itself. `files`: those that were named by what was shown. */
  act: (
    message: Extract<FromInspector, { type: "open" | "copy" | "save" }>,
    files: ReadonlySet<string>,
  ) => void;
}

interface Held {
  process: TensorProcess;
  pin: number;
}

interface Copy extends Held {
  id: string;
  label: string;
  facts: TensorFacts;
}

interface Shown {
  id: string;
  expression: string;
  pinned: boolean;
  facts: TensorFacts | null;
  stop: number;
  freshness: InspectedTensor["freshness"];
  problem: string | null;
  /** null while its process runs, and where the frame has no such tensor. */
  held: Held | null;
  /** Newest first. */
  earlier: Copy[];
  /** Numbers its evaluations: only the newest counts. */
  evaluation: number;
}

export const mostTensors = 50;
/** Copies take memory of the training. */
export const mostCopies = 8;
const mostFiles = 10_000;

const notStopped = "Values can be read while the process stands at a breakpoint.";

export class InspectorModel {
  readonly #options: InspectorOptions;
  readonly #shown = new Map<string, Shown>();
  readonly #files = new Set<string>();
  #selected: string | null;
  #state: InspectorState | null;
  #session: Session = "none";
  #stop: Stop | null = null;
  /** Counts the stops, and the frames chosen at one. */
  #number = 0;
  #lastId = 0;
  #lastCopy = 0;
  #isReady = false;
  /** Answers given, and bytes in them, for `descent._state`. */
  readonly counts = { asks: 0, answers: 0, problems: 0, bytes: 0 };

  constructor(options: InspectorOptions, kept: KeptInspector | null) {
    this.#options = options;
    for (const { id, expression, pinned } of kept?.tensors ?? [])
      this.#shown.set(id, fresh(id, expression, pinned));
    for (const id of this.#shown.keys())
      this.#lastId = Math.max(this.#lastId, Number(/\d+$/.exec(id)?.[0] ?? 0));
    this.#selected = kept?.selected ?? null;
    this.#state = kept?.state ?? null;
  }

  /** Shows what `expression` stands for, in place of the last that was not pinned. Resolves once it was looked up. */
  async inspect(expression: string): Promise<void> {
    const there = [...this.#shown.values()].find((shown) => shown.expression === expression);
    if (there) {
      this.#select(there.id);
      this.#post({ type: "select", id: there.id });
      return;
    }
    const loose = [...this.#shown.values()].find(({ pinned }) => !pinned);
    if (loose) this.#close(loose);
    else if (this.#shown.size >= mostTensors) this.#close([...this.#shown.values()][0]!);
    const shown = fresh(`t${++this.#lastId}`, expression, false);
    this.#shown.set(shown.id, shown);
    this.#select(shown.id);
    this.#tell(shown);
    this.#post({ type: "select", id: shown.id });
    await this.#evaluate(shown);
  }

  /**
   * The frame that the user looks at is another one, or there is none any more: `session` says why. Resolves once every
   * expression was evaluated there.
   */
  async follow(stop: Stop | null, session: Session): Promise<void> {
    if (this.#session !== session) {
      this.#session = session;
      this.#post({ type: "session", session });
    }
    if (stop?.key === this.#stop?.key) return;
    this.#stop = stop;
    if (!stop) return;
    this.#number++;
    await Promise.all([...this.#shown.values()].map((shown) => this.#evaluate(shown)));
  }

  /** A session's process goes on: what was pinned in it is let go, as it may change at any time. */
  wentOn(session: string): void {
    const isThere = this.#stop?.session === session;
    if (isThere) this.#stop = null;
    const released = new Map<TensorProcess, number[]>();
    for (const shown of this.#shown.values()) {
      if (isThere) shown.evaluation++; // what is on its way comes too late
      if (shown.held?.process.session !== session) continue;
      released.set(shown.held.process, [...(released.get(shown.held.process) ?? []), shown.held.pin]);
      shown.held = null;
      shown.freshness = "old";
      this.#tell(shown);
    }
    for (const [process, pins] of released) process.release(pins);
  }

  /** The process is gone, or nobody debugs it any more: its copies go too. */
  ended(session: string): void {
    this.wentOn(session);
    for (const shown of this.#shown.values()) {
      const gone = shown.earlier.filter((copy) => copy.process.session === session);
      if (gone.length === 0) continue;
      gone[0]!.process.release(gone.map(({ pin }) => pin));
      shown.earlier = shown.earlier.filter((copy) => !gone.includes(copy));
      this.#tell(shown);
    }
  }

  /** Takes a message of the page. */
  receive(raw: unknown): void {
    const message = readInspectorMessage(raw);
    switch (message?.type) {
      case undefined:
        return;
      case "ready":
        this.#isReady = true;
        this.#snapshot();
        return;
      case "ask":
        void this.#answer(message);
        return;
      case "add":
        void this.inspect(message.expression);
        return;
      case "select":
        if (this.#shown.has(message.id)) this.#select(message.id);
        return;
      case "pin":
        this.#pin(message.id, message.pinned);
        return;
      case "keep":
        void this.#keepCopy(message.id);
        return;
      case "close": {
        const shown = this.#shown.get(message.id);
        if (shown) this.#close(shown);
        return;
      }
      case "state":
        this.#state = message.state;
        this.#remember();
        return;
      case "open":
      case "copy":
      case "save":
        this.#options.act(message, this.#files);
        return;
    }
  }

  /** The page is gone (hidden panels are dropped by the editor); it says `ready` when it is back. */
  suspend(): void {
    this.#isReady = false;
  }

  /** The panel was closed: nothing stays pinned. */
  dispose(): void {
    this.#isReady = false;
    this.#stop = null;
    for (const shown of this.#shown.values()) this.#letGo(shown);
    this.#shown.clear();
  }

  /** For `descent._state`. */
  describe(): unknown {
    return {
      ready: this.#isReady,
      session: this.#session,
      stop: this.#number,
      selected: this.#selected,
      counts: this.counts,
      tensors: [...this.#shown.values()].map(toView),
    };
  }

  get kept(): KeptInspector {
    return {
      tensors: [...this.#shown.values()].map(({ id, expression, pinned }) => ({ id, expression, pinned })),
      selected: this.#selected,
      state: this.#state,
    };
  }

  async #evaluate(shown: Shown): Promise<void> {
    const evaluation = ++shown.evaluation;
    const stop = this.#stop;
    const number = this.#number;
    if (!stop) {
      shown.problem = shown.facts === null ? notStopped : null;
      this.#tell(shown);
      return;
    }
    const result = await stop.pin(shown.expression, false);
    if (shown.evaluation !== evaluation || this.#stop !== stop || !this.#shown.has(shown.id)) {
      if ("pin" in result) result.process.release([result.pin]);
      return;
    }
    this.#releaseValue(shown);
    if ("problem" in result) {
      shown.problem = result.problem;
      shown.freshness = "old";
    } else {
      shown.held = { process: result.process, pin: result.pin };
      shown.facts = result.facts;
      shown.stop = number;
      shown.freshness = "current";
      shown.problem = null;
      this.#name(result.facts.madeAt?.file);
    }
    this.#tell(shown);
  }

  async #answer({ request, id, minus, ask }: Extract<FromInspector, { type: "ask" }>): Promise<void> {
    this.counts.asks++;
    try {
      const { process, pin, facts } = this.#heldBy(id);
      const whole =
        "part" in ask && minus !== null ? { ...ask, minus: this.#minuend(minus, process, facts) } : ask;
      const misfits = misfit(whole, facts.shape);
      if (misfits !== null) throw new Error(misfits);
      const answer = await process.inspect(pin, whole);
      this.counts.answers++;
      for (const value of Object.values(answer))
        if (value instanceof ArrayBuffer) this.counts.bytes += value.byteLength;
      if (answer.kind === "graph") for (const { madeAt } of answer.nodes) this.#name(madeAt?.file);
      this.#post({ type: "answer", request, answer });
    } catch (error) {
      this.counts.problems++;
      const message = error instanceof Error ? error.message : String(error);
      this.#post({ type: "problem", request, message });
    }
  }

  #heldBy(id: string): Held & { facts: TensorFacts } {
    const shown = this.#shown.get(id);
    if (shown?.held && shown.facts) return { ...shown.held, facts: shown.facts };
    throw new Error(shown?.problem ?? notStopped);
  }

  #minuend(id: string, process: TensorProcess, { shape }: TensorFacts): number {
    const copy = [...this.#shown.values()]
      .flatMap(({ earlier }) => earlier)
      .find((candidate) => candidate.id === id);
    const other = copy ?? this.#heldBy(id);
    if (other.process.id !== process.id) throw new Error("The other tensor is one of another process.");
    if (String(other.facts.shape) !== String(shape)) {
      throw new Error(
        `A difference wants equal shapes: these are [${shape.join(", ")}] and [${other.facts.shape.join(", ")}].`,
      );
    }
    return other.pin;
  }

  async #keepCopy(id: string): Promise<void> {
    const shown = this.#shown.get(id);
    const stop = this.#stop;
    if (!shown) return;
    if (!stop) {
      shown.problem = notStopped;
      this.#tell(shown);
      return;
    }
    const number = this.#number;
    const result = await stop.pin(shown.expression, true);
    if ("problem" in result) {
      shown.problem = result.problem;
    } else if (!this.#shown.has(id)) {
      result.process.release([result.pin]);
      return;
    } else {
      const time = new Date().toLocaleTimeString("en-GB");
      shown.earlier.unshift({ ...result, id: `${id}.${++this.#lastCopy}`, label: `stop ${number}, ${time}` });
      for (const { process, pin } of shown.earlier.splice(mostCopies)) process.release([pin]);
    }
    this.#tell(shown);
  }

  #pin(id: string, pinned: boolean): void {
    const shown = this.#shown.get(id);
    if (!shown) return;
    shown.pinned = pinned;
    this.#tell(shown);
    this.#remember();
  }

  #select(id: string): void {
    this.#selected = id;
    this.#remember();
  }

  #close(shown: Shown): void {
    this.#letGo(shown);
    const at = [...this.#shown.keys()].indexOf(shown.id);
    this.#shown.delete(shown.id);
    const left = [...this.#shown.keys()];
    if (this.#selected === shown.id) this.#selected = left[Math.min(at, left.length - 1)] ?? null;
    this.#post({ type: "closed", id: shown.id });
    this.#remember();
  }

  #letGo(shown: Shown): void {
    shown.evaluation++;
    this.#releaseValue(shown);
    for (const { process, pin } of shown.earlier.splice(0)) process.release([pin]);
  }

  #releaseValue(shown: Shown): void {
    if (shown.held) shown.held.process.release([shown.held.pin]);
    shown.held = null;
  }

  #name(file: string | undefined): void {
    if (file !== undefined && this.#files.size < mostFiles) this.#files.add(file);
  }

  #snapshot(): void {
    this.#post({
      type: "snapshot",
      tensors: [...this.#shown.values()].map(toView),
      selected: this.#selected,
      session: this.#session,
      state: this.#state,
    });
  }

  #tell(shown: Shown): void {
    this.#post({ type: "tensor", tensor: toView(shown) });
  }

  #post(message: ToInspector): void {
    if (this.#isReady) this.#options.post(message);
  }

  #remember(): void {
    this.#options.keep(this.kept);
  }
}

function fresh(id: string, expression: string, pinned: boolean): Shown {
  return {
    ...{ id, expression, pinned, facts: null, stop: 0, freshness: "old", problem: notStopped },
    ...{ held: null, earlier: [], evaluation: 0 },
  };
}

function toView({
  id,
  expression,
  pinned,
  facts,
  stop,
  freshness,
  problem,
  earlier,
}: Shown): InspectedTensor {
  return {
    ...{ id, expression, pinned, facts, stop, freshness, problem },
    earlier: earlier.map((copy) => ({ id: copy.id, label: copy.label })),
  };
}
