// The graph: in-place changes, views that share memory, saved values, higher derivatives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { autograd, noGrad, ones, tensor, zeros } from "descent";
import { assertClose, assertRefused } from "./fixtures.js";

const leaf = (values: number[]) => tensor(values, { requiresGrad: true });

test("a view changed in place changes the history of what it shows", () => {
  const x = leaf([1, 2, 3, 4]);
  const y = x.mul(2);
  y.narrow(0, 0, 2).mul_(10);
  assert.deepEqual(y.tolist(), [20, 40, 6, 8]);
  // d(sum y²)/dx = 2 y dy/dx, with dy/dx = 20 in the view and 2 beside it
  y.mul(y).sum().backward();
  assert.deepEqual(x.grad?.tolist(), [800, 1600, 24, 32]);
});

test("a buffer written to through a view carries the gradient of what was written", () => {
  const w = leaf([1, 2]);
  const buffer = zeros([2, 2]);
  buffer.select(0, 1).copy_(w);
  buffer
    .mul(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    )
    .sum()
    .backward();
  assert.deepEqual(w.grad?.tolist(), [3, 4]);
});

test("a view made before its base was changed follows the base", () => {
  const x = leaf([1, 2, 3]);
  const base = x.mul(1);
  const view = base.view(3, 1);
  base.mul_(3);
  view.sum().backward();
  assert.deepEqual(x.grad?.tolist(), [3, 3, 3]);
});

test("second derivatives pass through in-place changes of views", () => {
  const x = leaf([2, 3]);
  const y = x.mul(x);
  y.narrow(0, 0, 1).mul_(2); // y = [2 x², x²]
  const [first] = autograd.grad([y.sum()], [x], { createGraph: true });
  assert.deepEqual(first!.tolist(), [8, 6]);
  const [second] = autograd.grad([first!.sum()], [x]);
  assert.deepEqual(second!.tolist(), [4, 2]);
});

test("a saved value changed in place is an error that names the op", () => {
  const x = leaf([1, 2]);
  const y = x.exp();
  y.mul_(2);
  assert.throws(
    () => {
      y.sum().backward();
    },
    {
      code: "autograd",
      message: /^exp: a value of shape \[2\] needed for the gradient was changed in place/,
    },
  );
});

test("leaves, and views of leaves, are not changed in place while ops are recorded", () => {
  const x = leaf([1, 2]);
  assert.throws(() => x.add_(1), { code: "autograd", message: /^add_: a leaf that requires a gradient/ });
  assert.throws(() => x.view(2, 1).add_(1), { code: "autograd", message: /^add_: a view of a leaf/ });
  noGrad(() => x.add_(1));
  assert.deepEqual(x.tolist(), [2, 3]);
});

test("activations in place save their result, not their input", () => {
  const x = leaf([-1, 2]);
  const y = x.mul(1);
  y.relu_();
  y.sum().backward();
  assert.deepEqual(x.grad?.tolist(), [0, 1]);
});

test("a graph is used once, unless it is retained", () => {
  const x = leaf([1, 2]);
  const loss = x.mul(x).sum();
  loss.backward({ retainGraph: true });
  loss.backward();
  assert.deepEqual(x.grad?.tolist(), [4, 8]);
  assert.throws(
    () => {
      loss.backward();
    },
    { code: "autograd", message: /second time/ },
  );
});

test("the gradient of a product is right at zeros, twice", () => {
  const x = leaf([1, 2, 0, 3]);
  const [first] = autograd.grad([x.prod()], [x], { createGraph: true });
  assert.deepEqual(first!.tolist(), [0, 0, 6, 0]);
  const [second] = autograd.grad([first!.select(0, 2)], [x]);
  assert.deepEqual(second!.tolist(), [6, 3, 0, 2]);
});

test("an expanded tensor cannot be written to", () => {
  assert.throws(() => ones([1]).expand(3).add_(1), { code: "argument", message: /share memory/ });
});

test("backward takes the gradient first and the options after it, or all in one object", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  const y = x.pow(2);
  y.backward(tensor([1, 10]), { retainGraph: true });
  y.backward({ gradient: tensor([1, 10]) });
  assertClose(x.grad, [4, 80]);
  x.grad = null;
  x.pow(3).sum().backward(null, { createGraph: true });
  assertClose(autograd.grad(x.grad!.sum(), x)[0], [6, 12]);
  const z = x.mul(2).sum();
  const refuse = (problem: RegExp, ...given: Parameters<typeof z.backward>) => {
    assertRefused(
      () => {
        z.backward(...given);
      },
      "argument",
      problem,
    );
  };
  refuse(/nothing may follow/, { retainGraph: true }, {});
  refuse(/given twice/, ones([]), { gradient: ones([]) });
});

test("setting requiresGrad is requiresGrad_", () => {
  const x = tensor([1, 2]);
  x.requiresGrad = true;
  const y = x.mul(2);
  assert.ok(y.requiresGrad);
  assert.throws(() => {
    y.requiresGrad = false;
  }, /leaf|leaves/);
  assert.ok(y.requiresGrad);
  x.requiresGrad = false;
  assert.equal(x.mul(2).requiresGrad, false);
});
