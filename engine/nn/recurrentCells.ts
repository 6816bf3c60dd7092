// RNNCell, LSTMCell and GRUCell: one step of a recurrent layer, for loops of one's own.

import { getDefaultDevice } from "../device.js";
import type { DType } from "../dtype.js";
import { checkBoolean, checkChoice, checkNumber, fail, readOptions, show } from "../errors.js";
import { empty, zeros } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";
import * as F from "./functional.js";
import { uniform_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";
import { callCore } from "./recurrent.js";

export interface CellOptions {
  bias?: boolean;
  dtype?: DType;
  device?: string;
}

export interface RNNCellOptions extends CellOptions {
  nonlinearity?: "tanh" | "relu";
}

const defaults: Required<CellOptions> = {
  bias: true,
  dtype: "float32",
  get device() {
    return getDefaultDevice();
  },
};

/** Parameters by PyTorch's names, even in ±1/√hiddenSize, and the checks that all cells make. */
abstract class Cell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** [gates · hiddenSize, inputSize] */
  weight_ih: Parameter;
  /** [gates · hiddenSize, hiddenSize] */
  weight_hh: Parameter;
  bias_ih: Parameter | null;
  bias_hh: Parameter | null;

  protected constructor(
    gates: number,
    inputSize: number,
    hiddenSize: number,
    { bias, dtype, device }: Required<CellOptions>,
  ) {
    super();
    const op = this.constructor.name;
    this.inputSize = checkNumber(op, "inputSize", inputSize, { min: 1, integer: true });
    this.hiddenSize = checkNumber(op, "hiddenSize", hiddenSize, { min: 1, integer: true });
    const parameter = (...shape: number[]): Parameter => new Parameter(empty(shape, { dtype, device }));
    const hasBias = checkBoolean(op, "bias", bias);
    this.weight_ih = parameter(gates * hiddenSize, inputSize);
    this.weight_hh = parameter(gates * hiddenSize, hiddenSize);
    this.bias_ih = hasBias ? parameter(gates * hiddenSize) : null;
    this.bias_hh = hasBias ? parameter(gates * hiddenSize) : null;
    this.resetParameters();
  }

  /** Even in ±1/√hiddenSize, biases too. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** Runs `step` on a batch: x [N, inputSize] and states [N, hiddenSize], zeros where none are given. */
  protected run(
    x: Tensor,
    given: readonly unknown[],
    step: (x: Tensor, states: Tensor[]) => Tensor[],
  ): Tensor[] {
    const op = this.constructor.name;
    const input = requireTensor(op, "the input", x);
    const { dtype, device } = this.weight_hh;
    const isBatched = input.ndim === 2;
    if ((!isBatched && input.ndim !== 1) || input.shape.at(-1) !== this.inputSize) {
      const sentence = `the input must be (N, ${this.inputSize}) or (${this.inputSize}), it is [${input.shape.join(", ")}]`;
      fail(op, sentence, {}, "shape");
    }
    if (input.dtype !== dtype) {
      fail(op, `the input must be ${dtype} as the weights are, it is ${input.dtype}`, {}, "dtype");
    }
    const wanted = isBatched ? [input.shape[0]!, this.hiddenSize] : [this.hiddenSize];
    const states = given.map((state) => {
      if (state === undefined || state === null) return zeros(wanted, { dtype, device });
      const tensor = requireTensor(op, "the state", state);
      if (tensor.shape.join() !== wanted.join()) {
        const sentence = `the state must be [${wanted.join(", ")}], it is [${tensor.shape.join(", ")}]`;
        fail(op, sentence, {}, "shape");
      }
      if (tensor.dtype !== dtype) {
        fail(op, `the state must be ${dtype} as the weights are, it is ${tensor.dtype}`, {}, "dtype");
      }
      return tensor;
    });
    if (isBatched) return step(input, states);
    return step(
      input.unsqueeze(0),
      states.map((state) => state.unsqueeze(0)),
    ).map((result) => result.squeeze(0));
  }

  /** The input's share of the gates as a sequence of one step, [1, N, gates · hiddenSize]. */
  protected shareOfInput(x: Tensor, bias: Tensor | null): Tensor {
    return F.linear(x, this.weight_ih, bias).unsqueeze(0);
  }

  protected sumOfBiases(): Tensor | null {
    return this.bias_ih === null || this.bias_hh === null ? null : this.bias_ih.add(this.bias_hh);
  }

  protected override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.bias_ih === null ? ", bias=false" : ""}`;
  }
}

/** One step of an RNN: (N, inputSize) and the state (N, hiddenSize), or both without N → the new state. */
export class RNNCell extends Cell {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options?: RNNCellOptions) {
    const given = readOptions("RNNCell", options, { ...defaults, nonlinearity: "tanh" as const });
    super(1, inputSize, hiddenSize, given);
    this.nonlinearity = checkChoice("RNNCell", "nonlinearity", given.nonlinearity, ["tanh", "relu"]);
  }

  forward(x: Tensor, h?: Tensor | null): Tensor {
    const [next] = this.run(x, [h], (input, [state]) => {
      const share = this.shareOfInput(input, this.sumOfBiases());
      const isRelu = this.nonlinearity === "relu";
      return [callCore("rnnSequence", 1, share, state, this.weight_hh, false, isRelu)[0]!.squeeze(0)];
    });
    return next!;
  }
}

/** One step of an LSTM: (N, inputSize) and the pair of states [h, c], (N, hiddenSize) each, or all without N → the new pair. */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options?: CellOptions) {
    super(4, inputSize, hiddenSize, readOptions("LSTMCell", options, defaults));
  }

  forward(x: Tensor, states?: readonly [h: Tensor, c: Tensor] | null): [h: Tensor, c: Tensor] {
    const given: unknown = states ?? [null, null];
    if (!Array.isArray(given) || given.length !== 2) {
      return fail("LSTMCell", `the states must be [h, c], they are ${show(given)}`);
    }
    const [h, c] = this.run(x, given, (input, [hidden, cell]) => {
      const share = this.shareOfInput(input, this.sumOfBiases());
      const results = callCore("lstmSequence", 2, share, hidden, cell, this.weight_hh, null, false);
      const [output, reserve] = results.map((result) => result.squeeze(0)) as [Tensor, Tensor];
      return [output, reserve.narrow(1, 4 * this.hiddenSize, this.hiddenSize)];
    });
    return [h!, c!];
  }
}

/** One step of a GRU: (N, inputSize) and the state (N, hiddenSize), or both without N → the new state. */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options?: CellOptions) {
    super(3, inputSize, hiddenSize, readOptions("GRUCell", options, defaults));
  }

  forward(x: Tensor, h?: Tensor | null): Tensor {
    const [next] = this.run(x, [h], (input, [state]) => {
      const share = this.shareOfInput(input, this.bias_ih);
      return [callCore("gruSequence", 2, share, state, this.weight_hh, this.bias_hh, false)[0]!.squeeze(0)];
    });
    return next!;
  }
}
