// Plays the extension's part for the inspector inside the page: answers from tensors of the test's, counts what it sends.

import type { Ask, GraphNode, TensorFacts } from "../../../engine/inspection.js";
import type {
  FromInspector,
  InspectedTensor,
  InspectorState,
  ToInspector,
} from "../../../webviews/protocol.js";
import { answerTo, sizeOf, type Numbers } from "./answerer.js";

/** A tensor as a test writes it. */
export interface FakeTensor {
  id?: string;
  expression: string;
  shape: number[];
  dtype?: string;
  /** A JavaScript expression of `i`, the number of the element, and `n`, how many there are; strings for int64 and what JSON has not. */
  values?: string;
  /** The same for its gradient. */
  grad?: string;
  pinned?: boolean;
  facts?: Partial<TensorFacts>;
  problem?: string | null;
  earlier?: { id: string; label: string; values: string }[];
  graph?: GraphNode[];
}

export interface InspectorHarnessOptions {
  tensors: FakeTensor[];
  session?: "none" | "running" | "stopped";
  selected?: string | null;
  stored?: unknown;
  state?: InspectorState | null;
  /** Holds answers back until `release` is called. */
  held?: boolean;
}

export interface FakeInspector {
  sent: FromInspector[];
  stored: unknown;
  /** Bytes of cells that were answered, and the cells. */
  bytes: number;
  cells: number;
  /** Slices asked for. */
  slices: number;
  held: boolean;
  send(message: ToInspector): void;
  setTensor(tensor: FakeTensor, part?: Partial<InspectedTensor>): void;
  setSession(session: "none" | "running" | "stopped"): void;
  select(id: string): void;
  close(id: string): void;
  hold(): void;
  release(): void;
  /** The next asks fail with this sentence; null: no longer. */
  fail(message: string | null): void;
}

const compiled = new Map<string, (i: number, n: number) => number | bigint>();

/** Without eval, which the page's policy forbids: the few words that tests need. */
function numbersOf(shape: number[], dtype: string, text: string): Numbers {
  const n = sizeOf(shape);
  const known = compiled.get(text) ?? compileExpression(text);
  compiled.set(text, known);
  const round = dtype === "float32" ? Math.fround : (value: number): number => value;
  return {
    ...{ shape, dtype },
    at: (element) => {
      const value = known(element, n);
      return typeof value === "bigint" ? value : round(value);
    },
  };
}

const words: Readonly<Record<string, (i: number, n: number) => number | bigint>> = {
  index: (i) => i,
  half: (i) => i / 2,
  signed: (i, n) => i - n / 2,
  wave: (i) => Math.sin(i / 7) * (1 + Math.sin(i / 91)),
  noise: (i) => ((Math.imul(i + 1, 2654435761) >>> 8) / 2 ** 24 - 0.5) * 4,
  weights: (i) => noise(i) + noise(i * 3 + 1) + noise(i * 7 + 5) + 0.6 * Math.sin(i / 40),
  odd: (i, n) => (i === 3 ? NaN : i === 10 ? Infinity : i === n - 2 ? -Infinity : noise(i)),
  nan: () => NaN,
  zero: () => 0,
  bool: (i) => (i % 3 === 0 ? 1 : 0),
  big: (i) => 9007199254740993n + BigInt(i),
  half16: (i) => [0.1, 1 / 3, 65504, 5.960464477539063e-8][i % 4]!,
  outlier: (i) => (i === 5 ? 1e6 : noise(i)),
  picture: (i, n) => {
    const side = Math.sqrt(n / 3);
    const [channel, pixel] = [Math.floor(i / (side * side)), i % (side * side)];
    const [y, x] = [Math.floor(pixel / side) / side, (pixel % side) / side];
    return channel === 0 ? x : channel === 1 ? y : Math.hypot(x - 0.5, y - 0.5) < 0.3 ? 1 : 0.1;
  },
  blobs: (i) => {
    const [k, pixel] = [Math.floor(i / 784), i % 784];
    const [y, x] = [Math.floor(pixel / 28) - 14, (pixel % 28) - 14];
    return Math.exp(-((x - 5 * Math.cos(k)) ** 2 + (y - 5 * Math.sin(k)) ** 2) / (12 + 4 * (k % 5)));
  },
};

