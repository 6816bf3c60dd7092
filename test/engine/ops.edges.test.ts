// Calls at the edges of what is allowed, each of which once ended the process or reached beyond a tensor's memory.

import assert from "node:assert/strict";
import { it } from "node:test";
import { DescentError, empty, nn, ones, sum, tensor, zeros } from "descent";

it("moves no dim of a scalar", () => {
  assert.deepEqual([...tensor(1).movedim([0], [0]).shape], []);
});

it("sums and averages no rows of many columns", () => {
  const x = zeros([0, 16]);
  assert.deepEqual(Array.from(x.sum(0).data(), Number), new Array<number>(16).fill(0));
  assert.ok(Array.from(x.mean(0).data(), Number).every(Number.isNaN));
});

it("selects from the first dim of a tensor with as many dims as there may be", () => {
  const x = tensor([1, 2, 3, 4, 5, 6], { shape: [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3] }).requiresGrad_();
  const y = x.indexSelect(0, tensor([1, 1], { dtype: "int64" }));
  assert.deepEqual(Array.from(y.data(), Number), [4, 5, 6, 4, 5, 6]);
  sum(y).backward();
  assert.deepEqual(Array.from(x.grad!.data(), Number), [0, 0, 0, 2, 2, 2]);
});

it("counts the elements of a broadcast without overflow", () => {
  // 274177 x 67280421310721 is 2 ** 64 + 1: one element, to whoever counts in 64 bits.
  const one = ones([1, 1]);
  const call = (): unknown => one.expand([274_177, 1]).add(one.expand([1, 67_280_421_310_721]));
  assert.throws(call, (error) => error instanceof DescentError && error.code === "shape");
});

it("refuses a list that claims to have billions of sizes", () => {
  assert.throws(() => ones([1]).expand(new Array<number>(2 ** 31)), DescentError);
});

it("makes empty bool tensors of true and false only", () => {
  const mess = ones([4096], { dtype: "uint8" }).mul(85);
  mess.dispose(); // its memory is what the next tensor of its size gets
  const x = empty([4096], { dtype: "bool" });
  assert.equal(x.max(0)[1].item(), 0);
  assert.equal(x.any().item(), false);
});

it("convolves with settings far beyond the image", () => {
  const call = (options: object): number[] =>
    Array.from(
      nn.functional.conv2d(ones([1, 2, 3, 3]), ones([2, 1, 2, 2]), null, { groups: 2, ...options }).data(),
      Number,
    );
  assert.deepEqual(call({ dilation: 2 ** 30, padding: 2 ** 29 }), new Array<number>(18).fill(0));
  assert.deepEqual(call({ stride: 2 ** 30, padding: 2 ** 30 }).length, 18);
  assert.deepEqual(call({ stride: 2 ** 31 - 1 }), [4, 4]);
});

it("lets no gradient through what has no derivative and writes in place", () => {
  const x = tensor([3.5, 5.5]).requiresGrad_();
  const y = x.mul(1);
  y.floorDivide_(2);
  sum(y.add(x)).backward();
  assert.deepEqual(Array.from(x.grad!.data(), Number), [1, 1]);
});

it("reads no rows of classes that are not there", () => {
  const { crossEntropy, nllLoss } = nn.functional;
  const ignored = zeros([16], { dtype: "int32" });
  for (const loss of [crossEntropy, nllLoss]) {
    const x = zeros([16, 0], { dtype: "float64" });
    assert.deepEqual(loss(x, ignored, { ignoreIndex: 0, reduction: "sum" }).item(), 0);
    assert.throws(() => loss(x, ignored).item(), DescentError);
  }
});

it("windows that overlap give each element the sum of their gradients, also after their base changed in place", () => {
  const x = tensor([0, 1, 2, 3, 4], { requiresGrad: true });
  const base = x.mul(1);
  const windows = base.unfold(0, 2, 1);
  base.mul_(2);
  windows.sum().backward();
  assert.deepEqual(x.grad!.tolist(), [2, 4, 4, 4, 2]);
});
