// Where the recorder and the engine meet about stops: they are two bundles in one thread.

import type { BreakConditions } from "./conditions.js";
import type { BreakHit } from "./hit.js";

export interface BreakSlot {
  /** What to stop at; null where nobody asked. */
  conditions: BreakConditions | null;
  /** Set by the engine: takes the conditions above over. */
  apply: (() => void) | null;
  /** Set by the engine: stops here, where a debugger is attached. */
  stop: ((hit: BreakHit) => void) | null;
  /** Set by the engine: an optimizer's step is done. */
  step: (() => void) | null;
  /** Set by the recorder: brings `conditions` up to date where somebody changed them from outside. */
  fetch: (() => void) | null;
}

const key = Symbol.for("descent.breaks.1");
const shared = globalThis as unknown as Record<symbol, BreakSlot | undefined>;

export const breaks: BreakSlot = (shared[key] ??= {
  conditions: null,
  apply: null,
  stop: null,
  step: null,
  fetch: null,
});
