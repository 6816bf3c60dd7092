// Arguments by name in place of positional ones that may be left out: x.sum({ dim: 1 }), as Python has x.sum(dim=1).

import assert from "node:assert/strict";
import { it } from "node:test";
import { arange, DescentError, eye, manualSeed, norm, sum, tensor, type Tensor } from "descent";
import type { OpDescription } from "../../engine/native.js";
import { others } from "../ops.table.js";
import { listOf, opTable, publicCall, valuesOf, type Call } from "./op-calls.js";
import { inputsOf, withTensors, type Argument } from "./op-inputs.js";

const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

function refuses(call: () => unknown, message: string | RegExp): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof DescentError);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

it("takes what PyTorch's users name", () => {
  assert.equal(x.sum({ dtype: "float64" }).dtype, "float64");
  assert.deepEqual(x.sum({ dim: 1 }).tolist(), [6, 15]);
  assert.deepEqual(sum(x, { dim: 0, keepdim: true }).tolist(), [[5, 7, 9]]);
  assert.deepEqual(x.max({ dim: 1 })[0].tolist(), [3, 6]);
  assert.deepEqual(x.unsqueeze(0).flatten({ startDim: 1 }).shape, [1, 6]);
  assert.equal(norm(x, 1, { dim: 1 }).shape.length, 1);
  assert.equal(arange(5, { dtype: "int32" }).dtype, "int32");
  assert.deepEqual(arange(1, 7, { step: 3 }).tolist(), [1, 4]);
  assert.equal(eye(2, { dtype: "bool" }).dtype, "bool");
  assert.deepEqual(x.clamp({ max: 2 }).tolist(), x.clamp(null, 2).tolist());
  assert.equal(x.sum({}).item(), 21);
});

it("refuses names that mean nothing, and what follows named arguments", () => {
  refuses(() => x.sum({ axis: 1 } as never), /^sum: .*axis/);
  refuses(() => x.sum({ dim: 1 }, { keepdim: true }), /^sum: nothing may follow/);
  refuses(() => norm(x, { p: 1 }, 1), /^norm: nothing may follow/);
  refuses(() => x.sum(1, { dim: 1 } as unknown as { keepdim: boolean }), /^sum: .*dim/);
  refuses(() => x.sum({ dim: "a" } as never), "sum: dim must be an integer or an array of integers, got 'a'");
  refuses(() => x.sum(new Date() as never), /^sum: dim must be an integer or an array of integers/);
});

it("says what is missing", () => {
  refuses(() => sum(undefined as never), "sum: x must be a tensor, got undefined");
  refuses(() => x.add(undefined as never), "add: b must be a tensor or a number, got undefined");
  refuses(() => x.gather(0, null as never), "gather: index must be a tensor, got null");
  refuses(() => x.transpose(0, undefined as never), /^transpose: \w+ must be an integer, got undefined/);
});

it("gives for named arguments what it gives for those in their places", () => {
  let compared = 0;
  for (const op of opTable) {
    const row = others[op.name];
    const call = publicCall(op.name);
    if (row === undefined || !("calls" in row) || call === null) continue;
    for (const args of row.calls) compared += compareForms(op, call, args);
  }
  assert.ok(compared > 50, `${compared} calls were compared`);
});

/** The call with its optional arguments named, from each of them on. */
function compareForms(op: OpDescription, call: Call, args: readonly Argument[]): number {
  const shown = op.arguments.filter((argument) => argument.positional);
  const run = (given: readonly Argument[]): Tensor[] => {
    manualSeed(1);
    const made = inputsOf(given as Argument[]).map((input) => input.make("float64"));
    return listOf(call(...withTensors(given, made)));
  };
  const given = args.slice(0, shown.length);
  const options = (args[shown.length] ?? {}) as Record<string, Argument>;
  let compared = 0;
  for (let at = 0; at < given.length; at++) {
    if (shown[at]!.default === null) continue;
    const rest = given.slice(at).map((value, k) => [shown[at + k]!.name, value] as const);
    const named = [...given.slice(0, at), { ...Object.fromEntries(rest), ...options }];
    const [expected, found] = [run(args), run(named)];
    assert.deepEqual(found.map(valuesOf), expected.map(valuesOf), `${op.name} from ${shown[at]!.name} on`);
    compared++;
  }
  return compared;
}
