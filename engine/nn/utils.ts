// nn.utils: gradients held within bounds, parameters as one vector.

import { checkNumber, fail, readOptions, show } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { cat, stack, zeros } from "../generated/ops.js";
import { requireTensor, Tensor } from "../tensor.js";

function readParameters(op: string, value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  const isIterable = typeof value === "object" && value !== null && Symbol.iterator in value;
  if (!isIterable) return fail(op, `give parameters such as model.parameters(), not ${show(value)}`);
  return [...(value as Iterable<unknown>)].map((item, k) => requireTensor(op, `parameter ${k}`, item));
}

function gradientsOf(op: string, parameters: unknown): Tensor[] {
  return readParameters(op, parameters)
    .map((parameter) => parameter.grad)
    .filter((grad) => grad !== null);
}

/**
 * Scales all gradients so that their joint norm is at most `maxNorm` (Pascanu et al., 2013), and returns the norm they had.
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: { normType?: number; errorIfNonfinite?: boolean },
): Tensor {
  const op = "clipGradNorm_";
  checkNumber(op, "maxNorm", maxNorm, { min: 0 });
  const { normType, errorIfNonfinite } = readOptions(op, options, { normType: 2, errorIfNonfinite: false });
  const grads = gradientsOf(op, parameters);
  return noGrad(() => {
    if (grads.length === 0) return zeros([]);
    const norms = stack(grads.map((grad) => grad.norm(normType)));
    const total = norms.norm(normType);
    if (errorIfNonfinite && !Number.isFinite(total.item())) {
      fail(op, `the norm of the gradients is ${total.item()}, they cannot be clipped`, {}, "autograd");
    }
    const scale = total.add(1e-6).reciprocal().mul(maxNorm).clamp(null, 1);
    for (const grad of grads) grad.mul_(scale);
    return total;
  });
}

/** Holds every element of every gradient within ±clipValue. */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  checkNumber("clipGradValue_", "clipValue", clipValue, { min: 0 });
  noGrad(() => {
    for (const grad of gradientsOf("clipGradValue_", parameters)) grad.clamp_(-clipValue, clipValue);
  });
}

/** All parameters in one vector, one behind the other. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  const list = readParameters("parametersToVector", parameters);
  if (list.length === 0) fail("parametersToVector", "there are no parameters");
  return cat(list.map((parameter) => parameter.reshape([-1])));
}

/** Copies a vector that `parametersToVector` made back into the parameters. */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  const op = "vectorToParameters";
  requireTensor(op, "the vector", vector);
  const list = readParameters(op, parameters);
  const needed = list.reduce((sum, parameter) => sum + parameter.numel(), 0);
  if (vector.shape.length !== 1 || vector.shape[0] !== needed) {
    fail(op, `the vector is [${vector.shape.join(", ")}], the parameters need [${needed}]`, {}, "shape");
  }
  noGrad(() => {
    let from = 0;
    for (const parameter of list) {
      const count = parameter.numel();
      parameter.copy_(vector.narrow(0, from, count).reshape(parameter.shape));
      from += count;
    }
  });
}
