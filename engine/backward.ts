// Tensor.backward(): checks what it was given, tells the recorder, and hands over to the native core.

import { checkBoolean, fail, readOptions } from "./errors.js";
import { native } from "./native.js";
import { observer } from "./observer.js";
import { requireTensor, Tensor } from "./tensor.js";

export interface BackwardOptions {
  /** The gradient of whatever follows, in the shape of the tensor; a scalar needs none. */
  gradient?: Tensor | null;
  /** Keeps the graph for another backward. Default: the value of `createGraph`. */
  retainGraph?: boolean;
  /** Records the backward pass itself, for second derivatives. */
  createGraph?: boolean;
  /** Adds to the `grad` of these tensors of the graph alone, leaves or not, instead of to all leaves. */
  inputs?: Tensor | readonly Tensor[] | null;
}

const backwardDefaults: {
  gradient: Tensor | null;
  retainGraph: boolean | null;
  createGraph: boolean;
  inputs: unknown;
} = {
  gradient: null,
  retainGraph: null,
  createGraph: false,
  inputs: null,
};

/** Backward calls within backward calls (a hook, a custom function) are not the user's loss. */
let depth = 0;

/** `x.backward()`, `x.backward(gradient, options)`, `x.backward({ gradient, ... })` */
export function runBackward(
  x: Tensor,
  first: Tensor | BackwardOptions | null | undefined,
  second: BackwardOptions | undefined,
): void {
  if ((first === undefined || first === null) && second === undefined) {
    startBackward([x], [null], false, false);
    return;
  }
  const hasPlace = first === undefined || first === null || first instanceof Tensor;
  if (!hasPlace && second !== undefined) {
    fail("backward", "nothing may follow the options: put all of them into that object");
  }
  const options = readOptions("backward", hasPlace ? second : first, backwardDefaults);
  if (first instanceof Tensor) {
    if (options.gradient !== null) fail("backward", "the gradient is given twice");
    options.gradient = first;
  }
  const { retainGraph, createGraph } = readFlags("backward", options);
  if (options.gradient !== null) requireTensor("backward", "gradient", options.gradient);
  startBackward([x], [options.gradient], retainGraph, createGraph, readInputs("backward", options.inputs));
}

/** The tensors whose `grad` is meant; undefined for all leaves. */
export function readInputs(op: string, inputs: unknown): Tensor[] | undefined {
  if (inputs === null || inputs === undefined) return undefined;
  const list: unknown[] = Array.isArray(inputs) ? inputs : [inputs];
  if (list.length === 0) fail(op, "inputs is empty; leave it out for all leaves");
  return list.map((input, k) => requireTensor(op, `inputs[${k}]`, input));
}

export function startBackward(
  tensors: Tensor[],
  grads: (Tensor | null)[],
  retainGraph: boolean,
  createGraph: boolean,
  inputs?: Tensor[],
): void {
  if (depth === 0 && observer.current !== null) observer.current.backward(tensors[0]!);
  depth += 1;
  try {
    native.backward(tensors, grads, retainGraph, createGraph, inputs);
  } finally {
    depth -= 1;
  }
}

export function readFlags(op: string, options: { retainGraph: boolean | null; createGraph: boolean }) {
  const createGraph = checkBoolean(op, "createGraph", options.createGraph);
  const retainGraph =
    options.retainGraph === null ? createGraph : checkBoolean(op, "retainGraph", options.retainGraph);
  return { retainGraph, createGraph };
}
