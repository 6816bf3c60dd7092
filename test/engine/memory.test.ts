// memory: what is counted, under which name, and what a limit does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cuda, data, memory, nn, ones, optim, tensor, zeros } from "descent";
import { assertRefused } from "./fixtures.js";

const kilobytes256 = 256 * 1024;

test("what is in use is counted at once, and so is what is freed", () => {
  const before = memory.allocated();
  const x = ones([256, 256]);
  assert.equal(memory.allocated() - before, kilobytes256);
  memory.resetPeak();
  const y = x.add(1);
  y.dispose();
  assert.equal(memory.allocated() - before, kilobytes256);
  assert.equal(memory.maxAllocated() - before, 2 * kilobytes256);
  assert.ok(memory.reserved() >= memory.allocated());
  x.dispose();
  assert.equal(memory.allocated(), before);
});

test("counters have PyTorch's names in camelCase", () => {
  const stats = memory.stats();
  for (const name of ["allocatedBytes.all.current", "allocatedBytes.all.peak", "reservedBytes.all.current"]) {
    assert.equal(typeof stats[name], "number", name);
  }
});

test("every byte is counted for what it is", () => {
  const before = memory.byCategory();
  const model = new nn.Linear(256, 256, { bias: false });
  const optimizer = new optim.SGD(model.parameters(), { momentum: 0.9 });
  const set = new data.TensorDataset(zeros([512, 256]));
  const [batch] = new data.DataLoader(set, { batchSize: 256 });
  model.forward(batch![0]).sum().backward();
  optimizer.step();
  const after = memory.byCategory();
  const grown = (name: keyof typeof after) => after[name] - before[name];
  assert.equal(grown("parameter"), kilobytes256);
  assert.equal(grown("gradient"), kilobytes256);
  assert.equal(grown("optimizerState"), kilobytes256);
  assert.equal(grown("input"), 3 * kilobytes256); // the set of 512 samples, and a batch of 256
  optimizer.zeroGrad();
  assert.equal(memory.byCategory().gradient, before.gradient);
});

test("a limit gives a sentence, not a crash", () => {
  memory.emptyCache();
  memory.setLimit(memory.reserved() + 2 ** 20);
  try {
    assertRefused(() => ones([2048, 2048]), "memory", /limit|memory/);
  } finally {
    memory.setLimit(0);
  }
  assert.equal(ones([2048, 2048]).numel(), 2 ** 22);
  assertRefused(
    () => {
      memory.setLimit(-1);
    },
    "argument",
    /^memory.setLimit: bytes/,
  );
  assertRefused(() => memory.stats("tpu"), "device", /no device 'tpu'/);
});

test("the summary is a table", () => {
  const text = memory.summary();
  assert.match(text, /^memory of cpu\nin use +\d/);
  assert.match(text, /^ {2}optimizerState +\d/m);
});

test("categories of a device add up to what is in use there; without a name they are of all devices", () => {
  const sum = (bytes: Record<string, number>): number => Object.values(bytes).reduce((a, b) => a + b, 0);
  assert.equal(sum(memory.byCategory("cpu")), memory.allocated("cpu"));
  assert.ok(sum(memory.byCategory()) >= sum(memory.byCategory("cpu")));
  assertRefused(() => memory.byCategory("tpu"), "device", /^memory.byCategory: no device 'tpu'/);
});

test("a snapshot has every block, and what is known of it", () => {
  memory.recordHistory();
  const big = ones([1024, 1024]); // 4 MiB: the large pool
  const x = tensor([1, 2], { requiresGrad: true });
  const optimizer = new optim.SGD([x], { lr: 0.1 });
  x.sum().backward();
  optimizer.step();
  const late = ones([1000]);
  const line = memory.madeAt(late)!.line;
  const view = late.view(10, 100).mul(x.sum());
  assert.ok(memory.madeAt(view)!.line > line);
  memory.recordHistory(false);
  assert.equal(memory.madeAt(ones([2])), null);
  const segments = memory.snapshot();
  const blocks = segments.flatMap((segment) => segment.blocks);
  const total = (key: "totalSize" | "allocatedSize") =>
    segments.reduce((sum, segment) => sum + segment[key], 0);
  assert.equal(total("totalSize"), memory.reserved());
  assert.equal(total("allocatedSize"), memory.allocated());
  for (const segment of segments) {
    let address = segment.address;
    for (const block of segment.blocks) {
      assert.equal(block.address, address);
      address += block.size;
    }
    assert.equal(address - segment.address, segment.totalSize);
    assert.equal(segment.device, "cpu");
  }
  const found = blocks.find((block) => block.requestedSize === 4 * 2 ** 20)!;
  assert.deepEqual([found.state, found.category, found.size], ["active_allocated", "temporary", 4 * 2 ** 20]);
  assert.match(found.frames[0]!.filename, /memory\.test/);
  assert.ok(found.frames[0]!.line > 0);
  const later = blocks.find((block) => block.requestedSize === 4000 && block.step! > found.step!);
  assert.ok(later !== undefined, "born after the step");
  assert.ok(blocks.some((block) => block.category === "gradient" && block.requestedSize === 8));
  const free = blocks.find((block) => block.state === "inactive")!;
  assert.deepEqual([free.category, free.step, free.frames, free.requestedSize], [null, null, [], 0]);
  memory.emptyCache();
  assert.equal(
    memory.snapshot().reduce((sum, segment) => sum + segment.totalSize, 0),
    memory.reserved(),
  );
  assert.equal(memory.maxReserved() >= memory.reserved(), true);
  assert.equal(big.numel() + late.numel(), 2 ** 20 + 1000);
});

test("without a CUDA device its questions are answered and its orders refused, as PyTorch does", () => {
  if (cuda.isAvailable()) return;
  assert.equal(cuda.deviceCount(), 0);
  cuda.emptyCache();
  const sizes = [
    cuda.memoryAllocated(),
    cuda.maxMemoryAllocated(),
    cuda.memoryReserved(),
    cuda.maxMemoryReserved(),
  ];
  assert.deepEqual([...sizes, cuda.memoryStats()], [0, 0, 0, 0, {}]);
  for (const order of [
    cuda.getDeviceName,
    cuda.getDeviceProperties,
    cuda.synchronize,
    cuda.currentDevice,
    cuda.memorySummary,
    cuda.memorySnapshot,
    cuda.resetPeakMemoryStats,
  ]) {
    assertRefused(
      () => {
        order();
      },
      "device",
      /^cuda: cuda:0 is not usable here: /,
    );
  }
});
