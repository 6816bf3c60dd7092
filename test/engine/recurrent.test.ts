// RNN, LSTM, GRU and Bilinear beside PyTorch: every option, outputs, states, gradients and second gradients; and what they refuse.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { autograd, DescentError, nn, ones, zeros, type Tensor } from "descent";
import {
  compare,
  makeInput,
  makeTensor,
  readFixture,
  startGradient,
  type Precision,
  type RecordedTensor,
} from "../reference/replay.js";

type Numbers = RecordedTensor["v"];

interface RecordedLayer {
  layer: string;
  args: unknown[];
  train: boolean;
  state: Record<string, RecordedTensor>;
  /** Gradients of the inputs and then of the parameters. */
  calls: {
    in: RecordedTensor[];
    out: RecordedTensor[];
    grad: (Numbers | null)[];
    grad2: (Numbers | null)[];
  }[];
}

type AnyLayer = nn.Module & { forward: (...inputs: unknown[]) => unknown };

describe("recurrent layers as PyTorch", () => {
  for (const recorded of readFixture("recurrent") as RecordedLayer[]) {
    const mode = recorded.train ? "training" : "evaluating";
    it(`${recorded.layer}(${JSON.stringify(recorded.args).slice(1, -1)}) ${mode}`, () => {
      for (const precision of ["float64", "float32"] as const) replayLayer(recorded, precision);
    });
  }
});

function make(name: string, args: unknown[]): AnyLayer {
  const layers = nn as unknown as Record<string, new (...args: unknown[]) => AnyLayer>;
  return new layers[name]!(...args);
}

function replayLayer(recorded: RecordedLayer, precision: Precision): void {
  const layer = make(recorded.layer, recorded.args).to(precision);
  assert.deepEqual(Object.keys(layer.stateDict()), Object.keys(recorded.state), "names of the state");
  layer.loadStateDict(
    Object.fromEntries(
      Object.entries(recorded.state).map(([key, value]) => [key, makeTensor(value, precision)]),
    ),
  );
  layer.train(recorded.train);
  for (const call of recorded.calls) {
    const made = call.in.map((input) => makeInput(input, precision));
    const [x, ...rest] = made.map(({ view }) => view);
    const states = recorded.layer.startsWith("LSTM") && rest.length > 0 ? [rest] : rest;
    const outputs = flat(layer.forward(x, ...states));
    assert.equal(outputs.length, call.out.length, "number of outputs");
    outputs.forEach((output, k) => {
      compare(`output ${k}`, output, call.out[k]!, precision);
    });
    const leaves = [...made.map(({ leaf }) => leaf), ...layer.parameters()];
    const first = gradients(outputs, leaves, false);
    compareAll("gradient", first, leaves, call.grad, precision);
    const again = gradients(flat(layer.forward(x, ...states)), leaves, true);
    compareAll("gradient with a graph", again, leaves, call.grad, precision);
    const known = again.filter((gradient) => gradient?.requiresGrad === true) as Tensor[];
    compareAll("second gradient", gradients(known, leaves, false), leaves, call.grad2, precision);
  }
}

function gradients(outputs: Tensor[], leaves: Tensor[], createGraph: boolean): (Tensor | null)[] {
  return autograd.grad(outputs, leaves, {
    gradOutputs: outputs.map(startGradient),
    createGraph,
    allowUnused: true,
  });
}

function compareAll(
  what: string,
  actual: (Tensor | null)[],
  leaves: Tensor[],
  expected: (Numbers | null)[],
  precision: Precision,
): void {
  expected.forEach((values, k) => {
    const name = `${what} of ${leaves[k]!.label ?? `input ${k}`}`;
    const gradient = actual[k] ?? null;
    if (gradient === null) {
      assert.ok(values?.every((value) => value === 0) ?? true, `${name} is missing`);
      return;
    }
    const zeroes = new Array<number>(gradient.numel()).fill(0);
    compare(name, gradient, { s: leaves[k]!.shape, d: "F", v: values ?? zeroes }, precision);
  });
}

function flat(result: unknown): Tensor[] {
  return Array.isArray(result) ? (result as unknown[]).flatMap(flat) : [result as Tensor];
}

