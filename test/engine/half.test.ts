// float16 and bfloat16: stored rounded to nearest even, computed in float32, rounded once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arange, full, manualSeed, nn, optim, randn, tensor, zeros, type DType, type Tensor } from "descent";
import { roundHalfToEven } from "./op-inputs.js";

const kinds = [
  { dtype: "float16", digits: 11, lowest: -14, limit: 65520 },
  { dtype: "bfloat16", digits: 8, lowest: -126, limit: 2 ** 127 * (2 - 2 ** -8) },
] as const;

/** What a number becomes in a format of so many binary digits, from its definition. */
function stored(x: number, kind: (typeof kinds)[number]): number {
  if (!Number.isFinite(x) || x === 0) return x;
  if (Math.abs(x) >= kind.limit) return Math.sign(x) * Infinity;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), kind.lowest);
  const unit = 2 ** (exponent - kind.digits + 1);
  return roundHalfToEven(x / unit) * unit;
}

for (const kind of kinds) {
  const { dtype } = kind;
  const near = (x: Tensor): number[] => Array.from(x.data(), Number);

  test(`${dtype}: numbers are rounded to the nearest, ties to even, as subnormals and at the ends too`, () => {
    const units = [1, 3, 5, 1023, 1025, 2049, 4097, 4099];
    const values = [0, -0, Infinity, -Infinity, NaN, 65504, 65519, 65520, 65536, 1e6, 3.3e38, 3.4e38];
    for (const exponent of [-149, -140, -133, -126, -30, -26, -25, -24, -15, -14, -5, 0, 1, 15, 100, 127]) {
      for (const unit of units)
        values.push(unit * 2 ** (exponent - 10), -unit * 2 ** (exponent - 10) * 1.0001);
    }
    for (let k = 0; k < 500; k++) values.push(Math.tan(k) * 2 ** ((k % 40) - 20));
    const exact = values.map(Math.fround);
    assert.deepEqual(
      near(tensor(exact, { dtype })),
      exact.map((x) => stored(x, kind)),
    );
  });

  test(`${dtype}: an op rounds what float32 gives, once`, () => {
    const a = tensor([0.1, 1.7, -3.3, 40000, 1e-5], { dtype });
    const b = tensor([3.3, 0.01, 7.7, 30000, 3], { dtype });
    const [x, y] = [a.float(), b.float()];
    const pairs: [Tensor, Tensor][] = [
      [a.add(b), x.add(y)],
      [a.mul(b), x.mul(y)],
      [a.div(b), x.div(y)],
      [a.exp(), x.exp()],
      [a.sum(), x.sum()],
      [a.matmul(b), x.matmul(y)],
      [a.softmax(0), x.softmax(0)],
      [a.var(), x.var()],
      [
        a.view(5, 1).add(b.view(1, 5)).t().sum(0),
        x.view(5, 1).add(y.view(1, 5)).to(dtype).float().t().sum(0),
      ],
    ];
    for (const [half, single] of pairs) {
      assert.equal(half.dtype, dtype);
      assert.deepEqual(near(half), near(single.to(dtype)));
    }
    assert.deepEqual(a.gt(b).tolist(), x.gt(y).tolist());
  });

  test(`${dtype}: made, read and converted like any other dtype`, () => {
    assert.equal(tensor([1, 2], { dtype }).dtype, dtype);
    assert.deepEqual(tensor([1.5, -2], { dtype }).data(), Float32Array.of(1.5, -2));
    assert.deepEqual(tensor([[1.5], [2]], { dtype }).tolist(), [[1.5], [2]]);
    assert.equal(full([], 0.5, { dtype }).item(), 0.5);
    assert.deepEqual(arange(4, null, 1, { dtype }).tolist(), [0, 1, 2, 3]);
    assert.deepEqual(tensor([0, 0.5, -1, NaN], { dtype }).bool().tolist(), [false, true, true, true]);
    assert.deepEqual(tensor([2.9, -2.9], { dtype }).long().tolist(), [2n, -2n].map(Number));
    assert.equal((dtype === "float16" ? zeros([1]).half() : zeros([1]).bfloat16()).dtype, dtype);
    assert.deepEqual(
      tensor([1, 2, 3], { dtype: "int64" }).add(tensor(0.5, { dtype })).tolist(),
      [1.5, 2.5, 3.5],
    );
  });

  test(`${dtype}: sums are kept in float32`, () => {
    // In half precision 2048 + 1 is 2048 again.
    assert.equal(full([4096], 1, { dtype }).sum().item(), 4096);
    assert.equal(
      full([3000], 1, { dtype })
        .matmul(full([3000], 1, { dtype }))
        .item(),
      stored(3000, kind),
    );
    assert.equal(full([100, 300], 100, { dtype }).mean().item(), 100);
  });

  test(`${dtype}: a model trains, and its state keeps the dtype`, () => {
    manualSeed(3);
    const model = new nn.Sequential(
      new nn.Linear(4, 16),
      new nn.BatchNorm1d(16),
      new nn.ReLU(),
      new nn.Linear(16, 3),
    );
    const x = randn([30, 4]).to(dtype);
    const target = arange(30, null, 1, { dtype: "int64" }).remainder(3);
    x.select(1, 0).copy_(target);
    if (dtype === "float16") model.half();
    else model.bfloat16();
    const mean = model.stateDict()["1.running_mean"]!.clone();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const losses: number[] = [];
    for (let step = 0; step < 30; step++) {
      optimizer.zeroGrad();
      const loss = nn.functional.crossEntropy(model.forward(x), target);
      loss.backward();
      optimizer.step();
      losses.push(loss.item());
    }
    assert.ok(losses.at(-1)! < 0.5 * losses[0]!, `the loss falls: ${losses[0]!} to ${losses.at(-1)!}`);
    for (const parameter of model.parameters()) {
      assert.equal(parameter.dtype, dtype);
      assert.equal(parameter.grad!.dtype, dtype);
    }
    const state: Record<string, Tensor> = model.stateDict();
    assert.notDeepEqual(
      state["1.running_mean"]!.tolist(),
      mean.tolist(),
      "running statistics are written back",
    );
    const other: DType = dtype === "float16" ? "bfloat16" : "float16";
    assert.equal(x.add(x.to(other)).dtype, "float32");
  });
}
