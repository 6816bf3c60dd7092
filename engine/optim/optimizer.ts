// Optimizer: parameter groups, saved state, and what every step tells the recorder.

import { noteParameters } from "../breaks/labelled.js";
import { checkBoolean, checkFunction, DescentError, fail, show } from "../errors.js";
import { enableGrad } from "../grad-mode.js";
import { describeOptimizer } from "../inspect/objects.js";
import { native } from "../native.js";
import { observer, type StepInfo } from "../observer.js";
import { Tensor } from "../tensor.js";

/** What every group has, and what schedulers note down in it. */
export interface GroupOptions {
  lr: number;
  /** The rate before any scheduler changed it. */
  initialLr?: number;
  maxLr?: number;
  minLr?: number;
  maxMomentum?: number;
  baseMomentum?: number;
}

/** Parameters that share their options. Options may be changed between steps: `optimizer.paramGroups[0].lr = 0.01`. */
export type ParamGroup<Options> = Options & GroupOptions & { params: Tensor[] };

/** What an optimizer is made of: parameters, or groups with options of their own. */
export type ParamsInput<Options> =
  Iterable<Tensor> | Iterable<Partial<Options> & { params: Tensor | Iterable<Tensor>; initialLr?: number }>;

/** Keys of a group that no optimizer knows and schedulers do. */
const scheduleKeys = ["initialLr", "maxLr", "minLr", "maxMomentum", "baseMomentum"];

/** What is saved of one parameter. Only LBFGS has lists. */
export type SavedState = Record<string, Tensor | number | null | readonly (Tensor | number | null)[]>;

/** A saved optimizer, with PyTorch's keys; parameters are numbered over all groups. */
export interface OptimizerState {
  state: Record<string, SavedState>;
  param_groups: Record<string, unknown>[];
}

/** What the last step was told with; made again when parameters come, go or are renamed. */
interface Report {
  info: StepInfo & { learningRates: number[]; names: string[] };
  params: Tensor[];
  /** The part of `squaredNorms` that each group's native call fills. */
  norms: Float64Array[];
}

/** Steps of all optimizers together: blocks of memory say in which they were born. */
let stepsDone = 0;

/** What every optimizer has: groups of parameters, `step()`, `zeroGrad()`, and a state that can be saved. */
export abstract class Optimizer<Options extends GroupOptions> {
  readonly paramGroups: ParamGroup<Options>[] = [];
  readonly defaults: Options;
  #report: Report | null = null;

  protected constructor(params: ParamsInput<Options>, defaults: Options) {
    const op = this.constructor.name;
    if (new.target === Optimizer)
      fail(op, "it is the base of optimizers, make a new optim.SGD or optim.Adam");
    this.defaults = defaults;
    this.checkOptions(defaults);
    const items = readItems(op, params);
    if (items.length === 0) fail(op, "there are no parameters, give model.parameters()");
    const groups = items.filter((item) => !(item instanceof Tensor));
    if (groups.length === 0) {
      this.addParamGroup({ params: items as Tensor[] } as Partial<Options> & { params: Tensor[] });
    } else if (groups.length < items.length) {
      fail(op, "give either parameters or groups { params, lr, ... }, not both in one list");
    } else {
      for (const group of groups) this.addParamGroup(group as Partial<Options> & { params: Tensor[] });
    }
  }

  /** Throws where an option is out of its range. */
  protected abstract checkOptions(options: Options): void;

  /** Changes the parameters of one group; their squared gradient norms go into `norms`. */
  protected abstract updateGroup(group: ParamGroup<Options>, norms: Float64Array): void;

  /** The saved tensors and counts of a parameter, by PyTorch's keys. */
  protected abstract saveState(parameter: Tensor, group: ParamGroup<Options>): SavedState;

  protected abstract loadState(
    parameter: Tensor,
    group: ParamGroup<Options>,
    saved: Readonly<SavedState>,
  ): void;

