// Hooks on gradients: when they run, what they may change, and that they keep nothing alive.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  autograd,
  enableGrad,
  isGradEnabled,
  memory,
  nn,
  noGrad,
  ones,
  optim,
  tensor,
  type Tensor,
} from "descent";
import { assertRefused, collectGarbage } from "./fixtures.js";

const leaf = (values: number[]) => tensor(values, { requiresGrad: true });

test("a hook sees the gradient of a leaf and of what lies between, and may replace it", () => {
  const x = leaf([1, 2]);
  const seen: unknown[] = [];
  x.registerHook((g) => {
    seen.push(["x", g.tolist()]);
  });
  const y = x.mul(2);
  y.registerHook((g) => {
    seen.push(["y", g.tolist()]);
    return g.mul(10);
  });
  y.registerHook((g) => g.add(1));
  y.retainGrad();
  y.mul(y).sum().backward(); // d/dy = 2 y = [4, 8]
  assert.deepEqual(seen, [
    ["y", [4, 8]],
    ["x", [82, 162]],
  ]);
  assert.deepEqual(y.grad?.tolist(), [41, 81]); // what was retained is what came out of the hooks
  assert.deepEqual(x.grad?.tolist(), [82, 162]);
});

test("retained gradients add up over several backwards", () => {
  const x = leaf([1, 2]);
  const y = x.mul(2);
  y.retainGrad();
  y.sum().backward({ retainGraph: true });
  y.sum().backward();
  assert.deepEqual(y.grad?.tolist(), [2, 2]);
});

test("hooks run in autograd.grad, in PyTorch's order", () => {
  const x = leaf([1, 2]);
  const y = x.mul(2);
  y.registerHook((g) => g.mul(10));
  const z = y.mul(y).sum();
  const through = autograd.grad(z, [x, y], { retainGraph: true });
  assert.deepEqual(
    through.map((g) => g.tolist()),
    [
      [80, 160],
      [4, 8],
    ],
  );
  assert.deepEqual(autograd.grad(z, y)[0]!.tolist(), [40, 80]);
});

test("a hook stays with the value it was registered on when the tensor is changed in place", () => {
  const x = leaf([1, 2]);
  const y = x.mul(2);
  const seen: unknown[] = [];
  y.registerHook((g) => void seen.push(["before", g.tolist()]));
  y.retainGrad();
  y.mul_(3);
  y.registerHook((g) => void seen.push(["after", g.tolist()]));
  y.sum().backward();
  assert.deepEqual(seen, [
    ["after", [1, 1]],
    ["before", [3, 3]],
  ]);
  assert.deepEqual(y.grad?.tolist(), [1, 1]);
});

test("removed hooks do not run, and hooks may come and go while they run", () => {
  const x = leaf([1]);
  let calls = 0;
  const first = x.registerHook(() => {
    calls += 1;
    first.remove();
    x.registerHook(() => void (calls += 10));
  });
  const gone = x.registerHook(() => void (calls += 100));
  gone.remove();
  gone.remove();
  x.mul(2).sum().backward();
  assert.equal(calls, 1); // one that is registered meanwhile waits for the next backward
  x.mul(2).sum().backward();
  assert.equal(calls, 11);
});

test("an error thrown in a hook comes out as it is, and leaves all usable", () => {
  const x = leaf([1, 2]);
  const y = x.mul(2);
  const mine = new RangeError("mine");
  const handle = y.registerHook(() => {
    throw mine;
  });
  const loss = y.mul(y).sum();
  let thrown: unknown;
  try {
    loss.backward({ retainGraph: true });
  } catch (error) {
    thrown = error;
  }
  assert.equal(thrown, mine);
  assert.equal(isGradEnabled(), true);
  assert.equal(x.grad, null);
  handle.remove();
  loss.backward();
  assert.deepEqual(x.grad!.tolist(), [8, 16]);
});

test("recording in a hook is as createGraph says, and second derivatives pass through it", () => {
  const x = leaf([2]);
  const modes: boolean[] = [];
  x.registerHook((g) => {
    modes.push(isGradEnabled());
    return g.mul(x);
  });
  const [first] = autograd.grad(x.mul(x).sum(), x, { createGraph: true }); // 2 x · x
  assert.deepEqual(first!.tolist(), [8]);
  assert.deepEqual(autograd.grad(first!.sum(), x)[0]!.tolist(), [16]); // the hook again: 4 x · x
  x.mul(x).sum().backward();
  assert.deepEqual(modes, [true, false, false]);
});

