// noGrad() and enableGrad(): whether operations record what a gradient will need.

import { checkFunction } from "./errors.js";
import { native } from "./native.js";

/**
 * Runs `body` without recording for gradients and gives its result; less memory, less time. An async body keeps
 * recording off until its promise settles, for everything that runs on this thread meanwhile.
 */
export function noGrad<T>(body: () => T): T {
  return withGrad("noGrad", false, body);
}

/** Runs `body` with recording on again, inside a `noGrad`. */
export function enableGrad<T>(body: () => T): T {
  return withGrad("enableGrad", true, body);
}

/** Whether operations are recorded for gradients at this point. */
export function isGradEnabled(): boolean {
  return native.isGradEnabled();
}

function withGrad<T>(op: string, enabled: boolean, body: () => T): T {
  checkFunction(op, "the body", body);
  const before = native.setGradEnabled(enabled);
  let isPending = false;
  try {
    const result = body();
    if (result instanceof Promise) {
      isPending = true;
      return result.finally(() => native.setGradEnabled(before)) as T;
    }
    return result;
  } finally {
    if (!isPending) native.setGradEnabled(before);
  }
}
