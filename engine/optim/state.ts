// Optimizer state tensors: the native step makes them, a saved state replaces them. And the one option that many optimizers have.

import { checkNumber, DescentError, fail, show } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { native } from "../native.js";
import { memoryCategories } from "../protocol.js";
import { convert } from "../convert.js";
import { leaveScope } from "../scope.js";
import { refresh, Tensor } from "../tensor.js";

const category = memoryCategories.indexOf("optimizerState");

/** A state tensor with its fields filled in; null while no step has made it. */
export function readState(state: Tensor | undefined): Tensor | null {
  if (state === undefined) return null;
  try {
    refresh(state);
    return state;
  } catch {
    return null; // still an empty object: its parameter never had a gradient
  }
}

/** A tensor made by the optimizer itself rather than by the native step: the memory chart counts it as its state. */
export function keepAsState(make: () => Tensor): Tensor {
  const state = make();
  native.retag(state, category);
  leaveScope(state);
  return state;
}

/** A copy of a saved state tensor that fits its parameter; null where there is none. */
export function copyState(op: string, key: string, saved: unknown, parameter: Tensor): Tensor | null {
  if (saved === undefined || saved === null) return null;
  if (!(saved instanceof Tensor) || saved.shape.join() !== parameter.shape.join()) {
    const found = saved instanceof Tensor ? `[${saved.shape.join(", ")}]` : show(saved);
    const name = parameter.label ?? "the parameter";
    throw new DescentError(
      "state",
      op,
      `${op}.loadStateDict: ${key} of ${name} must be a tensor of [${parameter.shape.join(", ")}], it is ${found}`,
      { parameter: name, key },
    );
  }
  return keepAsState(() => copyLike(saved, parameter));
}

/** A copy of the values, in the dtype and on the device of another tensor. */
export function copyLike(saved: Tensor, like: Tensor): Tensor {
  return noGrad(() => convert(saved.detach(), { dtype: like.dtype, device: like.device }).clone());
}

/** How much of the running mean of the gradient, and of its square, each step of Adam and its kin keeps. */
export type Betas = readonly [number, number];

export function checkBetas(op: string, betas: unknown): void {
  if (!Array.isArray(betas) || betas.length !== 2) {
    fail(op, `betas must be two numbers, such as [0.9, 0.999], it is ${show(betas)}`);
  }
  for (const [k, beta] of betas.entries()) {
    if (checkNumber(op, `betas[${k}]`, beta, { min: 0, max: 1 }) === 1) {
      fail(op, `betas[${k}] must be below 1`, { beta: "1" });
    }
  }
}
