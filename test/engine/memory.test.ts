// memory: what is counted, under which name, and what a limit does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { data, memory, nn, ones, optim, zeros } from "descent";
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
