// noGrad, enableGrad and inferenceMode, also with async bodies; which tensors require a gradient; how gradients add up.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  autograd,
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled,
  noGrad,
  ones,
  setGradEnabled,
  tensor,
  type Tensor,
} from "descent";
import { assertRefused } from "./fixtures.js";

const leaf = (values: number[]) => tensor(values, { requiresGrad: true });

test("bodies nest, and an error ends them", () => {
  assert.equal(
    noGrad(() => {
      assert.equal(enableGrad(isGradEnabled), true);
      assert.equal(isGradEnabled(), false);
      assert.throws(() =>
        enableGrad(() => {
          throw new Error("mine");
        }),
      );
      return isGradEnabled();
    }),
    false,
  );
  assert.equal(isGradEnabled(), true);
  setGradEnabled(false);
  assert.equal(leaf([1]).mul(2).requiresGrad, false);
  assert.equal(enableGrad(isGradEnabled), true);
  setGradEnabled(true);
  assert.equal(isGradEnabled(), true);
});

test("an async body keeps its mode over every wait, and no other code does", async () => {
  const x = leaf([1, 2]);
  const seen: [string, boolean][] = [];
  const record = (name: string) => seen.push([name, x.mul(2).requiresGrad]);
  let release!: () => void;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const evaluation = noGrad(async () => {
    record("evaluation begins");
    await gate;
    record("evaluation goes on");
    await enableGrad(async () => {
      await Promise.resolve();
      record("recording within");
    });
    record("evaluation ends");
    return isGradEnabled();
  });
  record("meanwhile");
  assert.equal(isGradEnabled(), true);
  x.mul(x).sum().backward(); // works while the evaluation waits
  noGrad(() => record("a body meanwhile"));
  release();
  assert.equal(await evaluation, false);
  record("after");
  assert.deepEqual(seen, [
    ["evaluation begins", false],
    ["meanwhile", true],
    ["a body meanwhile", false],
    ["evaluation goes on", false],
    ["recording within", true],
    ["evaluation ends", false],
    ["after", true],
  ]);
});

test("two evaluations at once, and one that fails", async () => {
  const x = leaf([1]);
  const slow = async (turns: number) => {
    for (let k = 0; k < turns; k++) {
      await Promise.resolve();
      assert.equal(x.mul(2).requiresGrad, false);
    }
  };
  await Promise.all([noGrad(() => slow(3)), noGrad(() => slow(10)), inferenceMode(() => slow(5))]);
  assert.equal(x.mul(2).requiresGrad, true);
  await assert.rejects(
    noGrad(async () => {
      await Promise.resolve();
      throw new Error("mine");
    }),
    /mine/,
  );
  assert.equal(x.mul(2).requiresGrad, true);
});

test("hooks and functions of one's own record as backward says, whoever waits", async () => {
  let release!: () => void;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const waiting = noGrad(() => gate);
  const x = leaf([3]);
  const modes: boolean[] = [];
  x.registerHook(() => void modes.push(isGradEnabled()));
  x.mul(x).sum().backward();
  const [g] = autograd.grad(x.mul(x).sum(), x, { createGraph: true });
  assert.equal(g!.requiresGrad, true);
  assert.deepEqual(modes, [false, true]);
  class Twice extends autograd.Function {
    static forward(_: autograd.FunctionContext, y: Tensor): Tensor {
      const result = y.mul(2);
      modes.push(isGradEnabled(), result.requiresGrad);
      return result;
    }
    static backward(_: autograd.FunctionContext, gradient: Tensor): Tensor {
      return gradient.mul(2);
    }
  }
  Twice.apply(x).sum().backward();
  assert.deepEqual(modes.slice(2, 4), [false, false]);
  release();
  await waiting;
});

test("what is made in inference mode never becomes part of a graph", () => {
  const w = leaf([1, 2]);
  const made = inferenceMode(() => {
    assert.equal(isInferenceModeEnabled(), true);
    assert.equal(isGradEnabled(), false);
    const y = w.mul(2);
    y.add_(1);
    assert.equal(inferenceMode(isGradEnabled, false), true);
    return { y, view: w.view(-1), fresh: ones([2]), given: tensor([1, 2]) };
  });
  assert.deepEqual(
    [made.y, made.view, made.fresh, made.given, w].map((t) => t.isInference()),
    [true, false, true, true, false],
  );
  assertRefused(() => made.y.mul(w), "autograd", /made in inference mode cannot be saved for a gradient/);
  assert.equal(made.y.add(w).requiresGrad, true); // nothing is saved
  assertRefused(() => made.y.add_(1), "autograd", /^add_: a tensor made in inference mode cannot be changed/);
  assertRefused(() => made.y.requiresGrad_(), "autograd", /made in inference mode/);
  assert.equal(made.y.view(-1).isInference(), true);
  const copy = made.y.clone();
  assert.equal(copy.isInference(), false);
  copy.mul(w).sum().backward();
  assert.deepEqual(w.grad?.tolist(), [3, 5]);
  assert.equal(isInferenceModeEnabled(), false);
});

