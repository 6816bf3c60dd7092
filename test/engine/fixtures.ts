// What the engine's tests share: recorded values, comparing numbers, expecting one clear error.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DescentError, getDefaultDevice, ones, type Tensor } from "descent";

/** The records of a file in test/engine/fixtures, one a line. The bundled test lies in dist/test/engine. */
export function readFixture<T>(name: string): T[] {
  const file = new URL(`../../../test/engine/fixtures/${name}`, import.meta.url);
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

/** Every number within `tolerance` of the expected one, relative to it (absolute below 1). */
export function assertClose(actual: unknown, expected: unknown, tolerance = 1e-5, what = "value"): void {
  const left = flatNumbers(actual);
  const right = flatNumbers(expected);
  assert.equal(left.length, right.length, `${what}: ${left.length} numbers, not ${right.length}`);
  left.forEach((value, k) => {
    const other = right[k]!;
    if (Object.is(value, other)) return;
    const difference = Math.abs(value - other) / Math.max(1, Math.abs(other));
    assert.ok(difference <= tolerance, `${what}[${k}] is ${value}, not ${other}`);
  });
}

function flatNumbers(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(flatNumbers);
  if (typeof value === "object" && value !== null) return Array.from((value as Tensor).data(), Number);
  return [Number(value)];
}

/** The call, or waiting for what it asked of a GPU, throws a DescentError of this code whose message matches. */
export function assertRefused(call: () => unknown, code: string, message: RegExp): void {
  const waiting = (): void => {
    call();
    if (getDefaultDevice() !== "cpu") ones([]).item();
  };
  assert.throws(waiting, (error: unknown) => {
    assert.ok(error instanceof DescentError, `not a DescentError: ${String(error)}`);
    assert.match(error.message, message);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** Collects all that nobody refers to, natively held things too: those are let go with the next call after a collection. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 4; round++) {
    collect();
    ones([1]);
  }
}
