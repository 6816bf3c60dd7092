// The check of an op's options object: made for each call, so it costs nothing where all is well.

import { readOptions } from "../errors.js";

/** Refuses anything but an object with known keys; `known` is the options with their defaults. */
export function checkOptions(op: string, options: unknown, known: object): void {
  if (options === undefined) return;
  if (typeof options === "object" && options !== null) {
    let isKnown = true;
    for (const key in options) isKnown &&= key in known;
    if (isKnown) return;
  }
  readOptions(op, options, known);
}
