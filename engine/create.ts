// tensor(): numbers, nested arrays and typed arrays become tensors. The other creation ops come from the op table.

import {
  arrayFor,
  defaultDType,
  dtypeNumber,
  dtypeOfArray,
  isTypedArray,
  type DType,
  type TypedArray,
} from "./dtype.js";
import { getDefaultDevice, parseDevice } from "./device.js";
import { checkBoolean, checkShape, fail, readOptions, show } from "./errors.js";
import { native } from "./native.js";
import { adopt, countElements, Tensor } from "./tensor.js";

/** Numbers, booleans or bigints, nested to any depth; all arrays of one depth have one length. */
export type NestedValues = number | boolean | bigint | Tensor | readonly NestedValues[];

export interface TensorOptions {
  /** Default: float32 for numbers, bool for booleans, int64 for bigints, and a typed array's own type. */
  dtype?: DType;
  /** Default: the nesting of the arrays; [length] for a typed array. */
  shape?: readonly number[];
  /** Default: the default device, which is the CPU until it is set. */
  device?: string;
  requiresGrad?: boolean;
}

const defaults: {
  dtype: DType | null;
  shape: readonly number[] | null;
  device: string;
  requiresGrad: boolean;
} = {
  dtype: null,
  shape: null,
  get device() {
    return getDefaultDevice();
  },
  requiresGrad: false,
};

/**
 * A new tensor that holds a copy of `values`: `tensor([[1, 2], [3, 4]])`, `tensor(new Float32Array(6), { shape: [2, 3] })`.
 * Errors: arrays of unequal lengths, a value that is no number, a shape that does not hold the elements.
 */
export function tensor(values: NestedValues | TypedArray, options?: TensorOptions): Tensor {
  const out = new Tensor();
  return fillTensor("tensor", out, values, options);
}

/** Makes `out`, not yet wrapped, hold a copy of the values. */
export function fillTensor<T extends Tensor>(op: string, out: T, values: unknown, options: unknown): T {
  const given = readOptions(op, options, defaults);
  const requiresGrad = checkBoolean(op, "requiresGrad", given.requiresGrad);
  if (given.dtype !== null) dtypeNumber(op, given.dtype);
  const device = parseDevice(op, given.device);
  const { array, shape, dtype } = readValues(op, values, given.dtype);
  const wanted = given.shape === null ? shape : checkShape(op, "shape", given.shape);
  if (countElements(wanted) !== array.length) {
    fail(
      op,
      `shape [${wanted.join(", ")}] holds ${countElements(wanted)} elements, there are ${array.length}`,
      { shape: `[${wanted.join(", ")}]`, elements: String(array.length) },
      "shape",
    );
  }
  if (device.kind === 0) {
    native.fromArray(out, array, wanted, dtypeNumber(op, dtype));
  } else {
    const onHost = new Tensor();
    native.fromArray(onHost, array, wanted, dtypeNumber(op, dtype));
    native.toDevice(out, onHost, device.kind, device.index);
    native.dispose(onHost);
  }
  adopt(out, 0);
  if (requiresGrad) out.requiresGrad_();
  return out;
}

interface ReadValues {
  array: TypedArray;
  shape: number[];
  dtype: DType;
}

function readValues(op: string, values: unknown, dtype: DType | null): ReadValues {
  if (isTypedArray(values)) {
    return { array: values, shape: [values.length], dtype: dtype ?? dtypeOfArray(values) };
  }
  if (values instanceof Tensor) {
    return { array: values.data(), shape: values.shape, dtype: dtype ?? values.dtype };
  }
  const shape = nestingOf(values);
  const flat = new Array<number | boolean | bigint>(countElements(shape));
  const kinds = { number: false, boolean: false, bigint: false };
  flatten(op, values, shape, [], flat, { next: 0 }, kinds);
  const inferred: DType = kinds.number
    ? defaultDType
    : kinds.bigint
      ? "int64"
      : kinds.boolean
        ? "bool"
        : defaultDType;
  return { array: pack(op, flat, dtype ?? inferred), shape, dtype: dtype ?? inferred };
}

/** The lengths along the first entries. */
function nestingOf(values: unknown): number[] {
  const shape: number[] = [];
  let part = values;
  while (Array.isArray(part)) {
    shape.push(part.length);
    part = (part as unknown[])[0];
  }
  return part instanceof Tensor ? [...shape, ...part.shape] : shape;
}

/** Writes the leaves into `flat` in order, and refuses what is ragged or no number. */
function flatten(
  op: string,
  part: unknown,
  shape: readonly number[],
  path: number[],
  flat: (number | boolean | bigint)[],
  cursor: { next: number },
  kinds: Record<"number" | "boolean" | "bigint", boolean>,
): void {
  const depth = path.length;
  const where = () => path.map((index) => `[${index}]`).join("");
  if (part instanceof Tensor && part.shape.join() === shape.slice(depth).join()) {
    const items = part.data();
    const isBool = part.dtype === "bool";
    for (const item of items) {
      flat[cursor.next++] = isBool ? item !== 0 : item;
      kinds[isBool ? "boolean" : (typeof item as "number" | "bigint")] = true;
    }
    return;
  }
  if (Array.isArray(part)) {
    const items: unknown[] = part;
    if (depth >= shape.length || items.length !== shape[depth]) {
      const wanted = depth >= shape.length ? "a number" : `an array of ${shape[depth]!}`;
      fail(
        op,
        `ragged array: element ${where()} is an array of ${items.length} where the first is ${wanted}`,
        {},
        "shape",
      );
    }
    for (let k = 0; k < items.length; k++) {
      path.push(k);
      flatten(op, items[k], shape, path, flat, cursor, kinds);
      path.pop();
    }
    return;
  }
  const at = () => (path.length === 0 ? "the value" : `element ${where()}`);
  if (typeof part !== "number" && typeof part !== "boolean" && typeof part !== "bigint") {
    fail(op, `${at()} is ${show(part)}, give numbers, booleans or bigints`, {
      element: where(),
      value: show(part),
    });
  }
  if (depth !== shape.length) {
    fail(
      op,
      `ragged array: ${at()} is ${show(part)} where the first is an array of ${shape[depth]!}`,
      {},
      "shape",
    );
  }
  kinds[typeof part as "number" | "boolean" | "bigint"] = true;
  flat[cursor.next++] = part;
}

/** A typed array that native code converts to `dtype` without losing anything on the way. */
function pack(op: string, flat: (number | boolean | bigint)[], dtype: DType): TypedArray {
  if (dtype === "int64" && flat.some((value) => typeof value === "bigint")) {
    return BigInt64Array.from(flat, (value) =>
      typeof value === "number" ? BigInt(wholePart(op, value)) : BigInt(value),
    );
  }
  if (dtype === "float32" || dtype === "bool") {
    const array = arrayFor(dtype, flat.length) as Float32Array | Uint8Array;
    for (let k = 0; k < flat.length; k++) array[k] = dtype === "bool" ? (flat[k] ? 1 : 0) : Number(flat[k]!);
    return array;
  }
  return Float64Array.from(flat, Number);
}

function wholePart(op: string, value: number): number {
  return Number.isFinite(value) ? Math.trunc(value) : fail(op, `${value} does not fit int64`, {}, "dtype");
}