  /** More parameters, with options that differ from the defaults where they are given. */
  addParamGroup(group: Partial<Options> & { params: Tensor | Iterable<Tensor> }): void {
    const op = this.constructor.name;
    if (typeof group !== "object" || (group as object | null) === null) {
      fail(op, `a group must be { params, lr, ... }, it is ${show(group)}`);
    }
    const { params: given, ...options } = group;
    const params = given instanceof Tensor ? [given] : (readItems(op, given) as Tensor[]);
    for (const key of Object.keys(options)) {
      if (!(key in this.defaults) && !scheduleKeys.includes(key)) {
        fail(op, `no option '${key}', there are ${Object.keys(this.defaults).join(", ")}`, { option: key });
      }
    }
    const known = new Set(this.paramGroups.flatMap((other) => other.params));
    for (const [k, parameter] of params.entries()) {
      checkParameter(op, k, parameter);
      if (known.has(parameter)) {
        const name = parameter.label ?? `parameter ${k}`;
        fail(op, `${name} is given twice, it would be updated twice`, { parameter: name });
      }
      known.add(parameter);
    }
    const filled = { ...this.defaults, ...options, params } as ParamGroup<Options>;
    this.checkOptions(filled);
    this.paramGroups.push(filled);
    noteParameters(filled);
    this.#report = null;
  }

  /** Drops all gradients, so that the next backward begins at nothing; `setToNone: false` fills them with zeros instead. */
  zeroGrad(options?: { setToNone?: boolean }): void {
    const setToNone = options === undefined ? true : readSetToNone(this.constructor.name, options);
    for (const group of this.paramGroups) native.zeroGrad(group.params, setToNone);
  }

  /** One update of every parameter that has a gradient. `closure`, where given, computes the loss first and is what is returned. */
  step(): void;
  step<Loss extends Tensor | number>(closure: () => Loss): Loss;
  step(closure?: () => Tensor | number): Tensor | number | void {
    const loss = closure === undefined ? undefined : this.evaluate(closure);
    const report = this.#currentReport();
    for (let k = 0; k < this.paramGroups.length; k++) {
      const group = this.paramGroups[k]!;
      if (typeof group.lr !== "number")
        fail(this.constructor.name, `lr must be a number, it is ${show(group.lr)}`);
      this.updateGroup(group, report.norms[k]!);
      report.info.learningRates[k] = group.lr;
    }
    native.setStep((stepsDone += 1));
    if (observer.current !== null) {
      native.readNorms();
      observer.current.step(report.info);
    }
    return loss;
  }

  /** The loss that the user's closure gives, which runs with gradients recorded. */
  protected evaluate<Loss extends Tensor | number>(closure: () => Loss): Loss {
    const op = this.constructor.name;
    checkFunction(op, "the closure", closure);
    const loss: unknown = enableGrad(closure);
    if (loss instanceof Promise) {
      loss.catch(() => undefined); // the error below says what is wrong; this one would end the process
      fail(op, "the closure must not be async, the step cannot wait for it");
    }
    return loss as Loss;
  }

