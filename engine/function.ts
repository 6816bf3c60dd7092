// autograd.Function: operations with a derivative of the user's own, written in TypeScript.

import { checkBoolean, fail, show } from "./errors.js";
import { noGrad } from "./grad-mode.js";
import { native } from "./native.js";
import { adoptIntoScope } from "./scope.js";
import { adopt, refresh, requireTensor, Tensor } from "./tensor.js";

/** What forward leaves for backward, besides fields of its own. */
export interface ContextMethods {
  /** Whether the gradient of each argument of forward is wanted. */
  readonly needsInputGrad: readonly boolean[];
  /** Keeps tensors for backward: arguments, results, and what was computed between. They are checked for changes in place, and freed with the graph. */
  saveForBackward(...tensors: (Tensor | null)[]): void;
  /** In backward: the tensors that were kept, in the same order. */
  readonly savedTensors: Tensor[];
  /** Results through which no gradient flows. */
  markNonDifferentiable(...results: Tensor[]): void;
  /** Arguments that forward changed in place; each must be returned too. */
  markDirty(...inputs: Tensor[]): void;
  /** False: where no gradient arrived at a result, backward gets null instead of zeros. Default: true. */
  setMaterializeGrads(value: boolean): void;
}

/** The first argument of forward and backward: `ctx.saveForBackward(...)`, and free fields of the type given. */
export type FunctionContext<Fields extends object = Record<string, unknown>> = ContextMethods & Fields;

/** What backward gives: one gradient for each argument of forward, null where there is none. */
export type FunctionGradients = Tensor | null | undefined | readonly (Tensor | null | undefined)[];

/** A class with forward and backward, seen from `apply`. */
interface WithContext<Args extends unknown[], Result> {
  forward(ctx: never, ...args: Args): Result;
  backward(ctx: never, ...gradients: never[]): FunctionGradients;
}

/** The same with forward and setupContext apart. */
interface WithSetup<Args extends unknown[], Result> {
  forward(...args: Args): Result;
  setupContext(ctx: never, inputs: Args, output: Result): void;
  backward(ctx: never, ...gradients: never[]): FunctionGradients;
}

/** As `apply` finds it, whatever its types were. */
interface AnyFunction {
  name: string;
  forward?: (...values: unknown[]) => unknown;
  setupContext?: (...values: unknown[]) => unknown;
  backward?: (...values: unknown[]) => unknown;
}

/** The context whose backward is running. */
let running: Context | null = null;

class Context implements ContextMethods {
  readonly needsInputGrad: readonly boolean[];
  readonly #name: string;
  #saved: (Tensor | null)[] | null = [];
  #plain = new Set<Tensor>();
  #changed = new Set<Tensor>();
  #materializes = true;

  constructor(name: string, needsInputGrad: boolean[]) {
    this.#name = name;
    this.needsInputGrad = needsInputGrad;
  }

  saveForBackward(...tensors: (Tensor | null)[]): void {
    if (this.#saved === null) fail(this.#name, "saveForBackward belongs into forward");
    this.#saved = tensors.map((tensor: unknown, k) =>
      tensor === null || tensor === undefined
        ? null
        : requireTensor(`${this.#name}.saveForBackward`, `tensor ${k}`, tensor),
    );
  }

