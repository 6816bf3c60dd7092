// Adam and AdamW (Kingma & Ba, 2015; Loshchilov & Hutter, 2019).

import { checkBoolean, checkNumber, fail, readOptions, show } from "../errors.js";
import { native } from "../native.js";
import { Tensor } from "../tensor.js";
import { Optimizer, type ParamGroup, type ParamsInput } from "./optimizer.js";
import { copyState, readState } from "./state.js";

export interface AdamOptions {
  lr?: number;
  /** How much of the running mean of the gradient, and of its square, each step keeps. */
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  /** Divides by the largest second moment so far (Reddi et al., 2018). */
  amsgrad?: boolean;
  maximize?: boolean;
}

type Options = Required<AdamOptions>;

const defaults: Options = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
};

interface Moments {
  /** Steps with a gradient so far: what the bias correction counts. A parameter without one sits the step out. */
  step: number;
  expAvg: Tensor;
  expAvgSq: Tensor;
  maxExpAvgSq: Tensor;
}

/** The state of a group, in the order of its parameters. */
interface GroupState {
  params: readonly Tensor[];
  moments: Moments[];
  expAvg: Tensor[];
  expAvgSq: Tensor[];
  maxExpAvgSq: Tensor[];
}

/**
 * p ← p − lr · m̂ / (√v̂ + eps), with m and v the running means of g and g². Weight decay is added to the gradient.
 */
export class Adam extends Optimizer<Options> {
  /** Whether weight decay shrinks the parameter itself rather than adding to its gradient. */
  protected readonly isDecoupled: boolean = false;
  readonly #hyper = new Float64Array(9);
  readonly #moments = new Map<Tensor, Moments>();
  readonly #groups = new WeakMap<ParamGroup<Options>, GroupState>();

  constructor(params: ParamsInput<Options>, options?: AdamOptions) {
    super(params, readOptions<Options>("Adam", options, defaults));
  }

  protected checkOptions(options: Options): void {
    const op = this.constructor.name;
    checkNumber(op, "lr", options.lr, { min: 0 });
    checkNumber(op, "eps", options.eps, { min: 0 });
    checkNumber(op, "weightDecay", options.weightDecay, { min: 0 });
    checkBoolean(op, "amsgrad", options.amsgrad);
    checkBoolean(op, "maximize", options.maximize);
    const betas: unknown = options.betas;
    if (!Array.isArray(betas) || betas.length !== 2) {
      return fail(op, `betas must be two numbers, such as [0.9, 0.999], it is ${show(betas)}`);
    }
    for (const [k, beta] of betas.entries()) {
      if (checkNumber(op, `betas[${k}]`, beta, { min: 0, max: 1 }) === 1) {
        fail(op, `betas[${k}] must be below 1`, { beta: "1" });
      }
    }
  }

  protected updateGroup(group: ParamGroup<Options>, norms: Float64Array): void {
    const state = this.#stateOf(group);
    const step = state.moments[0]?.step ?? 0;
    if (state.moments.every((moments) => moments.step === step)) {
      this.#update(group, state, step + 1, norms);
      return;
    }
    const steps = state.moments.map((moments) => moments.step); // as they were before any part is updated
    for (const counted of new Set(steps)) {
      const members = steps.flatMap((made, k) => (made === counted ? [k] : []));
      const partNorms = new Float64Array(members.length);
      this.#update(group, selectFrom(state, members), counted + 1, partNorms);
      members.forEach((k, position) => (norms[k] = partNorms[position]!));
    }
  }

  /** One fused call over parameters that have all made equally many steps. */
  #update(group: ParamGroup<Options>, state: GroupState, step: number, norms: Float64Array): void {
    const hyper = this.#hyper;
    hyper[0] = group.lr;
    hyper[1] = group.betas[0];
    hyper[2] = group.betas[1];
    hyper[3] = group.eps;
    hyper[4] = group.weightDecay;
    hyper[5] = step;
    hyper[6] = group.amsgrad ? 1 : 0;
    hyper[7] = this.isDecoupled ? 1 : 0;
    hyper[8] = group.maximize ? 1 : 0;
    const largest = group.amsgrad ? state.maxExpAvgSq : null;
    native.adamStep(state.params as Tensor[], state.expAvg, state.expAvgSq, largest, hyper, norms);
    for (let k = 0; k < norms.length; k++) if (norms[k] !== -1) state.moments[k]!.step = step;
  }

  #stateOf(group: ParamGroup<Options>): GroupState {
    const cached = this.#groups.get(group);
    if (cached?.params === group.params && cached.expAvg.length === group.params.length) return cached;
    const moments = group.params.map((parameter) => {
      let found = this.#moments.get(parameter);
      if (found === undefined) {
        found = { step: 0, expAvg: new Tensor(), expAvgSq: new Tensor(), maxExpAvgSq: new Tensor() };
        this.#moments.set(parameter, found);
      }
      return found;
    });
    const state: GroupState = {
      params: group.params,
      moments,
      expAvg: moments.map((moment) => moment.expAvg),
      expAvgSq: moments.map((moment) => moment.expAvgSq),
      maxExpAvgSq: moments.map((moment) => moment.maxExpAvgSq),
    };
    this.#groups.set(group, state);
    return state;
  }

  protected saveState(parameter: Tensor): Record<string, Tensor | number> {
    const moments = this.#moments.get(parameter);
    const expAvg = readState(moments?.expAvg);
    const expAvgSq = readState(moments?.expAvgSq);
    if (expAvg === null || expAvgSq === null) return {};
    const saved: Record<string, Tensor | number> = {
      step: moments?.step ?? 0,
      exp_avg: expAvg,
      exp_avg_sq: expAvgSq,
    };
    const largest = readState(moments?.maxExpAvgSq);
    if (largest !== null) saved["max_exp_avg_sq"] = largest;
    return saved;
  }

  protected loadState(
    parameter: Tensor,
    group: ParamGroup<Options>,
    saved: Record<string, Tensor | number>,
  ): void {
    const op = this.constructor.name;
    const step = saved["step"];
    const steps = step === undefined ? 0 : step instanceof Tensor ? step.item() : step;
    checkNumber(op, "step", steps, { min: 0 });
    const moments: Moments = {
      step: steps,
      expAvg: copyState(op, "exp_avg", saved["exp_avg"], parameter) ?? new Tensor(),
      expAvgSq: copyState(op, "exp_avg_sq", saved["exp_avg_sq"], parameter) ?? new Tensor(),
      maxExpAvgSq: copyState(op, "max_exp_avg_sq", saved["max_exp_avg_sq"], parameter) ?? new Tensor(),
    };
    this.#moments.set(parameter, moments);
    this.#groups.delete(group);
  }
}

function selectFrom(state: GroupState, members: readonly number[]): GroupState {
  const pick = <T>(list: readonly T[]): T[] => members.map((k) => list[k]!);
  return {
    params: pick(state.params),
    moments: pick(state.moments),
    expAvg: pick(state.expAvg),
    expAvgSq: pick(state.expAvgSq),
    maxExpAvgSq: pick(state.maxExpAvgSq),
  };
}

/** Adam whose weight decay shrinks the parameter itself: p ← p · (1 − lr · weightDecay) first. Decay is 0.01 by default. */
export class AdamW extends Adam {
  protected override readonly isDecoupled: boolean = true;

  constructor(params: ParamsInput<Options>, options?: AdamOptions) {
    super(params, readOptions<Options>("AdamW", options, { ...defaults, weightDecay: 0.01 }));
  }
}
