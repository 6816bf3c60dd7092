// SGD: stochastic gradient descent with momentum.

import { checkBoolean, checkNumber, fail, readOptions } from "../errors.js";
import { native } from "../native.js";
import { Tensor } from "../tensor.js";
import { Optimizer, type ParamGroup, type ParamsInput } from "./optimizer.js";
import { copyState, readState } from "./state.js";

export interface SGDOptions {
  lr?: number;
  momentum?: number;
  dampening?: number;
  weightDecay?: number;
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

/** The momentum buffers of a group, in the order of its parameters. */
interface Buffers {
  params: Tensor[];
  buffers: Tensor[];
}

/**
 * p ← p − lr · b, where b ← momentum · b + (1 − dampening) · (g + weightDecay · p), the first b being g itself
 * (PyTorch's documentation of SGD; with `nesterov` the gradient plus momentum · b takes the place of b).
 */
export class SGD extends Optimizer<Options> {
  readonly #hyper = new Float64Array(6);
  readonly #buffers = new Map<Tensor, Tensor>();
  readonly #lists = new WeakMap<ParamGroup<Options>, Buffers>();

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

  protected updateGroup(group: ParamGroup<Options>, norms: Float64Array): void {
    const hyper = this.#hyper;
    hyper[0] = group.lr;
    hyper[1] = group.momentum;
    hyper[2] = group.dampening;
    hyper[3] = group.weightDecay;
    hyper[4] = group.nesterov ? 1 : 0;
    hyper[5] = group.maximize ? 1 : 0;
    native.sgdStep(group.params, group.momentum === 0 ? null : this.#buffersOf(group), hyper, norms);
  }

  #buffersOf(group: ParamGroup<Options>): Tensor[] {
    const cached = this.#lists.get(group);
    if (cached?.params === group.params && cached.buffers.length === group.params.length)
      return cached.buffers;
    const buffers = group.params.map((parameter) => {
      let buffer = this.#buffers.get(parameter);
      if (buffer === undefined) this.#buffers.set(parameter, (buffer = new Tensor()));
      return buffer;
    });
    this.#lists.set(group, { params: group.params, buffers });
    return buffers;
  }

  protected saveState(parameter: Tensor): Record<string, Tensor | number> {
    const buffer = readState(this.#buffers.get(parameter));
    return buffer === null ? {} : { momentum_buffer: buffer };
  }

  protected loadState(
    parameter: Tensor,
    group: ParamGroup<Options>,
    saved: Record<string, Tensor | number>,
  ): void {
    this.#lists.delete(group);
    const buffer = copyState("SGD", "momentum_buffer", saved["momentum_buffer"], parameter);
    if (buffer === null) this.#buffers.delete(parameter);
    else this.#buffers.set(parameter, buffer);
  }
}
