// Tensor.to(): another dtype, another device, or both.

import { dtypeNumber, isDType, type DType } from "./dtype.js";
import { isDeviceName, parseDevice } from "./device.js";
import { fail, readOptions, show } from "./errors.js";
import { copyToDevice, isOnDevice, Tensor } from "./tensor.js";

export interface Conversion {
  dtype?: DType;
  /** "cpu", "gpu", "cuda:0", "opencl:0" */
  device?: string;
}

const defaults: { dtype: DType | null; device: string | null } = { dtype: null, device: null };

/** What `to` was given, as a dtype and a device; null where it stays. */
export function readConversion(op: string, target: unknown): { dtype: DType | null; device: string | null } {
  if (isDType(target)) return { dtype: target, device: null };
  if (isDeviceName(target)) return { dtype: null, device: target };
  if (target instanceof Tensor) return { dtype: target.dtype, device: target.device };
  if (typeof target !== "object" || target === null) {
    return fail(
      op,
      `give a dtype ('float64'), a device ('cpu', 'gpu') or { dtype, device }, not ${show(target)}`,
    );
  }
  const { dtype, device } = readOptions(op, target, defaults);
  if (dtype !== null) dtypeNumber(op, dtype);
  if (device !== null) parseDevice(op, device);
  return { dtype, device };
}

/** `x` itself where nothing changes. */
export function convert(x: Tensor, to: unknown): Tensor {
  const { dtype, device } = readConversion("to", to);
  const isPlaced = device === null || isOnDevice("to", x, device);
  const isTyped = dtype === null || dtype === x.dtype;
  if (isPlaced) return isTyped ? x : x.toType(dtype);
  const target = parseDevice("to", device);
  // Where the CPU has the tensor, it converts it: a device may lack the dtype that it comes from.
  if (isTyped || x.device === "cpu") return copyToDevice(isTyped ? x : x.toType(dtype), target);
  return copyToDevice(x, target).toType(dtype);
}
