// Tensors die by themselves: a synchronous loop without one clean-up call keeps within memory.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "node:test";
import { memory, ones, randn, tensor, type Tensor } from "descent";

const root = fileURLToPath(new URL("../../../", import.meta.url));

test("20,000 training steps stay within 300 MB of where they were at step 1,000", async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["test/engine/fixtures/lifetime-loop.mjs", "20000"],
    { cwd: root, env: { ...process.env, NODE_OPTIONS: "" } },
  );
  const { start, peak } = JSON.parse(stdout) as { start: number; peak: number };
  assert.ok(start > 10, stdout);
  assert.ok(peak - start < 300, stdout);
});

test("large tensors that nobody holds are freed before memory runs out", () => {
  const before = memory.allocated();
  let largest = 0;
  for (let step = 0; step < 2000; step++) {
    ones([256, 1024]); // 1 MiB
    largest = Math.max(largest, memory.allocated() - before);
  }
  assert.ok(largest < 300 * 2 ** 20, `${Math.round(largest / 2 ** 20)} MiB in use at once`);
});

test("a graph dies with its backward, whatever the collector does", () => {
  const weight = randn([256, 256], { requiresGrad: true });
  const held: Tensor[] = [];
  const before = memory.allocated();
  for (let step = 0; step < 50; step++) {
    const loss = weight.exp().log().square().sum();
    loss.backward();
    held.push(loss); // a scalar that is kept must not keep its graph
  }
  weight.grad = null;
  const kept = memory.allocated() - before;
  assert.ok(kept < 50 * 3.5 * 2 ** 18, `${kept} bytes kept`); // intermediates: 3 a step, 256 KiB each
  assert.equal(held.length, 50);
});

test("a graph of 100,000 nodes is built, walked and freed without a deep stack", () => {
  let x = tensor(1, { requiresGrad: true });
  const leaf = x;
  for (let k = 0; k < 100_000; k++) x = x.add(1);
  x.backward();
  assert.equal(leaf.grad?.item(), 1);
});