  /** Everything that a continued training needs besides the parameters. Tensors share the optimizer's memory. */
  stateDict(): OptimizerState {
    const state: OptimizerState = { state: {}, param_groups: [] };
    let number = 0;
    for (const group of this.paramGroups) {
      const numbers: number[] = [];
      for (const parameter of group.params) {
        const saved = this.saveState(parameter, group);
        if (Object.keys(saved).length > 0) state.state[String(number)] = saved;
        numbers.push(number++);
      }
      const entry: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(group)) {
        if (key !== "params") entry[snakeCase(key)] = value;
      }
      state.param_groups.push({ ...entry, params: numbers });
    }
    return state;
  }

  /** Takes over a saved state; the groups must have as many parameters as when it was saved. */
  loadStateDict(saved: OptimizerState): void {
    const { state, groups } = this.#checkState(saved);
    let number = 0;
    for (const [k, group] of this.paramGroups.entries()) {
      const options = { ...group } as object as Record<string, unknown>;
      for (const key of [...Object.keys(this.defaults), ...scheduleKeys]) {
        const value = groups[k]![snakeCase(key)];
        if (value !== undefined) options[key] = value;
      }
      this.checkOptions(options as object as ParamGroup<Options>);
      Object.assign(group, options);
      for (const parameter of group.params) this.loadState(parameter, group, state[String(number++)] ?? {});
    }
  }

  /** As PyTorch prints it: every group with its options. */
  toString(): string {
    const groups = this.paramGroups.map((group, k) => {
      const options = Object.entries(group).filter(([key]) => key !== "params");
      const lines = options.map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`).sort();
      return [`Parameter Group ${k}`, ...lines].join("\n");
    });
    return `${this.constructor.name} (\n${groups.join("\n\n")}\n)`;
  }

  /** What a debugger shows on one line. */
  [Symbol.for("debug.description")](): string {
    return describeOptimizer(this);
  }

  #checkState(saved: unknown): { state: OptimizerState["state"]; groups: Record<string, unknown>[] } {
    const { state, param_groups: groups } = (saved ?? {}) as Partial<OptimizerState>;
    if (typeof state !== "object" || (state as object | null) === null || !Array.isArray(groups)) {
      stateError(this.constructor.name, `the state must be { state, param_groups }, it is ${show(saved)}`);
    }
    if (groups.length !== this.paramGroups.length) {
      stateError(
        this.constructor.name,
        `the state has ${groups.length} parameter groups, this optimizer ${this.paramGroups.length}`,
      );
    }
    for (const [k, group] of this.paramGroups.entries()) {
      const params: unknown = (groups[k] as Record<string, unknown> | null)?.["params"];
      const count = Array.isArray(params) ? params.length : 0;
      if (count !== group.params.length) {
        stateError(
          this.constructor.name,
          `group ${k} has ${count} parameters in the state, ${group.params.length} here`,
        );
      }
    }
    return { state, groups };
  }

  #currentReport(): Report {
    if (this.#report !== null && isCurrent(this.#report, this.paramGroups)) return this.#report;
    const params = this.paramGroups.flatMap((group) => group.params);
    const squaredNorms = new Float64Array(params.length);
    let from = 0;
    const norms = this.paramGroups.map((group) => squaredNorms.subarray(from, (from += group.params.length)));
    const learningRates = this.paramGroups.map((group) => group.lr);
    this.#report = { info: { learningRates, names: nameAll(params), squaredNorms }, params, norms };
    return this.#report;
  }
}

/** Whether the parameters are the same, under the same labels. Runs in every step. */
function isCurrent(report: Report, groups: readonly { params: Tensor[] }[]): boolean {
  const { params, info } = report;
  let at = 0;
  if (groups.length !== report.norms.length) return false;
  for (const group of groups) {
    for (const parameter of group.params) {
      if (params[at] !== parameter) return false;
      const label = parameter.label;
      if (label !== null && label !== info.names[at] && !info.names[at]!.startsWith(`${label}#`))
        return false;
      at += 1;
    }
  }
  return at === params.length;
}

/** Labels, or "param3" where there is none; a name that comes again gets its position: "weight#2". */
function nameAll(params: readonly Tensor[]): string[] {
  const used = new Set<string>();
  return params.map((parameter, k) => {
    const label = parameter.label ?? `param${k}`;
    const name = used.has(label) ? `${label}#${k}` : label;
    used.add(name);
    return name;
  });
}

function readItems(op: string, value: unknown): unknown[] {
  const isIterable = typeof value === "object" && value !== null && Symbol.iterator in value;
  if (!isIterable || value instanceof Tensor) {
    fail(op, `the parameters must be an array such as model.parameters(), not ${show(value)}`);
  }
  return [...(value as Iterable<unknown>)];
}

function checkParameter(op: string, k: number, value: unknown): void {
  if (!(value instanceof Tensor)) {
    fail(op, `parameter ${k} must be a tensor, it is ${show(value)}`, { parameter: show(value) });
  }
  if (!value.isLeaf) {
    fail(op, `parameter ${k} is the result of an operation, only leaves can be optimized`, {}, "autograd");
  }
}

function readSetToNone(op: string, options: unknown): boolean {
  const value = (options as { setToNone?: unknown } | null)?.setToNone;
  return checkBoolean(op, "setToNone", value ?? true);
}

function stateError(op: string, sentence: string): never {
  throw new DescentError("state", op, `${op}.loadStateDict: ${sentence}`);
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
