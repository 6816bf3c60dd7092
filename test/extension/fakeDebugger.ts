// A debugger for tests: sessions as js-debug has them, a process behind each that knows some expressions, and the editor's part of the talk.

import type { DebugAdapterTracker, DebugAdapterTrackerFactory, DebugSession } from "vscode";
import type { TensorFacts } from "../../engine/inspection.js";
import type { Editor } from "../../extension/app.js";
import { marker } from "../../extension/debug/configuration.js";
import { TrainingTrackers } from "../../extension/debug/tracker.js";
import { Trainings } from "../../extension/debug/trainings.js";
import { Emitter } from "../../extension/event.js";
import { FakeEditor } from "./fakeEditor.js";

export function facts(changes: Partial<TensorFacts> = {}): TensorFacts {
  return {
    ...{ shape: [32, 128], dtype: "float32", device: "cpu", strides: [128, 1], offset: 0, contiguous: true },
    ...{ bytes: 16384, storageBytes: 16384, version: 0, storage: 1, requiresGrad: false, isLeaf: true },
    ...{ hasGrad: false, gradFn: null, label: null, category: "activation", madeAt: null },
    ...changes,
  };
}

/** What is behind a session: some expressions are tensors, others throw. */
export class FakeProcess {
  readonly pid: number;
  readonly run: string | null;
  /** A worker thread has none. */
  hasBridge = true;
  /** Does not answer at all, as a main thread deep in a loop. */
  isSilent = false;
  readonly tensors = new Map<string, TensorFacts>();
  readonly descriptions = new Map<string, string>();
  readonly pinned = new Map<number, { expression: string; copy: boolean }>();
  readonly evaluated: { expression: string; frameId: number | undefined }[] = [];
  #lastPin = 0;

  constructor(pid: number, run: string | null) {
    this.pid = pid;
    this.run = run;
  }

