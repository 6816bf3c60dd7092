// Settings of layers that are one number, or one for each dim of a signal or image.

import { checkNumber, fail, show } from "../errors.js";

/** One number for all dims, or one for each. */
export type PerDim = number | readonly number[];

/** The setting for each of `dims` dims. */
export function perDim(
  op: string,
  name: string,
  value: PerDim,
  dims: number,
  min: number,
): readonly number[] {
  const range = { min, max: 2 ** 31 - 1, integer: true };
  if (!Array.isArray(value)) {
    const one = checkNumber(op, name, value, range);
    return new Array<number>(dims).fill(one);
  }
  const list = value as readonly number[];
  if (list.length !== dims && list.length !== 1) {
    return fail(op, `${name} must be a number or an array of ${dims}, it is ${show(value)}`, {
      [name]: show(value),
    });
  }
  const each = list.map((one, k) => checkNumber(op, `${name}[${k}]`, one, range));
  return each.length === dims ? each : new Array<number>(dims).fill(each[0]!);
}

/** As PyTorch prints tuples: (3, 3), (3,), and what is no array as it is. */
export function showTuple(value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  const items = (value as unknown[]).map(String);
  return items.length === 1 ? `(${items[0]!},)` : `(${items.join(", ")})`;
}

/** Whether all are the same number. */
export function areAll(values: readonly number[], wanted: number): boolean {
  return values.every((value) => value === wanted);
}
