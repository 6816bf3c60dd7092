// Adam and AdamW (Kingma & Ba, 2015; Loshchilov & Hutter, 2019).

import { checkBoolean, checkNumber, readOptions } from "../errors.js";
import { FusedOptimizer, type Progress } from "./fused.js";
import { type ParamsInput } from "./optimizer.js";
import { checkBetas, type Betas } from "./state.js";

export interface AdamOptions {
  lr?: number;
  /** How much of the running mean of the gradient, and of its square, each step keeps. */
  betas?: Betas;
  eps?: number;
  weightDecay?: number;
  /** Divides by the largest second moment so far (Reddi et al., 2018). */
  amsgrad?: boolean;
  maximize?: boolean;
  /** Weight decay shrinks the parameter itself, as in AdamW, rather than adding to its gradient. */
  decoupledWeightDecay?: boolean;
}

export type AdamWOptions = Omit<AdamOptions, "decoupledWeightDecay">;

type Options = Required<AdamOptions>;

const defaults: Options = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
  decoupledWeightDecay: false,
};

const adamWDefaults: Required<AdamWOptions> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0.01,
  amsgrad: false,
  maximize: false,
};

const twoMoments: readonly string[] = ["exp_avg", "exp_avg_sq"];
const withLargest: readonly string[] = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];

/**
 * p ← p − lr · m̂ / (√v̂ + eps), with m and v the running means of g and g². Weight decay is added to the gradient.
 */
export class Adam extends FusedOptimizer<Options> {
  protected readonly kernel = "adam";
  protected readonly counting = "used";

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
    checkBoolean(op, "decoupledWeightDecay", options.decoupledWeightDecay);
    checkBetas(op, options.betas);
  }

  protected stateKeys(group: Options): readonly string[] {
    return group.amsgrad ? withLargest : twoMoments;
  }

  protected writeNumbers(numbers: Float64Array, group: Options, { step }: Progress): void {
    const [beta1, beta2] = group.betas;
    const isDecoupled = this.isDecoupled(group);
    numbers[0] = beta1;
    numbers[1] = beta2;
    numbers[2] = group.eps;
    numbers[3] = isDecoupled ? 0 : group.weightDecay;
    numbers[4] = group.maximize ? 1 : 0;
    numbers[5] = isDecoupled ? 1 - group.lr * group.weightDecay : 1;
    numbers[6] = group.lr / (1 - beta1 ** step);
    numbers[7] = Math.sqrt(1 - beta2 ** step);
  }

  /** Whether weight decay shrinks the parameter itself rather than adding to its gradient. */
  protected isDecoupled(group: Options): boolean {
    return group.decoupledWeightDecay;
  }
}

/** Adam whose weight decay shrinks the parameter itself: p ← p · (1 − lr · weightDecay) first. Decay is 0.01 by default. */
export class AdamW extends Adam {
  constructor(params: ParamsInput<Options>, options?: AdamWOptions) {
    const given = readOptions<Required<AdamWOptions>>("AdamW", options, adamWDefaults);
    super(params, { ...given, decoupledWeightDecay: true });
  }

  /** Whatever a state saved by Adam says. */
  protected override isDecoupled(): boolean {
    return true;
  }
}
