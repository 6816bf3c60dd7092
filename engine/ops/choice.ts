// where: a choice between two tensors element by element, or the places where a condition holds.

import { fail } from "../errors.js";
import { native } from "../native.js";
import { adopt, Tensor, requireTensor } from "../tensor.js";
import { nonzero } from "./sets.js";
import type { Operand } from "../generated/ops.js";

/**
 * x where the condition holds, y elsewhere; all three broadcast. With the condition alone, the places where it holds: an int64
 * vector for each dim, as `nonzero` with `asTuple`. Errors: the condition is not bool; shapes do not broadcast; only one of x and y.
 */
export function where(condition: Tensor): Tensor[];
export function where(condition: Tensor, x: Operand, y: Operand): Tensor;
export function where(condition: Tensor, x?: Operand, y?: Operand): Tensor | Tensor[] {
  if (x === undefined && y === undefined) {
    return nonzero(requireTensor("where", "the condition", condition), { asTuple: true });
  }
  if (x === undefined || y === undefined) fail("where", "needs both x and y, or neither");
  const out = new Tensor();
  choose(out, condition, x, y);
  return adopt(out, 0);
}

const choose = native.ops["where"]!;

/** The method: the tensor it is called on is what the condition chooses. */
export function whereMethod(x: Tensor, condition: Tensor, other: Operand): Tensor {
  return where(condition, x, other);
}
