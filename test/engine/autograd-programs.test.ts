// Random programs of views, changes in place, detaching and noGrad: each does, refuses and differentiates what it does in PyTorch.

import assert from "node:assert/strict";
import { test } from "node:test";
import { noGrad, tensor, type Tensor } from "descent";
import { readFixture } from "../reference/replay.js";

/** [result, tensor, method, arguments, within noGrad, what PyTorch refuses it with] */
type Step = [string | null, string, string, unknown[], boolean, string?];

interface Program {
  seed: number;
  start: Record<string, { shape: number[]; values: number[]; requiresGrad: boolean }>;
  steps: Step[];
  requiresGrad?: Record<string, boolean>;
  loss?: number;
  grads?: Record<string, number[] | null>;
  refused?: string;
}

type Method = (this: Tensor, ...values: unknown[]) => Tensor;

function runStep([result, name, method, given, quiet]: Step, tensors: Map<string, Tensor>): void {
  const x = tensors.get(name)!;
  const values = given.map((value) => (typeof value === "string" ? tensors.get(value.slice(1)) : value));
  const call = () => (x as unknown as Record<string, Method>)[method]!.apply(x, values);
  const made = quiet ? noGrad(call) : call();
  if (result !== null) tensors.set(result, made);
}

export function check(program: Program): void {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape, values, requiresGrad }] of Object.entries(program.start))
    tensors.set(name, tensor(Float64Array.from(values), { shape, dtype: "float64", requiresGrad }));
  for (const step of program.steps) {
    const what = JSON.stringify(step);
    if (step[5] === undefined) {
      assert.doesNotThrow(() => {
        runStep(step, tensors);
      }, what);
    } else {
      assert.throws(
        () => {
          runStep(step, tensors);
        },
        { name: "DescentError" },
        what,
      );
      return;
    }
  }
  // The field of a view is not written anew when its base comes to require a gradient; what is made of it knows.
  for (const [name, requiresGrad] of Object.entries(program.requiresGrad ?? {}))
    assert.equal(tensors.get(name)!.mul(1).requiresGrad, requiresGrad, `${name} requires a gradient`);
  const leaves = Object.keys(program.start);
  const finish = () => {
    let loss: Tensor | undefined;
    [...tensors.values()].forEach((x, k) => {
      const weights = Float64Array.from({ length: x.numel() }, (_, j) => j + 1);
      const term = x
        .mul(tensor(weights, { shape: x.shape, dtype: "float64" }))
        .sum()
        .mul(k + 1);
      loss = loss === undefined ? term : loss.add(term);
    });
    close("loss", [loss!.item()], [program.loss!]);
    loss!.backward();
  };
  if (program.refused !== undefined) {
    assert.throws(finish, { code: "autograd" }, program.refused);
    return;
  }
  finish();
  for (const name of leaves) {
    const expected = program.grads![name];
    const grad = tensors.get(name)!.grad;
    if (expected === null || expected === undefined) assert.equal(grad, null, `${name}.grad`);
    else close(`${name}.grad`, Array.from(grad!.data(), Number), expected);
  }
}

function close(what: string, actual: number[], expected: number[]): void {
  assert.equal(actual.length, expected.length, what);
  actual.forEach((value, k) => {
    const wanted = expected[k]!;
    assert.ok(
      Math.abs(value - wanted) <= 1e-7 * Math.max(1, Math.abs(wanted)),
      `${what}[${k}] is ${value}, PyTorch has ${wanted}`,
    );
  });
}

/** Another file of programs than the committed one: recorded by test/reference/programs.py too. */
const file = process.env["DESCENT_PROGRAMS"] ?? "programs";

test("each program does in Descent what it does in PyTorch", () => {
  const failed: string[] = [];
  for (const program of readFixture(file) as Program[]) {
    try {
      check(program);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failed.push(`seed ${program.seed}: ${reason}\n${JSON.stringify(program)}`);
    }
  }
  assert.equal(failed.length, 0, `${failed.length} failed\n${failed.slice(0, 10).join("\n\n")}`);
});
