// tensordot: its dims are a number or two lists, which no row of the op table can say.

import { checkNumber, fail, readOptions, show } from "../errors.js";
import { native } from "../native.js";
import { adopt, requireTensor, Tensor } from "../tensor.js";
import { isOptions } from "./options.js";

/** The last so many dims of a and the first of b, or which dims of a go with which of b. */
export type ContractedDims = number | readonly [readonly number[], readonly number[]];

/**
 * The product of two tensors, summed over dims of both: (I..., K...) x (K..., J...) → (I..., J...).
 * @param dims How many dims at the end of a and at the start of b, or the list of each. Default: 2.
 * Errors: sizes differ and neither is 1; a dim is named twice; the lists differ in length.
 */
export function tensordot(
  a: Tensor,
  b: Tensor,
  dims: ContractedDims | { dims?: ContractedDims } = 2,
): Tensor {
  const op = "tensordot";
  requireTensor(op, "a", a);
  requireTensor(op, "b", b);
  const standard: { dims: ContractedDims } = { dims: 2 };
  const given: unknown = isOptions(dims) ? readOptions(op, dims, standard).dims : dims;
  let left: unknown, right: unknown;
  if (Array.isArray(given)) {
    if (given.length !== 2) fail(op, `dims must be a number or two lists of dims, it is ${show(given)}`);
    [left, right] = given as unknown[];
  } else {
    const count = checkNumber(op, "dims", given, { min: 0, integer: true });
    if (count > a.ndim || count > b.ndim) {
      const shapes = `[${a.shape.join(", ")}] and [${b.shape.join(", ")}]`;
      fail(op, `dims is ${count}, which ${shapes} have not both`, { dims: String(count) }, "shape");
    }
    left = Array.from({ length: count }, (_, k) => a.ndim - count + k);
    right = Array.from({ length: count }, (_, k) => k);
  }
  const out = new Tensor();
  product(out, a, b, left, right);
  return adopt(out, 0);
}

const product = native.ops["tensordot"]!;
