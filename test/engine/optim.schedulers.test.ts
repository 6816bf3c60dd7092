// Schedulers beside PyTorch's: the rates of 100 steps, momenta where they are cycled, going to an epoch, and going on from a saved state.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nn, optim, tensor, zeros } from "descent";
import { readFixture } from "../reference/replay.js";
import { assertClose, assertRefused } from "./fixtures.js";

const { lrScheduler } = optim;
type Scheduler = optim.lrScheduler.LRScheduler;
type Part = [name: string, args: unknown[], options: Record<string, unknown>];

interface Recorded {
  scheduler: string;
  args?: unknown[];
  options?: Record<string, unknown>;
  /** Of a scheduler that is made of others. */
  parts?: Part[];
  milestones?: number[] | null;
  optimizer: "SGD" | "Adam";
  /** What `step` gets; 100 times nothing where it is not given. */
  epochs?: number[];
  rates: [number, number][];
  momenta?: [number, number][];
  keys?: string[];
}

/** schedulers.py has the same. */
const lambdas: Record<string, (epoch: number) => number> = {
  inverse: (epoch) => 1 / (epoch + 1),
  steps: (epoch) => 0.95 ** Math.floor(epoch / 10),
  same: () => 1,
  wave: (epoch) => 1 + 0.1 * Math.sin(epoch),
};
const metric = (step: number): number =>
  1 / (1 + Math.floor(step / 4)) + 0.05 * Math.sin(3 * step) + (step > 70 ? 0.5 : 0);
const isKept = (step: number): boolean => step < 40 || step % 3 === 0;

function parameter(size = 1): nn.Parameter {
  return new nn.Parameter(zeros([size]));
}

function makeOptimizer(kind: "SGD" | "Adam"): optim.SGD | optim.Adam {
  const groups = [{ params: [parameter()] }, { params: [parameter(2)], lr: 0.03 }];
  return kind === "SGD"
    ? new optim.SGD(groups, { lr: 0.1, momentum: 0.9 })
    : new optim.Adam(groups, { lr: 0.1 });
}

const classes = lrScheduler as unknown as Record<string, new (...args: unknown[]) => Scheduler>;

function makePart(optimizer: unknown, [name, args, options]: Part): Scheduler {
  const find = (value: unknown): unknown => (typeof value === "string" ? lambdas[value] : value);
  const given = args.map((each) => (Array.isArray(each) ? each.map(find) : find(each)));
  return new classes[name]!(optimizer, ...given, options);
}

function makeScheduler(optimizer: unknown, recorded: Recorded): Scheduler {
  if (recorded.parts === undefined) {
    return makePart(optimizer, [recorded.scheduler, recorded.args!, recorded.options!]);
  }
  const parts = recorded.parts.map((part) => makePart(optimizer, part));
  return recorded.milestones === null
    ? new lrScheduler.ChainedScheduler(parts)
    : new lrScheduler.SequentialLR(optimizer as optim.SGD, parts, recorded.milestones!);
}

function advance(scheduler: Scheduler, step: number): void {
  if (scheduler instanceof lrScheduler.ReduceLROnPlateau) {
    // As a number and as a tensor in turn.
    scheduler.step(step % 2 === 0 ? metric(step) : tensor(metric(step), { dtype: "float64" }));
  } else {
    scheduler.step();
  }
}

function ratesOf(optimizer: optim.SGD | optim.Adam): number[] {
  return optimizer.paramGroups.map((group) => group.lr);
}

function momentaOf(optimizer: optim.SGD | optim.Adam): number[] {
  return optimizer.paramGroups.map((group) => ("momentum" in group ? group.momentum : group.betas[0]));
}

function assertNear(actual: number[], expected: readonly number[], what: string): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, k) => {
    const wanted = expected[k]!;
    const isNear = Math.abs(value - wanted) <= 1e-9 * Math.max(Math.abs(wanted), 1e-6);
    assert.ok(isNear, `${what}, group ${k}: ${value}, PyTorch has ${wanted}`);
  });
}

const all = readFixture("schedulers") as Recorded[];
const steady = all.filter(({ epochs }) => epochs === undefined);

function title(recorded: Recorded): string {
  const { args, options, parts, milestones, optimizer } = recorded;
  const shown = parts === undefined ? [...args!, options] : [parts.map(([name]) => name), milestones];
  return `${recorded.scheduler}(${JSON.stringify(shown).slice(1, -1)}) of ${optimizer}`;
}

describe("100 steps as PyTorch's", () => {
  for (const recorded of steady) {
    it(title(recorded), () => {
      const optimizer = makeOptimizer(recorded.optimizer);
      const scheduler = makeScheduler(optimizer, recorded);
      let at = 0;
      for (let step = 0; step <= 100; step++) {
        if (step > 0) advance(scheduler, step - 1);
        assert.deepEqual(scheduler.getLastLr(), ratesOf(optimizer));
        if (!isKept(step)) continue;
        assertNear(ratesOf(optimizer), recorded.rates[at]!, `rate after ${step} steps`);
        const momenta = recorded.momenta?.[at];
        if (momenta !== undefined) assertNear(momentaOf(optimizer), momenta, `momentum after ${step} steps`);
        at += 1;
      }
      assert.equal(at, recorded.rates.length);
    });
  }
});

