// SGD: stochastic gradient descent with momentum.

import { checkBoolean, checkNumber, fail, readOptions } from "../errors.js";
import { FusedOptimizer } from "./fused.js";
import { type ParamsInput } from "./optimizer.js";

export interface SGDOptions {
  lr?: number;
  /** How much of the last step each step keeps. */
  momentum?: number;
  /** How much less than the whole gradient joins the momentum. */
  dampening?: number;
  weightDecay?: number;
  /** Looks ahead along the momentum (Sutskever et al., 2013). */
  nesterov?: boolean;
  maximize?: boolean;
}

type Options = Required<SGDOptions>;

const defaults: Options = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
};

const noStates: readonly string[] = [];
const withMomentum: readonly string[] = ["momentum_buffer"];

/**
 * p ← p − lr · b, where b ← momentum · b + (1 − dampening) · (g + weightDecay · p), the first b being g itself
 * (PyTorch's documentation of SGD; with `nesterov` the gradient plus momentum · b takes the place of b).
 */
export class SGD extends FusedOptimizer<Options> {
  protected readonly kernel = "sgd";
  protected readonly counting = "none";

  constructor(params: ParamsInput<Options>, options?: SGDOptions) {
    super(params, readOptions<Options>("SGD", options, defaults));
  }

  protected checkOptions(options: Options): void {
    checkNumber("SGD", "lr", options.lr, { min: 0 });
    const momentum = checkNumber("SGD", "momentum", options.momentum, { min: 0 });
    const dampening = checkNumber("SGD", "dampening", options.dampening);
    checkNumber("SGD", "weightDecay", options.weightDecay, { min: 0 });
    checkBoolean("SGD", "maximize", options.maximize);
    if (checkBoolean("SGD", "nesterov", options.nesterov) && (momentum === 0 || dampening !== 0)) {
      fail("SGD", "nesterov needs a momentum above 0 and no dampening", { momentum: String(momentum) });
    }
  }

  protected stateKeys(group: Options): readonly string[] {
    return group.momentum === 0 ? noStates : withMomentum;
  }

  protected writeNumbers(numbers: Float64Array, group: Options): void {
    numbers[0] = group.lr;
    numbers[1] = group.momentum;
    numbers[2] = group.dampening;
    numbers[3] = group.weightDecay;
    numbers[4] = group.nesterov ? 1 : 0;
    numbers[5] = group.maximize ? 1 : 0;
  }
}
