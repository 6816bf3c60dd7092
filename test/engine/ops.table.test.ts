// Every row of the op table is tested: those that are not elementwise here, by the calls that test/ops.table.ts lists.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { autograd, cat, manualSeed, onesLike, zerosLike, type Tensor } from "descent";
import { elementwise, others } from "../ops.table.js";
import type { OtherRow } from "../rows/row.js";
import { listOf, opTable, publicCall, valuesOf, type Call } from "./op-calls.js";
import { checkGradients } from "./op-gradients.js";
import { inputsOf, withTensors, type Argument, type Input } from "./op-inputs.js";

it("every row of the op table has a row in test/ops.table.ts, and the other way round", () => {
  assert.ok(opTable.length > 0, "the op table has rows");
  const known = new Set(opTable.map((op) => op.name));
  for (const { name } of opTable) {
    assert.ok(
      name in elementwise || name in others,
      `the op '${name}' has no row in test/ops.table.ts: add one`,
    );
  }
  for (const [name, row] of Object.entries(others)) {
    if ("through" in row)
      assert.ok(row.through in others, `'${name}' is tested through '${row.through}', which has no row`);
    else assert.ok(known.has(name), `test/ops.table.ts has a row for '${name}', which is no op`);
  }
});

for (const [name, row] of Object.entries(others)) {
  if ("through" in row) continue;
  describe(name, () => {
    testRow(name, row);
  });
}

function testRow(name: string, row: OtherRow): void {
  const call: Call = (...args) => {
    const found = publicCall(name);
    assert.ok(found !== null, `the package has no function '${name}'`);
    return found(...args);
  };
  if ("gives" in row) {
    it(`gives what it should in ${row.gives.length} calls`, () => {
      for (const [args, shape, values] of row.gives) {
        const [result] = listOf(call(...withTensors(args, makeAll(args, "float32"))));
        assert.deepEqual(result!.shape, shape);
        valuesOf(result!).forEach((value, k) => {
          assert.ok(Math.abs(value - values[k]!) < 1e-6, `[${k}] is ${value}`);
        });
      }
    });
  }
  if ("draws" in row) {
    it("draws the numbers it should, the same for the same seed", () => {
      for (const [args, holds] of row.draws) {
        const draw = (seed: number): number[] => {
          manualSeed(seed);
          return valuesOf(listOf(call(...withTensors(args, makeAll(args, "float32"))))[0]!);
        };
        assert.ok(holds(draw(1)), "the numbers are of the distribution");
        assert.deepEqual(draw(1), draw(1), "the same seed gives the same numbers");
        assert.notDeepEqual(draw(1), draw(2), "another seed gives others");
      }
    });
  }
  if ("calls" in row) testCalls(name, row.calls, call);
}

function testCalls(name: string, calls: readonly Argument[][], call: Call): void {
  const isDifferentiable = calls.some((args) => makesGradients(call, args));
  it("agrees with itself in float32 and for inputs laid out otherwise", () => {
    for (const args of calls) {
      const wide = listOf(call(...withTensors(args, makeAll(args, "float64"))));
      const narrow = listOf(call(...withTensors(args, makeAll(args, "float32"))));
      close("float32", narrow, wide, 2e-4);
      if (name === "view") continue; // refuses some layouts, as it should
      for (const [layout, change] of Object.entries({ scatter, shift })) {
        const changed = makeAll(args, "float64").map(change);
        close(`another layout (${layout})`, listOf(call(...withTensors(args, changed))), wide, 1e-12);
      }
    }
  });
  it("gives in half precision what float32 gives, rounded, and gradients too", () => {
    for (const args of calls) {
      for (const [dtype, unit] of [
        ["float16", 2 ** -11],
        ["bfloat16", 2 ** -8],
      ] as const) {
        const halves = makeAll(args, "float32").map((x) => (x.dtype === "float32" ? x.to(dtype) : x));
        const wide = halves.map((x) => (x.dtype === dtype ? x.float() : x));
        const [narrow, precise] = [halves, wide].map((made) => withGradients(call, args, made));
        narrow!.outputs.forEach((output, k) => {
          const float = precise!.outputs[k]!.dtype;
          assert.equal(
            output.dtype,
            float === "float32" && halves.some((x) => x.dtype === dtype) ? dtype : float,
          );
        });
        // An op made of several others rounds after each.
        closeToLargest(`${name} of ${dtype}`, narrow!.outputs, precise!.outputs, 4 * unit);
        closeToLargest(`gradient of ${name} of ${dtype}`, narrow!.gradients, precise!.gradients, 16 * unit);
      }
    }
  });
  if (!isDifferentiable) return;
  it("has the right gradients", () => {
    for (const args of calls) {
      if (!makesGradients(call, args)) continue;
      checkGradients((...made) => call(...withTensors(args, made as Tensor[])), inputsOf(args));
    }
  });
}

