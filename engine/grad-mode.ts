// noGrad(), enableGrad() and inferenceMode(): whether operations record what a gradient will need.

import { AsyncLocalStorage } from "node:async_hooks";
import { checkBoolean, checkFunction } from "./errors.js";
import { native } from "./native.js";

/** What a body asked for, for everything that it starts and awaits. */
interface Mode {
  records: boolean;
  infers: boolean;
}

const modes = new AsyncLocalStorage<Mode>();
/** Outside every body. */
const base: Mode = { records: true, infers: false };
/** Async bodies that are not done: while there are none, the core's own flag is right all the time. */
let pending = 0;

/**
 * Runs `body` without recording for gradients and gives its result; less memory, less time. In an async body recording is off until
 * its promise settles, for what it does itself: other code that runs on this thread meanwhile records as before.
 */
export function noGrad<T>(body: () => T): T {
  return runIn("noGrad", { records: false, infers: current().infers }, body);
}

/** Runs `body` with recording on again, inside a `noGrad`. */
export function enableGrad<T>(body: () => T): T {
  return runIn("enableGrad", { records: !current().infers, infers: current().infers }, body);
}

/**
 * `noGrad` for evaluation: what is made inside never takes part in a graph, not even later; use clone() outside to have a tensor that
 * can. PyTorch's `torch.inference_mode`. With `enabled` false it ends, for `body`, an inference mode around it.
 */
export function inferenceMode<T>(body: () => T, enabled = true): T {
  const infers = checkBoolean("inferenceMode", "enabled", enabled);
  return runIn("inferenceMode", { records: !infers, infers }, body);
}

/** Whether operations are recorded for gradients at this point. */
export function isGradEnabled(): boolean {
  return native.isGradEnabled();
}

/** Whether an inference mode is on. */
export function isInferenceModeEnabled(): boolean {
  return current().infers;
}

/** Recording on or off from here on, outside of every body; `noGrad` is for parts of a program. */
export function setGradEnabled(enabled: boolean): void {
  const mode = modes.getStore() ?? base;
  mode.records = checkBoolean("setGradEnabled", "enabled", enabled) && !mode.infers;
  native.setGradEnabled(mode.records);
}

/** The mode as the core needs it while async bodies are pending: 1 records, 2 infers. It asks before each call. */
function modeNow(): number {
  const { records, infers } = modes.getStore() ?? base;
  return (records ? 1 : 0) + (infers ? 2 : 0);
}
native.setModeReader(modeNow);

function current(): Mode {
  return modes.getStore() ?? base;
}

function runIn<T>(op: string, mode: Mode, body: () => T): T {
  checkFunction(op, "the body", body);
  const recorded = native.setGradEnabled(mode.records);
  const inferred = native.setInferenceMode(mode.infers);
  let result: T;
  try {
    result = modes.run(mode, body);
  } finally {
    native.setGradEnabled(recorded);
    native.setInferenceMode(inferred);
  }
  if (result instanceof Promise) {
    begin();
    return result.finally(end) as T;
  }
  return result;
}

function begin(): void {
  pending += 1;
  if (pending === 1) native.readModes(true);
}

function end(): void {
  pending -= 1;
  if (pending > 0) return;
  native.readModes(false);
  native.setGradEnabled(base.records);
  native.setInferenceMode(base.infers);
}
