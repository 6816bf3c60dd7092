// The element types: their names, their numbers in the native core, and the typed arrays that hold them.

import { DescentError, show } from "./errors.js";

export type DType =
  "bool" | "uint8" | "int8" | "int16" | "int32" | "int64" | "float16" | "bfloat16" | "float32" | "float64";

/** In the order of the enumeration in native/tensor/dtype.h. */
export const dtypes: readonly DType[] = [
  "bool",
  "uint8",
  "int8",
  "int16",
  "int32",
  "int64",
  "float16",
  "bfloat16",
  "float32",
  "float64",
];

/** What numbers become when no dtype is given. */
export const defaultDType: DType = "float32";

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** The arrays `Tensor.data()` gives, by dtype; bool comes as bytes 0 and 1, float16 and bfloat16 as float32. */
export type DataArray =
  Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

export function isFloating(dtype: DType): boolean {
  return dtype.startsWith("float") || dtype === "bfloat16";
}

/** The number native code knows a dtype by. */
export function dtypeNumber(op: string, value: unknown): number {
  const number = dtypes.indexOf(value as DType);
  if (number >= 0) return number;
  throw new DescentError("dtype", op, `${op}: no dtype ${show(value)}, there are ${dtypes.join(", ")}`, {
    dtype: show(value),
  });
}

export function isDType(value: unknown): value is DType {
  return dtypes.includes(value as DType);
}

/** An empty array of `length` elements that holds values of this dtype; those of half precision are exact in float32. */
export function arrayFor(dtype: DType, length: number): DataArray {
  switch (dtype) {
    case "bool":
    case "uint8":
      return new Uint8Array(length);
    case "int8":
      return new Int8Array(length);
    case "int16":
      return new Int16Array(length);
    case "int32":
      return new Int32Array(length);
    case "int64":
      return new BigInt64Array(length);
    case "float16":
    case "bfloat16":
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
  }
}

/** The dtype a typed array becomes; unsigned types that we lack become the next larger signed one. */
export function dtypeOfArray(array: TypedArray): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int8Array) return "int8";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "uint8";
  if (array instanceof Int16Array) return "int16";
  if (array instanceof Uint16Array || array instanceof Int32Array) return "int32";
  return "int64";
}

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
