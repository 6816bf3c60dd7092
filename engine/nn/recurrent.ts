// RNN, LSTM and GRU: layers that go over a sequence step by step. What they share; each is one small class.

import { getDefaultDevice } from "../device.js";
import type { DType } from "../dtype.js";
import { checkBoolean, checkChoice, checkNumber, fail, readOptions, show } from "../errors.js";
import { cat, empty, stack, zeros } from "../generated/ops.js";
import { native } from "../native.js";
import { adopt, requireTensor, Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

export interface RecurrentOptions {
  /** Layers on top of each other: each takes the outputs of the one below. */
  numLayers?: number;
  bias?: boolean;
  /** (N, L, …) instead of (L, N, …), for the input and the output; states stay (layers, N, …). */
  batchFirst?: boolean;
  /** The probability of dropout on the outputs of each layer but the last, while training. */
  dropout?: number;
  /** A second direction from the last step to the first; outputs of both stand side by side. */
  bidirectional?: boolean;
  dtype?: DType;
  device?: string;
}

export interface RNNOptions extends RecurrentOptions {
  nonlinearity?: "tanh" | "relu";
}

export interface LSTMOptions extends RecurrentOptions {
  /** Outputs are projected to this size, and that is what the next step gets; 0 for none (Sak et al., 2014). */
  projSize?: number;
}

/** The states before the first step, of one direction of one layer: [N, size] each. */
type States = readonly Tensor[];

/** What one direction of one layer gives: outputs [L, N, size], and the states after the last step. */
interface Pass {
  output: Tensor;
  states: Tensor[];
}

const defaults: Required<RecurrentOptions> = {
  numLayers: 1,
  bias: true,
  batchFirst: false,
  dropout: 0,
  bidirectional: false,
  dtype: "float32",
  get device() {
    return getDefaultDevice();
  },
};

/** What the three have in common: parameters by PyTorch's names, and the way through layers and directions. */
abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;
  readonly bias: boolean;
  /** weight_ih_l0 [gates · hiddenSize, inputSize], weight_hh_l0, with projections weight_hr_l0; then _reverse, then layer 1. */
  [weight: `weight_${string}`]: Parameter;
  /** bias_ih_l0 and bias_hh_l0, [gates · hiddenSize] each. */
  [bias: `bias_${string}`]: Parameter | undefined;

  protected constructor(
    gates: number,
    inputSize: number,
    hiddenSize: number,
    options: Required<RecurrentOptions>,
    projSize: number,
  ) {
    super();
    const op = this.constructor.name;
    this.inputSize = checkNumber(op, "inputSize", inputSize, { min: 1, integer: true });
    this.hiddenSize = checkNumber(op, "hiddenSize", hiddenSize, { min: 1, integer: true });
    this.numLayers = checkNumber(op, "numLayers", options.numLayers, { min: 1, max: 10000, integer: true });
    this.bias = checkBoolean(op, "bias", options.bias);
    this.batchFirst = checkBoolean(op, "batchFirst", options.batchFirst);
    this.dropout = checkNumber(op, "dropout", options.dropout, { min: 0, max: 1 });
    this.bidirectional = checkBoolean(op, "bidirectional", options.bidirectional);
    this.projSize = checkNumber(op, "projSize", projSize, { min: 0, integer: true });
    if (projSize >= hiddenSize) {
      fail(op, `projSize must be smaller than hiddenSize, ${hiddenSize}, it is ${projSize}`);
    }
    if (this.dropout > 0 && this.numLayers === 1) {
      const text = `${op}: dropout acts between layers, so with one layer it does nothing`;
      process.emitWarning(text, { type: "DescentWarning" });
    }
    const parameter = (...shape: number[]): Parameter =>
      new Parameter(empty(shape, { dtype: options.dtype, device: options.device }));
    for (const [layer, suffix] of this.passes()) {
      const width = layer === 0 ? inputSize : this.outputSize * (this.bidirectional ? 2 : 1);
      this[`weight_ih_${suffix}`] = parameter(gates * hiddenSize, width);
      this[`weight_hh_${suffix}`] = parameter(gates * hiddenSize, this.outputSize);
      if (this.bias) this[`bias_ih_${suffix}`] = parameter(gates * hiddenSize);
      if (this.bias) this[`bias_hh_${suffix}`] = parameter(gates * hiddenSize);
      if (projSize > 0) this[`weight_hr_${suffix}`] = parameter(projSize, hiddenSize);
    }
    this.resetParameters();
  }

  /** Even in ±1/√hiddenSize, biases too. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** Of the outputs, for one direction. */
  private get outputSize(): number {
    return this.projSize > 0 ? this.projSize : this.hiddenSize;
  }

  /** [layer, the end of its parameters' names], in PyTorch's order. */
  private passes(): [number, string][] {
    const directions = this.bidirectional ? ["", "_reverse"] : [""];
    return Array.from({ length: this.numLayers }, (_, layer) =>
      directions.map((direction): [number, string] => [layer, `l${layer}${direction}`]),
    ).flat();
  }

  /** The input's share of all gates, [L, N, gates · hiddenSize]. */
  protected shareOfInput(x: Tensor, suffix: string, bias: Tensor | null): Tensor {
    return F.linear(x, this[`weight_ih_${suffix}`]!, bias);
  }

  /** Both biases as one, where it does not matter which is added when. */
  protected sumOfBiases(suffix: string): Tensor | null {
    return this.bias ? this[`bias_ih_${suffix}`]!.add(this[`bias_hh_${suffix}`]!) : null;
  }

  /** One direction of one layer. */
  protected abstract pass(x: Tensor, states: States, suffix: string, reverse: boolean): Pass;

  /** All layers. `given` are the states before the first step, as the user has them: none, or one for each of `sizes`. */
  protected run(x: Tensor, given: readonly unknown[] | null, sizes: readonly number[]): [Tensor, Tensor[]] {
    this.requireInput(x);
    const isBatched = x.ndim === 3;
    let below = !isBatched ? x.unsqueeze(1) : this.batchFirst ? x.transpose(0, 1) : x;
    const states = this.statesFor(below, isBatched, given, sizes);
    const last: Tensor[][] = sizes.map(() => []);
    let outputs: Tensor[] = [];
    this.passes().forEach(([layer, suffix], k) => {
      const reverse = this.bidirectional && k % 2 === 1;
      if (outputs.length === (this.bidirectional ? 2 : 1)) {
        below = this.joined(outputs);
        if (this.dropout > 0 && this.training && layer > 0) below = F.dropout(below, this.dropout);
        outputs = [];
      }
      const own = states.map((state) => state.select(0, k));
      const result = this.pass(below, own, suffix, reverse);
      outputs.push(result.output);
      result.states.forEach((state, i) => last[i]!.push(state));
    });
    const output = this.joined(outputs);
    const ends = last.map((all) => stack(all));
    if (!isBatched) return [output.squeeze(1), ends.map((end) => end.squeeze(1))];
    return [this.batchFirst ? output.transpose(0, 1) : output, ends];
  }

  private joined(outputs: Tensor[]): Tensor {
    return outputs.length === 1 ? outputs[0]! : cat(outputs, 2);
  }

  private requireInput(x: unknown): void {
    const op = this.constructor.name;
    const input = requireTensor(op, "the input", x);
    const wanted = this.batchFirst ? "(N, L, inputSize)" : "(L, N, inputSize)";
    const shape = `[${input.shape.join(", ")}]`;
    if (input.ndim !== 2 && input.ndim !== 3) {
      fail(op, `the input must be ${wanted}, or (L, inputSize) without a batch, it is ${shape}`, {}, "shape");
    }
    if (input.shape.at(-1) !== this.inputSize) {
      fail(op, `the last dim of the input must be inputSize, ${this.inputSize}, it is ${shape}`, {}, "shape");
    }
    if (input.shape[input.ndim === 3 && this.batchFirst ? 1 : 0] === 0) {
      fail(op, `the sequence has no steps, the input is ${shape}`, {}, "shape");
    }
    this.requireLike("the input", input);
  }

  /** The dtype and the device of the weights. */
  private requireLike(name: string, x: Tensor): void {
    const { dtype, device } = this["weight_hh_l0"]!;
    const op = this.constructor.name;
    if (x.dtype !== dtype) {
      fail(op, `${name} must be ${dtype} as the weights are, it is ${x.dtype}`, { dtype: x.dtype }, "dtype");
    }
    if (x.device !== device) {
      fail(op, `${name} must be on ${device} as the weights are, it is on ${x.device}`, {}, "device");
    }
  }

  /** [layers · directions, N, size] each: checked, or zeros. */
  private statesFor(
    x: Tensor,
    isBatched: boolean,
    given: readonly unknown[] | null,
    sizes: readonly number[],
  ): Tensor[] {
    const count = this.passes().length;
    const batch = x.shape[1]!;
    if (given === null) {
      return sizes.map((size) => zeros([count, batch, size], { dtype: x.dtype, device: x.device }));
    }
    return sizes.map((size, k) => {
      const name = k === 0 ? "the hidden state" : "the cell state";
      const state = requireTensor(this.constructor.name, name, given[k]);
      const wanted = isBatched ? [count, batch, size] : [count, size];
      if (state.shape.join() !== wanted.join()) {
        const sentence = `${name} must be [${wanted.join(", ")}], it is [${state.shape.join(", ")}]`;
        fail(this.constructor.name, sentence, {}, "shape");
      }
      this.requireLike(name, state);
      return isBatched ? state : state.unsqueeze(1);
    });
  }

  /** Does nothing: weights need not lie in one block here. */
  flattenParameters(): void {
    return;
  }

  protected override extraRepr(): string {
    const { numLayers, bias, batchFirst, dropout, bidirectional, projSize } = this;
    const options = { numLayers, bias, batchFirst, dropout, bidirectional, projSize };
    const standard = { ...defaults, projSize: 0 };
    const shown = Object.entries(options).filter(
      ([key, value]) => value !== standard[key as keyof typeof options],
    );
    const texts = shown.map(([key, value]) => `${key}=${value}`);
    return [this.inputSize, this.hiddenSize, ...texts].join(", ");
  }
}

