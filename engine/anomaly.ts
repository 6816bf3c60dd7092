// autograd.detectAnomaly: backward stops at the operation that made the first NaN, and says where it was called.

import { checkBoolean, checkFunction, readOptions } from "./errors.js";
import { native } from "./native.js";
import { callSites } from "./sites.js";

interface Anomaly {
  isOn: boolean;
  checksNaN: boolean;
}

export interface AnomalyOptions {
  /** False: lines are kept for errors, but NaN is no error. Default: true. */
  checkNan?: boolean;
}

let current: Anomaly = { isOn: false, checksNaN: true };
/** What was read before anomalies were looked for. */
let sitesBefore: number = callSites.affordable;

/**
 * Looks for the operation whose backward makes the first NaN: within `body` (which may be async: then until its promise settles, for
 * everything that runs on this thread meanwhile), or from here on with true until false. Every operation is then checked and its line
 * kept, which is slow: for debugging only. PyTorch's `torch.autograd.detect_anomaly` and `set_detect_anomaly`.
 * @throws DescentError 'autograd' out of backward(), naming the operation, the line that called it, and whether its result was NaN already.
 */
export function detectAnomaly(enabled: boolean, options?: AnomalyOptions): void;
export function detectAnomaly<T>(body: () => T, options?: AnomalyOptions): T;
export function detectAnomaly<T>(what: boolean | (() => T), options?: AnomalyOptions): T | void {
  const op = "autograd.detectAnomaly";
  const { checkNan } = readOptions(op, options, { checkNan: true });
  const checksNaN = checkBoolean(op, "checkNan", checkNan);
  if (typeof what === "boolean") {
    change({ isOn: what, checksNaN });
    return;
  }
  checkFunction(op, "the body", what);
  const before = current;
  change({ isOn: true, checksNaN });
  let isPending = false;
  try {
    const result = what();
    if (!(result instanceof Promise)) return result;
    isPending = true;
    return result.finally(() => {
      change(before);
    }) as T;
  } finally {
    if (!isPending) change(before);
  }
}

/** Whether anomaly detection is on at this point. */
export function isAnomalyEnabled(): boolean {
  return current.isOn;
}

function change(to: Anomaly): void {
  if (to.isOn && !current.isOn) sitesBefore = native.setCallSites(callSites.always);
  if (!to.isOn && current.isOn) native.setCallSites(sitesBefore);
  current = to;
  native.setAnomaly(to.isOn, to.checksNaN);
}
