// What is said to `globalThis[Symbol.for("descent.debug")]` of a stopped process, and how its answers are read.

import type { PinResult, TensorFacts } from "../../engine/inspection.js";
import { environment } from "../../engine/protocol.js";

const bridge = 'globalThis[Symbol.for("descent.debug")]';

/** What a process says of itself at a stop. */
export interface ProcessAnswer {
  pid: number;
  /** The id of the run that it is; null where it is not recorded. */
  run: string | null;
  /** It holds tensors: the engine is loaded, and this is its main thread. */
  hasTensors: boolean;
  /** What the bridge's `stopped()` said; an empty object where it said nothing. */
  said: Record<string, unknown>;
}

/** Brings the descriptions up to date, and tells which process it is. Evaluated at every stop, before anything else. */
export const stoppedExpression = `JSON.stringify([globalThis.process?.pid, globalThis.process?.env.${environment.insideRun}, ${bridge}?.stopped()])`;

/** null when the text is no such answer. */
export function readStopped(text: string | null): ProcessAnswer | null {
  const answer = parse(text);
  if (!Array.isArray(answer)) return null;
  const [pid, run, said] = answer as unknown[];
  if (typeof pid !== "number") return null;
  const told = typeof said === "string" ? parse(said) : null;
  return {
    pid,
    run: typeof run === "string" ? run : null,
    hasTensors: typeof said === "string",
    said: isFields(told) ? told : {},
  };
}

/** `expression` is the user's own, or one that the debugger gave. A line comment at its end does no harm. */
export function pinExpression(expression: string, copy: boolean): string {
  return `${bridge}?.pin((${expression}\n)${copy ? ", { copy: true }" : ""})`;
}

export function releaseExpression(pins: readonly number[]): string {
  return `${bridge}?.release(${pins.join(", ")})`;
}

export function readPin(text: string | null): PinResult {
  const answer = parse(text);
  if (isFields(answer)) {
    if (typeof answer["problem"] === "string") return { problem: answer["problem"] };
    if (typeof answer["pin"] === "number" && isFields(answer["facts"])) {
      const facts = answer["facts"] as unknown as TensorFacts;
      if (Array.isArray(facts.shape)) return { pin: answer["pin"], facts };
    }
  }
  return {
    problem: "This process has no tensors to look at: it has not loaded Descent, or is a worker thread.",
  };
}

function parse(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