/** Calls an op of the core whose outputs no user sees by name. */
export function callCore(name: string, outputs: number, ...values: unknown[]): Tensor[] {
  const outs = Array.from({ length: outputs }, () => new Tensor());
  native.ops[name]!(...outs, ...values);
  return outs.map((out, k) => adopt(out, k));
}

/** The output of the step that was taken last. */
function lastOf(sequence: Tensor, reverse: boolean): Tensor {
  return sequence.select(0, reverse ? 0 : -1);
}

/** One state as the user gives it: a tensor, or nothing. */
function oneState(op: string, state: unknown): unknown[] | null {
  if (state === undefined || state === null) return null;
  if (Array.isArray(state)) fail(op, `the hidden state must be one tensor, it is ${show(state)}`);
  return [state];
}

/**
 * An Elman network: h = tanh(x Wᵀ + b + h Uᵀ + c), or with relu. The input is (L, N, inputSize), (N, L, inputSize) with
 * `batchFirst`, or (L, inputSize). Gives the outputs of the last layer, (L, N, directions · hiddenSize), and the last hidden
 * states, (layers · directions, N, hiddenSize).
 */
export class RNN extends Recurrent {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options?: RNNOptions) {
    const given = readOptions("RNN", options, { ...defaults, nonlinearity: "tanh" as const });
    super(1, inputSize, hiddenSize, given, 0);
    this.nonlinearity = checkChoice("RNN", "nonlinearity", given.nonlinearity, ["tanh", "relu"]);
  }

  forward(x: Tensor, h0?: Tensor | null): [output: Tensor, hn: Tensor] {
    const [output, [hn]] = this.run(x, oneState("RNN", h0), [this.hiddenSize]);
    return [output, hn!];
  }

  protected pass(x: Tensor, [h]: States, suffix: string, reverse: boolean): Pass {
    const share = this.shareOfInput(x, suffix, this.sumOfBiases(suffix));
    const isRelu = this.nonlinearity === "relu";
    const [output] = callCore("rnnSequence", 1, share, h, this[`weight_hh_${suffix}`], reverse, isRelu);
    return { output: output!, states: [lastOf(output!, reverse)] };
  }
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997; Gers et al., 2000). Shapes as of RNN; states are a pair, the hidden
 * ones, of projSize where that is given, and the cells' (layers · directions, N, hiddenSize).
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options?: LSTMOptions) {
    const given = readOptions("LSTM", options, { ...defaults, projSize: 0 });
    super(4, inputSize, hiddenSize, given, given.projSize);
  }

  forward(
    x: Tensor,
    states?: readonly [h0: Tensor, c0: Tensor] | null,
  ): [output: Tensor, states: [hn: Tensor, cn: Tensor]] {
    const given: unknown = states ?? null;
    if (given !== null && (!Array.isArray(given) || given.length !== 2)) {
      fail("LSTM", `the states must be [h0, c0], they are ${show(given)}`);
    }
    const sizes = [this.projSize > 0 ? this.projSize : this.hiddenSize, this.hiddenSize];
    const [output, [hn, cn]] = this.run(x, given as unknown[] | null, sizes);
    return [output, [hn!, cn!]];
  }

  protected pass(x: Tensor, [h, c]: States, suffix: string, reverse: boolean): Pass {
    const share = this.shareOfInput(x, suffix, this.sumOfBiases(suffix));
    const weight = this[`weight_hh_${suffix}`];
    const projection = this.projSize > 0 ? this[`weight_hr_${suffix}`] : null;
    const [output, reserve] = callCore("lstmSequence", 2, share, h, c, weight, projection, reverse);
    // The cells are the last fifth of what each step keeps.
    const cell = lastOf(reserve!, reverse).narrow(1, 4 * this.hiddenSize, this.hiddenSize);
    return { output: output!, states: [lastOf(output!, reverse), cell] };
  }
}

/** A gated recurrent unit (Cho et al., 2014), in the form of PyTorch and cuDNN. Shapes as of RNN. */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options?: RecurrentOptions) {
    super(3, inputSize, hiddenSize, readOptions("GRU", options, defaults), 0);
  }

  forward(x: Tensor, h0?: Tensor | null): [output: Tensor, hn: Tensor] {
    const [output, [hn]] = this.run(x, oneState("GRU", h0), [this.hiddenSize]);
    return [output, hn!];
  }

  protected pass(x: Tensor, [h]: States, suffix: string, reverse: boolean): Pass {
    const share = this.shareOfInput(x, suffix, this.bias ? this[`bias_ih_${suffix}`]! : null);
    const bias = this.bias ? this[`bias_hh_${suffix}`] : null;
    const [output] = callCore("gruSequence", 2, share, h, this[`weight_hh_${suffix}`], bias, reverse);
    return { output: output!, states: [lastOf(output!, reverse)] };
  }
}
