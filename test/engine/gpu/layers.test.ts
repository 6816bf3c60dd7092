// Layers on a GPU beside the CPU: made there they begin with the same weights, their outputs and gradients are those of the CPU, states
// go from one device to the other, and a training that was saved goes on bit for bit, or on the other device.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  arange,
  checkpoint,
  devices,
  getRngState,
  manualSeed,
  nn,
  optim,
  rand,
  randn,
  setRngState,
  tensor,
  Tensor,
} from "descent";
import { assertClose } from "../fixtures.js";

const gpus = devices().filter((device) => device.kind !== "cpu" && device.usable);
const folder = mkdtempSync(join(tmpdir(), "descent-gpu-layers-"));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Make = (options: { device: string }) => nn.Module;

type Forward = nn.Module & { forward(...inputs: Tensor[]): unknown };

/** Layers with parameters, and what goes in. */
const layers: Record<string, [Make, () => Tensor[]]> = {
  Linear: [(o) => new nn.Linear(5, 7, o), () => [randn([3, 5])]],
  Bilinear: [(o) => new nn.Bilinear(4, 3, 5, o), () => [randn([2, 4]), randn([2, 3])]],
  PReLU: [(o) => new nn.PReLU({ numParameters: 3 }).to(o.device), () => [randn([2, 3, 4])]],
  Embedding: [
    (o) => new nn.Embedding(9, 4, { paddingIdx: 2, ...o }),
    () => [tensor([1, 2, 8, 1], { dtype: "int64" })],
  ],
  Conv1d: [(o) => new nn.Conv1d(4, 6, 3, { padding: 1, groups: 2, ...o }), () => [randn([2, 4, 9])]],
  Conv2d: [
    (o) => new nn.Conv2d(3, 20, [3, 2], { stride: 2, dilation: 2, padding: 1, ...o }),
    () => [randn([2, 3, 9, 8])],
  ],
  "Conv2d with a circular edge": [
    (o) => new nn.Conv2d(2, 3, 3, { padding: 1, paddingMode: "circular", ...o }),
    () => [randn([2, 2, 5, 6])],
  ],
  "Conv2d, depthwise": [
    (o) => new nn.Conv2d(6, 6, 3, { padding: 1, groups: 6, ...o }),
    () => [randn([2, 6, 7, 7])],
  ],
  ConvTranspose1d: [(o) => new nn.ConvTranspose1d(4, 3, 4, { stride: 2, ...o }), () => [randn([2, 4, 6])]],
  ConvTranspose2d: [
    (o) => new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, ...o }),
    () => [randn([2, 4, 5, 4])],
  ],
  BatchNorm1d: [(o) => new nn.BatchNorm1d(5, o), () => [randn([6, 5])]],
  BatchNorm2d: [(o) => new nn.BatchNorm2d(3, o), () => [randn([4, 3, 5, 5])]],
  InstanceNorm2d: [(o) => new nn.InstanceNorm2d(3, { affine: true, ...o }), () => [randn([2, 3, 4, 5])]],
  GroupNorm: [(o) => new nn.GroupNorm(2, 6, o), () => [randn([2, 6, 5])]],
  LayerNorm: [(o) => new nn.LayerNorm([4, 5], o), () => [randn([3, 4, 5])]],
  RMSNorm: [(o) => new nn.RMSNorm([6], o), () => [randn([3, 6])]],
  RNN: [(o) => new nn.RNN(4, 6, { bidirectional: true, ...o }), () => [randn([5, 3, 4])]],
  LSTM: [(o) => new nn.LSTM(4, 6, { numLayers: 2, projSize: 3, ...o }), () => [randn([5, 3, 4])]],
  GRU: [(o) => new nn.GRU(4, 6, { batchFirst: true, ...o }), () => [randn([3, 5, 4])]],
  LSTMCell: [(o) => new nn.LSTMCell(4, 6, o), () => [randn([3, 4])]],
  GRUCell: [(o) => new nn.GRUCell(4, 6, o), () => [randn([3, 4])]],
  TransformerEncoderLayer: [
    (o) => new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 12, dropout: 0, ...o }),
    () => [randn([5, 3, 8])],
  ],
  TransformerDecoderLayer: [
    (o) => new nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 12, dropout: 0, ...o }),
    () => [randn([5, 3, 8]), randn([4, 3, 8])],
  ],
};

/** Every tensor of what a layer gives, however deep. */
function tensorsOf(value: unknown): Tensor[] {
  if (Array.isArray(value)) return value.flatMap(tensorsOf);
  return value instanceof Tensor ? [value] : [];
}

