// The trainings under the debugger: which process each is, whether it runs or stands, and the frame that the user looks at.

import type { DebugSession } from "vscode";
import type { Editor } from "../app.js";
import { Emitter, type Disposable } from "../event.js";
import { readStopped, stoppedExpression, type ProcessAnswer } from "./bridge.js";
import { list, type SentFrame } from "./edits.js";
import { evaluateText } from "./evaluate.js";

export interface Frame {
  id: number;
  name: string;
  /** null for a frame without a source file. */
  file: string | null;
  line: number;
  /** Not the user's: skipped, or ours. */
  isDim: boolean;
}

/** One session of js-debug that belongs to a training: a process, or a worker thread of it. */
export interface Training {
  readonly session: DebugSession;
  readonly state: "running" | "stopped" | "ended";
  /** How often it has stopped. */
  readonly stops: number;
  /** The thread that stopped; null before the first stop. */
  readonly threadId: number | null;
  /** Why, as the debugger says: "breakpoint", "step", "exception". */
  readonly reason: string | null;
  /** Milliseconds from this stop to the answer of the process; null while there is none. */
  readonly answeredAfter: number | null;
  /** Milliseconds from this stop to the first tensor that the editor was told of; null while there is none. */
  readonly describedAfter: number | null;
  /** Frames of this stop, as far as the editor has asked for them, innermost first. */
  readonly frames: readonly Frame[];
  /** What the process said at this stop; null while it has not, and where it did not answer. */
  readonly process: ProcessAnswer | null;
  /** Resolves once it has answered at this stop, or has had its time. */
  readonly answered: Promise<void>;
}

type Writable = { -readonly [K in keyof Training]: Training[K] } & { stoppedAt: number };

/** Where the user looks: a frame of a process that stands. */
export interface Chosen {
  training: Training;
  frame: Frame;
}

/** Looking at every live tensor has a budget of 50 ms; a debugger that is itself busy takes longer. */
const patience = 3000;

export class Trainings {
  readonly #editor: Editor;
  readonly #known = new Map<string, Writable>();
  readonly #changes = new Emitter<Training>();
  readonly #listening: Disposable[];

  /** A training began, stopped (again when it has answered), went on, or ended; or the user chose another frame of it. */
  readonly onDidChange: (listener: (training: Training) => void) => Disposable = this.#changes.on;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#listening = [
      editor.debug.onDidTerminateDebugSession((session) => {
        this.ended(session);
      }),
      editor.debug.onDidChangeActiveStackItem((item) => {
        const training = item && this.#known.get(item.session.id);
        if (training) this.#changes.fire(training);
      }),
    ];
  }

  /** Those that have not ended. */
  all(): readonly Training[] {
    return [...this.#known.values()];
  }

  /** The frame chosen in the editor, where it is one of a training that stands. */
  chosen(): Chosen | null {
    const item = this.#editor.debug.activeStackItem;
    const training = item && this.#known.get(item.session.id);
    if (!item || training?.state !== "stopped") return null;
    // While the editor has not heard of this stop, the frame that it has is one of an earlier stop.
    const frame =
      "frameId" in item
        ? training.frames.find(({ id }) => id === item.frameId)
        : (training.frames.find(({ isDim }) => !isDim) ?? training.frames[0]);
    return frame ? { training, frame } : null;
  }

  started(session: DebugSession): void {
    if (this.#known.has(session.id)) return;
    const training: Writable = {
      session,
      state: "running",
      stops: 0,
      threadId: null,
      reason: null,
      answeredAfter: null,
      describedAfter: null,
      stoppedAt: 0,
      frames: [],
      process: null,
      answered: Promise.resolve(),
    };
    this.#known.set(session.id, training);
    this.#changes.fire(training);
  }

  /** The debugger says that the session stopped; the editor has not heard of it yet. */
  stopped(session: DebugSession, body: { threadId?: unknown; reason?: unknown }): void {
    this.started(session);
    const training = this.#known.get(session.id)!;
    training.state = "stopped";
    training.stops++;
    training.stoppedAt = performance.now();
    training.answeredAfter = null;
    training.describedAfter = null;
    training.threadId = typeof body.threadId === "number" ? body.threadId : null;
    training.reason = typeof body.reason === "string" ? body.reason : null;
    training.frames = [];
    training.process = null;
    const stop = training.stops;
    // Asked before the editor asks for variables: what is answered to that shows the numbers of this stop.
    training.answered = evaluateText(session, stoppedExpression, { milliseconds: patience })
      .then(readStopped, () => null)
      .then((process) => {
        if (training.stops !== stop || training.state !== "stopped") return;
        training.process = process;
        training.answeredAfter = performance.now() - training.stoppedAt;
        this.#changes.fire(training);
      });
    this.#changes.fire(training);
  }

  continued(session: DebugSession): void {
    const training = this.#known.get(session.id);
    if (training?.state !== "stopped") return;
    training.state = "running";
    training.frames = [];
    this.#changes.fire(training);
  }

  /** The frames that the debugger tells the editor, from `first` on. */
  stack(session: DebugSession, first: number, frames: unknown): void {
    const training = this.#known.get(session.id);
    if (training?.state !== "stopped") return;
    training.frames = [...training.frames.slice(0, first), ...list(frames).flatMap(readFrame)];
    this.#changes.fire(training);
  }

  /** Tensors are on their way to the editor, with their descriptions. */
  described(session: DebugSession): void {
    const training = this.#known.get(session.id);
    if (training) training.describedAfter ??= performance.now() - training.stoppedAt;
  }

  /** Also of a session that is not known. */
  ended(session: DebugSession): void {
    const training = this.#known.get(session.id);
    if (!training) return;
    training.state = "ended";
    training.frames = [];
    this.#known.delete(session.id);
    this.#changes.fire(training);
  }

  /** For `descent._state`. */
  describe(): unknown[] {
    return this.all().map(({ session, state, stops, reason, frames, process, ...times }) => ({
      name: session.name,
      ...{ state, stops, reason, process },
      answeredAfter: times.answeredAfter,
      describedAfter: times.describedAfter,
      frames: frames.length,
    }));
  }

  dispose(): void {
    for (const listening of this.#listening) listening.dispose();
    this.#known.clear();
    this.#changes.dispose();
  }
}

function readFrame(frame: SentFrame): Frame[] {
  if (typeof frame.id !== "number") return [];
  const path = frame.source?.path;
  return [
    {
      id: frame.id,
      name: typeof frame.name === "string" ? frame.name : "",
      file: typeof path === "string" ? path : null,
      line: typeof frame.line === "number" ? frame.line : 0,
      isDim:
        frame.presentationHint === "subtle" ||
        frame.presentationHint === "deemphasize" ||
        frame.source?.presentationHint === "deemphasize",
    },
  ];
}
