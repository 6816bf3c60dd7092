// RMSprop: the gradient divided by a running root of its square (Hinton's lectures, 2012; centered: Graves, 2013).

import { checkBoolean, checkNumber, readOptions } from "../errors.js";
import { FusedOptimizer } from "./fused.js";
import { type ParamsInput } from "./optimizer.js";

export interface RMSpropOptions {
  lr?: number;
  /** How much of the running mean of g² each step keeps. */
  alpha?: number;
  eps?: number;
  weightDecay?: number;
  momentum?: number;
  /** Divides by the root of the variance of the gradient rather than of its mean square. */
  centered?: boolean;
  maximize?: boolean;
}

type Options = Required<RMSpropOptions>;

const defaults: Options = {
  lr: 1e-2,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  maximize: false,
};

const plain: readonly string[] = ["square_avg"];
const centered: readonly string[] = ["square_avg", "grad_avg"];
const withMomentum: readonly string[] = ["square_avg", "momentum_buffer"];
const centeredWithMomentum: readonly string[] = ["square_avg", "grad_avg", "momentum_buffer"];

/** p ← p − lr · g / (√v + eps), with v the running mean of g², or of the gradient's variance when centered. */
export class RMSprop extends FusedOptimizer<Options> {
  protected readonly kernel = "rmsprop";
  protected readonly counting = "saved";

  constructor(params: ParamsInput<Options>, options?: RMSpropOptions) {
    super(params, readOptions<Options>("RMSprop", options, defaults));
  }

  protected checkOptions(options: Options): void {
    for (const name of ["lr", "alpha", "eps", "weightDecay", "momentum"] as const) {
      checkNumber("RMSprop", name, options[name], { min: 0 });
    }
    checkBoolean("RMSprop", "centered", options.centered);
    checkBoolean("RMSprop", "maximize", options.maximize);
  }

  protected stateKeys(group: Options): readonly string[] {
    if (group.centered) return group.momentum > 0 ? centeredWithMomentum : centered;
    return group.momentum > 0 ? withMomentum : plain;
  }

  protected writeNumbers(numbers: Float64Array, group: Options): void {
    numbers[0] = group.lr;
    numbers[1] = group.alpha;
    numbers[2] = group.eps;
    numbers[3] = group.weightDecay;
    numbers[4] = group.momentum;
    numbers[5] = group.centered ? 1 : 0;
    numbers[6] = group.maximize ? 1 : 0;
  }
}