function makesGradients(call: Call, args: readonly Argument[]): boolean {
  const made = inputsOf(args).map((input) =>
    input.isDifferentiable ? input.make("float64").requiresGrad_() : input.make("float64"),
  );
  return listOf(call(...withTensors(args, made))).some((output) => output.requiresGrad);
}

function makeAll(args: readonly Argument[], precision: "float64" | "float32"): Tensor[] {
  return inputsOf(args).map((input: Input) => input.make(precision));
}

interface WithGradients {
  outputs: Tensor[];
  gradients: Tensor[];
}

function withGradients(call: Call, args: readonly Argument[], made: Tensor[]): WithGradients {
  const inputs = inputsOf(args);
  const leaves = made.filter((x, k) => inputs[k]!.isDifferentiable && x.requiresGrad_());
  const outputs = listOf(call(...withTensors(args, made)));
  const tracked = outputs.filter((output) => output.requiresGrad);
  if (tracked.length === 0) return { outputs, gradients: [] };
  autograd.backward(
    tracked,
    tracked.map((output) => onesLike(output)),
  );
  return { outputs, gradients: leaves.flatMap((x) => x.grad ?? []) };
}

/** The difference allowed counts for the largest element: sums of many cancel. */
function closeToLargest(what: string, actual: Tensor[], expected: Tensor[], tolerance: number): void {
  assert.equal(actual.length, expected.length, `${what}: number`);
  actual.forEach((output, i) => {
    assert.deepEqual(output.shape, expected[i]!.shape, `${what}: shape`);
    const wanted = valuesOf(expected[i]!);
    const largest = Math.max(1, ...wanted.filter(Number.isFinite).map(Math.abs));
    valuesOf(output).forEach((got, k) => {
      const isNear = Object.is(got, wanted[k]) || Math.abs(got - wanted[k]!) <= tolerance * largest;
      assert.ok(isNear, `${what}: [${k}] is ${got}, not ${wanted[k]!}`);
    });
  });
}

/** The same values in memory that is neither dense nor in order. */
function scatter(x: Tensor): Tensor {
  if (x.ndim === 0) return x;
  const order = x.shape.map((_, k) => x.ndim - 1 - k);
  return x
    .unsqueeze(-1)
    .expand([...x.shape, 2])
    .contiguous()
    .select(-1, 1)
    .permute(order)
    .contiguous()
    .permute(order);
}

/** The same values, dense and in order, but not at the start of their memory. */
function shift(x: Tensor): Tensor {
  if (x.ndim === 0) return x;
  return cat([zerosLike(x), x], 0).narrow(0, x.shape[0]!, x.shape[0]!);
}

function close(what: string, actual: Tensor[], expected: Tensor[], tolerance: number): void {
  assert.equal(actual.length, expected.length, `${what}: number of outputs`);
  actual.forEach((output, i) => {
    assert.deepEqual(output.shape, expected[i]!.shape, `${what}: shape`);
    const wanted = valuesOf(expected[i]!);
    valuesOf(output).forEach((got, k) => {
      const difference = Math.abs(got - wanted[k]!);
      assert.ok(
        difference <= tolerance * Math.max(1, Math.abs(wanted[k]!)),
        `${what}: [${k}] is ${got}, not ${wanted[k]!}`,
      );
    });
  });
}