for (const { name: gpu } of gpus) {
  describe(`layers on ${gpu}`, () => {
    for (const [name, [make, inputs]] of Object.entries(layers)) {
      it(`${name} is on the GPU what it is on the CPU`, () => {
        const made = ["cpu", gpu].map((device) => {
          manualSeed(11);
          return make({ device });
        });
        const [here, there] = made as [nn.Module, nn.Module];
        for (const [key, value] of Object.entries(there.stateDict())) {
          assert.equal(value.device, gpu, key);
          assertClose(value, here.stateDict()[key], 1e-6, key);
        }
        manualSeed(12);
        const given = inputs();
        const run = (layer: nn.Module, device: string): Tensor[] => {
          const x = given.map((one) => {
            const copy = one.clone().to(device);
            return one.dtype === "int64" ? copy : copy.requiresGrad_();
          });
          const outputs = tensorsOf((layer as Forward).forward(...x));
          const losses = outputs.map((y) =>
            y.mul(arange(0, y.numel(), 1, { device }).cos().view(y.shape)).sum(),
          );
          losses.reduce((sum, loss) => sum.add(loss)).backward();
          const gradients = [...x, ...layer.parameters()].flatMap((one) => (one.grad ? [one.grad] : []));
          return [...outputs, ...gradients, ...Object.values(layer.stateDict())];
        };
        const [wanted, found] = [run(here, "cpu"), run(there, gpu)];
        assert.equal(found.length, wanted.length);
        found.forEach((value, k) => {
          assert.equal(value.device, gpu);
          assertClose(value, wanted[k], 1e-4, `result ${k}`);
        });
      });
    }

    it("states go from one device to the other, and layers move there and back", () => {
      const sample = randn([2, 3]);
      const here = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4));
      const there = new nn.Sequential(
        new nn.Linear(3, 4, { device: gpu }),
        new nn.BatchNorm1d(4, { device: gpu }),
      );
      there.loadStateDict(here.stateDict());
      assertClose(there.forward(sample.to(gpu)), here.forward(sample));
      here.loadStateDict(there.stateDict());
      for (const value of Object.values(here.stateDict())) assert.equal(value.device, "cpu");
      assertClose(here.eval().forward(sample), there.eval().forward(sample.to(gpu)));
      const before = here.forward(sample).tolist();
      assert.deepEqual(here.to(gpu).to("cpu").forward(sample).tolist(), before);
    });

    it("a saved training goes on bit for bit, and on the CPU to the same losses", () => {
      const path = join(folder, `${gpu.replace(":", "-")}.safetensors`);
      const first = new Training(gpu, 5);
      first.steps(3);
      first.save(path);
      const wanted = first.steps(4);

      const second = new Training(gpu, 99);
      second.load(path);
      assert.deepEqual(second.steps(4), wanted);

      const third = new Training("cpu", 99);
      third.load(path);
      for (const value of Object.values(third.model.stateDict())) assert.equal(value.device, "cpu");
      assertClose(third.steps(4), wanted, 1e-3);

      const back = new Training("cpu", 5);
      back.steps(3);
      back.save(path);
      const later = back.steps(4);
      const fourth = new Training(gpu, 99);
      fourth.load(path);
      assertClose(fourth.steps(4), later, 1e-3);
    });

    it("the state of the random numbers is that of all devices", () => {
      manualSeed(21);
      rand([3], { device: gpu });
      const state = getRngState();
      const drawn = rand([50], { device: gpu }).tolist();
      setRngState(state);
      assert.deepEqual(rand([50], { device: gpu }).tolist(), drawn);
      setRngState(state);
      assert.deepEqual(rand([50]).tolist(), drawn);
    });
  });
}

/** A small training with dropout, running statistics and two optimizers, whose states are on the device. */
class Training {
  readonly model: nn.Sequential;
  private readonly parts: checkpoint.Parts;
  private readonly optimizers: optim.Optimizer<optim.GroupOptions>[];

  private readonly device: string;

  constructor(device: string, seed: number) {
    this.device = device;
    manualSeed(seed);
    this.model = new nn.Sequential(
      new nn.Conv2d(1, 6, 3, { device }),
      new nn.BatchNorm2d(6, { device }),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Dropout(0.3),
      new nn.Linear(24, 2, { device }),
    );
    const first = new optim.SGD(this.model.parameters(), { lr: 0.05, momentum: 0.9 });
    const second = new optim.AdamW(this.model.parameters(), { lr: 0.003, amsgrad: true });
    this.optimizers = [first, second];
    this.parts = { model: this.model, first, second, scheduler: new optim.lrScheduler.StepLR(first, 2) };
  }

  steps(count: number): number[] {
    return Array.from({ length: count }, () => {
      const x = rand([8, 1, 6, 6], { device: this.device });
      const loss = nn.functional.crossEntropy(this.model.forward(x), x.mean([1, 2, 3]).gt(0.5).to("int64"));
      for (const optimizer of this.optimizers) optimizer.zeroGrad();
      loss.backward();
      for (const optimizer of this.optimizers) optimizer.step();
      (this.parts["scheduler"] as optim.lrScheduler.StepLR).step();
      return loss.item();
    });
  }

  save(path: string): void {
    checkpoint.save(path, this.parts);
  }

  load(path: string): void {
    checkpoint.load(path, this.parts);
  }
}
