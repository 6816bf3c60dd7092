// Tensor.to(): another dtype, another device, or both.

import { dtypeNumber, isDType, type DType } from "./dtype.js";
import { parseDevice } from "./device.js";
import { isDeviceName } from "./deviceNames.js";
import { checkBoolean, fail, readOptions, show } from "./errors.js";
import { copyToDevice, isOnDevice, Tensor } from "./tensor.js";

export interface TransferOptions {
  /** Pinned memory is copied while the program goes on. */
  nonBlocking?: boolean;
}

export interface Conversion extends TransferOptions {
  dtype?: DType;
  /** "cpu", "gpu", "cuda:0", "opencl:0" */
  device?: string;
}

interface Target {
  dtype: DType | null;
  device: string | null;
  nonBlocking: boolean;
}

const defaults: Target = { dtype: null, device: null, nonBlocking: false };

/** What `to` was given, as a dtype and a device; null where it stays. */
export function readConversion(op: string, target: unknown): Target {
  if (isDType(target)) return { ...defaults, dtype: target };
  if (isDeviceName(target)) return { ...defaults, device: target };
  if (target instanceof Tensor) return { ...defaults, dtype: target.dtype, device: target.device };
  if (typeof target !== "object" || target === null) {
    return fail(
      op,
      `give a dtype ('float64'), a device ('cpu', 'gpu') or { dtype, device }, not ${show(target)}`,
    );
  }
  const read = readOptions(op, target, defaults);
  if (read.dtype !== null) dtypeNumber(op, read.dtype);
  if (read.device !== null) parseDevice(op, read.device);
  checkBoolean(op, "nonBlocking", read.nonBlocking);
  return read;
}

/** `x` itself where nothing changes. */
export function convert(x: Tensor, to: unknown, options?: TransferOptions): Tensor {
  const { dtype, device, ...given } = readConversion("to", to);
  const { nonBlocking } = readOptions("to", options, { nonBlocking: given.nonBlocking });
  checkBoolean("to", "nonBlocking", nonBlocking);
  const isPlaced = device === null || isOnDevice("to", x, device);
  const isTyped = dtype === null || dtype === x.dtype;
  if (isPlaced) return isTyped ? x : x.toType(dtype);
  const target = parseDevice("to", device);
  // Where the CPU has the tensor, it converts it: a device may lack the dtype that it comes from.
  if (isTyped || x.device === "cpu") return copyToDevice(isTyped ? x : x.toType(dtype), target, nonBlocking);
  return copyToDevice(x, target).toType(dtype);
}