describe("recurrent layers refuse", () => {
  const lstm = new nn.LSTM(3, 4, { numLayers: 2 });
  const gru = new nn.GRU(3, 4, { batchFirst: true });
  const cases: [string, () => unknown, RegExp][] = [
    [
      "a cell's input of another size",
      () => new nn.LSTMCell(3, 4).forward(ones([2, 4])),
      /^LSTMCell: the input must be \(N, 3\) or \(3\), it is \[2, 4\]/,
    ],
    [
      "a cell's state of another size",
      () => new nn.GRUCell(3, 4).forward(ones([2, 3]), ones([2, 3])),
      /^GRUCell: the state must be \[2, 4\]/,
    ],
    [
      "one state for an LSTM cell",
      () => new nn.LSTMCell(3, 4).forward(ones([3]), ones([4]) as never),
      /^LSTMCell: the states must be \[h, c\]/,
    ],
    [
      "an input of one dim",
      () => lstm.forward(ones([3])),
      /^LSTM: the input must be \(L, N, inputSize\).*it is \[3\]/,
    ],
    ["another inputSize", () => lstm.forward(ones([2, 2, 5])), /^LSTM: the last dim .* 3, it is \[2, 2, 5\]/],
    ["no steps", () => lstm.forward(ones([0, 2, 3])), /^LSTM: the sequence has no steps/],
    ["no steps, batch first", () => gru.forward(ones([2, 0, 3])), /^GRU: the sequence has no steps/],
    [
      "another dtype",
      () => lstm.forward(ones([2, 2, 3], { dtype: "float64" })),
      /^LSTM: the input must be float32/,
    ],
    [
      "one state of two",
      () => lstm.forward(ones([2, 2, 3]), zeros([2, 2, 4]) as never),
      /^LSTM: the states must be \[h0, c0\]/,
    ],
    [
      "states of another size",
      () => lstm.forward(ones([2, 2, 3]), [zeros([1, 2, 4]), zeros([2, 2, 4])]),
      /^LSTM: the hidden state must be \[2, 2, 4\]/,
    ],
    [
      "cells of another size",
      () => lstm.forward(ones([2, 2, 3]), [zeros([2, 2, 4]), zeros([2, 2, 5])]),
      /^LSTM: the cell state must be \[2, 2, 4\]/,
    ],
    [
      "a batch of states without one of inputs",
      () => gru.forward(ones([2, 3]), zeros([1, 2, 4])),
      /^GRU: the hidden state must be \[1, 4\]/,
    ],
    [
      "a list of states",
      () => gru.forward(ones([2, 2, 3]), [zeros([1, 2, 4])] as never),
      /^GRU: the hidden state must be one tensor/,
    ],
    ["no tensor", () => gru.forward([[1, 2, 3]] as never), /^GRU: the input must be a tensor/],
    [
      "a projection as wide as the state",
      () => new nn.LSTM(3, 4, { projSize: 4 }),
      /^LSTM: projSize must be smaller/,
    ],
    ["no layers", () => new nn.GRU(3, 4, { numLayers: 0 }), /^GRU: numLayers must be/],
    ["numLayers in the third place", () => new nn.GRU(3, 4, 2 as never), /^GRU: options must be an object/],
    ["a dropout above 1", () => new nn.RNN(3, 4, { dropout: 1.5 }), /^RNN: dropout must be/],
    [
      "another nonlinearity",
      () => new nn.RNN(3, 4, { nonlinearity: "sigmoid" as never }),
      /^RNN: nonlinearity must be one of/,
    ],
    ["projections of a GRU", () => new nn.GRU(3, 4, { projSize: 2 } as never), /^GRU: no option 'projSize'/],
    [
      "bilinear sizes that do not fit",
      () => nn.functional.bilinear(ones([2, 3]), ones([2, 4]), ones([5, 3, 3])),
      /^bilinear: \[2, 3\] and \[2, 4\] do not fit/,
    ],
  ];
  for (const [name, call, message] of cases) {
    it(name, () => {
      assert.throws(call, (error) => error instanceof DescentError && message.test(error.message));
    });
  }
});

it("begins even in ±1/√hiddenSize, biases too", () => {
  const layer = new nn.LSTM(50, 64);
  for (const [name, parameter] of layer.namedParameters()) {
    const largest = parameter.abs().max().item();
    assert.ok(largest <= 1 / 8 && largest > 0.11, `${name} reaches ${largest}`);
  }
});

it("says what it is", () => {
  const layer = new nn.LSTM(10, 20, { numLayers: 2, batchFirst: true, projSize: 5 });
  assert.equal(String(layer), "LSTM(10, 20, numLayers=2, batchFirst=true, projSize=5)");
});

it("keeps no whole sequence alive through its last states", () => {
  const [output, [hn, cn]] = new nn.LSTM(3, 4).forward(ones([6, 2, 3]));
  hn.detach().zero_();
  cn.detach().zero_();
  assert.ok(output.at(-1).abs().sum().item() > 0);
});

it("drops outputs between layers while training, and only then", () => {
  const layer = new nn.GRU(3, 4, { numLayers: 2, dropout: 0.5 });
  const x = ones([3, 2, 3]);
  const run = (): number => layer.forward(x)[0].sum().item();
  assert.notEqual(run(), run());
  layer.eval();
  assert.equal(run(), run());
});
