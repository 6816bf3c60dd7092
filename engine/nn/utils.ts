// nn.utils: gradients held within bounds, parameters as one vector.

import { checkBoolean, checkNumber, fail, readOptions, show } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { cat, full, stack, zeros } from "../generated/ops.js";
import { native } from "../native.js";
import { adopt, requireTensor, Tensor } from "../tensor.js";

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

export interface NormOptions {
  /** Which norm: 2 for the root of the sum of squares, 1 for the sum, Infinity for the largest. */
  normType?: number | "inf";
  /** Refuses a norm that is NaN or infinite, which would make all gradients so. */
  errorIfNonfinite?: boolean;
}

function readNormOptions(op: string, options: unknown): { normType: number; errorIfNonfinite: boolean } {
  const given = readOptions<Required<NormOptions>>(op, options, { normType: 2, errorIfNonfinite: false });
  const normType = given.normType === "inf" ? Infinity : given.normType;
  if (typeof normType !== "number" || Number.isNaN(normType)) {
    return fail(op, `normType must be a number, or Infinity, it is ${show(normType)}`);
  }
  return { normType, errorIfNonfinite: checkBoolean(op, "errorIfNonfinite", given.errorIfNonfinite) };
}

/** A bound, which may be infinite: nothing is clipped then. */
function checkBound(op: string, name: string, value: unknown): number {
  return value === Infinity ? value : checkNumber(op, name, value, { min: 0 });
}

/** Whether one kernel call can take them all. */
function areAlike(tensors: readonly Tensor[]): boolean {
  const { device, dtype } = tensors[0]!;
  if (dtype !== "float32" && dtype !== "float64") return false;
  return tensors.every((each) => each.device === device && each.dtype === dtype);
}

/** The norm of all tensors as one vector, without a graph. */
function normOfAll(op: string, tensors: readonly Tensor[], options: NormOptions | undefined): Tensor {
  const { normType, errorIfNonfinite } = readNormOptions(op, options);
  const total = noGrad(() => {
    if (tensors.length === 0) return zeros([]);
    if (normType === 2 && areAlike(tensors)) {
      const norm = new Tensor();
      native.totalNorm([...tensors], norm);
      return adopt(norm, 0);
    }
    const { device } = tensors[0]!;
    return stack(tensors.map((each) => each.norm(normType).to(device))).norm(normType);
  });
  if (errorIfNonfinite && !Number.isFinite(total.item())) {
    fail(op, `the norm of the gradients is ${total.item()}, they cannot be clipped`, {}, "autograd");
  }
  return total;
}

/** The norm of several tensors together, as if they were one vector. */
export function getTotalNorm(tensors: Tensor | Iterable<Tensor>, options?: NormOptions): Tensor {
  return normOfAll("getTotalNorm", readParameters("getTotalNorm", tensors), options);
}

/**
 * Scales all gradients so that their joint norm is at most `maxNorm` (Pascanu et al., 2013), and returns the norm they had.
 * With Infinity nothing is scaled.
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: NormOptions,
): Tensor {
  const op = "clipGradNorm_";
  checkBound(op, "maxNorm", maxNorm);
  const grads = gradientsOf(op, parameters);
  const total = normOfAll(op, grads, options);
  scale(grads, maxNorm, total);
  return total;
}

/** Scales the gradients as `clipGradNorm_` does, by a norm that is known already. */
export function clipGradsWithNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  totalNorm: Tensor,
): void {
  const op = "clipGradsWithNorm_";
  checkBound(op, "maxNorm", maxNorm);
  scale(gradientsOf(op, parameters), maxNorm, requireTensor(op, "totalNorm", totalNorm));
}

/** The division is made by the tensors' device, so that nobody waits for it. */
function scale(grads: readonly Tensor[], maxNorm: number, total: Tensor): void {
  const isOneCall =
    grads.length > 0 &&
    areAlike([total, ...grads]) &&
    total.numel() === 1 &&
    grads.every((each) => each.isContiguous());
  if (isOneCall) {
    native.clipByNorm([...grads], total, maxNorm);
    return;
  }
  noGrad(() => {
    const factor = full([], maxNorm, { dtype: total.dtype, device: total.device })
      .div(total.add(1e-6))
      .clamp(null, 1);
    for (const grad of grads) grad.mul_(factor.to(grad.device));
  });
}

/** Holds every element of every gradient within ±clipValue. */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  const bound = checkBound("clipGradValue_", "clipValue", clipValue);
  noGrad(() => {
    for (const grad of gradientsOf("clipGradValue_", parameters)) grad.clamp_(-bound, bound);
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
