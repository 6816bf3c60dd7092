// nn.utils: gradients clipped as PyTorch clips them, and parameters as one vector.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arange, nn, tensor, zeros, type Tensor } from "descent";
import { assertClose, assertRefused } from "./fixtures.js";

const {
  clipGradNorm_,
  clipGradsWithNorm_,
  clipGradValue_,
  getTotalNorm,
  parametersToVector,
  vectorToParameters,
} = nn.utils;

/** Gradients [3, −4] and [[12]], of norm 13, and a parameter without one. */
function parameters(scale = 1): nn.Parameter[] {
  const made = [new nn.Parameter(zeros([2])), new nn.Parameter(zeros([1, 1])), new nn.Parameter(zeros([3]))];
  made[0]!.grad = tensor([3 * scale, -4 * scale]);
  made[1]!.grad = tensor([[12 * scale]]);
  return made;
}

const flat = (list: nn.Parameter[]): number[] =>
  list.flatMap(({ grad }) => Array.from(grad?.data() ?? [], Number));

test("gradients are scaled to a norm, which is returned as it was", () => {
  for (const [normType, norm] of [
    [2, 13],
    [1, 19],
    [Infinity, 12],
    ["inf", 12],
    [3, Math.cbrt(27 + 64 + 1728)],
    [0.5, (Math.sqrt(3) + 2 + Math.sqrt(12)) ** 2],
  ] as const) {
    const list = parameters();
    const returned = clipGradNorm_(list, 2, { normType });
    assert.deepEqual(returned.shape, []);
    assertClose(returned, [norm], 1e-6);
    assertClose(
      flat(list),
      [3, -4, 12].map((x) => (x * 2) / (norm + 1e-6)),
      1e-6,
    );
    assert.equal(list[2]!.grad, null);
    assertClose(getTotalNorm([tensor([3, -4]), tensor([[12]])], { normType }), [norm], 1e-6);
  }
});

test("what is within the bound stays as it is", () => {
  for (const bound of [13.1, 100, Infinity]) {
    const list = parameters();
    assertClose(clipGradNorm_(list, bound), [13]);
    assert.deepEqual(flat(list), [3, -4, 12]);
  }
  const zero = parameters(0);
  assertClose(clipGradNorm_(zero, 1), [0]);
  assert.deepEqual(flat(zero).map(Math.abs), [0, 0, 0]);
  assertClose(clipGradNorm_([new nn.Parameter(zeros([2]))], 1), [0]);
  assertClose(clipGradNorm_(parameters()[0]!, 1), [5]);
  const generated = clipGradNorm_(new nn.Linear(2, 2).parameters(), 1);
  assert.equal(generated.item(), 0);
});

test("a norm that is no number spoils the gradients, or is refused before", () => {
  for (const wrong of [NaN, Infinity]) {
    const list = parameters();
    list[0]!.grad = tensor([wrong, 1]);
    assertRefused(
      () => clipGradNorm_(list, 1, { errorIfNonfinite: true }),
      "autograd",
      /^clipGradNorm_: the norm of the gradients is/,
    );
    assert.deepEqual(list[1]!.grad?.tolist(), [[12]]);
    clipGradNorm_(list, 1);
    assert.ok(Number.isNaN(flat(list)[0]));
    assert.ok(Number.isNaN(wrong) ? flat(list).every(Number.isNaN) : flat(list)[1] === 0);
  }
});

test("gradients are clipped by a norm that is known, and by value", () => {
  const list = parameters();
  clipGradsWithNorm_(list, 6.5, tensor(13));
  assertClose(flat(list), [1.5, -2, 6]);
  clipGradValue_(list, 1.75);
  assertClose(flat(list), [1.5, -1.75, 1.75]);
  assert.equal(list[2]!.grad, null);
  clipGradValue_(list, Infinity);
  assertClose(flat(list), [1.5, -1.75, 1.75]);
});

test("gradients keep their dtype, and clipping is no part of a graph", () => {
  const list = [new nn.Parameter(zeros([2], { dtype: "float64" })), new nn.Parameter(zeros([2]))];
  for (const each of list) each.mul(3).sum().backward();
  const norm = clipGradNorm_(list, 1);
  assert.equal(norm.requiresGrad, false);
  assert.deepEqual(
    list.map(({ grad }) => grad?.dtype),
    ["float64", "float32"],
  );
  assertClose(flat(list), [0.5, 0.5, 0.5, 0.5]);
});

test("parameters become a vector and come back", () => {
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
  const vector = parametersToVector(model.parameters());
  assert.deepEqual(vector.shape, [13]);
  vector.square().sum().backward();
  const [first] = [...model.parameters()] as [Tensor];
  assertClose(first.grad, first.mul(2).detach());
  vectorToParameters(arange(13), model.parameters());
  assert.deepEqual(first.tolist(), [
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  assertClose(parametersToVector(model.parameters()).detach(), arange(13).float());
  assert.ok(first.requiresGrad && first.isLeaf);
});

test("senseless arguments get one sentence", () => {
  const list = parameters();
  for (const bound of [-1, NaN, "1", null, undefined, {}]) {
    assertRefused(
      () => clipGradNorm_(list, bound as never),
      "argument",
      /^clipGradNorm_: maxNorm must be a number at least 0/,
    );
    assertRefused(
      () => {
        clipGradValue_(list, bound as never);
      },
      "argument",
      /^clipGradValue_: clipValue must be/,
    );
  }
  for (const wrong of [3, null, "x", {}, [1], [null]]) {
    assertRefused(() => clipGradNorm_(wrong as never, 1), "argument", /^clipGradNorm_: /);
    assertRefused(() => parametersToVector(wrong as never), "argument", /^parametersToVector: /);
    assertRefused(
      () => {
        vectorToParameters(zeros([1]), wrong as never);
      },
      "argument",
      /^vectorToParameters: /,
    );
  }
  for (const options of [
    { normType: "2" },
    { normType: NaN },
    { normType: null },
    { errorIfNonfinite: 1 },
    { norm_type: 2 },
    2,
  ])
    assertRefused(() => clipGradNorm_(list, 1, options as never), "argument", /^clipGradNorm_: /);
  assertRefused(() => parametersToVector([]), "argument", /there are no parameters/);
  assertRefused(
    () => {
      vectorToParameters(zeros([4]), list);
    },
    "shape",
    /the vector is \[4\], the parameters need \[6\]/,
  );
  assertRefused(
    () => {
      clipGradsWithNorm_(list, 1, 3 as never);
    },
    "argument",
    /^clipGradsWithNorm_: totalNorm must be a tensor/,
  );
  assert.deepEqual(flat(list), [3, -4, 12]);
});
