// Losses and activations as modules give what their functions give, keep their options, and refuse what makes no sense.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DescentError, nn, randn, tensor, type Tensor } from "descent";

const { functional: F } = nn;
const x = randn([4, 6]);
const y = randn([4, 6]);
const shares = y.sigmoid();
const probabilities = x.sigmoid();
const signs = tensor([1, -1, 1, -1]);
const row = tensor([1, 2, 0.5, 1, 3, 0]);

const same = (actual: Tensor, expected: Tensor): void => {
  assert.deepEqual(actual.shape, expected.shape);
  assert.deepEqual(actual.tolist(), expected.tolist());
};

describe("losses as modules", () => {
  const cases: [name: string, actual: Tensor, expected: Tensor][] = [
    ["MSELoss", new nn.MSELoss().forward(x, y), x.sub(y).square().mean()],
    ["L1Loss", new nn.L1Loss({ reduction: "sum" }).forward(x, y), x.sub(y).abs().sum()],
    ["SmoothL1Loss", new nn.SmoothL1Loss({ beta: 0.5 }).forward(x, y), F.smoothL1Loss(x, y, { beta: 0.5 })],
    ["HuberLoss", new nn.HuberLoss({ delta: 0.5 }).forward(x, y), F.huberLoss(x, y, { delta: 0.5 })],
    [
      "BCELoss",
      new nn.BCELoss({ weight: row }).forward(probabilities, shares),
      F.binaryCrossEntropy(probabilities, shares, { weight: row }),
    ],
    [
      "BCEWithLogitsLoss",
      new nn.BCEWithLogitsLoss({ posWeight: row, reduction: "none" }).forward(x, shares),
      F.binaryCrossEntropyWithLogits(x, shares, { posWeight: row, reduction: "none" }),
    ],
    [
      "KLDivLoss",
      new nn.KLDivLoss({ reduction: "batchmean" }).forward(x.logSoftmax(1), y.softmax(1)),
      F.klDiv(x.logSoftmax(1), y.softmax(1), { reduction: "sum" }).div(4),
    ],
    [
      "KLDivLoss of logarithms",
      new nn.KLDivLoss({ logTarget: true }).forward(x.logSoftmax(1), y.logSoftmax(1)),
      F.klDiv(x.logSoftmax(1), y.logSoftmax(1), { logTarget: true }),
    ],
    [
      "CosineEmbeddingLoss",
      new nn.CosineEmbeddingLoss({ margin: 0.1 }).forward(x, y, signs),
      F.cosineEmbeddingLoss(x, y, signs, { margin: 0.1 }),
    ],
    [
      "TripletMarginLoss",
      new nn.TripletMarginLoss({ margin: 2, p: 1, swap: true }).forward(x, y, shares),
      F.tripletMarginLoss(x, y, shares, { margin: 2, p: 1, swap: true }),
    ],
    [
      "MarginRankingLoss",
      new nn.MarginRankingLoss({ margin: 0.5 }).forward(x.select(1, 0), x.select(1, 1), signs),
      F.marginRankingLoss(x.select(1, 0), x.select(1, 1), signs, { margin: 0.5 }),
    ],
    ["CosineSimilarity", new nn.CosineSimilarity(0).forward(x, y), F.cosineSimilarity(x, y, 0)],
    ["PairwiseDistance", new nn.PairwiseDistance(1).forward(x, y), F.pairwiseDistance(x, y, 1)],
  ];
  for (const [name, actual, expected] of cases) {
    it(name, () => {
      same(actual, expected);
    });
  }

  it("their weights are buffers under PyTorch's names", () => {
    assert.deepEqual(Object.keys(new nn.BCELoss({ weight: row }).stateDict()), ["weight"]);
    assert.deepEqual(Object.keys(new nn.BCEWithLogitsLoss({ posWeight: row }).stateDict()), ["pos_weight"]);
  });

  it("refuse what makes no sense", () => {
    const senseless: (() => unknown)[] = [
      () => new nn.HuberLoss({ delta: 0 }),
      () => new nn.SmoothL1Loss({ beta: -1 }),
      () => new nn.TripletMarginLoss({ margin: -1 }),
      () => new nn.KLDivLoss({ reduction: "average" as "mean" }),
      () => new nn.BCELoss({ reduction: "batchmean" as "mean" }),
    ];
    for (const make of senseless) assert.throws(make, DescentError);
  });
});

describe("activations as modules", () => {
  const layers: [layer: { forward(x: Tensor): Tensor }, expected: Tensor][] = [
    [new nn.ReLU6(), x.clamp(0, 6)],
    [new nn.Hardsigmoid(), x.add(3).clamp(0, 6).div(6)],
    [new nn.Softsign(), x.div(x.abs().add(1))],
    [new nn.Tanhshrink(), F.tanhshrink(x)],
    [new nn.CELU({ alpha: 0.5 }), F.celu(x, { alpha: 0.5 })],
    [new nn.Softshrink({ lambd: 0.3 }), F.softshrink(x, { lambd: 0.3 })],
    [new nn.Hardshrink({ lambd: 0.3 }), x.where(x.abs().gt(0.3), 0)],
    [new nn.Threshold(0.5, -2), x.where(x.gt(0.5), -2)],
    [new nn.GLU(), x.narrow(1, 0, 3).mul(x.narrow(1, 3, 3).sigmoid())],
    [new nn.Softmin(1), x.neg().softmax(1)],
    [new nn.PReLU({ numParameters: 6, init: 0.1 }), x.where(x.gt(0), x.mul(0.1))],
  ];
  for (const [layer, expected] of layers) {
    it(layer.constructor.name, () => {
      same(layer.forward(x), expected);
    });
  }

  it("with inplace the input becomes the output, and gradients are the same", () => {
    const make = [
      (inplace: boolean) => new nn.ReLU({ inplace }),
      (inplace: boolean) => new nn.ELU({ alpha: 0.5, inplace }),
      (inplace: boolean) => new nn.SiLU({ inplace }),
      (inplace: boolean) => new nn.Hardtanh({ minVal: -0.5, inplace }),
      (inplace: boolean) => new nn.Threshold(0.2, 1, { inplace }),
    ];
    for (const layer of make) {
      const gradients = [true, false].map((inplace) => {
        const leaf = x.clone().requiresGrad_();
        const input = leaf.mul(1);
        const output = layer(inplace).forward(input);
        if (inplace) assert.deepEqual(input.tolist(), output.tolist());
        else assert.deepEqual(input.tolist(), x.tolist());
        output.sum().backward();
        return leaf.grad!.tolist();
      });
      assert.deepEqual(gradients[0], gradients[1]);
    }
    assert.throws(() => new nn.ReLU({ inplace: 1 as unknown as boolean }), DescentError);
  });

  it("PReLU learns its weight", () => {
    const layer = new nn.PReLU();
    layer
      .forward(tensor([-2, 3]))
      .sum()
      .backward();
    assert.deepEqual(layer.weight.grad!.tolist(), [-2]);
    assert.deepEqual(Object.keys(layer.stateDict()), ["weight"]);
  });
});