describe("step(epoch) as PyTorch's", () => {
  for (const recorded of all.filter(({ epochs }) => epochs !== undefined)) {
    it(title(recorded), () => {
      const optimizer = makeOptimizer(recorded.optimizer);
      const scheduler = makeScheduler(optimizer, recorded);
      recorded.epochs!.forEach((epoch, k) => {
        scheduler.step(epoch);
        assertNear(ratesOf(optimizer), recorded.rates[k]!, `rate at epoch ${epoch}`);
      });
    });
  }
});

describe("a saved scheduler goes on", () => {
  /** Of PyTorch's own bookkeeping. */
  const foreign = [
    "_get_lr_called_within_step",
    "_is_initial",
    "_scale_fn_custom",
    "default_min_lr",
    "mode_worse",
  ];

  for (const recorded of steady) {
    it(title(recorded), () => {
      const optimizer = makeOptimizer(recorded.optimizer);
      const scheduler = makeScheduler(optimizer, recorded);
      for (let step = 0; step < 33; step++) advance(scheduler, step);
      const state = scheduler.stateDict();
      for (const key of recorded.keys!.filter((name) => !foreign.includes(name))) {
        assert.ok(key in state, `the state has ${key}`);
      }
      const other = makeOptimizer(recorded.optimizer);
      const resumed = makeScheduler(other, recorded);
      other.loadStateDict(optimizer.stateDict());
      resumed.loadStateDict(structuredClone(state));
      assert.deepEqual(resumed.stateDict(), state);
      for (let step = 33; step < 60; step++) {
        advance(scheduler, step);
        advance(resumed, step);
        assert.deepEqual(ratesOf(other), ratesOf(optimizer), `after ${step} steps`);
        assert.deepEqual(momentaOf(other), momentaOf(optimizer));
      }
    });
  }
});

