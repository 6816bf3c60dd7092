// A frame of a stopped process as the inspector uses it: expressions become pinned tensors, and pinned tensors are asked about.

import type { Answer, Ask, TensorFacts } from "../../engine/inspection.js";
import type { RunRegistry } from "../runs/registry.js";
import { pinExpression, readPin, releaseExpression } from "./bridge.js";
import { evaluateText, silence, within } from "./evaluate.js";
import type { Chosen, Training } from "./trainings.js";

/** A process that keeps pinned tensors. */
export interface TensorProcess {
  /** Tells processes apart. */
  readonly id: number;
  /** The debugger's session that it was pinned in. */
  readonly session: string;
  /** Throws one sentence when there is no answer. */
  inspect(pin: number, ask: Ask): Promise<Answer>;
  /** Whether it stands or runs; a process that is gone has let go already. */
  release(pins: number[]): void;
}

export type Pinned = { process: TensorProcess; pin: number; facts: TensorFacts } | { problem: string };

/** The frame that the user looks at. */
export interface Stop {
  /** Another one for each stop and each frame. */
  readonly key: string;
  /** The session that stands there. */
  readonly session: string;
  /** Never throws: what went wrong is the result's `problem`. */
  pin(expression: string, copy: boolean): Promise<Pinned>;
}

const milliseconds = {
  /** For an expression: the user may call a function that takes its time. */
  pin: 10_000,
  release: 5000,
  /** Statistics of 10⁹ elements take seconds, a slice milliseconds. */
  inspect: 60_000,
};

export function stopOf({ training, frame }: Chosen, runs: RunRegistry): Stop {
  const { session, stops } = training;
  return {
    key: `${session.id}/${stops}/${frame.id}`,
    session: session.id,
    async pin(expression, copy) {
      await training.answered;
      const { process } = training;
      if (training.state !== "stopped" || training.stops !== stops) return { problem: moved };
      if (process === null) return { problem: silence };
      if (!process.hasTensors)
        return { problem: "This thread has no tensors: choose a frame of the training's main thread." };
      try {
        const options = { frameId: frame.id, milliseconds: milliseconds.pin };
        const result = readPin(await evaluateText(session, pinExpression(expression, copy), options));
        if ("problem" in result) return result;
        if (!processes.has(training)) processes.set(training, processOf(training, process, runs));
        return { ...result, process: processes.get(training)! };
      } catch (error) {
        return { problem: saidOf(error) };
      }
    },
  };
}

const processes = new WeakMap<Training, TensorProcess>();

const moved = "The process has gone on meanwhile.";

function processOf(
  training: Training,
  { pid, run: id }: { pid: number; run: string | null },
  runs: RunRegistry,
): TensorProcess {
  const find = async () => (id === null ? null : runs.ofProcess(pid, id));
  return {
    id: pid,
    session: training.session.id,
    async inspect(pin, ask) {
      const run = await find();
      if (!run)
        throw new Error(
          "This process is no recorded run of the open folders, so its tensors cannot be read.",
        );
      return within(
        runs.inspect(run, pin, ask),
        milliseconds.inspect,
        "The process did not answer within a minute: its monitor may have been stopped by the debugger.",
      );
    },
    release(pins) {
      if (pins.length === 0) return;
      void release(training, pins, async () => {
        const run = await find();
        if (run) await runs.release(run, pins);
      });
    },
  };
}

/** Through the debugger while the process stands, through its socket while it runs. */
async function release(training: Training, pins: number[], bySocket: () => Promise<void>): Promise<void> {
  try {
    if (training.state === "stopped") {
      await evaluateText(training.session, releaseExpression(pins), { milliseconds: milliseconds.release });
      return;
    }
  } catch {
    // it went on in that moment
  }
  await bySocket().catch(() => undefined); // the process is gone, and its pins with it
}

/** "Uncaught ReferenceError: x is not defined" as a sentence for people. */
function saidOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error))
    .replace(/^Uncaught\s+/, "")
    .split("\n")[0]!;
  const missing = /^ReferenceError: (\S+) is not defined/.exec(text);
  if (missing) return `There is no '${missing[1]!}' in this frame.`;
  if (/^ReferenceError: Cannot access '(.+)' before initialization/.test(text)) {
    return `'${/'(.+)'/.exec(text)![1]!}' has no value yet at this line.`;
  }
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
