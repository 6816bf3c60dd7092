// Adadelta: steps whose size comes from the steps made before (Zeiler, 2012).

import { checkBoolean, checkNumber, readOptions } from "../errors.js";
import { FusedOptimizer } from "./fused.js";
import { type ParamsInput } from "./optimizer.js";

export interface AdadeltaOptions {
  /** A factor of the step that the method finds by itself. */
  lr?: number;
  /** How much of the running means each step keeps. */
  rho?: number;
  eps?: number;
  weightDecay?: number;
  maximize?: boolean;
}

type Options = Required<AdadeltaOptions>;

const defaults: Options = { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false };

const keys: readonly string[] = ["square_avg", "acc_delta"];

/** p ← p − lr · d, with d = g · √(u + eps) / √(v + eps), v the running mean of g² and u that of d². */
export class Adadelta extends FusedOptimizer<Options> {
  protected readonly kernel = "adadelta";
  protected readonly counting = "saved";

  constructor(params: ParamsInput<Options>, options?: AdadeltaOptions) {
    super(params, readOptions<Options>("Adadelta", options, defaults));
  }

  protected checkOptions(options: Options): void {
    checkNumber("Adadelta", "lr", options.lr, { min: 0 });
    checkNumber("Adadelta", "rho", options.rho, { min: 0, max: 1 });
    checkNumber("Adadelta", "eps", options.eps, { min: 0 });
    checkNumber("Adadelta", "weightDecay", options.weightDecay, { min: 0 });
    checkBoolean("Adadelta", "maximize", options.maximize);
  }

  protected stateKeys(): readonly string[] {
    return keys;
  }

  protected writeNumbers(numbers: Float64Array, group: Options): void {
    numbers[0] = group.lr;
    numbers[1] = group.rho;
    numbers[2] = group.eps;
    numbers[3] = group.weightDecay;
    numbers[4] = group.maximize ? 1 : 0;
  }
}
