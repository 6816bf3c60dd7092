// Every op on every dtype and pair of dtypes, with values at their ends, beside what PyTorch gives: test/reference/arithmetic.py.

import assert from "node:assert/strict";
import { it } from "node:test";
import * as descent from "descent";
import { DescentError, tensor, type DType, type Tensor } from "descent";
import { readFixture } from "../reference/replay.js";

type Recorded = number | string;
type Outcome = [DType, ...Recorded[]][] | null;
type Case = [call: string, args: unknown[], out: Outcome];
interface Arithmetic {
  values: Record<"L" | "R", Record<DType, Recorded[]>>;
  cases: Case[];
}

const { values, cases } = readFixture("arithmetic") as Arithmetic;
const byCall = new Map<string, Case[]>();
for (const one of cases) byCall.set(one[0], [...(byCall.get(one[0]) ?? []), one]);

for (const [call, ofCall] of byCall) {
  it(`${call}: ${ofCall.length} cases`, () => {
    const wrong = ofCall.map(difference).filter((text) => text !== null);
    assert.deepEqual(wrong, []);
  });
}

/** "int8:L" is the left list of int8; then M for 3 x 3, S for its first element as a scalar, 0 for none of it. */
function resolve(argument: unknown): unknown {
  if (Array.isArray(argument)) return argument.map(resolve);
  if (typeof argument !== "string" || !argument.includes(":")) return argument;
  const [dtype, which] = argument.split(":") as [DType, string];
  const recorded = which === "S" ? values.R[dtype][0]! : values[which[0] as "L" | "R"][dtype];
  const x = make(dtype, recorded);
  if (which[1] === "M") return x.view(3, 3);
  return which[1] === "0" ? x.narrow(0, 0, 0) : x;
}

function make(dtype: DType, recorded: Recorded | Recorded[]): Tensor {
  if (dtype === "int64") {
    return tensor(Array.isArray(recorded) ? recorded.map((value) => BigInt(value)) : BigInt(recorded));
  }
  return tensor(Array.isArray(recorded) ? recorded.map(Number) : Number(recorded), { dtype });
}

function difference([name, args, expected]: Case): string | null {
  const shown = `${name}(${args.map((value) => JSON.stringify(value)).join(", ")})`;
  let found: Tensor[] | null;
  let refusal = "";
  try {
    const result = call(name, args.map(resolve));
    found = Array.isArray(result) ? (result as Tensor[]) : [result as Tensor];
  } catch (error) {
    if (!(error instanceof DescentError) || error.code === "internal") throw error;
    found = null;
    refusal = error.message;
  }
  if (found === null || expected === null) {
    if (found === expected) return null;
    return `${shown} ${found === null ? `is refused (${refusal}), PyTorch gives ${JSON.stringify(expected)}` : `gives ${String(found[0])}, PyTorch refuses`}`;
  }
  for (const [k, [dtype, ...wanted]] of expected.entries()) {
    const got = found[k]!;
    const list = Array.from(got.data() as ArrayLike<number | bigint>);
    const isSame =
      got.dtype === dtype &&
      list.length === wanted.length &&
      list.every((value, at) => isNear(name, dtype, value, wanted[at]!));
    if (!isSame)
      return `${shown} gives ${got.dtype} [${list.join(", ")}], PyTorch ${dtype} [${wanted.join(", ")}]`;
  }
  return null;
}

function call(name: string, args: unknown[]): unknown {
  const last = name.slice(name.indexOf(".") + 1);
  type AnyCall = (...args: unknown[]) => unknown;
  if (name.startsWith("Tensor.")) {
    const [self, ...rest] = args;
    return (self as Record<string, AnyCall>)[last]!(...rest);
  }
  const home = name.startsWith("F.") ? descent.nn.functional : descent;
  return (home as unknown as Record<string, AnyCall>)[last]!(...args);
}

/**
 * Relative, and absolute below a floor. Half precision: one unit in the last place, where sums are taken in another order and functions differ in a last bit;
 * PyTorch takes logSoftmax there in differences that it rounds.
 */
const tolerance: Partial<Record<DType, number>> = {
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
  float32: 1e-5,
  float64: 1e-7,
};

function isNear(call: string, dtype: DType, got: number | bigint, wanted: Recorded): boolean {
  if (typeof got === "bigint") return got === BigInt(wanted);
  const number = Number(wanted);
  if (Object.is(got, number)) return true;
  const floor = call === "logSoftmax" ? 1 : dtype === "float16" ? 2 ** -10 : 0.05;
  return Math.abs(got - number) <= (tolerance[dtype] ?? 0) * Math.max(Math.abs(number), floor);
}