describe("schedulers", () => {
  const make = (): optim.SGD => new optim.SGD([parameter()], { lr: 1, momentum: 0.5 });

  it("go on from an epoch where the groups know their first rate", () => {
    assertRefused(
      () => new lrScheduler.StepLR(make(), 2, { lastEpoch: 3 }),
      "argument",
      /^StepLR: group 0 has no initialLr/,
    );
    const optimizer = new optim.SGD([{ params: [parameter()], initialLr: 1 }], { lr: 0.01 });
    const scheduler = new lrScheduler.LambdaLR(optimizer, (epoch) => 1 / (epoch + 1), { lastEpoch: 3 });
    assert.equal(scheduler.lastEpoch, 4);
    assert.deepEqual(ratesOf(optimizer), [0.2]);
  });

  it("keep the first rate of a group when another scheduler has changed it", () => {
    const optimizer = make();
    new lrScheduler.ConstantLR(optimizer, { factor: 0.5 });
    assert.equal(optimizer.paramGroups[0]!.lr, 0.5);
    assert.equal(optimizer.paramGroups[0]!.initialLr, 1);
    assert.deepEqual(new lrScheduler.LinearLR(optimizer).baseLrs, [1]);
    assert.equal(optimizer.stateDict().param_groups[0]!["initial_lr"], 1);
  });

  it("restarts in the middle of an epoch", () => {
    const optimizer = make();
    const scheduler = new lrScheduler.CosineAnnealingWarmRestarts(optimizer, 4);
    scheduler.step(4.5);
    assert.equal(scheduler.lastEpoch, 4);
    assertNear(ratesOf(optimizer), [(1 + Math.cos(Math.PI / 8)) / 2], "rate");
  });

  it("may be written by the user", () => {
    class Halving extends lrScheduler.LRScheduler {
      constructor(optimizer: optim.SGD) {
        super(optimizer);
        this.initialStep();
      }
      getLr(): number[] {
        return this.baseLrs.map((base) => base / 2 ** this.lastEpoch);
      }
    }
    const scheduler = new Halving(make());
    scheduler.step();
    scheduler.step();
    assert.deepEqual(scheduler.getLastLr(), [0.25]);
  });

  it("refuse a group that was added later where they need its first rate", () => {
    const optimizer = make();
    const scheduler = new lrScheduler.LambdaLR(optimizer, () => 1);
    optimizer.addParamGroup({ params: [parameter()] });
    assertRefused(
      () => {
        scheduler.step();
      },
      "argument",
      /^LambdaLR: it was made for 1 parameter groups, there are 2 now/,
    );
  });

  it("refuse states of others", () => {
    const scheduler = new lrScheduler.StepLR(make(), 2);
    for (const state of [null, 3, "x", [], {}, { last_epoch: 1 }]) {
      assertRefused(
        () => {
          scheduler.loadStateDict(state as never);
        },
        "state",
        /^StepLR.loadStateDict: /,
      );
    }
    const good = scheduler.stateDict();
    for (const wrong of [{ gamma: "0.1" }, { last_epoch: null }, { step_size: NaN }, { base_lrs: 3 }]) {
      assertRefused(
        () => {
          scheduler.loadStateDict({ ...good, ...wrong });
        },
        "state",
        /in the state/,
      );
    }
    assert.deepEqual(scheduler.stateDict(), good);
  });

  it("answer every senseless argument with a sentence that begins with their name", () => {
    const senseless = [NaN, -1, "x", null, {}, [], true, Infinity, () => "x", [1, 2, 3], ["a"]];
    const required: Record<string, unknown[]> = {
      StepLR: [3],
      MultiStepLR: [[3]],
      ExponentialLR: [0.5],
      ConstantLR: [],
      LinearLR: [],
      PolynomialLR: [],
      CosineAnnealingLR: [3],
      CosineAnnealingWarmRestarts: [3],
      LambdaLR: [() => 1],
      MultiplicativeLR: [() => 1],
      OneCycleLR: [0.1],
      CyclicLR: [0.1, 0.2],
      ReduceLROnPlateau: [],
      SequentialLR: [[], []],
    };
    const options = [
      ["gamma", "factor", "totalIters", "startFactor", "endFactor", "power", "etaMin", "tMult", "lastEpoch"],
      ["totalSteps", "epochs", "stepsPerEpoch", "pctStart", "annealStrategy", "cycleMomentum", "divFactor"],
      ["baseMomentum", "maxMomentum", "finalDivFactor", "threePhase", "stepSizeUp", "stepSizeDown", "mode"],
      ["scaleFn", "scaleMode", "patience", "threshold", "thresholdMode", "cooldown", "minLr", "eps"],
    ].flat();
    const attempt = (name: string, args: unknown[]): void => {
      try {
        new classes[name]!(...args);
      } catch (error) {
        const { message } = error as Error;
        assert.equal((error as Error).name, "DescentError", `${name}: ${message}`);
        assert.match(message, new RegExp(`^(${name}|Scheduler): `));
      }
    };
    for (const [name, args] of Object.entries(required)) {
      for (const value of senseless) {
        attempt(name, [value, ...args]);
        args.forEach((_, k) => {
          attempt(name, [make(), ...args.with(k, value)]);
        });
        attempt(name, [make(), ...args, value]);
        for (const option of options) attempt(name, [make(), ...args, { totalSteps: 5, [option]: value }]);
        for (const option of options) attempt(name, [make(), ...args, { [option]: value }]);
      }
    }
    assertRefused(() => new lrScheduler.ReduceLROnPlateau(make(), { factor: 1 }), "argument", /below 1/);
    const plateau = new lrScheduler.ReduceLROnPlateau(make());
    for (const value of [undefined, null, "0.1", {}, tensor([1, 2])]) {
      assert.throws(
        () => {
          plateau.step(value as never);
        },
        { name: "DescentError" },
      );
    }
    const step = new lrScheduler.StepLR(make(), 2);
    assertRefused(
      () => {
        step.step(-1);
      },
      "argument",
      /^StepLR: epoch must be/,
    );
    const cycle = new lrScheduler.OneCycleLR(make(), 1, { totalSteps: 2 });
    cycle.step();
    cycle.step();
    assertRefused(
      () => {
        cycle.step();
      },
      "argument",
      /^OneCycleLR: the cycle has 2 steps, this is step 3/,
    );
    const two = [new lrScheduler.StepLR(make(), 2), new lrScheduler.StepLR(make(), 2)];
    assertRefused(() => new lrScheduler.ChainedScheduler(two), "argument", /belongs to another optimizer/);
    assertRefused(() => new lrScheduler.ChainedScheduler([plateau]), "argument", /ReduceLROnPlateau/);
    assertRefused(
      () => new lrScheduler.OneCycleLR(new optim.Adagrad([parameter()]), 1, { totalSteps: 5 }),
      "argument",
      /neither momentum nor betas/,
    );
  });
});

it("a loss is given to a plateau scheduler as a number or as a tensor", () => {
  const optimizer = new optim.SGD([new nn.Parameter([1])], { lr: 1 });
  const scheduler = new optim.lrScheduler.ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.5 });
  const loss = tensor(1);
  scheduler.step(loss.item());
  scheduler.step(loss);
  assert.equal(optimizer.paramGroups[0]!.lr, 0.5);
  const isWhole: boolean = loss.eq(1).item<boolean>();
  assert.equal(isWhole, true);
  assertClose(tensor([0, 3]).clamp(loss.item()), [1, 3]);
});
