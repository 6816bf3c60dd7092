// The ops whose number of results is an option: unique and nonzero.

import { checkBoolean, readOptions } from "../errors.js";
import { native } from "../native.js";
import { adopt, requireTensor, Tensor } from "../tensor.js";

export interface UniqueOptions {
  /** The result is in order in any case. */
  sorted?: boolean;
  /** Also, for each element of x, the index of its like in the result. */
  returnInverse?: boolean;
  /** Also how often each occurs, last. */
  returnCounts?: boolean;
  /** Slices along this dim are compared, instead of elements. */
  dim?: number | null;
}

/** A tensor, or with more to return an array of two or three. */
export type UniqueResult<O> = O extends { returnInverse: true; returnCounts: true }
  ? [Tensor, Tensor, Tensor]
  : O extends { returnInverse: true } | { returnCounts: true }
    ? [Tensor, Tensor]
    : Tensor;

export function unique<O extends UniqueOptions = object>(x: Tensor, options?: O): UniqueResult<O>;
/** With `dim` in its place, as in other calls. */
export function unique<O extends UniqueOptions = object>(
  x: Tensor,
  dim: number | null,
  options?: O,
): UniqueResult<O>;
/**
 * The elements that differ, in order; every NaN is one of its own. With `returnInverse` or `returnCounts` an array of tensors,
 * in that order. Nothing is differentiated.
 * Errors: there is no such dim; slices along it are empty.
 */
export function unique(
  x: Tensor,
  dimOrOptions?: number | null | UniqueOptions,
  more?: UniqueOptions,
): Tensor | Tensor[] {
  const op = "unique";
  requireTensor(op, "x", x);
  const isDim = typeof dimOrOptions === "number" || dimOrOptions === null;
  const defaults: Required<UniqueOptions> = {
    sorted: true,
    returnInverse: false,
    returnCounts: false,
    dim: null,
  };
  const given = readOptions(op, isDim ? more : dimOrOptions, defaults);
  checkBoolean(op, "sorted", given.sorted);
  const [values, inverse, counts] = [new Tensor(), new Tensor(), new Tensor()];
  native.ops["unique"]!(values, inverse, counts, x, isDim ? dimOrOptions : given.dim);
  const all = [adopt(values, 0), adopt(inverse, 1), adopt(counts, 2)] as const;
  const wanted = [all[0]];
  if (checkBoolean(op, "returnInverse", given.returnInverse)) wanted.push(all[1]);
  if (checkBoolean(op, "returnCounts", given.returnCounts)) wanted.push(all[2]);
  return wanted.length === 1 ? wanted[0]! : wanted;
}

/**
 * The places of the elements that are not zero, row-major: int64 [N, dims]; with `asTuple` an array of one [N] for each dim
 * (for a scalar as if it had one), as `x.at(...)` takes them.
 */
export function nonzero(x: Tensor, options: { asTuple: true }): Tensor[];
export function nonzero(x: Tensor, options?: { asTuple?: false }): Tensor;
export function nonzero(x: Tensor, options?: { asTuple?: boolean }): Tensor | Tensor[] {
  const op = "nonzero";
  requireTensor(op, "x", x);
  const { asTuple } = readOptions(op, options, { asTuple: false });
  const isTuple = checkBoolean(op, "asTuple", asTuple);
  const places = new Tensor();
  native.ops["nonzero"]!(places, isTuple && x.ndim === 0 ? x.reshape([1]) : x);
  const rows = adopt(places, 0);
  return isTuple ? Array.from({ length: rows.shape[1]! }, (_, dim) => rows.select(1, dim)) : rows;
}
