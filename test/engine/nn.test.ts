// Modules: what a tree finds, saves, loads, prints, moves and calls; layers beside their formulas.

import assert from "node:assert/strict";
import { test } from "node:test";
import { init, manualSeed, nn, ones, randn, tensor, zeros, type Tensor } from "descent";
import { assertClose, assertRefused } from "./fixtures.js";

class Block extends nn.Module {
  linear = new nn.Linear(4, 4);
  norm = new nn.BatchNorm1d(4);
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.linear.forward(x)).relu();
  }
}

class Net extends nn.Module {
  scale = new nn.Parameter(1);
  blocks = new nn.ModuleList([new Block(), new Block()]);
  head = new nn.Linear(4, 2, { bias: false });
  forward(x: Tensor): Tensor {
    let value = x.mul(this.scale);
    for (const block of this.blocks) value = block.forward(value);
    return this.head.forward(value);
  }
}

const keys = [
  "scale",
  "blocks.0.linear.weight",
  "blocks.0.linear.bias",
  "blocks.0.norm.weight",
  "blocks.0.norm.bias",
  "blocks.0.norm.running_mean",
  "blocks.0.norm.running_var",
  "blocks.0.norm.num_batches_tracked",
];

test("a tree is found by its fields and named by its paths", () => {
  const net = new Net();
  const names = net.namedParameters().map(([name]) => name);
  assert.deepEqual(names.slice(0, 5), keys.slice(0, 5));
  assert.equal(names.at(-1), "head.weight");
  assert.equal(net.parameters()[1]?.label, "blocks.0.linear.weight");
  assert.deepEqual(Object.keys(net.stateDict()).slice(0, 8), keys);
  assert.deepEqual(
    net
      .namedBuffers()
      .slice(0, 3)
      .map(([name]) => name),
    keys.slice(5),
  );
  assert.deepEqual(
    net
      .namedModules()
      .map(([name]) => name)
      .slice(0, 4),
    ["", "blocks", "blocks.0", "blocks.0.linear"],
  );
  assert.equal(net.modules().length, 9);
  assert.deepEqual(
    net.children().map((child) => child.constructor.name),
    ["ModuleList", "Linear"],
  );
  net.head.parameters();
  assert.equal(net.head.weight.label, "head.weight");
});

test("a shared module or parameter is found once, and a cycle ends", () => {
  class Tied extends nn.Module {
    first = new nn.Linear(2, 2);
    second = this.first;
    weight = this.first.weight;
    parent: nn.Module = this;
    forward(x: Tensor): Tensor {
      return this.first.forward(x);
    }
  }
  const tied = new Tied();
  assert.deepEqual(
    tied.namedParameters().map(([name]) => name),
    ["weight", "first.bias"],
  );
  assert.equal(tied.modules().length, 2);
  // As PyTorch saves it: under every name, parameters before what is below.
  assert.deepEqual(Object.keys(tied.stateDict()), [
    "weight",
    "first.weight",
    "first.bias",
    "second.weight",
    "second.bias",
  ]);
  assert.deepEqual(tied.loadStateDict(tied.stateDict()), { missingKeys: [], unexpectedKeys: [] });
});

test("what has a place of its own may be named among the options too", () => {
  const printed = [
    [new nn.Softmax({ dim: 1 }), new nn.Softmax(1)],
    [new nn.LogSoftmax({ dim: -1 }), new nn.LogSoftmax(-1)],
    [new nn.GLU({ dim: 0 }), new nn.GLU(0)],
    [new nn.GLU({}), new nn.GLU()],
    [new nn.Dropout({ p: 0.25 }), new nn.Dropout(0.25)],
    [new nn.Dropout2d({}), new nn.Dropout2d(0.5)],
    [new nn.Flatten({ startDim: 2 }), new nn.Flatten(2, -1)],
    [new nn.Flatten(0, 1), new nn.Flatten({ startDim: 0, endDim: 1 })],
  ];
  for (const [named, placed] of printed) assert.equal(String(named), String(placed));
  const near = new nn.PairwiseDistance({ eps: 0.5, keepdim: true });
  assert.deepEqual([near.p, near.eps, near.keepdim], [2, 0.5, true]);
  const angle = new nn.CosineSimilarity({ dim: 0 });
  assert.deepEqual([angle.dim, angle.eps], [0, 1e-8]);
  assertRefused(
    () => new nn.Softmax({} as { dim: number }),
    "argument",
    /Softmax: dim must be a whole number/,
  );
  assertRefused(() => new nn.GLU({ axis: 1 } as object), "argument", /GLU: no option 'axis'/);
  assertRefused(() => new nn.PairwiseDistance({ p: 1 }, { eps: 1 }), "argument", /nothing may follow/);
});