test("a backward within a backward", () => {
  const x = leaf([3]);
  const w = leaf([5]);
  const y = x.mul(2);
  y.registerHook((g) => {
    enableGrad(() => w.mul(w).sum()).backward();
    return g.mul(w.grad!);
  });
  y.sum().backward();
  assert.deepEqual([x.grad?.tolist(), w.grad?.tolist()], [[20], [10]]);
});

test("the graph that is being walked may be changed and disposed by a hook", () => {
  const x = leaf([1, 2]);
  const y = x.mul(2);
  const loss = y.exp().sum();
  y.registerHook((g) => {
    loss.dispose();
    y.mul_(2);
    y.dispose();
    return g;
  });
  loss.backward();
  assert.ok(x.grad !== null);
});

test("gradients of another kind, and what is no gradient, are refused", () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => ones([3]), /^registerHook: a hook must return a gradient like the one it got, \[2\] of float32/],
    [() => ones([2], { dtype: "float64" }), /got \[2\] of float64/],
    [() => 5, /must return a gradient or nothing, it returned 5/],
    [() => Promise.resolve(), /it returned a Promise/],
  ];
  for (const [hook, message] of wrong) {
    const y = leaf([1, 2]).mul(2);
    y.registerHook(hook as () => Tensor);
    assert.throws(
      () => {
        y.sum().backward();
      },
      { name: "DescentError", message },
    );
  }
  assertRefused(() => ones([2]).registerHook(() => null), "autograd", /^registerHook: the tensor does not/);
  assertRefused(() => leaf([1]).registerHook(7 as never), "argument", /^registerHook: the hook must be a/);
  assertRefused(
    () =>
      leaf([1])
        .mul(2)
        .registerPostAccumulateGradHook(() => undefined),
    "autograd",
    /^registerPostAccumulateGradHook: only leaves/,
  );
});

test("an optimizer step within backward, from a hook after accumulation", () => {
  const model = new nn.Linear(2, 1);
  const before = model.weight.tolist() as number[][];
  for (const parameter of model.parameters()) {
    const optimizer = new optim.SGD([parameter], { lr: 0.5 });
    parameter.registerPostAccumulateGradHook((given) => {
      assert.equal(given, parameter);
      optimizer.step();
      optimizer.zeroGrad();
    });
  }
  model
    .forward(ones([1, 2]))
    .sum()
    .backward();
  assert.equal(model.weight.grad, null);
  const after = model.weight.tolist() as number[][];
  after[0]!.forEach((value, k) => {
    assert.ok(Math.abs(value - (before[0]![k]! - 0.5)) < 1e-6);
  });
});

test("clipping and recording by hooks on parameters reaches the optimizer", () => {
  const w = leaf([1]);
  w.registerHook((g) => g.clamp(-1, 1));
  const optimizer = new optim.SGD([w], { lr: 1 });
  w.mul(50).sum().backward();
  optimizer.step();
  assert.deepEqual(w.tolist(), [0]);
});

test("hooks that refer to their own graph keep nothing alive", () => {
  const before = memory.allocated();
  let calls = 0;
  for (let step = 0; step < 300; step++) {
    const x = ones([64, 1024], { requiresGrad: true }); // 256 KiB
    const y = x.mul(2);
    const loss = y.sum();
    const context: Tensor[] = [x, y, loss];
    x.registerHook(() => void (calls += context.length));
    y.registerHook(() => void (calls += context.length));
    loss.backward();
  }
  assert.equal(calls, 1800);
  collectGarbage();
  assert.ok(memory.allocated() - before < 20 * 2 ** 20, `${memory.allocated() - before} bytes`);
});

test("a hook of a graph that is never walked dies with it", () => {
  const before = memory.allocated();
  for (let step = 0; step < 300; step++) {
    const x = ones([64, 1024], { requiresGrad: true });
    x.registerHook(() => {
      assert.ok(x.shape);
    });
    x.mul(2);
  }
  collectGarbage();
  assert.ok(memory.allocated() - before < 20 * 2 ** 20, `${memory.allocated() - before} bytes`);
});

test("a hook outlives its tensor as long as the graph does", () => {
  let calls = 0;
  const make = (): Tensor => {
    const x = leaf([1, 2]);
    x.registerHook(() => void (calls += 1));
    const y = x.mul(2);
    y.registerHook(() => void (calls += 10));
    return y.sum();
  };
  const loss = make();
  collectGarbage();
  loss.backward({ retainGraph: true });
  collectGarbage();
  loss.backward();
  assert.equal(calls, 22);
});

test("noGrad within a hook ends with it", () => {
  const x = leaf([1]);
  x.registerHook((g) => noGrad(() => g.mul(2)));
  x.mul(3).sum().backward();
  assert.deepEqual(x.grad?.tolist(), [6]);
});
