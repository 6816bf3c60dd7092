// Tensors to and from bytes, a few megabytes at a time, so that a large tensor is never in memory twice.

import { dtypeNumber, dtypes, type DType } from "../dtype.js";
import { noGrad } from "../grad-mode.js";
import { native } from "../native.js";
import { adopt, countElements, Tensor } from "../tensor.js";
import type { Source } from "./file.js";

const chunkBytes = 4 << 20;

const sizes: Record<DType, number> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

export function bytesOf(dtype: DType): number {
  return sizes[dtype];
}

/** The most dims a tensor has: native/tensor/place.h. */
export const mostDims = 12;

/** The bytes of the elements in order, piece by piece; a piece is valid until the next is asked for. */
export function* pieces(x: Tensor): Generator<Uint8Array, void> {
  const ordered = noGrad(() => x.detach().cpu().contiguous());
  const total = countElements(x.shape) * sizes[x.dtype];
  const chunk = new Uint8Array(Math.min(total, chunkBytes));
  for (let done = 0; done < total; done += chunk.length) {
    const piece = chunk.subarray(0, Math.min(chunk.length, total - done));
    native.readBytes(ordered, done, piece);
    yield piece;
  }
}

/** A new tensor filled from a source. `change` may alter each piece on its way in; pieces hold whole elements. */
export function readTensor(
  source: Source,
  offset: number,
  shape: readonly number[],
  dtype: DType,
  change?: (piece: Uint8Array) => void,
): Tensor {
  const out = allocate(shape, dtype);
  const total = countElements(shape) * sizes[dtype];
  const chunk = new Uint8Array(Math.min(total, chunkBytes));
  for (let done = 0; done < total; done += chunk.length) {
    const piece = chunk.subarray(0, Math.min(chunk.length, total - done));
    source.read(offset + done, piece);
    change?.(piece);
    if (dtype === "bool") for (let k = 0; k < piece.length; k++) if (piece[k]! > 1) piece[k] = 1;
    native.writeBytes(out, done, piece);
  }
  return out;
}

/** A new tensor whose memory holds anything, for `native.writeBytes`. */
export function allocate(shape: readonly number[], dtype: DType): Tensor {
  const out = new Tensor();
  native.allocate(out, shape, dtypeNumber("read", dtype));
  return adopt(out, 0);
}

/** The elements that lie in `bytes` from `offset` on, without a copy. */
export function view(bytes: Tensor, offset: number, shape: readonly number[], dtype: DType): Tensor {
  const out = new Tensor();
  native.fromBytes(out, bytes, offset, shape, dtypes.indexOf(dtype));
  return adopt(out, 0);
}
