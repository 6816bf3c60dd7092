// The options object of an op: its check, made for each call, so it costs nothing where all is well; and the object that stands
// where an argument would that was left out.

import { fail, readOptions } from "../errors.js";

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

/** A plain object: neither a tensor nor a list, as arguments with a place of their own are. */
export function isOptions(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * The options of a layer whose first ones have a place of their own: `new GLU(1)` and `new GLU({ dim: 1 })` are the same.
 * `given` are the arguments, one for each of `places` and then the options object, if there is one.
 */
export function readPlaced<T extends object>(
  op: string,
  given: readonly unknown[],
  places: readonly (keyof T & string)[],
  defaults: T,
): T {
  const at = given.findIndex(isOptions);
  const last = at < 0 ? places.length : at;
  if (given.slice(last + 1).some((value) => value !== undefined)) {
    fail(op, "nothing may follow the options: put all of them into that object");
  }
  const options = readOptions(op, given[last], defaults);
  const own = places.slice(0, last).map((name, k) => [name, given[k] ?? defaults[name]]);
  return { ...options, ...(Object.fromEntries(own) as Partial<T>) };
}

/** An op as `callNamed` calls it. */
export type NamedCall<Result> = (...values: unknown[]) => Result;

/**
 * `x.sum({ dim: 1, keepdim: true })`: takes what has a place out of the object, leaves the rest as options, and calls again.
 * `given` stands before it, `places` are the names from the object's own place on, `after` is what follows it and must be nothing.
 */
export function callNamed<Result>(
  op: string,
  call: NamedCall<Result>,
  given: readonly unknown[],
  places: readonly string[],
  object: object,
  hasOptions: boolean,
  after: readonly unknown[],
): Result {
  if (after.some((value) => value !== undefined)) {
    fail(op, "nothing may follow an object of named arguments: put all of them into it");
  }
  const rest: Record<string, unknown> = { ...object };
  const values = places.map((name) => {
    const value = rest[name];
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a copy of our own, of a handful of keys
    delete rest[name];
    return value;
  });
  if (!hasOptions) checkOptions(op, rest, {});
  return call(...given, ...values, ...(hasOptions ? [rest] : []));
}