  evaluate(expression: string, frameId: number | undefined): string | undefined {
    this.evaluated.push({ expression, frameId });
    if (expression.startsWith("JSON.stringify([globalThis.process")) {
      return JSON.stringify([this.pid, this.run, this.hasBridge ? '{"looked":3}' : null]);
    }
    const names = /^JSON\.stringify\(\[(.*)\]\.map\(\(get\)/s.exec(expression)?.[1];
    if (names !== undefined) {
      return JSON.stringify(names.split(", ").map((get) => this.descriptions.get(get.slice(6)) ?? null));
    }
    if (!this.hasBridge) return undefined;
    const released = /\.release\((.*)\)$/.exec(expression)?.[1];
    if (released !== undefined) {
      for (const pin of released.split(", ")) this.pinned.delete(Number(pin));
      return "{}";
    }
    const pin = /\.pin\(\(([^]*)\n\)(, \{ copy: true \})?\)$/.exec(expression);
    if (!pin) throw new Error("Uncaught SyntaxError: Unexpected token");
    const [, inner = "", copy] = pin;
    const found = this.tensors.get(inner);
    if (!found) {
      if (/^\w+$/.test(inner)) throw new Error(`Uncaught ReferenceError: ${inner} is not defined`);
      return JSON.stringify({ problem: `'${inner}' is no tensor.` });
    }
    this.pinned.set(++this.#lastPin, { expression: inner, copy: copy !== undefined });
    return JSON.stringify({ pin: this.#lastPin, facts: found });
  }
}

export class FakeSession {
  readonly type = "pwa-node";
  readonly id: string;
  readonly name: string;
  readonly configuration: Record<string, unknown>;
  readonly parentSession: FakeSession | undefined;
  readonly process: FakeProcess;
  hasEnded = false;

  constructor(id: string, process: FakeProcess, parent?: FakeSession) {
    this.id = id;
    this.name = id;
    this.process = process;
    this.parentSession = parent;
    this.configuration = parent ? { __pendingTargetId: id } : { [marker]: {} };
  }

  customRequest(command: string, args: { expression: string; frameId?: number }): Promise<unknown> {
    if (command !== "evaluate") return Promise.reject(new Error(`no request '${command}'`));
    if (this.process.isSilent) return new Promise(() => undefined);
    if (this.hasEnded) return Promise.reject(new Error("Debug session has ended"));
    return new Promise((resolve) => {
      const text = this.process.evaluate(args.expression, args.frameId);
      resolve({ result: text === undefined ? "undefined" : quoted(text), variablesReference: 0 });
    });
  }

  get api(): DebugSession {
    return this as unknown as DebugSession;
  }
}

/** As js-debug writes a string. */
function quoted(text: string): string {
  const quote = text.includes("'") ? (text.includes('"') ? (text.includes("`") ? "'" : "`") : '"') : "'";
  return `${quote}${text.replace(new RegExp(`[${quote}\\\\]`, "g"), "\\$&")}${quote}`;
}

export class FakeDebugger {
  readonly fake = new FakeEditor();
  readonly editor: Editor;
  readonly trainings: Trainings;
  readonly registered = { hovers: 0, inlineValues: 0 };
  readonly #factory: DebugAdapterTrackerFactory;
  readonly #trackers = new Map<string, DebugAdapterTracker | undefined>();
  readonly #terminated = new Emitter<DebugSession>();
  readonly #focused = new Emitter<unknown>();
  #active: { session: DebugSession; threadId: number; frameId?: number } | undefined;
  #lastFrame = 0;
  #lastRequest = 0;

  constructor(more: (api: Editor) => object = () => ({})) {
    const api = this.fake.api;
    const count = (what: "hovers" | "inlineValues") => () => {
      this.registered[what]++;
      return { dispose: () => this.registered[what]-- };
    };
    const editor = {
      ...api,
      debug: {
        ...api.debug,
        onDidTerminateDebugSession: this.#terminated.on,
        onDidChangeActiveStackItem: this.#focused.on,
      },
      languages: {
        ...api.languages,
        registerEvaluatableExpressionProvider: count("hovers"),
        registerInlineValuesProvider: count("inlineValues"),
      },
      ...more(api),
    };
    Object.defineProperty(editor.debug, "activeStackItem", { get: () => this.#active });
    this.editor = editor as unknown as Editor;
    this.trainings = new Trainings(this.editor);
    this.#factory = new TrainingTrackers(this.trainings);
  }

  start(session: FakeSession): void {
    const tracker = this.#factory.createDebugAdapterTracker(session.api) as DebugAdapterTracker | undefined;
    this.#trackers.set(session.id, tracker);
    tracker?.onWillStartSession?.();
  }

  /** What the editor gets of a message of js-debug. */
  send<T extends object>(session: FakeSession, message: T): T {
    this.#trackers.get(session.id)?.onDidSendMessage?.(message);
    return message;
  }

  /** A breakpoint is hit: the event, and then what the editor asks for. Returns the frames' ids. */
  stop(session: FakeSession, frames: object[] = [{ name: "forward" }], reason = "breakpoint"): number[] {
    this.send(session, { type: "event", event: "stopped", body: { reason, threadId: 0 } });
    const seq = ++this.#lastRequest;
    const request = { type: "request", command: "stackTrace", seq, arguments: { startFrame: 0 } };
    this.#trackers.get(session.id)?.onWillReceiveMessage?.(request);
    const stackFrames = frames.map((frame) => ({
      ...{ id: ++this.#lastFrame, name: "forward", line: 3, source: { path: "/project/train.ts" } },
      ...frame,
    }));
    const response = { type: "response", command: "stackTrace", request_seq: seq, success: true };
    this.send(session, { ...response, body: { stackFrames } });
    return stackFrames.map(({ id }) => id);
  }

  focus(session: FakeSession, frameId?: number): void {
    this.#active = { session: session.api, threadId: 0, ...(frameId === undefined ? {} : { frameId }) };
    this.#focused.fire(this.#active);
  }

  /** stop() and focus on the innermost frame, as the editor does when nothing else is looked at. */
  stopAndShow(session: FakeSession): number {
    const [frame] = this.stop(session);
    this.focus(session, frame);
    return frame!;
  }

  continue(session: FakeSession): void {
    this.send(session, { type: "event", event: "continued", body: { threadId: 0 } });
  }

  end(session: FakeSession): void {
    session.hasEnded = true;
    this.#trackers.get(session.id)?.onWillStopSession?.();
    this.#terminated.fire(session.api);
  }
}
