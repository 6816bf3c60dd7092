// Parameter: a tensor that a module owns and an optimizer changes.

import type { NestedValues } from "../create.js";
import { tensor } from "../create.js";
import { checkBoolean, fail, readOptions } from "../errors.js";
import { native } from "../native.js";
import { memoryCategories } from "../protocol.js";
import { printTensor } from "../printing.js";
import { refresh, Tensor } from "../tensor.js";

const parameterCategory = memoryCategories.indexOf("parameter");

/** A tensor that `Module.parameters()` finds. It shares the memory of `data`, and no `scope` frees it. */
export class Parameter extends Tensor {
  constructor(data: NestedValues, options?: { requiresGrad?: boolean }) {
    super();
    const given = readOptions("Parameter", options, { requiresGrad: true });
    const requiresGrad = checkBoolean("Parameter", "requiresGrad", given.requiresGrad);
    const values = data instanceof Tensor ? data : tensor(data);
    if (requiresGrad && !values.isFloatingPoint()) {
      const dtype = values.dtype;
      fail(
        "Parameter",
        `only floating dtypes have gradients, this is ${dtype}; give { requiresGrad: false }`,
        { dtype },
        "dtype",
      );
    }
    native.ops["detach"]!(this, values);
    refresh(this);
    native.retag(this, parameterCategory);
    if (requiresGrad) this.requiresGrad_();
  }

  override toString(): string {
    return `Parameter containing:\n${printTensor(this)}`;
  }
}

/** Gives a parameter other values, possibly of another dtype or device; it stays the same object to its optimizer. */
export function replaceData(parameter: Tensor, values: Tensor): void {
  native.setData(parameter, values);
  refresh(parameter);
  if (parameter instanceof Parameter) native.retag(parameter, parameterCategory);
}

/** Its path in the module tree, also for whoever shows the graph that it is part of. */
export function setLabel(parameter: Parameter, label: string): void {
  parameter.label = label;
  if (!native.isDisposed(parameter)) native.setLabel(parameter, label);
}
