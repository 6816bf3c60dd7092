// The dtype that each pair of dtypes gives, for each kind of op, as PyTorch has it.

import assert from "node:assert/strict";
import { it } from "node:test";
import * as descent from "descent";
import { cat, DescentError, ones, type DType, type Tensor } from "descent";
import { readFixture } from "../reference/replay.js";

interface Pairs {
  tensors: string[][];
  leftScalar: string[][];
  rightScalar: string[][];
  integer: string[];
  fraction: string[];
}

interface Promotion {
  dtypes: DType[];
  pairs: Record<string, Pairs>;
  cat: string[][];
  one: Record<string, string[]>;
}

type Call = (...args: unknown[]) => Tensor;
const { dtypes, pairs, cat: joined, one } = readFixture("promotion") as Promotion;
const functions = descent as unknown as Record<string, Call>;

for (const [name, table] of Object.entries(pairs)) {
  it(`${name}: 320 pairs of dtypes`, () => {
    const call = functions[name]!;
    const wrong: string[] = [];
    const check = (what: string, expected: string, ...args: unknown[]): void => {
      const got = resultOf(() => call(...args));
      if (got !== expected) wrong.push(`${name}(${what}) gives ${got}, PyTorch ${expected}`);
    };
    dtypes.forEach((left, i) => {
      const x = ones([2], { dtype: left });
      dtypes.forEach((right, j) => {
        const y = ones([2], { dtype: right });
        check(`${left} [2], ${right} [2]`, table.tensors[i]![j]!, x, y);
        check(`${left} [], ${right} [2]`, table.leftScalar[i]![j]!, ones([], { dtype: left }), y);
        check(`${left} [2], ${right} []`, table.rightScalar[i]![j]!, x, ones([], { dtype: right }));
      });
      if (!takesNumbers(name)) return;
      check(`${left} [2], 2`, table.integer[i]!, x, 2);
      check(`${left} [2], 2.5`, table.fraction[i]!, x, 2.5);
    });
    assert.deepEqual(wrong, []);
  });
}

it("cat: 100 pairs of dtypes", () => {
  const got = dtypes.map((left) =>
    dtypes.map((right) => cat([ones([2], { dtype: left }), ones([2], { dtype: right })]).dtype),
  );
  assert.deepEqual(got, joined);
});

it("ops of one tensor", () => {
  for (const [name, expected] of Object.entries(one)) {
    const got = dtypes.map((dtype) => resultOf(() => functions[name]!(ones([2], { dtype }))));
    assert.deepEqual(got, expected, name);
  }
});

/** PyTorch has no plain numbers there: what ours do is our own business. */
function takesNumbers(name: string): boolean {
  return !["atan2", "maximum", "logicalAnd"].includes(name);
}

function resultOf(call: () => Tensor): string {
  try {
    return call().dtype;
  } catch (error) {
    if (error instanceof DescentError) return "error";
    throw error;
  }
}
