// The default device: where tensors are made that are not told where, and where a DataLoader brings its batches.

import assert from "node:assert/strict";
import { after, it } from "node:test";
import {
  arange,
  data,
  eye,
  full,
  getDefaultDevice,
  getRngState,
  linspace,
  nn,
  ones,
  rand,
  randint,
  setDefaultDevice,
  tensor,
  zeros,
  zerosLike,
  type Tensor,
} from "descent";
import { native } from "../../engine/native.js";
import { assertRefused } from "./fixtures.js";
import { gpus, needsGpu } from "./gpus.js";
import { start, workspaceWith } from "./processes.js";

const fixture = new URL("../../../test/engine/fixtures/worker-sets.mjs", import.meta.url).href;
const { Rows } = (await import(fixture)) as { Rows: new (table: Tensor) => data.Dataset<[Tensor, number]> };

const warnings: string[] = [];
process.on("warning", (warning) => warnings.push(warning.message));

const begun = getDefaultDevice();
after(() => {
  setDefaultDevice(begun);
});

it("is the CPU where nobody asked for another, and refuses what is no device", () => {
  assertRefused(
    () => {
      setDefaultDevice("tpu");
    },
    "device",
    /^setDefaultDevice: no device 'tpu', name 'cpu'/,
  );
  assertRefused(
    () => {
      setDefaultDevice("opencl:99");
    },
    "device",
    /^setDefaultDevice: device 'opencl:99' is not usable here/,
  );
  assert.equal(getDefaultDevice(), begun);
  setDefaultDevice("cpu");
  assert.equal(getDefaultDevice(), "cpu");
  assert.equal(tensor([1]).device, "cpu");
});

it("kinds of devices have numbers, in the order in which 'gpu' is looked for; others are refused", () => {
  assert.deepEqual(native.deviceKinds(), ["cpu", "cuda", "opencl"]);
  const usable = native.devices().filter((device) => device.usable);
  const numbers = usable.map((device) => native.deviceKinds().indexOf(device.kind));
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
  for (const [kind, index] of [
    [native.deviceKinds().length, 0],
    [-1, 0],
    [1, 256],
  ] as const) {
    assertRefused(
      () => {
        native.setDefaultDevice(kind, index);
      },
      "device",
      /there is no such device/,
    );
    assertRefused(() => native.memoryStats(kind, index), "device", /there is no such device/);
  }
});

for (const gpu of gpus) {
  it(`${gpu}: new tensors and layers go there, others stay where they are`, () => {
    const before = ones([2], { device: "cpu" });
    setDefaultDevice(gpu);
    const made: Tensor[] = [
      ...[
        tensor([1, 2]),
        tensor(new Uint8Array(3)),
        zeros([2]),
        full([2], 3),
        arange(4),
        linspace(0, 1, 3),
        eye(2),
      ],
      ...[rand([2]), randint(0, 5, [3]), zerosLike(zeros([2])), ones([3]).add(1)],
      ...new nn.Linear(2, 3).parameters(),
      ...new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.BatchNorm2d(2)).parameters(),
      ...new nn.LSTM(2, 3).parameters(),
      ...new nn.TransformerEncoderLayer(4, 2).parameters(),
    ];
    for (const x of made) assert.equal(x.device, gpu);
    assert.equal(zerosLike(before).device, "cpu");
    assert.equal(tensor([1], { device: "cpu" }).device, "cpu");
    assert.equal(getRngState().device, "cpu");
    assert.deepEqual(ones([2]).add(1).tolist(), [2, 2]);
  });

  it(`${gpu}: a loader's batches are brought there, with and without workers, and are the same`, async () => {
    setDefaultDevice("cpu");
    const table = tensor(
      Array.from({ length: 40 }, (_, k) => k),
      { shape: [10, 4] },
    );
    setDefaultDevice(gpu);
    const seen: unknown[] = [];
    for (const [source, numWorkers] of [
      [table, 0],
      [table, 2],
      [table.to(gpu), 2],
    ] as const) {
      const loader = new data.DataLoader(new Rows(source), { batchSize: 4, numWorkers });
      const values: unknown[] = [];
      for await (const batch of loader) {
        for (const x of batch) {
          assert.equal(x.device, gpu);
          values.push(x.tolist());
        }
      }
      seen.push(values);
    }
    assert.deepEqual(warnings, []);
    assert.deepEqual(seen[1], seen[0]);
    assert.deepEqual(seen[2], seen[0]);
    const whole = new data.DataLoader(new data.TensorDataset(table), { batchSize: 5 });
    for (const [x] of whole) assert.equal(x.device, gpu);
  });

  it(`${gpu}: a model trained there loads on the CPU, and the other way round`, () => {
    const model = (device: string): nn.Module => {
      setDefaultDevice(device);
      return new nn.Linear(2, 1);
    };
    const [there, here] = [model(gpu), model("cpu")];
    for (const [from, to] of [
      [there, here],
      [here, there],
    ] as const) {
      to.loadStateDict(from.stateDict());
      assert.deepEqual(to.stateDict()["weight"]!.tolist(), from.stateDict()["weight"]!.tolist());
    }
    assert.equal(here.stateDict()["weight"]!.device, "cpu");
    assert.equal(there.stateDict()["weight"]!.device, gpu);
  });

  it(`${gpu}: 'descent run --device' makes it the default device of the run`, async () => {
    const folder = workspaceWith({
      "train.ts": 'import { ones } from "descent"; console.log(ones([1]).device);',
    });
    const { said, ended } = start(folder, "train.ts", { cli: ["run", "train.ts", "--device", gpu] });
    assert.equal(await ended, 0, said.err);
    assert.match(said.out, new RegExp(`^${gpu}$`, "m"));
  });
}

it("there is a GPU to test with", needsGpu, () => {
  assert.ok(gpus.length > 0);
});
