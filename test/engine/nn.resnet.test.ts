// A small residual network (He et al., 2015) beside PyTorch's: same weights, same batches, the same losses, statistics and outputs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { getDefaultDevice, nn, noGrad, optim, tensor, type Tensor } from "descent";
import { readFixture } from "../reference/replay.js";
import { root } from "../root.js";

class Block extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  conv2: nn.Conv2d;
  bn2: nn.BatchNorm2d;
  shortcut = new nn.Sequential();

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.conv1 = new nn.Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(outputs);
    this.conv2 = new nn.Conv2d(outputs, outputs, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(outputs);
    if (stride !== 1 || inputs !== outputs) {
      const convolution = new nn.Conv2d(inputs, outputs, 1, { stride, bias: false });
      this.shortcut = new nn.Sequential(convolution, new nn.BatchNorm2d(outputs));
    }
  }

  forward(x: Tensor): Tensor {
    const y = this.bn1.forward(this.conv1.forward(x)).relu();
    return this.bn2.forward(this.conv2.forward(y)).add(this.shortcut.forward(x)).relu();
  }
}

class ResNet extends nn.Module {
  stem = new nn.Sequential(
    new nn.Conv2d(1, 8, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
  );
  stages = new nn.Sequential(
    new nn.Sequential(new Block(8, 8, 1), new Block(8, 8, 1)),
    new nn.Sequential(new Block(8, 16, 2), new Block(16, 16, 1)),
    new nn.Sequential(new Block(16, 32, 2), new Block(32, 32, 1)),
  );
  pool = new nn.AdaptiveAvgPool2d(1);
  fc = new nn.Linear(32, 10);

  forward(x: Tensor): Tensor {
    return this.fc.forward(this.pool.forward(this.stages.forward(this.stem.forward(x))).flatten(1));
  }
}

interface Recorded {
  dtype: "float32" | "float64";
  rate: number;
  losses: number[];
  statistics: Record<string, number[]>;
  outputs: number[];
}

for (const recorded of readFixture("resnet") as Recorded[]) {
  test(`the first 50 losses of a residual network, and its running statistics at the end, in ${recorded.dtype}`, () => {
    train(recorded, recorded.dtype === "float64" ? 1e-6 : 1e-3);
  });
}

function train(recorded: Recorded, allowed: number): void {
  const { dtype, rate } = recorded;
  const bytes = readFileSync(join(root, "extension/samples/digits/digits.bin"));
  const images = tensor(bytes.subarray(0, 1797 * 64), { shape: [1797, 1, 8, 8], dtype }).div(16);
  const labels = tensor(bytes.subarray(1797 * 64), { dtype: "int64" });
  const model = new ResNet();
  setWeights(model);
  model.to(dtype);
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.SGD(model.parameters(), { lr: rate, momentum: 0.9, weightDecay: 5e-4 });
  const scheduler = new optim.lrScheduler.StepLR(optimizer, 20, { gamma: 0.5 });
  recorded.losses.forEach((expected, step) => {
    const [x, y] = [images.narrow(0, 32 * step, 32), labels.narrow(0, 32 * step, 32)];
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(x), y);
    loss.backward();
    optimizer.step();
    scheduler.step();
    closeTo(`loss of step ${step}`, loss.item(), expected, allowed);
  });
  const buffers = new Map(model.namedBuffers());
  assert.deepEqual([...buffers.keys()].sort(), Object.keys(recorded.statistics).sort());
  for (const [name, expected] of Object.entries(recorded.statistics)) {
    const values = Array.from(buffers.get(name)!.data() as ArrayLike<number | bigint>, Number);
    assert.equal(values.length, expected.length);
    expected.forEach((wanted, k) => {
      closeTo(`${name}[${k}]`, values[k]!, wanted, allowed);
    });
  }
  model.eval();
  // PyTorch's outputs in float32 are 1.1e-2 away from the same training in float64, those of our GPU kernels 2e-5.
  const allowedOutputs = getDefaultDevice() === "cpu" || dtype === "float64" ? 5 * allowed : 2e-2;
  const outputs = noGrad(() => model.forward(images.narrow(0, 1793, 4))).data();
  recorded.outputs.forEach((wanted, k) => {
    closeTo(`output ${k} in evaluation`, Number(outputs[k]!), wanted, allowedOutputs);
  });
}

/** Weights of more than one dim are even in ±1/√(inputs of a unit), by a formula that resnet.py has too. */
function setWeights(model: ResNet): void {
  let start = 0;
  noGrad(() => {
    for (const [name, parameter] of model.namedParameters()) {
      const { shape } = parameter;
      const first = start;
      start += parameter.numel();
      if (shape.length === 1 && name !== "fc.bias") continue;
      const scale = shape.length === 1 ? 0.1 : 1 / Math.sqrt(parameter.numel() / shape[0]!);
      const share = (k: number): number => ((first + k) * 0.6180339887498949) % 1;
      const values = Float32Array.from({ length: parameter.numel() }, (_, k) => scale * (2 * share(k) - 1));
      parameter.copy_(tensor(values, { shape }));
    }
  });
}

/** Relative to the value, or to a tenth where that is smaller. */
function closeTo(what: string, actual: number, expected: number, allowed: number): void {
  const difference = Math.abs(actual - expected) / Math.max(Math.abs(expected), 0.1);
  assert.ok(difference <= allowed, `${what} is ${actual}, PyTorch has ${expected}`);
}
