// Optimizer state tensors: the native step makes them, a saved state replaces them.

import { DescentError, show } from "../errors.js";
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
  const copy = noGrad(() => {
    const converted = convert(saved.detach(), { dtype: parameter.dtype, device: parameter.device });
    return converted.clone();
  });
  native.retag(copy, category);
  leaveScope(copy);
  return copy;
}
