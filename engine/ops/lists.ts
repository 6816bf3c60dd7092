// The ops that give a list of tensors, as long as the arguments say; all others have rows in the op table.

import { fail, show } from "../errors.js";
import { requireTensor, type Tensor } from "../tensor.js";

/** More chunks than anybody has use for would only fill memory with empty views. */
const most = 2 ** 24;

/**
 * Cuts a tensor along a dim into views.
 * @param sizes The size of each part, or one size for all, of which the last part may have less.
 * @param dim The dim; negative ones count from the end.
 * Errors: a size is not positive; sizes do not add up to the dim.
 */
export function split(x: Tensor, sizes: number | readonly number[], dim = 0): Tensor[] {
  const length = sizeOf("split", x, dim);
  if (typeof sizes === "number") {
    if (!Number.isInteger(sizes) || sizes < 1) {
      return fail("split", `the size of a part must be a positive integer, got ${show(sizes)}`);
    }
    const parts = Math.max(1, Math.ceil(length / sizes));
    return cut(
      x,
      Array.from({ length: parts }, (_, k) => Math.min(sizes, length - k * sizes)),
      dim,
    );
  }
  const list: unknown = sizes;
  if (!Array.isArray(list)) return fail("split", `sizes must be a number or an array, got ${show(sizes)}`);
  const sum = sizes.reduce((total, size) => total + size, 0);
  if (sum !== length || sizes.some((size) => !Number.isInteger(size) || size < 0)) {
    return fail("split", `sizes [${sizes.join(", ")}] do not add up to ${length}, the size of dim ${dim}`);
  }
  return cut(x, sizes, dim);
}

/**
 * Cuts a tensor along a dim into at most `chunks` views of one size, of which the last may have less.
 * Errors: `chunks` is not positive.
 */
export function chunk(x: Tensor, chunks: number, dim = 0): Tensor[] {
  if (!Number.isInteger(chunks) || chunks < 1 || chunks > most) {
    return fail("chunk", `the number of chunks must be a positive integer, got ${show(chunks)}`);
  }
  const length = sizeOf("chunk", x, dim);
  if (length === 0) return Array.from({ length: chunks }, () => x.narrow(dim, 0, 0));
  return split(x, Math.ceil(length / chunks), dim);
}

/** The size of a dim, or a sentence about what is wrong with it in the name of the op. */
function sizeOf(op: string, x: Tensor, dim: number): number {
  const { shape } = requireTensor(op, "x", x);
  const size = Number.isInteger(dim) && dim >= -shape.length ? shape.at(dim) : undefined;
  if (size === undefined) {
    return fail(op, `no dim ${show(dim)} in [${shape.join(", ")}]`, { dim: show(dim) }, "index");
  }
  return size;
}

/** The slices along a dim, as views without that dim. Errors: a scalar; there is no such dim. */
export function unbind(x: Tensor, dim = 0): Tensor[] {
  const length = sizeOf("unbind", x, dim);
  return Array.from({ length }, (_, k) => x.select(dim, k));
}

function cut(x: Tensor, sizes: readonly number[], dim: number): Tensor[] {
  let start = 0;
  return sizes.map((size) => {
    const part = x.narrow(dim, start, size);
    start += size;
    return part;
  });
}
