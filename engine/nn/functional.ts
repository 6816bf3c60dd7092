// nn.functional: what layers and losses compute, as functions. Nearly all of it is the op table's.

import { checkChoice, readOptions } from "../errors.js";
import { logsigmoid } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";
import type { Reduction } from "./losses.js";

export * from "../generated/functional.js";
// These are also functions of the package itself.
export { logSoftmax, relu, sigmoid, softmax, tanh } from "../generated/ops.js";

export interface BCEWithLogitsOptions {
  /** What each element counts; broadcast to x. */
  weight?: Tensor | null;
  /** What a positive target counts; broadcast to x. */
  posWeight?: Tensor | null;
  reduction?: Reduction;
}

/**
 * −(posWeight · t · log σ(x) + (1 − t) · log(1 − σ(x))), without overflow for large |x|. x and target have one shape.
 */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Tensor,
  options?: BCEWithLogitsOptions,
): Tensor {
  const op = "binaryCrossEntropyWithLogits";
  requireTensor(op, "the input", x);
  requireTensor(op, "the target", target);
  const defaults: Required<BCEWithLogitsOptions> = { weight: null, posWeight: null, reduction: "mean" };
  const { weight, posWeight, reduction } = readOptions(op, options, defaults);
  checkChoice(op, "reduction", reduction, ["mean", "sum", "none"]);
  // log(1 − σ(x)) = log σ(x) − x
  const logSigma = logsigmoid(x);
  const counts =
    posWeight === null ? null : requireTensor(op, "posWeight", posWeight).sub(1).mul(target).add(1);
  const negatives = target.neg().add(1).mul(x);
  let loss = negatives.sub(counts === null ? logSigma : counts.mul(logSigma));
  if (weight !== null) loss = loss.mul(requireTensor(op, "weight", weight));
  return reduction === "none" ? loss : reduction === "sum" ? loss.sum() : loss.mean();
}