test("which tensors require a gradient", () => {
  const x = leaf([1, 2]);
  assert.equal(x.mul(2).isLeaf, false);
  assert.equal(x.detach().requiresGrad, false);
  assert.equal(x.gt(0).requiresGrad, false);
  assert.equal(x.argmax().requiresGrad, false);
  assert.equal(x.long().requiresGrad, false);
  assert.equal(noGrad(() => x.mul(2)).isLeaf, true);
  assertRefused(() => x.mul(2).requiresGrad_(false), "autograd", /only a leaf can stop/);
  assertRefused(() => tensor([1, 2], { dtype: "int64" }).requiresGrad_(), "dtype", /floating/);
  const y = x.mul(2);
  y.requiresGrad_(); // it does already
  y.sum().backward();
  assert.deepEqual(x.grad?.tolist(), [2, 2]);
  assertRefused(
    () => {
      ones([2]).sum().backward();
    },
    "autograd",
    /does not require a gradient/,
  );
  assertRefused(
    () => {
      x.mul(2).backward();
    },
    "autograd",
    /made up for scalars only/,
  );
  assertRefused(
    () => {
      x.mul(2).backward(ones([3]));
    },
    "shape",
    /must be \[2\]/,
  );
});

test("gradients have the dtype and shape of their leaf, and add up", () => {
  const x = tensor([1, 2], { dtype: "float64", requiresGrad: true });
  x.float().mul(3).sum().backward();
  x.add(ones([4, 2], { dtype: "float32" }))
    .sum()
    .backward();
  assert.equal(x.grad?.dtype, "float64");
  assert.deepEqual(x.grad.tolist(), [7, 7]);
  const kept = x.grad;
  x.sum().backward();
  assert.deepEqual(kept.tolist(), [8, 8]); // in place, as PyTorch adds
  x.mul(x).sum().backward({ createGraph: true });
  assert.equal(x.grad.requiresGrad, true);
  assert.deepEqual(kept.tolist(), [8, 8]); // a recorded sum is a new tensor
  assert.throws(() => {
    x.grad = ones([2]);
  }, /float64/);
  assert.throws(() => {
    x.grad = ones([3], { dtype: "float64" });
  }, /\[2\]/);
});

test("backward for some tensors only", () => {
  const [x, w] = [leaf([1, 2]), leaf([3, 3])];
  const y = x.mul(w);
  const loss = y.mul(y).sum();
  loss.backward({ inputs: [y, x] });
  assert.deepEqual([x.grad?.tolist(), y.grad?.tolist(), w.grad], [[18, 36], [6, 12], null]); // prettier-ignore
  assertRefused(
    () => {
      x.sum().backward({ inputs: [] });
    },
    "argument",
    /inputs is empty/,
  );
  assertRefused(
    () => {
      x.sum().backward({ inputs: [ones([1])] });
    },
    "autograd",
    /input 0 does not require/,
  );
  const [a, b] = autograd.grad(x.sum(), [x, w], { materializeGrads: true });
  assert.deepEqual([a!.tolist(), b!.tolist()], [[1, 1], [0, 0]]); // prettier-ignore
  assertRefused(() => autograd.grad(x.sum(), [x, w]), "autograd", /input 1 was not used/);
  assert.equal(autograd.grad(x.sum(), [w], { allowUnused: true })[0], null);
  autograd.backward([x.sum(), w.sum()], null, { inputs: w });
  assert.deepEqual(w.grad?.tolist(), [1, 1]);
});

test("detach_ cuts a tensor itself off", () => {
  const x = leaf([1, 2]);
  const y = x.mul(2);
  const before = y.mul(3);
  assert.equal(y.detach_(), y);
  assert.deepEqual([y.requiresGrad, y.isLeaf, y.gradFn], [false, true, null]);
  y.mul_(5);
  y.sum().add(before.sum()).backward(); // the product was made before
  assert.deepEqual(x.grad?.tolist(), [6, 6]);
  assertRefused(() => x.mul(2).view(2, 1).detach_(), "autograd", /^detach_: a view cannot be detached/);
  x.detach_();
  assert.equal(x.requiresGrad, false);
});

test("the graph can be walked from gradFn", () => {
  const x = leaf([1, 2]);
  const y = x.mul(2).exp();
  assert.equal(y.gradFn?.name, "ExpBackward0");
  const [[product, index]] = y.gradFn.nextFunctions as [[{ name: string; nextFunctions: unknown[] }, number]];
  assert.deepEqual([product.name, index], ["MulBackward0", 0]);
  const [[end]] = product.nextFunctions as [[{ name: string; nextFunctions: unknown[] }, number]];
  assert.deepEqual([end.name, end.nextFunctions], ["AccumulateGrad", []]);
  const [[, none]] = [x.mul(ones([2])).gradFn!.nextFunctions];
  assert.deepEqual(none, [null, 0]);
});
