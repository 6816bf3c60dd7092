// LBFGS: a quasi-Newton method that keeps the last steps instead of a matrix (Liu & Nocedal, 1989).

import { checkChoice, checkNumber, fail, readOptions, show } from "../errors.js";
import { cat, zeros } from "../generated/ops.js";
import { noGrad } from "../grad-mode.js";
import { native } from "../native.js";
import { observer } from "../observer.js";
import { Tensor } from "../tensor.js";
import { searchLine, type Evaluation } from "./line-search.js";
import { Optimizer, type ParamGroup, type ParamsInput, type SavedState } from "./optimizer.js";
import { copyLike, keepAsState } from "./state.js";

export interface LBFGSOptions {
  lr?: number;
  /** Most iterations in one step. */
  maxIter?: number;
  /** Most evaluations of the closure in one step; 1.25 · maxIter where it is not given. */
  maxEval?: number | null;
  /** Ends the step where no element of the gradient is larger. */
  toleranceGrad?: number;
  /** Ends the step where the loss or the parameters change less. */
  toleranceChange?: number;
  /** How many steps are kept. */
  historySize?: number;
  /** How the length of a step is found; null: it is lr. */
  lineSearchFn?: "strongWolfe" | "strong_wolfe" | null;
}

type Options = Required<LBFGSOptions>;

const defaults: Options = {
  lr: 1,
  maxIter: 20,
  maxEval: null,
  toleranceGrad: 1e-7,
  toleranceChange: 1e-9,
  historySize: 100,
  lineSearchFn: null,
};

/** What is kept from step to step; vectors have the elements of all parameters, one behind the other. */
interface Memory {
  evaluations: number;
  iterations: number;
  direction: Tensor | null;
  /** How far along the direction the last step went. */
  length: number;
  /** Differences of gradients, differences of parameters, and 1 / (y · s), oldest first. */
  gradientSteps: Tensor[];
  steps: Tensor[];
  ratios: number[];
  /** The guess of the inverse Hessian's diagonal. */
  diagonal: number;
  lastGradient: Tensor | null;
  lastLoss: number;
}

/**
 * `step(closure)` evaluates the closure several times; it must clear the gradients, call `backward()` and return the loss. There is
 * one group of parameters, on one device.
 */
export class LBFGS extends Optimizer<Options> {
  #memory: Memory = freshMemory();

  constructor(params: ParamsInput<Options>, options?: LBFGSOptions) {
    const given = readOptions<Options>("LBFGS", options, defaults);
    const most = typeof given.maxIter === "number" ? Math.floor((given.maxIter * 5) / 4) : null;
    super(params, { ...given, maxEval: given.maxEval ?? most });
    if (this.paramGroups.length !== 1) fail("LBFGS", "it has one group of parameters, no options by group");
  }

  protected checkOptions(options: Options): void {
    checkNumber("LBFGS", "lr", options.lr, { min: 0 });
    checkNumber("LBFGS", "maxIter", options.maxIter, { min: 1, integer: true });
    checkNumber("LBFGS", "maxEval", options.maxEval, { min: 1, integer: true });
    checkNumber("LBFGS", "toleranceGrad", options.toleranceGrad, { min: 0 });
    checkNumber("LBFGS", "toleranceChange", options.toleranceChange, { min: 0 });
    checkNumber("LBFGS", "historySize", options.historySize, { min: 1, integer: true });
    if (options.lineSearchFn !== null)
      checkChoice("LBFGS", "lineSearchFn", options.lineSearchFn, ["strongWolfe"]);
  }

  override addParamGroup(group: Parameters<Optimizer<Options>["addParamGroup"]>[0]): void {
    if (this.paramGroups.length > 0) fail("LBFGS", "it has one group of parameters, no second can be added");
    super.addParamGroup(group);
  }

