// What a debugger shows where a tensor is unfolded, of modules and of what goes with them, and faults of a GPU at a stop.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { data, nn, noGrad, ones, optim, randn, tensor, zeros, type Tensor } from "descent";
import { gpus } from "./gpus.js";
import { description, key, seen, stopped } from "./seen.js";
import { startAndStop } from "./stoppedProcess.js";

describe("what unfolding shows", () => {
  it("is the geometry, the gradient, where it comes from; values and grad for who asks", async () => {
    const weight = new nn.Parameter([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    weight.label = "fc.weight";
    const y = weight.t();
    const other = ones([2]);
    y.sum().backward();
    stopped();
    const got = await seen<Record<string, unknown>>(y, "described[keys.properties]()");
    assert.deepEqual(
      { ...got, statistics: null, storage: null },
      {
        shape: [3, 2],
        dtype: "float32",
        device: "cpu",
        label: null,
        statistics: null,
        requiresGrad: true,
        isLeaf: false,
        gradient: null,
        gradFn: "TBackward0",
        madeAt: got["madeAt"],
        version: 0,
        strides: [1, 3],
        contiguous: false,
        storage: null,
      },
    );
    const storage = (x: Tensor): Promise<number> => seen(x, "described[keys.properties]().storage.number");
    assert.equal(await storage(y), await storage(weight));
    assert.notEqual(await storage(y), await storage(other));
    const unfolded = (x: Tensor): Record<string, unknown> =>
      (x as unknown as Record<symbol, () => Record<string, unknown>>)[key.properties]!();
    assert.deepEqual(unfolded(y)["values"], [
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    assert.deepEqual((unfolded(weight)["grad"] as Tensor).tolist(), [
      [1, 1, 1],
      [1, 1, 1],
    ]);
    assert.equal(unfolded(y)["grad"], null);
    assert.deepEqual(unfolded(weight)["gradient"], {
      norm: Math.sqrt(6),
      nan: 0,
      infinities: 0,
      sampled: false,
    });
    const many = randn([50, 60, 70]).permute([2, 0, 1]);
    stopped();
    const first = unfolded(many)["values"] as Float32Array;
    assert.deepEqual([...first], [...many.contiguous().flatten().narrow(0, 0, 1000).data()]);
  });

  it("modules say what they are, how large, and how large their gradient is", async () => {
    class Net extends nn.Module {
      fc1 = new nn.Linear(784, 128);
      fc2 = new nn.Linear(128, 10);
      forward(x: Tensor): Tensor {
        return this.fc2.forward(this.fc1.forward(x).relu());
      }
    }
    const net = new Net();
    const sgd = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
    const dataset = new data.TensorDataset(zeros([600, 28, 28]), zeros([600], { dtype: "int64" }));
    const said: [object, string][] = [
      [net, "Net  101,770 params in 2 layers"],
      [net.fc1, "Linear(784 → 128)  100,480 params"],
      [new nn.Conv2d(3, 16, 3), "Conv2d(3 → 16, 3×3)  448 params"],
      [new nn.Conv2d(3, 16, 3, { stride: 2 }).eval(), "Conv2d(3 → 16, 3×3, stride 2×2)  448 params  eval"],
      [new nn.Sequential(net.fc1, new nn.ReLU(), net.fc2), "Sequential(3 layers)  101,770 params"],
      [new nn.LSTM(10, 20, { numLayers: 2 }), "LSTM(10 → 20, 2 layers)  5,920 params"],
      [new nn.Dropout(0.3), "Dropout(p 0.3)"],
      [new nn.ReLU(), "ReLU"],
      [sgd, "SGD lr 0.1, 4 tensors, momentum 0.9"],
      [new optim.lrScheduler.StepLR(sgd, 10), "StepLR lr 0.1, epoch 0"],
      [dataset, "TensorDataset  600 items of [28, 28] float32, [] int64"],
      [
        new data.DataLoader(dataset, { batchSize: 64, shuffle: true }),
        "DataLoader  batches of 64, shuffled  TensorDataset  600 items of [28, 28] float32, [] int64",
      ],
    ];
    for (const [object, text] of said) assert.equal(await description(object), text);
    net
      .forward(ones([1, 784]))
      .sum()
      .backward();
    stopped();
    let squared = 0;
    for (const { grad } of net.parameters()) squared += grad!.square().sum().item();
    const text = await description(net);
    assert.ok(Math.abs(Number(/\|g\| (\S+)/.exec(text)?.[1]) / Math.sqrt(squared) - 1) < 0.01, text);
    noGrad(() => net.fc1.bias!.grad!.fill_(NaN));
    stopped();
    assert.match(await description(net), / {2}128 NaN or Inf in gradients$/);
  });

  it(
    "what a kernel has found wrong is told, and told again where the program waits",
    { skip: gpus.length === 0 },
    () => {
      const index = tensor([0, 9], { dtype: "int64", device: gpus[0]! });
      const picked = zeros([3, 2], { device: gpus[0]! }).indexSelect(0, index);
      assert.match(stopped().faults[0]!.message, /index 9 at position 1 is outside \[0, 3\)/);
      assert.throws(() => picked.tolist(), /index 9 at position 1/);
      assert.deepEqual(stopped().faults, []);
    },
  );
});

const script = `
import { nn, randn } from "descent";
globalThis.key = { description: Symbol.for("debug.description"), properties: Symbol.for("debug.properties") };
globalThis.bridge = Symbol.for("descent.debug");
const device = process.env.TEST_DEVICE;
const layer = new nn.Linear(64, 32).to(device);
const large = randn([device === "cpu" ? 256 : 16, 1024, 1024]);
function forward(x) {
  const h = layer.forward(x);
  const y = h.div(h.sub(h));
  debugger;
  return [y, large];
}
forward(randn([16, 64], { device }));
`;

for (const device of ["cpu", ...gpus]) {
  it(`a process that stands at a breakpoint describes its locals at once, on ${device}`, async () => {
    const process = await startAndStop({ "train.mjs": script }, "train.mjs", { TEST_DEVICE: device });
    const begun = performance.now();
    const { left, problem } = JSON.parse(await process.evaluate<string>("globalThis[bridge].stopped()")) as {
      left: number;
      problem?: string;
    };
    assert.deepEqual([left, problem], [0, undefined]);
    const quiet = { throwOnSideEffect: true };
    const said = (name: string): Promise<string> => process.evaluate(`${name}[key.description]()`, quiet);
    const where = device === "cpu" ? "" : ` ${device}`;
    assert.match(
      await said("large"),
      /^Tensor\[\d+, 1024, 1024\] float32 {2}(≈ )?µ \S+ σ 1 {2}\[-\d\S+ … \d\S+\] {2}▁/,
    );
    const took = performance.now() - begun;
    console.log(
      `a gigabyte (on a GPU a sixteenth) beside others, ${device}: ${took.toFixed(1)} ms from the stop`,
    );
    assert.ok(took < 5000, `${took} ms`);
    const y = await said("y");
    assert.ok(y.startsWith(`Tensor[16, 32] float32${where}  requiresGrad`), y);
    assert.match(y, / {2}512 Inf$| {2}\d+ NaN {2}\d+ Inf$| {2}all Inf$/);
    assert.equal(await said("layer"), "Linear(64 → 32)  2,080 params");
    assert.equal(await process.evaluate("y[key.properties]().madeAt", quiet), "train.mjs:10:15");
    assert.equal(await process.evaluate("h[key.properties]().gradFn", quiet), "AddmmBackward0");
    await process.leave();
    process.detach();
  });
}