  get savedTensors(): Tensor[] {
    if (this.#saved !== null) return this.#saved as Tensor[];
    if (running !== this) fail(this.#name, "savedTensors can be read in forward and backward only");
    return native.savedOfFunction().map((tensor) => take(tensor as Tensor | null)) as Tensor[];
  }

  markNonDifferentiable(...results: Tensor[]): void {
    for (const result of results)
      this.#plain.add(requireTensor(`${this.#name}.markNonDifferentiable`, "a result", result));
  }

  markDirty(...inputs: Tensor[]): void {
    for (const input of inputs)
      this.#changed.add(requireTensor(`${this.#name}.markDirty`, "an argument", input));
  }

  setMaterializeGrads(value: boolean): void {
    this.#materializes = checkBoolean(this.#name, "setMaterializeGrads", value);
  }

  /** Hands over what forward left, and keeps none of it: a context must not hold the tensors that hold it. */
  finish(outputs: unknown[]): { kinds: number[]; saved: (Tensor | null)[]; materializes: boolean } {
    const returned = new Set(outputs);
    for (const tensor of this.#changed) {
      if (!returned.has(tensor))
        fail(this.#name, "every argument that is marked dirty must be returned by forward");
    }
    const kinds = outputs.map((output) => {
      if (!(output instanceof Tensor)) return 1;
      return this.#changed.has(output) ? 2 : this.#plain.has(output) ? 1 : 0;
    });
    const saved = this.#saved ?? [];
    this.#saved = null;
    this.#plain = new Set();
    this.#changed = new Set();
    return { kinds, saved, materializes: this.#materializes };
  }
}

/** What the core calls of one call of a function (native/binding/functions.cpp). */
class FunctionCall {
  readonly #ctx: Context;
  readonly #function: AnyFunction;

  constructor(ctx: Context, ofFunction: AnyFunction) {
    this.#ctx = ctx;
    this.#function = ofFunction;
  }

  backward(gradients: (Tensor | null)[]): (Tensor | null)[] {
    const name = this.#function.name;
    if (typeof this.#function.backward !== "function")
      fail(name, "it has no static backward(ctx, ...gradients)", {}, "autograd");
    const outer = running;
    running = this.#ctx;
    let result: unknown;
    try {
      result = this.#function.backward(this.#ctx, ...gradients.map(take));
    } finally {
      running = outer;
    }
    const list: unknown[] = Array.isArray(result) ? result : [result];
    return list.map((gradient, k) => {
      if (gradient === undefined || gradient === null) return null;
      if (gradient instanceof Tensor) return gradient;
      const what = `backward must return tensors or null, at ${k} it returned ${show(gradient)}`;
      return fail(name, what, {}, "autograd");
    });
  }

  /** Whether a context might lead back to the graph that holds it: then, once the graph is used up, only the results hold it. */
  mayBeDropped(): boolean {
    return Object.entries(this.#ctx).some(
      ([key, value]) =>
        key !== "needsInputGrad" &&
        (typeof value === "function" || (typeof value === "object" && value !== null)),
    );
  }
}

const callOf = new WeakMap<Tensor, FunctionCall>();

/** Fills the fields of a tensor that the core made. */
function take(tensor: Tensor | null): Tensor | null {
  if (tensor === null) return null;
  refresh(tensor);
  adoptIntoScope(tensor);
  return tensor;
}

/**
 * An operation with a derivative of its own:
 *
 *     class Exp extends autograd.Function {
 *       static forward(ctx: autograd.FunctionContext, x: Tensor) {
 *         const y = x.exp();
 *         ctx.saveForBackward(y);
 *         return y;
 *       }
 *       static backward(ctx: autograd.FunctionContext, g: Tensor) {
 *         const [y] = ctx.savedTensors;
 *         return g.mul(y!);
 *       }
 *     }
 *     const y = Exp.apply(x);
 *
 * Forward runs without recording. Backward gets the gradient of each result and gives one for each argument of forward, null for those
 * that are no tensors; written in operations, it can be differentiated again. Tensors that backward needs belong into
 * `saveForBackward`, other values into fields of `ctx`.
 */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- a class to extend, as in PyTorch
export abstract class AutogradFunction {
  /** Runs forward and records it, where a gradient is wanted. @throws DescentError where forward or its marks do not fit together. */
  static apply<Args extends unknown[], Result>(this: WithSetup<Args, Result>, ...args: NoInfer<Args>): Result;
  static apply<Args extends unknown[], Result>(
    // eslint-disable-next-line @typescript-eslint/unified-signatures -- arguments are inferred from one form or the other
    this: WithContext<Args, Result>,
    ...args: NoInfer<Args>
  ): Result;
  static apply(this: unknown, ...args: unknown[]): unknown {
    return run(this as AnyFunction, args);
  }
}

function run(ofFunction: AnyFunction, args: unknown[]): unknown {
  const { name } = ofFunction;
  if (typeof ofFunction.forward !== "function") fail(name, "it has no static forward(ctx, ...arguments)");
  const inputs = args.map((value) => (value instanceof Tensor ? value : null));
  const ctx = new Context(
    name,
    inputs.map((input) => input !== null && native.wantsGradient(input)),
  );
  const call = native.beginFunction(`${name}Backward`, inputs);
  let result: unknown;
  try {
    result = noGrad(() => {
      if (typeof ofFunction.setupContext !== "function") return ofFunction.forward!(ctx, ...args);
      const output = ofFunction.forward!(...args);
      ofFunction.setupContext(ctx, args, output);
      return output;
    });
    const isList = Array.isArray(result);
    if (!isList && !(result instanceof Tensor))
      fail(name, `forward must return a tensor or an array of them, it returned ${show(result)}`);
    const outputs: unknown[] = isList ? (result as unknown[]) : [result];
    const results = finish(call, ofFunction, ctx, inputs, outputs);
    return isList ? results : results[0];
  } finally {
    native.abandonFunction(call);
  }
}

function finish(
  call: number,
  ofFunction: AnyFunction,
  ctx: Context,
  inputs: (Tensor | null)[],
  outputs: unknown[],
): unknown[] {
  const { kinds, saved, materializes } = ctx.finish(outputs);
  for (const [what, list] of [
    ["a result of forward", outputs],
    ["a saved tensor", saved],
  ] as const) {
    if (list.some((item) => item instanceof Tensor && item.isDisposed))
      fail(ofFunction.name, `${what} was disposed and cannot be used any more`, {}, "disposed");
  }
  const functionCall = new FunctionCall(ctx, ofFunction);
  const fresh = outputs.map(() => new Tensor());
  const isFresh = native.finishFunction(
    call,
    functionCall,
    inputs.filter((input) => input !== null),
    outputs.map((output) => (output instanceof Tensor ? output : null)),
    kinds,
    saved,
    materializes,
    fresh,
  );
  return outputs.map((output, k) => {
    if (!(output instanceof Tensor)) return output;
    const tensor = isFresh[k] === true ? fresh[k]! : output;
    if (isFresh[k] === true) {
      native.describe(tensor);
      adopt(tensor, 0);
    } else {
      refresh(tensor);
    }
    if (tensor.requiresGrad) callOf.set(tensor, functionCall);
    return tensor;
  });
}
