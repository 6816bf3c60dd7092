// autograd: backward() from several tensors at once, and gradients as values.

import { checkBoolean, fail, readOptions, show } from "./errors.js";
import { readFlags, readInputs, startBackward, type BackwardOptions } from "./backward.js";
import { zerosLike } from "./generated/ops.js";
import { native } from "./native.js";
import { adopt, requireTensor, Tensor } from "./tensor.js";

export { detectAnomaly, isAnomalyEnabled, type AnomalyOptions } from "./anomaly.js";
export { gradcheck, gradgradcheck, type GradcheckOptions } from "./gradcheck.js";
export { AutogradFunction as Function, type FunctionContext, type FunctionGradients } from "./function.js";
export { enableGrad, inferenceMode, isGradEnabled, noGrad, setGradEnabled } from "./grad-mode.js";

/** Adds the gradients of all of `tensors`, each weighted by its entry of `grads`, to the leaves they depend on. */
export function backward(
  tensors: Tensor | readonly Tensor[],
  grads?: Tensor | readonly (Tensor | null)[] | null,
  options?: Omit<BackwardOptions, "gradient">,
): void {
  const from = readTensors("autograd.backward", "tensors", tensors);
  const weights = readGrads("autograd.backward", grads, from.length);
  const given = readOptions<{ retainGraph: boolean | null; createGraph: boolean; inputs: unknown }>(
    "autograd.backward",
    options,
    { retainGraph: null, createGraph: false, inputs: null },
  );
  const { retainGraph, createGraph } = readFlags("autograd.backward", given);
  startBackward(from, weights, retainGraph, createGraph, readInputs("autograd.backward", given.inputs));
}

export interface GradOptions {
  /** One gradient for each output; a scalar output needs none. */
  gradOutputs?: Tensor | readonly (Tensor | null)[] | null;
  retainGraph?: boolean;
  createGraph?: boolean;
  /** An input that the outputs do not depend on gives null instead of an error. */
  allowUnused?: boolean;
  /** An input that the outputs do not depend on gives zeros. */
  materializeGrads?: boolean;
}

/** The gradients of `outputs` with respect to `inputs`, one for each input; `grad` of no tensor changes. */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options?: (GradOptions & { allowUnused?: false }) | (GradOptions & { materializeGrads: true }),
): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions,
): (Tensor | null)[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options?: GradOptions,
): (Tensor | null)[] {
  const op = "autograd.grad";
  const from = readTensors(op, "outputs", outputs);
  const to = readTensors(op, "inputs", inputs);
  const given = readOptions<{
    gradOutputs: GradOptions["gradOutputs"];
    retainGraph: boolean | null;
    createGraph: boolean;
    allowUnused: boolean | null;
    materializeGrads: boolean;
  }>(op, options, {
    gradOutputs: null,
    retainGraph: null,
    createGraph: false,
    allowUnused: null,
    materializeGrads: false,
  });
  const { retainGraph, createGraph } = readFlags(op, given);
  const materializes = checkBoolean(op, "materializeGrads", given.materializeGrads);
  if (materializes && given.allowUnused === false)
    fail(op, "materializeGrads gives zeros for unused inputs, so allowUnused cannot be false");
  const allowUnused = materializes || checkBoolean(op, "allowUnused", given.allowUnused ?? false);
  const grads = readGrads(op, given.gradOutputs, from.length);
  const outs = to.map(() => new Tensor());
  const reached = native.grad(outs, from, to, grads, retainGraph, createGraph, allowUnused);
  return outs.map((out, k) => {
    if (reached[k] !== true) return materializes ? zerosLike(to[k]!) : null;
    native.describe(out);
    return adopt(out, 0);
  });
}

function readTensors(op: string, name: string, value: unknown): Tensor[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) fail(op, `${name} is empty, give at least one tensor`);
  return list.map((item, k) => requireTensor(op, list.length > 1 ? `${name}[${k}]` : name, item));
}

function readGrads(op: string, value: unknown, count: number): (Tensor | null)[] {
  if (value === undefined || value === null) return new Array<null>(count).fill(null);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length !== count) {
    fail(op, `there are ${list.length} gradients for ${count} tensors`, {
      gradients: show(list.length),
      tensors: show(count),
    });
  }
  return list.map((item, k) =>
    item === null || item === undefined ? null : requireTensor(op, `grads[${k}]`, item),
  );
}
