// NAdam (Dozat, 2016) and RAdam (Liu et al., 2020): Adam with Nesterov momentum, and Adam whose first steps are held back.

import { checkBoolean, checkNumber, readOptions } from "../errors.js";
import { FusedOptimizer, type Progress } from "./fused.js";
import { type ParamsInput } from "./optimizer.js";
import { checkBetas, type Betas } from "./state.js";

export interface RAdamOptions {
  lr?: number;
  /** How much of the running mean of the gradient, and of its square, each step keeps. */
  betas?: Betas;
  eps?: number;
  weightDecay?: number;
  /** Weight decay shrinks the parameter itself, as in AdamW, rather than adding to its gradient. */
  decoupledWeightDecay?: boolean;
  maximize?: boolean;
}

export interface NAdamOptions extends RAdamOptions {
  /** How fast the momentum rises to betas[0]. */
  momentumDecay?: number;
}

type Options = Required<RAdamOptions>;
type NAdamSettings = Required<NAdamOptions>;

const defaults: Options = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  decoupledWeightDecay: false,
  maximize: false,
};
const nadamDefaults: NAdamSettings = { ...defaults, lr: 2e-3, momentumDecay: 4e-3 };

const keys: readonly string[] = ["exp_avg", "exp_avg_sq"];

abstract class AdamVariant<Settings extends Options> extends FusedOptimizer<Settings> {
  protected readonly counting = "used";

  protected checkOptions(options: Settings): void {
    const op = this.constructor.name;
    checkNumber(op, "lr", options.lr, { min: 0 });
    checkNumber(op, "eps", options.eps, { min: 0 });
    checkNumber(op, "weightDecay", options.weightDecay, { min: 0 });
    checkBoolean(op, "decoupledWeightDecay", options.decoupledWeightDecay);
    checkBoolean(op, "maximize", options.maximize);
    checkBetas(op, options.betas);
  }

  protected stateKeys(): readonly string[] {
    return keys;
  }

  protected writeShared(numbers: Float64Array, group: Settings): void {
    numbers[0] = group.betas[0];
    numbers[1] = group.betas[1];
    numbers[2] = group.eps;
    numbers[3] = group.decoupledWeightDecay ? 0 : group.weightDecay;
    numbers[4] = group.maximize ? 1 : 0;
    numbers[5] = group.decoupledWeightDecay ? 1 - group.lr * group.weightDecay : 1;
  }
}

/** p ← p − lr · (μ′ · m / (1 − ∏μ′) + (1 − μ) · g / (1 − ∏μ)) / (√v̂ + eps), with μ′ the momentum of the step to come. */
export class NAdam extends AdamVariant<NAdamSettings> {
  protected readonly kernel = "nadam";

  constructor(params: ParamsInput<NAdamSettings>, options?: NAdamOptions) {
    super(params, readOptions<NAdamSettings>("NAdam", options, nadamDefaults));
  }

  protected override checkOptions(options: NAdamSettings): void {
    super.checkOptions(options);
    checkNumber("NAdam", "momentumDecay", options.momentumDecay, { min: 0 });
  }

  protected override advance({ step, product }: Progress, group: NAdamSettings): Progress {
    // PyTorch keeps the product in float32, and its rounding shows in float64 parameters.
    return { step: step + 1, product: Math.fround(product * Math.fround(momentumAt(step + 1, group))) };
  }

  protected writeNumbers(numbers: Float64Array, group: NAdamSettings, { step, product }: Progress): void {
    this.writeShared(numbers, group);
    const [now, next] = [momentumAt(step, group), momentumAt(step + 1, group)];
    numbers[6] = (group.lr * (1 - now)) / (1 - product);
    numbers[7] = (group.lr * next) / (1 - product * next);
    numbers[8] = 1 - group.betas[1] ** step;
  }

  protected override saveProduct(product: number): Record<string, number> {
    return { mu_product: product };
  }
}

/** μ of a step: betas[0] · (1 − 0.5 · 0.96^(step · momentumDecay)). */
function momentumAt(step: number, group: NAdamSettings): number {
  return group.betas[0] * (1 - 0.5 * 0.96 ** (step * group.momentumDecay));
}

/**
 * p ← p − lr · r · m̂ / (√v̂ + eps), where r makes up for how uncertain v is; p ← p − lr · m̂ in the first steps, in which it
 * is not known at all.
 */
export class RAdam extends AdamVariant<Options> {
  protected readonly kernel = "radam";

  constructor(params: ParamsInput<Options>, options?: RAdamOptions) {
    super(params, readOptions<Options>("RAdam", options, defaults));
  }

  protected writeNumbers(numbers: Float64Array, group: Options, { step }: Progress): void {
    this.writeShared(numbers, group);
    const [beta1, beta2] = group.betas;
    const correction = 1 - beta2 ** step;
    // Terms of the simple moving average that v stands for: in the end, and now.
    const final = 2 / (1 - beta2) - 1;
    const now = final - (2 * step * beta2 ** step) / correction;
    const rate = group.lr / (1 - beta1 ** step);
    const isRectified = now > 5;
    const rectification = Math.sqrt(((now - 4) * (now - 2) * final) / ((final - 4) * (final - 2) * now));
    numbers[6] = isRectified ? rate * rectification * Math.sqrt(correction) : rate;
    numbers[7] = isRectified ? 1 : 0;
  }
}
