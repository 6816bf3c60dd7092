// Graphs of a million nodes: long, wide, and reached only through saved tensors; linear in time, and never deep on the stack.

import assert from "node:assert/strict";
import { test } from "node:test";
import { autograd, memory, tensor, type Tensor } from "descent";
import { collectGarbage } from "./fixtures.js";

const leaf = (value: number) => tensor(value, { requiresGrad: true, dtype: "float64" });

function milliseconds(body: () => void): number {
  const before = performance.now();
  body();
  return performance.now() - before;
}

/** Four times as many nodes may take at most eight times as long (quadratic: 16), with room for a busy machine. */
function assertLinear(body: (nodes: number) => void, nodes: number): void {
  body(1000);
  let ratio = Infinity;
  for (let attempt = 0; attempt < 4 && ratio > 8; attempt++) {
    const small = milliseconds(() => {
      body(nodes / 4);
    });
    ratio = Math.min(ratio, milliseconds(() => {
      body(nodes);
    }) / small); // prettier-ignore
  }
  assert.ok(ratio <= 8, `${ratio.toFixed(1)} times as long for four times as many`);
}

test("a chain of a million: forward, backward, freed", () => {
  const x = leaf(1);
  let y: Tensor = x;
  for (let k = 0; k < 1_000_000; k++) y = y.add(1);
  y.backward();
  assert.equal(x.grad?.item(), 1);
  assert.equal(y.item(), 1_000_001);
  const before = memory.allocated();
  y.dispose();
  collectGarbage();
  assert.ok(memory.allocated() <= before);
});

test("chains take linear time", () => {
  assertLinear((nodes) => {
    const x = leaf(1);
    let y: Tensor = x;
    for (let k = 0; k < nodes; k++) y = y.mul(1);
    y.backward();
    assert.equal(x.grad?.item(), 1);
  }, 100_000);
});

test("one leaf used very many times, and very many leaves", () => {
  assertLinear((nodes) => {
    const x = leaf(2);
    let sum: Tensor = leaf(0);
    for (let k = 0; k < nodes; k++) sum = sum.add(x);
    sum.backward();
    assert.equal(x.grad?.item(), nodes);
  }, 60_000);
  assertLinear((nodes) => {
    const leaves = Array.from({ length: nodes }, () => leaf(1));
    let sum: Tensor = leaf(0);
    for (const x of leaves) sum = sum.add(x);
    const grads = autograd.grad(sum, leaves);
    assert.ok(grads.every((g) => g.item() === 1));
  }, 40_000);
});

test("a graph that is reached only through saved tensors", () => {
  // Each step saves the one before as a value: mul keeps its first factor for the second's gradient.
  const one = leaf(1);
  let y: Tensor = leaf(1);
  for (let k = 0; k < 200_000; k++) y = y.detach().mul(one);
  y.dispose();
  collectGarbage();
  let z: Tensor = leaf(1);
  const w = leaf(1);
  for (let k = 0; k < 100_000; k++) z = z.mul(w);
  // Second derivatives: the graph of the gradients hangs on the graph of the values.
  const [first] = autograd.grad(z, w, { createGraph: true });
  assert.equal(first!.item(), 100_000);
  z.dispose();
  const [second] = autograd.grad(first!, w);
  assert.equal(second!.item(), 100_000 * 99_999);
});

test("a graph of many views of one tensor, each changed in place", () => {
  const x = tensor(new Float64Array(300).fill(1), { shape: [300], requiresGrad: true });
  const y = x.mul(1);
  for (let k = 0; k < 300; k++) y.select(0, k).mul_(k);
  y.sum().backward();
  assert.deepEqual(
    Array.from(x.grad!.data() as Float64Array),
    Array.from({ length: 300 }, (_, k) => k),
  );
});
