// Whole trainings beside PyTorch's, step by step; saved optimizers; schedules; bad options.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, optim, tensor, type Tensor } from "descent";
import { assertClose, assertRefused, readFixture } from "./fixtures.js";

interface Start {
  inputs: number[][];
  targets: number[];
  initial: Record<string, number[]>;
}

interface Training {
  optimizer: "SGD" | "Adam" | "AdamW";
  options: Record<string, unknown>;
  criterion: "plain" | "weighted" | "smoothed";
  losses: number[];
  norms: number[][];
  final: Record<string, number[]>;
  output: number[][];
}

const [start, ...trainings] = readFixture<unknown>("training.jsonl") as [Start, ...Training[]];
const inputs = tensor(start.inputs);
const targets = tensor(start.targets, { dtype: "int64" });

const criteria = {
  plain: () => new nn.CrossEntropyLoss(),
  weighted: () => new nn.CrossEntropyLoss({ weight: tensor([0.2, 1, 3]) }),
  smoothed: () => new nn.CrossEntropyLoss({ labelSmoothing: 0.1, ignoreIndex: 1, reduction: "sum" }),
};

function net(): nn.Sequential {
  const model = new nn.Sequential(
    new nn.Linear(6, 8, { bias: false }),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Linear(8, 3),
  );
  const state = Object.entries(start.initial).map(([key, value]): [string, Tensor] => [
    key,
    key.endsWith("tracked") ? tensor(value, { dtype: "int64" }) : tensor(value),
  ]);
  model.loadStateDict(Object.fromEntries(state));
  return model;
}

function camelCase(options: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}

/** Steps `from` to `to` of the recorded training; the losses. */
function trainSteps(
  model: nn.Sequential,
  optimizer: optim.SGD | optim.Adam,
  criterion: nn.CrossEntropyLoss,
  from: number,
  to: number,
): number[] {
  const losses: number[] = [];
  for (let step = from; step < to; step++) {
    const first = (step % 3) * 8;
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(inputs.narrow(0, first, 8)), targets.narrow(0, first, 8));
    loss.backward();
    optimizer.step();
    losses.push(loss.item());
  }
  return losses;
}

for (const training of trainings) {
  const { optimizer: name, options, criterion } = training;
  test(`${name} ${JSON.stringify(options)} on the ${criterion} loss trains as PyTorch's`, () => {
    const model = net();
    const optimizer = new optim[name](model.parameters(), camelCase(options));
    assertClose(trainSteps(model, optimizer, criteria[criterion](), 0, 20), training.losses, 2e-4, "loss");
    for (const [key, value] of Object.entries(model.stateDict())) {
      assertClose(value, training.final[key], 2e-3, key);
    }
    model.eval();
    assertClose(model.forward(inputs.narrow(0, 0, 4)), training.output, 2e-3, "output in evaluation");
  });

  test(`${name} ${JSON.stringify(options)} on the ${criterion} loss goes on from a saved state`, () => {
    const first = net();
    const saving = new optim[name](first.parameters(), camelCase(options));
    trainSteps(first, saving, criteria[criterion](), 0, 7);
    const second = net();
    second.loadStateDict(first.stateDict());
    const loading = new optim[name](second.parameters(), { lr: 0.5 });
    loading.loadStateDict(saving.stateDict());
    const losses = trainSteps(second, loading, criteria[criterion](), 7, 20);
    assertClose(losses, training.losses.slice(7), 2e-4, "loss");
  });
}

function parameter(value = 1): nn.Parameter {
  return new nn.Parameter(tensor([value]));
}

test("groups have options of their own, which may change", () => {
  const [slow, fast] = [parameter(), parameter()];
  const optimizer = new optim.SGD([{ params: [slow] }, { params: fast, lr: 1 }], { lr: 0.1 });
  slow.add(fast).sum().backward();
  optimizer.step();
  assertClose([slow.item(), fast.item()], [0.9, 0]);
  optimizer.paramGroups[0]!.lr = 0.2;
  optimizer.step();
  assertClose([slow.item(), fast.item()], [0.7, -1]);
  const late = parameter();
  optimizer.addParamGroup({ params: [late], lr: 0.5 });
  optimizer.zeroGrad();
  assert.deepEqual([slow.grad], [null]);
  late.mul(2).sum().backward();
  optimizer.step();
  assertClose([slow.item(), late.item()], [0.7, 0]);
});

test("parameters that sat steps out go on as if they were alone", () => {
  const run = (together: boolean) => {
    const [early, late] = [parameter(1), parameter(2)];
    const optimizers = together
      ? [new optim.Adam([late, early], { lr: 0.1 })]
      : [new optim.Adam([early], { lr: 0.1 }), new optim.Adam([late], { lr: 0.1 })];
    for (let step = 0; step < 5; step++) {
      for (const optimizer of optimizers) optimizer.zeroGrad();
      early.square().sum().backward();
      if (step > 0) late.pow(3).sum().backward();
      for (const optimizer of optimizers) optimizer.step();
    }
    return [early.item(), late.item()];
  };
  assert.deepEqual(run(true), run(false));
});

