// No argument, however wrong, may crash the process or come back as anything but a DescentError with a sentence.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DescentError, Tensor, tensor } from "descent";
import { elementwise, others } from "../ops.table.js";
import { opTable, publicCall, type Call } from "./op-calls.js";
import { Input, inputsOf, numbers, withTensors, type Argument } from "./op-inputs.js";

/** What a user may put in the place of any argument by mistake; made anew each time. */
const junk: Record<string, () => unknown> = {
  null: () => null,
  "a string": () => "text",
  "an object": () => ({ nonsense: 1 }),
  "an array of strings": () => ["a", "b"],
  "an array with a hole": () => [undefined, 1],
  "a function": () => () => 0,
  "a symbol": () => Symbol("s"),
  NaN: () => NaN,
  Infinity: () => Infinity,
  "a fraction": () => 1.5,
  "-1": () => -1,
  "2 ** 53": () => 2 ** 53,
  "-(2 ** 63) as bigint": () => -(2n ** 63n),
  "2 ** 64 as bigint": () => 2n ** 64n,
  "huge sizes": () => [2 ** 31, 2 ** 31, 2 ** 31],
  "negative sizes": () => [-2, -3],
  "too many dims": () => new Array<number>(40).fill(1),
  "a disposed tensor": () => {
    const x = tensor([1, 2]);
    x.dispose();
    return x;
  },
  "an unwrapped tensor": () => new Tensor(),
  "a tensor lookalike": () => Object.create(Tensor.prototype) as unknown,
  "an empty tensor": () => tensor([], { shape: [0] }),
  "a tensor of 7 dims": () => tensor([1], { shape: [1, 1, 1, 1, 1, 1, 1] }),
  "a bool tensor": () => tensor([true, false]),
  "an int tensor of far indices": () => tensor([10 ** 6, -(10 ** 6)], { dtype: "int64" }),
  "an empty list": () => [],
  "a date": () => new Date(0),
};

for (const op of opTable) {
  const call = publicCall(op.name);
  if (call === null) continue; // no user can reach it
  const args = exampleArguments(op.name);
  if (args === null) continue; // ops.table.test.ts says that a row is missing
  describe(op.name, () => {
    it("refuses wrong arguments with a sentence", () => {
      // One place more than there are arguments: the options, or one too many.
      for (let place = 0; place <= args.length; place++) {
        for (const [what, make] of Object.entries(junk)) tryWith(call, op.name, args, place, what, make());
      }
      refuses(() => call(), `${op.name}()`);
    });
    if (op.arguments.every((argument) => argument.positional)) return; // JavaScript ignores what is too many
    it("refuses options it has not", () => {
      const made = withTensors(
        args,
        inputsOf(args).map((input) => input.make("float32")),
      );
      const last = made.at(-1);
      const hasOptions =
        typeof last === "object" && last !== null && !(last instanceof Tensor) && !Array.isArray(last);
      const given = hasOptions
        ? [...made.slice(0, -1), { ...last, nonsense: 1 }]
        : [...made, { nonsense: 1 }];
      refuses(() => call(...given), `${op.name} with an unknown option`);
    });
  });
}

/** The call with one argument replaced: it may work (1.5 is a fine operand), but what it throws must be ours. */
function tryWith(
  call: Call,
  name: string,
  args: readonly Argument[],
  place: number,
  what: string,
  wrong: unknown,
): void {
  const made = withTensors(
    args,
    inputsOf(args).map((input) => input.make("float32")),
  );
  made[place] = wrong;
  try {
    call(...made);
  } catch (error) {
    checkError(error, `${name} with ${what} as argument ${place}`);
  }
}

function refuses(call: () => unknown, what: string): void {
  assert.throws(
    call,
    (error) => {
      checkError(error, what);
      return true;
    },
    `${what} is refused`,
  );
}

function checkError(error: unknown, what: string): void {
  assert.ok(error instanceof DescentError, `${what} threw ${String(error)}`);
  assert.notEqual(error.code, "internal", `${what}: ${error.message}`);
  assert.match(
    error.message,
    /^[\w.]+: .{5,}/s,
    `${what}: the message begins with the op: '${error.message}'`,
  );
  assert.ok(!error.message.includes("[object Object]"), error.message);
}

/** Arguments that work, from the op's row in test/ops.table.ts. */
function exampleArguments(name: string): readonly Argument[] | null {
  const row = others[name];
  if (row === undefined) {
    const line = elementwise[name];
    if (line === undefined) return null;
    const op = opTable.find((described) => described.name === name)!;
    const operands = op.arguments.filter(({ kind }) => kind === "tensor" || kind === "operand").length;
    return Array.from({ length: operands }, (_, k) =>
      name === "where" && k === 0 ? new Input([2, 3], [1, 0, 1, 0, 1, 0], "bool") : numbers([2, 3], 0.2, 0.9),
    );
  }
  if ("calls" in row) return row.calls[0]!;
  if ("gives" in row) return row.gives[0]![0];
  if ("draws" in row) return row.draws[0]![0];
  return null;
}
