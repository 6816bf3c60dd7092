// Finds ops by their name in the table and calls them: as a user would where they are offered, else straight in the core.

import * as descent from "descent";
import { nn, Tensor } from "descent";
import { native, type OpDescription } from "../../engine/native.js";

export type Call = (...args: unknown[]) => Tensor | Tensor[];

/** Every op that a user can reach; those that exist only in place under the name of their method: fill_. */
export const opTable: readonly OpDescription[] = native
  .describeOps()
  .map((op) => (op.inPlaceOnly ? { ...op, name: `${op.name}_` } : op));

/** The function a user calls; for ops that are only methods in place, one that calls the method on a copy. Null: internal. */
export function publicCall(name: string): Call | null {
  const top = descent as unknown as Record<string, Call | undefined>;
  const functional = nn.functional as unknown as Record<string, Call | undefined>;
  const found = top[name] ?? functional[name];
  if (typeof found === "function") return found;
  if (!name.endsWith("_") || !(name in Tensor.prototype)) return null;
  return (x, ...rest) => inPlace(name, x instanceof Tensor ? x.clone() : (x as Tensor), rest);
}

/** `x.method(...)`, which must change x itself and return it. */
export function inPlace(method: string, x: Tensor, args: unknown[]): Tensor {
  const methods = Tensor.prototype as unknown as Record<string, Call>;
  const result = Reflect.apply(methods[method]!, x, args);
  if (result !== x) throw new Error(`${method} must return the tensor it changed`);
  return x;
}

/** A call in the core, for ops that no user sees. */
export function coreCall(name: string): Call {
  return (...args) => {
    const out = new Tensor();
    native.ops[name]!(out, ...args);
    return descent.clone(out); // an op of the package reads the geometry that the raw call left behind
  };
}

/** How parameters are passed to an op: in their places, or as keys of the options object. */
export function withParameters(
  op: OpDescription | undefined,
  inputs: unknown[],
  parameters: readonly number[],
): unknown[] {
  if (parameters.length === 0) return inputs;
  const described = op?.arguments.slice(inputs.length) ?? [];
  if (described.length === 0 || described[0]!.positional || publicCall(op!.name) === null)
    return [...inputs, ...parameters];
  return [...inputs, Object.fromEntries(parameters.map((value, k) => [described[k]!.name, value]))];
}

/** The results of a call, each on the device under test: none may have strayed. */
export function listOf(result: Tensor | Tensor[]): Tensor[] {
  const list = Array.isArray(result) ? result : [result];
  for (const { device } of list) {
    if (device !== descent.getDefaultDevice())
      throw new Error(`a result is on ${device}, not on ${descent.getDefaultDevice()}`);
  }
  return list;
}

export function valuesOf(x: Tensor): number[] {
  return Array.from(x.data() as ArrayLike<number | bigint>, Number);
}
