// What the fuzz tests call: every op and every method in place, with arguments of their makers, and backward through what comes out.

import assert from "node:assert/strict";
import { DescentError, tensor, Tensor } from "descent";
import type { OpDescription } from "../../../engine/native.js";
import { opTable, publicCall, type Call } from "../op-calls.js";
import { ArgumentMaker } from "./arguments.js";
import { ExampleMaker, examplesOf } from "./examples.js";
import { floats, sizeOf, type Random } from "./random.js";

export interface Target {
  name: string;
  op: OpDescription;
  call: Call;
}

export const targets: readonly Target[] = opTable.flatMap((op) => {
  const call = publicCall(op.name);
  const found: Target[] = call === null ? [] : [{ name: op.name, op, call }];
  const method = op.inPlaceOnly ? op.name : `${op.name}_`;
  if ((op.inPlace || op.inPlaceOnly) && method in Tensor.prototype)
    found.push({ name: `x.${method}`, op, call: (x, ...rest) => callMethod(method, x, rest) });
  return found;
});

export interface Arguments {
  args: unknown[];
  /** Those among them, wherever they stand. */
  tensors: readonly Tensor[];
}

/** Arguments for one call, from the op's examples or from nothing but its description. */
export function argumentsFor(random: Random, target: Target): Arguments {
  const examples = examplesOf(target.op.name);
  const isFromExample = examples.length > 0 && random.chance(0.6);
  const maker = isFromExample ? new ExampleMaker(random) : new ArgumentMaker(random, target.op);
  const args = maker instanceof ExampleMaker ? maker.all(random.oneOf(examples)) : maker.all();
  return { args, tensors: maker.tensors };
}

/** Whether there was a result to go backward from; gradients are read. */
export function goBackward(random: Random, results: readonly Tensor[], inputs: readonly Tensor[]): boolean {
  const roots = results.filter((y) => y.requiresGrad && !y.isDisposed && sizeOf(y.shape) <= 100_000);
  const root = roots[0];
  if (root === undefined) return false;
  const gradient = tensor(floats(random, sizeOf(root.shape)), {
    shape: [...root.shape],
    dtype: root.dtype,
    device: root.device,
  });
  if (random.chance(0.3)) {
    root.backward({ gradient, createGraph: true });
    const sums = inputs
      .map((x) => x.grad)
      .filter((grad) => grad?.requiresGrad)
      .map((grad) => grad!.sum());
    for (const sum of sums.slice(0, 1)) sum.backward();
  } else {
    root.backward(gradient);
  }
  for (const x of inputs) {
    const { grad } = x;
    if (!grad) continue;
    assert.deepEqual([...grad.shape], [...x.shape], "a gradient has the shape of its tensor");
    read(grad);
  }
  return true;
}

/** Reading touches all elements. Views may name more of them than there is memory; those stay unread. */
export function read(x: Tensor): void {
  const count = x.shape.reduce((product, size) => product * size, 1);
  if (x.isDisposed || count > 100_000) return;
  assert.equal(x.data().length, count);
}

function callMethod(method: string, x: unknown, rest: unknown[]): Tensor {
  if (!(x instanceof Tensor)) throw new DescentError("argument", method, "there is nothing to call it on");
  const methods = Tensor.prototype as unknown as Record<string, Call>;
  return Reflect.apply(methods[method]!, x, rest) as Tensor;
}

export function textOf(value: unknown): string {
  if (value instanceof Tensor && !Object.hasOwn(value, "shape")) return "a tensor that is none";
  if (value instanceof Tensor)
    return `${value.dtype}[${value.shape.join(",")}]${value.requiresGrad ? " with gradient" : ""}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, part]) => `${key}: ${textOf(part)}`)
      .join(", ")} }`;
  return typeof value === "bigint" ? `${value}n` : typeof value === "string" ? `"${value}"` : String(value);
}

export function setting(name: string, otherwise: number): number {
  const text = process.env[name];
  return text === undefined || text === "" ? otherwise : Number(text);
}