function noise(i: number): number {
  let x = Math.imul(i ^ (i >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return (((x ^ (x >>> 15)) >>> 8) / 2 ** 24 - 0.5) * 2;
}

function compileExpression(text: string): (i: number, n: number) => number | bigint {
  const word = words[text];
  if (word !== undefined) return word;
  const list = JSON.parse(text) as (number | string)[];
  return (i) => {
    const value = list[i]!;
    return typeof value === "string" && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : Number(value);
  };
}

/** Called by the page before the inspector's script, with options from the test. */
export function install(options: InspectorHarnessOptions): void {
  const tensors = new Map<string, { fake: FakeTensor; shown: InspectedTensor }>();
  let session = options.session ?? "stopped";
  let failure: string | null = null;
  let queue: (() => void)[] = [];
  const add = (fake_: FakeTensor): InspectedTensor => {
    const id = fake_.id ?? fake_.expression;
    const shown = inspected(id, fake_, tensors.get(id)?.shown.stop ?? 1);
    tensors.set(id, { fake: fake_, shown });
    return shown;
  };
  options.tensors.forEach(add);
  const shown = (): InspectedTensor[] => [...tensors.values()].map((one) => one.shown);
  const fake: FakeInspector = {
    sent: [],
    stored: options.stored ?? null,
    ...{ bytes: 0, cells: 0, slices: 0, held: options.held ?? false },
    send: (message) => {
      globalThis.dispatchEvent(new MessageEvent("message", { data: message }));
    },
    setTensor: (tensor, part) => {
      const one = add(tensor);
      Object.assign(one, part);
      fake.send({ type: "tensor", tensor: { ...one } });
    },
    setSession: (next) => {
      session = next;
      fake.send({ type: "session", session });
    },
    select: (id) => {
      fake.send({ type: "select", id });
    },
    close: (id) => {
      tensors.delete(id);
      fake.send({ type: "closed", id });
    },
    hold: () => {
      fake.held = true;
    },
    release: () => {
      fake.held = false;
      const waiting = queue;
      queue = [];
      for (const answer of waiting) answer();
    },
    fail: (message) => {
      failure = message;
    },
  };

  const answer = (request: number, id: string, minus: string | null, ask: Ask): void => {
    const own = tensors.get(id)?.fake;
    try {
      if (failure !== null) throw new Error(failure);
      if (own === undefined || session !== "stopped") throw new Error("There is nobody to ask.");
      const found =
        ask.kind === "graph"
          ? graphOf(own, ask.most)
          : answerTo(ask, valueOf(own), gradOf(own), minus === null ? null : minusOf(minus));
      if (found.kind === "slice") {
        fake.slices++;
        fake.cells += found.rows * found.columns;
        fake.bytes += found.values.byteLength + found.flags.byteLength;
      }
      fake.send({ type: "answer", request, answer: found });
    } catch (error) {
      fake.send({ type: "problem", request, message: (error as Error).message });
    }
  };
  const minusOf = (id: string): Numbers => {
    const other = tensors.get(id);
    if (other !== undefined) return valueOf(other.fake);
    for (const { fake: one } of tensors.values()) {
      const copy = one.earlier?.find((earlier) => earlier.id === id);
      if (copy !== undefined) return numbersOf(one.shape, one.dtype ?? "float32", copy.values);
    }
    throw new Error("There is no such copy.");
  };

  const api = {
    postMessage: (message: FromInspector) => {
      fake.sent.push(message);
      // As through a real channel: later, never within the call.
      queueMicrotask(() => {
        if (message.type === "ready") {
          const selected = options.selected ?? shown()[0]?.id ?? null;
          fake.send({ type: "snapshot", tensors: shown(), selected, session, state: options.state ?? null });
        }
        if (message.type === "close") fake.close(message.id);
        if (message.type === "pin") {
          const one = tensors.get(message.id);
          if (one === undefined) return;
          one.shown = { ...one.shown, pinned: message.pinned };
          fake.send({ type: "tensor", tensor: one.shown });
        }
        if (message.type === "ask") {
          const { request, id, minus, ask } = message;
          const reply = (): void => {
            answer(request, id, minus, ask);
          };
          if (fake.held) queue.push(reply);
          else reply();
        }
      });
    },
    getState: () => fake.stored,
    setState: (state: object | null) => {
      fake.stored = structuredClone(state);
    },
  };
  Object.assign(globalThis, { acquireVsCodeApi: () => api, fake });
}

function valueOf(fake: FakeTensor): Numbers {
  return numbersOf(fake.shape, fake.dtype ?? "float32", fake.values ?? "index");
}

function gradOf(fake: FakeTensor): Numbers | null {
  return fake.grad === undefined ? null : numbersOf(fake.shape, fake.dtype ?? "float32", fake.grad);
}

function graphOf(
  { graph = [] }: FakeTensor,
  most: number,
): { kind: "graph"; nodes: GraphNode[]; truncated: boolean } {
  return { kind: "graph", nodes: graph.slice(0, most), truncated: graph.length > most };
}

const widths: Readonly<Record<string, number>> = {
  float64: 8,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  bool: 1,
  uint8: 1,
};

function inspected(id: string, fake: FakeTensor, stop: number): InspectedTensor {
  const { expression, shape, dtype = "float32", pinned = true, problem = null, earlier = [] } = fake;
  const bytes = sizeOf(shape) * (widths[dtype] ?? 4);
  const strides = shape.map((_, dim) => sizeOf(shape.slice(dim + 1)));
  const facts: TensorFacts = {
    ...{ shape, dtype, device: "cpu", strides, offset: 0, contiguous: true, bytes, storageBytes: bytes },
    ...{ version: 0, storage: 1, requiresGrad: fake.grad !== undefined, isLeaf: true },
    ...{ hasGrad: fake.grad !== undefined, gradFn: null, label: null, category: "activation" },
    madeAt: { file: "/home/ada/digits/train.ts", line: 42, column: 7 },
    ...fake.facts,
  };
  return {
    ...{ id, expression, facts: problem !== null && fake.facts === undefined ? null : facts, stop },
    ...{ freshness: "current", problem, pinned },
    earlier: earlier.map(({ id: copy, label }) => ({ id: copy, label })),
  };
}

// The page's script: the options stand in the page as JSON.
const holder = globalThis as unknown as { harnessOptions?: InspectorHarnessOptions };
if (holder.harnessOptions !== undefined) install(holder.harnessOptions);