  override step(): never;
  override step<Loss extends Tensor | number>(closure: () => Loss): Loss;
  override step(closure?: () => Tensor | number): Tensor | number {
    if (closure === undefined) return fail("LBFGS", "step needs a closure that computes the loss anew");
    let first: Tensor | number | undefined;
    const evaluate = (): number => {
      const loss = this.evaluate(closure);
      first ??= loss;
      const value: unknown = loss instanceof Tensor ? loss.item() : loss;
      if (typeof value === "number") return value;
      return fail("LBFGS", `the closure must return the loss, it returned ${show(loss)}`);
    };
    noGrad(() => {
      this.#minimize(evaluate);
    });
    super.step(); // which reports the step: everything is done
    return first!;
  }

  protected updateGroup(group: ParamGroup<Options>, norms: Float64Array): void {
    if (observer.current !== null) native.gradientNorms(group.params, norms);
  }

  #minimize(evaluate: () => number): void {
    const group = this.paramGroups[0]!;
    const { lr, maxIter, toleranceGrad, toleranceChange } = group;
    const maxEval = group.maxEval!;
    const memory = this.#memory;
    let loss = evaluate();
    let evaluations = 1;
    memory.evaluations += 1;
    let gradient = flatGradient(group.params);
    if (largest(gradient) <= toleranceGrad) return;

    for (let iteration = 1; iteration <= maxIter; iteration++) {
      memory.iterations += 1;
      const direction = nextDirection(memory, gradient, group.historySize);
      memory.direction = direction;
      memory.lastGradient = gradient;
      memory.lastLoss = loss;
      const lossBefore = loss;
      let length = memory.iterations === 1 ? Math.min(1, 1 / gradient.abs().sum().item()) * lr : lr;
      memory.length = length;
      const slope = gradient.dot(direction).item();
      if (slope > -toleranceChange) break;

      let made = 0;
      if (group.lineSearchFn !== null) {
        const start = group.params.map((parameter) => parameter.clone());
        const at = (distance: number): Evaluation => {
          move(group.params, direction, distance);
          const value = evaluate();
          const found = flatGradient(group.params);
          group.params.forEach((parameter, k) => parameter.copy_(start[k]!));
          return { loss: value, gradient: found, slope: found.dot(direction).item() };
        };
        const from = { loss, gradient, slope };
        const found = searchLine(at, from, length, largest(direction), maxEval - evaluations);
        ({ loss, gradient } = found.best);
        length = found.length;
        made = found.evaluations;
        move(group.params, direction, length);
      } else {
        move(group.params, direction, length);
        if (iteration !== maxIter) {
          loss = evaluate();
          gradient = flatGradient(group.params);
          made = 1;
        }
      }
      memory.length = length;
      evaluations += made;
      memory.evaluations += made;
      if (iteration === maxIter || evaluations >= maxEval || largest(gradient) <= toleranceGrad) break;
      if (largest(direction) * Math.abs(length) <= toleranceChange) break;
      if (Math.abs(loss - lossBefore) < toleranceChange) break;
    }
    for (const kept of [memory.direction, memory.lastGradient, ...memory.gradientSteps, ...memory.steps]) {
      if (kept !== null) keepAsState(() => kept);
    }
  }

  protected saveState(parameter: Tensor, group: ParamGroup<Options>): SavedState {
    const memory = this.#memory;
    if (parameter !== group.params[0] || memory.evaluations === 0) return {};
    const counts: SavedState = { func_evals: memory.evaluations, n_iter: memory.iterations };
    if (memory.direction === null) return counts;
    return {
      ...counts,
      d: memory.direction,
      t: memory.length,
      old_dirs: [...memory.gradientSteps],
      old_stps: [...memory.steps],
      ro: [...memory.ratios],
      H_diag: memory.diagonal,
      prev_flat_grad: memory.lastGradient,
      prev_loss: memory.lastLoss,
    };
  }

  protected loadState(parameter: Tensor, group: ParamGroup<Options>, saved: Readonly<SavedState>): void {
    if (parameter !== group.params[0]) return;
    const size = group.params.reduce((sum, each) => sum + each.numel(), 0);
    const vector = (key: string, value: unknown): Tensor => {
      if (value instanceof Tensor && value.shape.length === 1 && value.shape[0] === size) {
        return keepAsState(() => copyLike(value, parameter));
      }
      return fail("LBFGS", `loadStateDict: ${key} must be a tensor of [${size}]`, { key }, "state");
    };
    const scalar = (key: string, value: unknown, otherwise: number): number => {
      if (value === undefined || value === null) return otherwise;
      return checkNumber("LBFGS", key, value instanceof Tensor ? value.item() : value);
    };
    const list = (key: string): readonly unknown[] => {
      const value: unknown = saved[key] ?? [];
      return Array.isArray(value)
        ? value
        : fail("LBFGS", `loadStateDict: ${key} must be an array`, {}, "state");
    };
    this.#memory = {
      evaluations: scalar("func_evals", saved["func_evals"], 0),
      iterations: scalar("n_iter", saved["n_iter"], 0),
      direction: saved["d"] === undefined ? null : vector("d", saved["d"]),
      length: scalar("t", saved["t"], 0),
      gradientSteps: list("old_dirs").map((value) => vector("old_dirs", value)),
      steps: list("old_stps").map((value) => vector("old_stps", value)),
      ratios: list("ro").map((value) => scalar("ro", value, 0)),
      diagonal: scalar("H_diag", saved["H_diag"], 1),
      lastGradient:
        saved["prev_flat_grad"] instanceof Tensor ? vector("prev_flat_grad", saved["prev_flat_grad"]) : null,
      lastLoss: scalar("prev_loss", saved["prev_loss"], 0),
    };
  }
}