test("layers in a plain array are warned of, once", async () => {
  class Hidden extends nn.Module {
    layers = [new nn.Linear(1, 1)];
    sizes = [1, 2];
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const warnings: string[] = [];
  const note = (warning: Error) => warnings.push(warning.message);
  process.on("warning", note);
  assert.equal(new Hidden().parameters().length, 0);
  new Hidden().parameters();
  await new Promise(setImmediate);
  process.off("warning", note);
  assert.deepEqual(warnings, [
    "Hidden.layers is a plain array, the parameters in it are not found; make it a nn.ModuleList",
  ]);
});

test("train and eval reach every module", () => {
  const net = new Net();
  assert.equal(net.eval(), net);
  assert.ok(net.modules().every((module) => !module.training));
  net.train();
  assert.ok(net.modules().every((module) => module.training));
});

test("a state is loaded whole or not at all", () => {
  const [from, to] = [new Net(), new Net()];
  const result = to.loadStateDict(from.stateDict());
  assert.deepEqual(result, { missingKeys: [], unexpectedKeys: [] });
  assert.deepEqual(to.head.weight.tolist(), from.head.weight.tolist());
  const state: Record<string, Tensor> = { ...new Net().stateDict(), extra: zeros([1]) };
  delete state["scale"];
  assertRefused(
    () => to.loadStateDict(state),
    "state",
    /^loadStateDict: the state does not fit Net; missing keys: 'scale'; unexpected keys: 'extra'/,
  );
  assert.deepEqual(to.head.weight.tolist(), from.head.weight.tolist());
  assert.deepEqual(to.loadStateDict(state, { strict: false }), {
    missingKeys: ["scale"],
    unexpectedKeys: ["extra"],
  });
  const wrong = { ...from.stateDict(), "head.weight": zeros([3, 4]) };
  assertRefused(
    () => to.loadStateDict(wrong),
    "state",
    /head\.weight is \[3, 4\] in the state, \[2, 4\] in the model/,
  );
  assertRefused(() => to.loadStateDict(null as never), "state", /it is null/);
});

test("to() keeps the objects, so that optimizers and graphs keep theirs", () => {
  const net = new Net();
  const { weight } = net.head;
  net
    .forward(randn([8, 4]))
    .sum()
    .backward();
  net.double();
  assert.equal(net.head.weight, weight);
  assert.equal(weight.dtype, "float64");
  assert.equal(weight.grad?.dtype, "float64");
  assert.equal(weight.requiresGrad, true);
  assert.equal(weight.isLeaf, true);
  assert.equal(net.namedBuffers()[2]?.[1].dtype, "int64");
  net
    .forward(randn([8, 4], { dtype: "float64" }))
    .sum()
    .backward();
  assertRefused(() => net.to("int64"), "dtype", /floating/);
});

test("hooks run after forward, may replace its output, and leave no trace", () => {
  const net = new Net();
  const seen: number[][] = [];
  const first = net.head.registerForwardHook((module, [x], output) => {
    assert.equal(module, net.head);
    seen.push((x as Tensor).shape, (output as Tensor).shape);
  });
  const second = net.head.registerForwardHook((_module, _inputs, output) => (output as Tensor).mul(0));
  assertClose(net.forward(ones([3, 4])), [
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  assert.deepEqual(seen, [
    [3, 4],
    [3, 2],
  ]);
  first.remove();
  second.remove();
  first.remove();
  assert.equal(Object.hasOwn(net.head, "forward"), false);
  net.forward(ones([3, 4]));
  assert.equal(seen.length, 2);
});

test("prints the tree", () => {
  const text = new Net().toString();
  assert.equal(text.split("\n")[0], "Net(");
  assert.match(text, /^ {2}\(head\): Linear\(inFeatures=4, outFeatures=2, bias=false\)$/m);
  assert.match(text, /^ {4}\(0\): Block\($/m);
  assert.match(
    text,
    /^ {6}\(norm\): BatchNorm1d\(4, eps=0\.00001, momentum=0\.1, affine=true, trackRunningStats=true\)$/m,
  );
});

test("containers hold modules in order or by name", () => {
  const list = new nn.ModuleList<nn.Layer>([new nn.ReLU()]);
  list.append(new nn.Tanh()).insert(0, new nn.Sigmoid());
  assert.deepEqual(
    [...list].map((module) => module.constructor.name),
    ["Sigmoid", "ReLU", "Tanh"],
  );
  assert.equal(list.at(-1).constructor.name, "Tanh");
  const dict = new nn.ModuleDict<nn.Layer>({ a: new nn.ReLU() });
  dict.set("b", new nn.Linear(1, 1));
  assert.deepEqual(dict.keys(), ["a", "b"]);
  assert.deepEqual(
    dict.namedParameters().map(([name]) => name),
    ["b.weight", "b.bias"],
  );
  const named = new nn.Sequential({ first: new nn.Linear(2, 2), then: new nn.ReLU() });
  assert.deepEqual(Object.keys(named.stateDict()), ["first.weight", "first.bias"]);
  assertRefused(() => new nn.Sequential(3 as never), "argument", /^Sequential: layer 0 must be a module/);
  assertRefused(() => list.at(7), "index", /no module at 7/);
  assertRefused(() => dict.get("c"), "index", /no module 'c', there are a, b/);
  assertRefused(() => dict.set("forward", new nn.ReLU()), "argument", /cannot name/);
});

test("a module without forward says so", () => {
  class Bare extends (nn.Module as unknown as new () => object) {}
  const bare = new Bare() as { forward: (x: Tensor) => Tensor };
  assertRefused(() => bare.forward(ones([1])), "argument", /^Bare: it has no forward method/);
});

test("batch norm uses the batch in training, running statistics in evaluation", () => {
  const norm = new nn.BatchNorm1d(2);
  const x = tensor([
    [1, 10],
    [3, 30],
  ]);
  assertClose(
    norm.forward(x),
    [
      [-1, -1],
      [1, 1],
    ],
    1e-4,
  );
  assertClose(norm.runningMean, [0.2, 2]); // 0.9 · 0 + 0.1 · mean
  assertClose(norm.runningVar, [1.1, 20.9]); // 0.9 · 1 + 0.1 · unbiased variance
  assert.equal(norm.numBatchesTracked?.item(), 1);
  norm.eval();
  assertClose(
    norm.forward(x),
    [
      [0.762768, 1.749914],
      [2.669688, 6.1247],
    ],
    1e-4,
  );
  assert.equal(norm.numBatchesTracked.item(), 1);
  const average = new nn.BatchNorm1d(2, { momentum: null });
  average.forward(x);
  average.forward(x.mul(3));
  assertClose(average.runningMean, [4, 40]);
  assertRefused(() => norm.forward(ones([2, 3])), "shape", /^BatchNorm1d: the input must be \[N, 2\]/);
});

test("dropout drops in training only, and keeps the mean", () => {
  manualSeed(1);
  const dropout = new nn.Dropout(0.25);
  const y = dropout.forward(ones([10000]));
  const dropped = y.eq(0).sum().item();
  assert.ok(Math.abs(dropped - 2500) < 200, `${dropped} dropped`);
  assertClose(y.max(), [4 / 3]);
  dropout.eval();
  assertClose(dropout.forward(ones([3])), [1, 1, 1]);
  assertRefused(
    () => new nn.Dropout(1.5),
    "argument",
    /^Dropout: p must be a number at least 0 and at most 1/,
  );
});

test("losses beside their formulas", () => {
  const x = tensor([
    [1, 2, 3],
    [1, 1, 1],
  ]);
  const y = tensor([2n, 0n]);
  const logs = [Math.log(Math.exp(-2) + Math.exp(-1) + 1), Math.log(3)];
  assertClose(new nn.CrossEntropyLoss({ reduction: "none" }).forward(x, y), logs);
  assertClose(new nn.CrossEntropyLoss().forward(x, y.int()), [(logs[0]! + logs[1]!) / 2]);
  const weight = tensor([3, 1, 1]);
  assertClose(new nn.CrossEntropyLoss({ weight }).forward(x, y), [(logs[0]! + 3 * logs[1]!) / 4]);
  assertClose(new nn.NLLLoss({ weight }).forward(x.logSoftmax(1), y), [(logs[0]! + 3 * logs[1]!) / 4]);
  const probabilities = tensor([
    [0, 0, 1],
    [1, 0, 0],
  ]);
  assertClose(new nn.CrossEntropyLoss().forward(x, probabilities), [(logs[0]! + logs[1]!) / 2]);
  assertClose(new nn.MSELoss().forward(x, ones([2, 3])), [5 / 6]);
  assertClose(new nn.L1Loss({ reduction: "sum" }).forward(x, ones([2, 3])), [3]);
  const logits = tensor([100, -100, 0]);
  const wanted = tensor([1, 1, 0]);
  assertClose(new nn.BCEWithLogitsLoss({ reduction: "none" }).forward(logits, wanted), [0, 100, Math.log(2)]);
  const posWeight = tensor(2);
  assertClose(new nn.BCEWithLogitsLoss({ reduction: "none", posWeight }).forward(logits, wanted), [
    0,
    200,
    Math.log(2),
  ]);
  assertRefused(() => new nn.CrossEntropyLoss().forward(x, tensor([3n, 0n])), "index", /3/);
  assertRefused(() => new nn.MSELoss({ reduction: "average" as never }), "argument", /'mean', 'sum', 'none'/);
  assert.deepEqual(Object.keys(new nn.CrossEntropyLoss({ weight }).stateDict()), ["weight"]);
});

test("activations as layers", () => {
  const x = tensor([-1, 0, 2]);
  const expected: [nn.Layer, number[]][] = [
    [new nn.ReLU(), [0, 0, 2]],
    [new nn.LeakyReLU({ negativeSlope: 0.5 }), [-0.5, 0, 2]],
    [new nn.Sigmoid(), [0.268941, 0.5, 0.880797]],
    [new nn.Tanh(), [-0.761594, 0, 0.964028]],
    [new nn.GELU(), [-0.158655, 0, 1.9545]],
    [new nn.GELU({ approximate: "tanh" }), [-0.158808, 0, 1.954598]],
    [new nn.SiLU(), [-0.268941, 0, 1.761594]],
    [new nn.ELU(), [-0.632121, 0, 2]],
    [new nn.Softplus(), [0.313262, 0.693147, 2.126928]],
    [new nn.Hardtanh(), [-1, 0, 1]],
    [new nn.Softmax(0), [0.04201, 0.114195, 0.843795]],
    [new nn.LogSoftmax(0), [-3.169846, -2.169846, -0.169846]],
    [new nn.Identity(), [-1, 0, 2]],
  ];
  for (const [layer, values] of expected) assertClose(layer.forward(x), values, 1e-5, layer.toString());
  assert.deepEqual(new nn.Flatten().forward(zeros([2, 3, 4])).shape, [2, 12]);
});

test("initial values have the spread their formulas say", () => {
  manualSeed(2);
  const linear = new nn.Linear(400, 300);
  const bound = 1 / Math.sqrt(400);
  const largest = (x: Tensor) => x.detach().abs().max().item();
  const spread = (x: Tensor) => x.detach().std().item();
  assert.ok(largest(linear.weight) <= bound && largest(linear.weight) > bound * 0.999);
  assert.ok(largest(linear.bias!) <= bound && largest(linear.bias!) > bound * 0.9);
  const w = zeros([300, 400]);
  const near = (actual: number, expected: number) => {
    assert.ok(Math.abs(actual / expected - 1) < 0.02, `${actual}, not ${expected}`);
  };
  near(spread(init.kaimingNormal_(w, { nonlinearity: "relu" })), Math.sqrt(2 / 400));
  near(spread(init.kaimingNormal_(w, { mode: "fanOut", nonlinearity: "relu" })), Math.sqrt(2 / 300));
  near(largest(init.kaimingUniform_(w, { nonlinearity: "relu" })), Math.sqrt(6 / 400));
  near(largest(init.xavierUniform_(w)), Math.sqrt(6 / 700));
  near(spread(init.xavierNormal_(w, { gain: 2 })), 2 * Math.sqrt(2 / 700));
  near(spread(init.normal_(w, 1, 0.5)), 0.5);
  near(w.mean().item(), 1);
  assert.equal(init.constant_(w, 3).mean().item(), 3);
  assertRefused(() => init.kaimingNormal_(zeros([3])), "shape", /at least 2 dims/);
  assertRefused(() => init.zeros_(null as never), "argument", /must be a tensor/);
});

test("gradients are clipped to a norm or a value", () => {
  const weight = new nn.Parameter(tensor([3, 4]));
  weight.mul(weight.detach()).sum().backward(); // gradient [3, 4]
  assertClose(nn.utils.clipGradNorm_([weight], 1), [5]);
  assertClose(weight.grad, [0.6, 0.8], 1e-4);
  nn.utils.clipGradValue_([weight], 0.7);
  assertClose(weight.grad, [0.6, 0.7], 1e-4);
  const vector = nn.utils.parametersToVector([weight]);
  nn.utils.vectorToParameters(vector.detach().mul(2), [weight]);
  assertClose(weight, [6, 8]);
  assertRefused(() => nn.utils.clipGradNorm_(3 as never, 1), "argument", /^clipGradNorm_: give parameters/);
});

test("bad sizes get one sentence", () => {
  assertRefused(
    () => new nn.Linear(3.5, 2),
    "argument",
    /^Linear: inFeatures must be a whole number at least 0, it is 3\.5/,
  );
  assertRefused(() => new nn.Linear("3" as never, 2), "argument", /'3'/);
  assertRefused(
    () => new nn.Linear(3, 2, { biased: true } as object),
    "argument",
    /no option 'biased', there are bias/,
  );
  assertRefused(() => new nn.Linear(3, 2).forward(ones([2, 4])), "shape", /^linear: /);
  assertRefused(() => new nn.Linear(3, 2).forward(null as never), "argument", /^linear: /);
  assertRefused(() => new nn.Parameter(tensor([1n])), "dtype", /only floating dtypes/);
});
