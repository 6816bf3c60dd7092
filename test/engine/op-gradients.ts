// Gradients and second gradients of any call, beside finite differences in float64.

import assert from "node:assert/strict";
import { autograd, noGrad, tensor, type Tensor } from "descent";
import { listOf, valuesOf, type Call } from "./op-calls.js";
import type { Input } from "./op-inputs.js";

/** Step of the central differences, and the difference allowed relative to the larger of 1 and the value. */
const step = 1e-5;
const allowed = 1e-5;

/**
 * Compares the gradient of Σ w·y with its finite differences, and then the gradient of Σ v·gradient with those of the
 * gradient. `call` gets one tensor for each input.
 */
export function checkGradients(call: Call, inputs: readonly Input[]): void {
  const variables = inputs.map((input, k) => (input.isDifferentiable ? k : -1)).filter((k) => k >= 0);
  const start = inputs.map((input) => [...input.values]);
  const make = (values: number[][], isTracked: boolean): Tensor[] =>
    inputs.map((input, k) => {
      const made = tensor(Float64Array.from(values[k]!), {
        shape: input.shape,
        dtype: input.dtype === "float" ? "float64" : input.dtype,
      });
      return isTracked && input.isDifferentiable ? made.requiresGrad_() : made;
    });

  const tracked = make(start, true);
  const leaves = variables.map((k) => tracked[k]!);
  const outputs = listOf(call(...tracked)).filter((output) => output.requiresGrad);
  assert.ok(outputs.length > 0, "an output requires a gradient");
  const gradients = gradientsOf(outputs, leaves, true);

  const value = (values: number[][]): number =>
    noGrad(() => {
      const made = listOf(call(...make(values, false))).filter((output) => output.isFloatingPoint());
      return made.reduce((sum, output) => sum + weightedSum(valuesOf(output), 0), 0);
    });
  compareWithDifferences("gradient", gradients, start, variables, value);

  // The sum of the gradients, each element with a weight of its own, is a function of the inputs in turn.
  const slope = (values: number[][]): number => {
    const made = make(values, true);
    const results = listOf(call(...made)).filter((output) => output.requiresGrad);
    const slopes = gradientsOf(
      results,
      variables.map((k) => made[k]!),
      false,
    );
    return slopes.reduce(
      (sum, gradient, k) => sum + (gradient === null ? 0 : weightedSum(valuesOf(gradient), k + 1)),
      0,
    );
  };
  const differentiable = gradients.flatMap((gradient, k) =>
    gradient?.requiresGrad === true ? [{ gradient, k }] : [],
  );
  const second =
    differentiable.length === 0
      ? leaves.map(() => null)
      : autograd.grad(
          differentiable.map(({ gradient }) => gradient),
          leaves,
          {
            gradOutputs: differentiable.map(({ gradient, k }) => weights(gradient, k + 1)),
            allowUnused: true,
          },
        );
  compareWithDifferences("second gradient", second, start, variables, slope);
}

function gradientsOf(outputs: Tensor[], leaves: Tensor[], createGraph: boolean): (Tensor | null)[] {
  return autograd.grad(outputs, leaves, {
    gradOutputs: outputs.map((output) => weights(output, 0)),
    createGraph,
    allowUnused: true,
  });
}

function compareWithDifferences(
  what: string,
  gradients: (Tensor | null)[],
  start: number[][],
  variables: number[],
  value: (values: number[][]) => number,
): void {
  variables.forEach((k, position) => {
    const gradient = gradients[position] ?? null;
    const analytic = gradient === null ? start[k]!.map(() => 0) : valuesOf(gradient);
    assert.equal(analytic.length, start[k]!.length, `${what} of input ${k}: number of elements`);
    analytic.forEach((got, element) => {
      const moved = (by: number): number =>
        value(
          start.map((values, i) => (i === k ? values.map((x, j) => (j === element ? x + by : x)) : values)),
        );
      const wanted = (moved(step) - moved(-step)) / (2 * step);
      if (Math.abs(got - wanted) <= allowed * Math.max(1, Math.abs(wanted))) return;
      assert.fail(`${what} of input ${k}[${element}] is ${got}, by finite differences ${wanted}`);
    });
  });
}

function weight(k: number, phase: number): number {
  return Math.cos(k + 1 + phase);
}

function weightedSum(values: number[], phase: number): number {
  return values.reduce((sum, value, k) => sum + value * weight(k, phase), 0);
}

function weights(like: Tensor, phase: number): Tensor {
  const values = Float64Array.from({ length: like.numel() }, (_, k) => weight(k, phase));
  return tensor(values, { shape: like.shape, dtype: like.dtype });
}