function freshMemory(): Memory {
  return {
    evaluations: 0,
    iterations: 0,
    direction: null,
    length: 0,
    gradientSteps: [],
    steps: [],
    ratios: [],
    diagonal: 1,
    lastGradient: null,
    lastLoss: 0,
  };
}

/** −H g by the two loops over the steps kept (Nocedal, 1980); downhill the first time. */
function nextDirection(memory: Memory, gradient: Tensor, historySize: number): Tensor {
  const { gradientSteps, steps, ratios, direction, lastGradient } = memory;
  if (memory.iterations === 1 || direction === null || lastGradient === null) return gradient.neg();
  const change = gradient.sub(lastGradient); // y
  const step = direction.mul(memory.length); // s
  const product = change.dot(step).item();
  if (product > 1e-10) {
    if (gradientSteps.length >= historySize) for (const kept of [gradientSteps, steps, ratios]) kept.shift();
    gradientSteps.push(change);
    steps.push(step);
    ratios.push(1 / product);
    memory.diagonal = product / change.dot(change).item();
  }
  const next = gradient.neg();
  const factors = new Float64Array(steps.length);
  for (let k = steps.length - 1; k >= 0; k--) {
    factors[k] = steps[k]!.dot(next).item() * ratios[k]!;
    next.sub_(gradientSteps[k]!.mul(factors[k]!));
  }
  next.mul_(memory.diagonal);
  for (let k = 0; k < steps.length; k++) {
    const factor = gradientSteps[k]!.dot(next).item() * ratios[k]!;
    next.add_(steps[k]!.mul(factors[k]! - factor));
  }
  return next;
}

/** All gradients in one vector, zeros where a parameter has none. */
function flatGradient(params: readonly Tensor[]): Tensor {
  return cat(
    params.map((parameter) => {
      const { grad, dtype, device } = parameter;
      return grad === null ? zeros([parameter.numel()], { dtype, device }) : grad.detach().reshape([-1]);
    }),
  ).clone();
}

/** p ← p + distance · direction. */
function move(params: readonly Tensor[], direction: Tensor, distance: number): void {
  let from = 0;
  for (const parameter of params) {
    const count = parameter.numel();
    parameter.add_(direction.narrow(0, from, count).reshape(parameter.shape).mul(distance));
    from += count;
  }
}

function largest(vector: Tensor): number {
  return vector.numel() === 0 ? 0 : vector.abs().max().item();
}
