// A tour of the library: each part once, in the order a newcomer meets it. Every line here works.

import assert from "node:assert/strict";
import { it } from "node:test";
import {
  arange,
  autograd,
  cat,
  data,
  manualSeed,
  matmul,
  memory,
  nn,
  noGrad,
  ones,
  optim,
  rand,
  randn,
  scope,
  slice,
  tensor,
  where,
  zeros,
  DescentError,
  type Tensor,
} from "descent";

it("makes tensors", () => {
  assert.deepEqual(
    tensor([
      [1, 2],
      [3, 4],
    ]).shape,
    [2, 2],
  );
  assert.equal(tensor([1, 2]).dtype, "float32");
  assert.equal(tensor([true, false]).dtype, "bool");
  assert.equal(tensor([1n, 2n]).dtype, "int64");
  assert.deepEqual(arange(3).tolist(), [0, 1, 2]);
  assert.deepEqual(
    zeros([2])
      .add(ones([2]))
      .tolist(),
    [1, 1],
  );
  assert.equal(
    tensor([
      [1, 2],
      [3, 4],
    ]).toString(),
    "tensor([[1., 2.],\n        [3., 4.]])",
  );
});

it("computes, with broadcasting", () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  assert.deepEqual(x.add(tensor([10, 20, 30])).tolist(), [
    [11, 22, 33],
    [14, 25, 36],
  ]);
  assert.deepEqual(x.mul(2).sub(1).tolist(), [
    [1, 3, 5],
    [7, 9, 11],
  ]);
  assert.deepEqual(x.sum(0).tolist(), [5, 7, 9]);
  assert.deepEqual(x.mean(1, { keepdim: true }).tolist(), [[2], [5]]);
  assert.deepEqual(matmul(x, x.t()).tolist(), [
    [14, 32],
    [32, 77],
  ]);
  const [values, indices] = x.max(1);
  assert.deepEqual(
    [values.tolist(), indices.tolist()],
    [
      [3, 6],
      [2, 2],
    ],
  );
  assert.deepEqual(where(x.gt(3), x, 0).tolist(), [
    [0, 0, 0],
    [4, 5, 6],
  ]);
});

it("looks at parts without copying them", () => {
  const x = arange(12).reshape([3, 4]);
  assert.deepEqual(x.at(1).tolist(), [4, 5, 6, 7]);
  assert.deepEqual(x.at(slice(0, 2), -1).tolist(), [3, 7]);
  assert.deepEqual(x.permute(1, 0).shape, [4, 3]);
  x.select(0, 0).fill_(0);
  assert.equal(x.sum().item(), 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11);
  assert.deepEqual(cat([x, x], 1).shape, [3, 8]);
});

it("says what was wrong", () => {
  assert.throws(
    () => matmul(zeros([32, 784]), zeros([128, 10])),
    (error) => {
      assert.ok(error instanceof DescentError);
      assert.equal(error.message, "matmul: inner sizes differ, [32, 784] x [128, 10]");
      return error.code === "shape";
    },
  );
});

it("differentiates, twice if asked", () => {
  const x = tensor([1, 2, 3], { requiresGrad: true });
  x.pow(3).sum().backward();
  assert.deepEqual(x.grad!.tolist(), [3, 12, 27]); // 3 x²
  const [slope] = autograd.grad(x.pow(3).sum(), x, { createGraph: true });
  const [curve] = autograd.grad(slope!.sum(), x);
  assert.deepEqual(curve!.tolist(), [6, 12, 18]); // 6 x
  assert.equal(noGrad(() => x.mul(2)).requiresGrad, false);
});

class Net extends nn.Module {
  body = new nn.Sequential(new nn.Linear(2, 16), new nn.BatchNorm1d(16), new nn.Tanh(), new nn.Dropout(0.1));
  head = new nn.Linear(16, 2);
  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x));
  }
}

it("trains a network", async () => {
  manualSeed(0);
  const points = rand([400, 2]).mul(2).sub(1);
  const isInside = points.square().sum(1).lt(0.5).to("int64"); // is a point within a circle?
  const loader = new data.DataLoader(new data.TensorDataset(points, isInside), {
    batchSize: 20,
    shuffle: true,
  });
  const model = new Net();
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
  for (let epoch = 0; epoch < 15; epoch++) {
    for await (const [x, y] of loader) {
      optimizer.zeroGrad();
      criterion.forward(model.forward(x), y).backward();
      optimizer.step();
    }
  }
  model.eval();
  const right = noGrad(() => model.forward(points).argmax(1).eq(isInside).sum().item());
  assert.ok(right > 350, `${right} of 400 points right`);
});

it("saves and loads a model's state", () => {
  const first = new Net();
  const second = new Net();
  second.loadStateDict(first.stateDict());
  assert.deepEqual(
    first.namedParameters().map(([name]) => name),
    [...["body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias", "head.weight", "head.bias"]],
  );
  assert.deepEqual(second.head.weight.tolist(), first.head.weight.tolist());
});

it("gives memory back when told, and by itself", () => {
  const before = memory.allocated();
  scope(() => {
    randn([1000, 1000]).exp().sum();
  });
  const y = zeros([1000]);
  y.dispose();
  // Less where the collector happened to run and took what earlier tests left.
  assert.ok(memory.allocated() <= before);
  assert.throws(() => y.add(1), /disposed/);
});
