// Adagrad: the gradient divided by the root of the sum of all its squares (Duchi, Hazan & Singer, 2011).

import { checkBoolean, checkNumber, readOptions } from "../errors.js";
import { fullLike } from "../generated/ops.js";
import { noGrad } from "../grad-mode.js";
import { type Tensor } from "../tensor.js";
import { FusedOptimizer, type Progress } from "./fused.js";
import { type ParamsInput } from "./optimizer.js";
import { keepAsState } from "./state.js";

export interface AdagradOptions {
  lr?: number;
  /** The rate of step t is lr / (1 + (t − 1) · lrDecay). */
  lrDecay?: number;
  weightDecay?: number;
  /** What the sums of squares begin with. */
  initialAccumulatorValue?: number;
  eps?: number;
  maximize?: boolean;
}

type Options = Required<AdagradOptions>;

const defaults: Options = {
  lr: 1e-2,
  lrDecay: 0,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  eps: 1e-10,
  maximize: false,
};

const keys: readonly string[] = ["sum"];

/** p ← p − lr · g / (√s + eps), with s the sum of g² over all steps. */
export class Adagrad extends FusedOptimizer<Options> {
  protected readonly kernel = "adagrad";
  protected readonly counting = "used";

  constructor(params: ParamsInput<Options>, options?: AdagradOptions) {
    super(params, readOptions<Options>("Adagrad", options, defaults));
  }

  protected checkOptions(options: Options): void {
    for (const name of ["lr", "lrDecay", "weightDecay", "initialAccumulatorValue", "eps"] as const) {
      checkNumber("Adagrad", name, options[name], { min: 0 });
    }
    checkBoolean("Adagrad", "maximize", options.maximize);
  }

  protected stateKeys(): readonly string[] {
    return keys;
  }

  /**
   * PyTorch has the sums from the beginning on, so that a state saved before the first step has them too. It begins all of them
   * with the value given to the optimizer, whatever a group says.
   */
  protected override makeState(parameter: Tensor): Tensor {
    return keepAsState(() => noGrad(() => fullLike(parameter, this.defaults.initialAccumulatorValue)));
  }

  protected writeNumbers(numbers: Float64Array, group: Options, { step }: Progress): void {
    numbers[0] = group.lr / (1 + (step - 1) * group.lrDecay);
    numbers[1] = group.eps;
    numbers[2] = group.weightDecay;
    numbers[3] = group.maximize ? 1 : 0;
  }
}
