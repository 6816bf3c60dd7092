// Hooks: functions that run when the gradient of a tensor is computed.

import { checkFunction, fail, show } from "./errors.js";
import { native } from "./native.js";
import { adoptIntoScope } from "./scope.js";
import { refresh, Tensor } from "./tensor.js";

/** Gets the gradient of a tensor; what it returns, if anything, takes the gradient's place. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a hook may return nothing at all
export type GradientHook = (gradient: Tensor) => Tensor | null | void;

/** What registering a hook gives. */
export interface HookHandle {
  /** The hook runs no more. Twice is fine. */
  remove(): void;
}

type Runner = (given: Tensor) => Tensor | undefined;

/**
 * The core holds a function only while a graph that may call it has not been used up, because a function often refers to the very
 * tensors of that graph. For all other times its tensor holds it here.
 */
const held = new WeakMap<Tensor, Set<Runner>>();

/** `x.registerHook(hook)` */
export function registerHook(x: Tensor, hook: GradientHook): HookHandle {
  checkFunction("registerHook", "the hook", hook);
  return add("registerHook", x, false, (given) => {
    refresh(given);
    adoptIntoScope(given);
    const result: unknown = hook(given);
    if (result === undefined || result === null) return undefined;
    if (result instanceof Tensor) return result;
    return fail("registerHook", `a hook must return a gradient or nothing, it returned ${show(result)}`);
  });
}

/** `x.registerPostAccumulateGradHook(hook)` */
export function registerPostAccumulateGradHook<T extends Tensor>(x: T, hook: (x: T) => void): HookHandle {
  checkFunction("registerPostAccumulateGradHook", "the hook", hook);
  return add("registerPostAccumulateGradHook", x, true, () => {
    hook(x);
    return undefined;
  });
}

function add(op: string, x: Tensor, after: boolean, run: Runner): HookHandle {
  if (x.isDisposed) fail(op, "the tensor was disposed and cannot be used any more", {}, "disposed");
  const number = native.addHook(x, run, after);
  let runners = held.get(x);
  if (runners === undefined) held.set(x, (runners = new Set()));
  runners.add(run);
  // Not the tensor, nor a WeakRef to it, which holds it to the end of the job.
  const ofTensor = runners;
  return {
    remove() {
      native.removeHook(number);
      ofTensor.delete(run);
    },
  };
}
