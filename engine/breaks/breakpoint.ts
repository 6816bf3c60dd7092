// Where the process stops: the one file of ours that a debugger does not pass over. Its locals say why.

import type { BreakHit } from "./hit.js";

/** The locals are there for whoever looks; this keeps them used. */
export let told: unknown[] = [];

/** Without a debugger attached nothing happens. The frame is called by its sentence, which a list of frames then shows. */
export function stopAt(hit: BreakHit): void {
  const stop = (given: BreakHit): void => {
    const { sentence, what, op, created, inputs, outputs, line, condition } = given;
    // eslint-disable-next-line no-debugger -- this is what all of it is for
    debugger;
    told = [sentence, what, op, created, inputs, outputs, line, condition];
  };
  Object.defineProperty(stop, "name", { value: hit.sentence });
  stop(hit);
  told = [];
}