test("a closure gives the loss", () => {
  const weight = parameter(3);
  const optimizer = new optim.SGD([weight], { lr: 0.5 });
  const loss = optimizer.step(() => {
    optimizer.zeroGrad();
    const value = weight.square().sum();
    value.backward();
    return value;
  });
  assert.equal(loss.item(), 9);
  assertClose(weight, [0]); // 3 − 0.5 · 2 · 3
});

test("saved states have PyTorch's keys", () => {
  const weight = parameter();
  const optimizer = new optim.Adam([weight], { weightDecay: 0.1 });
  assert.deepEqual(optimizer.stateDict().state, {});
  weight.sum().backward();
  optimizer.step();
  const { state, param_groups: groups } = optimizer.stateDict();
  assert.deepEqual(Object.keys(state["0"]!), ["step", "exp_avg", "exp_avg_sq"]);
  assert.equal(groups[0]?.["weight_decay"], 0.1);
  assert.deepEqual(groups[0]["params"], [0]);
  const other = new optim.Adam([parameter(), parameter()]);
  assertRefused(
    () => {
      other.loadStateDict(optimizer.stateDict());
    },
    "state",
    /group 0 has 1 parameters in the state, 2 here/,
  );
  assertRefused(
    () => {
      other.loadStateDict(null as never);
    },
    "state",
    /null/,
  );
});

test("schedules follow PyTorch's formulas", () => {
  const rates = (make: (optimizer: optim.SGD) => optim.lrScheduler.LRScheduler, epochs = 4) => {
    const optimizer = new optim.SGD([parameter()], { lr: 1 });
    const scheduler = make(optimizer);
    return Array.from({ length: epochs }, () => {
      const rate = optimizer.paramGroups[0]!.lr;
      scheduler.step();
      return rate;
    });
  };
  const { StepLR, MultiStepLR, ExponentialLR, CosineAnnealingLR, LambdaLR } = optim.lrScheduler;
  assertClose(
    rates((o) => new StepLR(o, 2)),
    [1, 1, 0.1, 0.1],
  );
  assertClose(
    rates((o) => new MultiStepLR(o, [1, 3], { gamma: 0.5 })),
    [1, 0.5, 0.5, 0.25],
  );
  assertClose(
    rates((o) => new ExponentialLR(o, 0.5)),
    [1, 0.5, 0.25, 0.125],
  );
  assertClose(
    rates((o) => new CosineAnnealingLR(o, 4), 5),
    [1, 0.853553, 0.5, 0.146447, 0],
  );
  assertClose(
    rates((o) => new LambdaLR(o, (epoch) => 1 / (epoch + 1))),
    [1, 1 / 2, 1 / 3, 1 / 4],
  );
  assertRefused(() => new StepLR(3 as never, 2), "argument", /^StepLR: the first argument/);
});

test("bad parameters and options get one sentence", () => {
  const model = new nn.Linear(2, 1);
  const make = (params: unknown, options?: unknown) => () =>
    new optim.SGD(params as Tensor[], options as object);
  assertRefused(
    make(model),
    "argument",
    /^SGD: the parameters must be an array such as model.parameters\(\)/,
  );
  assertRefused(make([]), "argument", /^SGD: there are no parameters/);
  assertRefused(make([3]), "argument", /3/);
  assertRefused(make(null), "argument", /not null/);
  assertRefused(make([model.weight, model.weight]), "argument", /given twice/);
  assertRefused(make([model.weight.mul(2)]), "autograd", /only leaves/);
  assertRefused(
    make(model.parameters(), { lr: -1 }),
    "argument",
    /^SGD: lr must be a number at least 0, it is -1/,
  );
  assertRefused(make(model.parameters(), { lr: "0.1" }), "argument", /'0.1'/);
  assertRefused(make(model.parameters(), { weight_decay: 1 }), "argument", /it is called weightDecay here/);
  assertRefused(make(model.parameters(), { nesterov: true }), "argument", /nesterov needs a momentum/);
  assertRefused(make(model.parameters(), 0.1), "argument", /options must be an object/);
  assertRefused(() => new optim.Adam(model.parameters(), { betas: [0.9] as never }), "argument", /betas/);
  assertRefused(() => new optim.Adam(model.parameters(), { betas: [0.9, 1] }), "argument", /betas\[1\]/);
});

test("Adagrad begins all sums with the optimizer's own value, as PyTorch does", () => {
  const [a, b] = [new nn.Parameter([1]), new nn.Parameter([1])];
  const groups = [{ params: [a] }, { params: [b], initialAccumulatorValue: 3 }];
  const { state } = new optim.Adagrad(groups, { initialAccumulatorValue: 2 }).stateDict();
  assertClose(state["0"]!["sum"], [2]);
  assertClose(state["1"]!["sum"], [2]);
});
