// Optimizers beside PyTorch's: 50 steps of each with every option, the states they end with, and training that goes on from a saved state.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cat, optim, Tensor } from "descent";
import {
  compare,
  makeInput,
  makeTensor,
  readFixture,
  type Precision,
  type RecordedTensor,
} from "../reference/replay.js";

type Numbers = RecordedTensor["v"];
type AnyOptimizer = optim.Optimizer<optim.GroupOptions>;
type Options = Record<string, unknown> & { lr: number };

interface Trajectory {
  optimizer: string;
  options: Options;
  /** Three groups rather than one. */
  groups: boolean;
  start: RecordedTensor[];
  target: RecordedTensor[];
  /** The parameters after some of the steps. */
  after: [number, Numbers[]][];
  state: Record<string, Record<string, number | Numbers>>;
  keys: string[];
}

interface Minimization {
  optimizer: "LBFGS";
  options: Record<string, unknown>;
  start: RecordedTensor[];
  losses: number[];
  /** Calls of the closure so far, and the parameters, after each step. */
  after: [number, Numbers[]][];
  stateKeys: string[];
  keys: string[];
}

const recorded = readFixture("optimizers") as (Trajectory | Minimization)[];
const trajectories = recorded.filter((each): each is Trajectory => "target" in each);
const minimizations = recorded.filter((each): each is Minimization => "losses" in each);
const lastStep = 49;

/** What moves the parameters: optimizers.py has the same. */
class Chase {
  readonly parameters: Tensor[];
  readonly goals: Tensor[];

  constructor(trajectory: Trajectory, precision: Precision) {
    this.parameters = trajectory.start.map((start) => makeInput(start, precision).leaf);
    this.goals = trajectory.target.map((target) => makeTensor(target, precision));
  }

  optimizer(trajectory: Trajectory): AnyOptimizer {
    const [first, second, third, fourth] = this.parameters as [Tensor, Tensor, Tensor, Tensor];
    const given = trajectory.groups
      ? [{ params: [first] }, { params: [second, fourth], lr: 0.03 }, { params: [third], weightDecay: 0.05 }]
      : this.parameters;
    return make(trajectory.optimizer, given, trajectory.options);
  }

  step(optimizer: AnyOptimizer, step: number): void {
    if (step === 25) for (const group of optimizer.paramGroups) group.lr *= 0.5;
    optimizer.zeroGrad();
    this.loss(step).backward();
    optimizer.step();
  }

  private loss(step: number): Tensor {
    const parts = [0, 1, 2].filter((k) => k !== 1 || ![3, 10, 11, 12].includes(step));
    return parts
      .map((k) =>
        this.parameters[k]!.mul(k + 1)
          .sub(this.goals[k]!)
          .sub(Math.sin(step + k))
          .square()
          .sum(),
      )
      .reduce((sum, part) => sum.add(part));
  }
}

function make(name: string, params: unknown, options: object): AnyOptimizer {
  const classes = optim as unknown as Record<string, new (params: unknown, options: object) => AnyOptimizer>;
  return new classes[name]!(params, options);
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function title({ optimizer, options, ...rest }: Trajectory | Minimization): string {
  return `${optimizer}(${JSON.stringify(options)})${"groups" in rest && rest.groups ? ", three groups" : ""}`;
}

describe("50 steps as PyTorch's", () => {
  for (const trajectory of trajectories) {
    it(title(trajectory), () => {
      for (const precision of ["float64", "float32"] as const) {
        const chase = new Chase(trajectory, precision);
        const optimizer = chase.optimizer(trajectory);
        const after = new Map(trajectory.after);
        for (let step = 0; step <= lastStep; step++) {
          chase.step(optimizer, step);
          after.get(step)?.forEach((values, k) => {
            const parameter = chase.parameters[k]!;
            const expected = { s: parameter.shape, d: "F", v: values };
            compare(`parameter ${k} after step ${step} in ${precision}`, parameter, expected, precision);
          });
        }
        const saved = optimizer.stateDict();
        for (const key of trajectory.keys)
          assert.ok(key in saved.param_groups[0]!, `the saved groups have ${key}`);
        compareStates(saved.state, trajectory.state, precision);
      }
    });
  }
});

function compareStates(
  saved: optim.OptimizerState["state"],
  expected: Trajectory["state"],
  precision: Precision,
): void {
  for (const [parameter, states] of Object.entries(expected)) {
    for (const [key, values] of Object.entries(states)) {
      const own = saved[parameter]?.[key];
      const what = `${key} of parameter ${parameter}`;
      if (typeof values === "number") {
        assert.ok(
          Math.abs((own as number) - values) <= 1e-6 * Math.abs(values),
          `${what} is ${String(own)}, not ${values}`,
        );
      } else {
        assert.ok(own instanceof Tensor, what);
        compare(what, own, { s: own.shape, d: "F", v: values }, precision);
      }
    }
  }
}

describe("training goes on from a saved state bit for bit", () => {
  for (const trajectory of trajectories) {
    it(title(trajectory), () => {
      const whole = new Chase(trajectory, "float32");
      const optimizer = whole.optimizer(trajectory);
      for (let step = 0; step < 20; step++) whole.step(optimizer, step);
      const resumed = new Chase(trajectory, "float32");
      const resumedOptimizer = resumed.optimizer({ ...trajectory, options: { lr: 1 } });
      resumed.parameters.forEach((parameter, k) => {
        parameter.detach().copy_(whole.parameters[k]!.detach());
      });
      resumedOptimizer.loadStateDict(optimizer.stateDict());
      for (let step = 20; step <= lastStep; step++) {
        whole.step(optimizer, step);
        resumed.step(resumedOptimizer, step);
      }
      whole.parameters.forEach((parameter, k) => {
        assert.deepEqual(resumed.parameters[k]!.data(), parameter.data(), `parameter ${k}`);
      });
      for (const [k, group] of optimizer.paramGroups.entries()) {
        const { params: _, ...options } = group;
        const { params: _other, ...loaded } = resumedOptimizer.paramGroups[k]!;
        assert.deepEqual(loaded, options);
      }
    });
  }
});

describe("LBFGS as PyTorch's", () => {
  for (const each of minimizations) {
    it(title(each), () => {
      const parameters = each.start.map((start) => makeInput(start, "float64").leaf);
      const optimizer = new optim.LBFGS(parameters, each.options);
      let calls = 0;
      const closure = (): Tensor => {
        calls += 1;
        optimizer.zeroGrad();
        const loss = valley(parameters);
        loss.backward();
        return loss;
      };
      each.after.forEach(([expectedCalls, expected], step) => {
        const loss = optimizer.step(closure).item();
        const wanted = each.losses[step]!;
        assert.ok(
          Math.abs(loss - wanted) <= 1e-6 * Math.max(1e-3, Math.abs(wanted)),
          `loss ${step}: ${loss}, not ${wanted}`,
        );
        assert.equal(calls, expectedCalls, `calls of the closure until step ${step}`);
        parameters.forEach((parameter, k) => {
          const values = { s: parameter.shape, d: "F", v: expected[k]! };
          compare(`parameter ${k} after step ${step}`, parameter, values, "float64");
        });
      });
      const saved = optimizer.stateDict();
      assert.deepEqual(Object.keys(saved.state["0"]!).sort(), each.stateKeys);
      assert.deepEqual(
        Object.keys(saved.param_groups[0]!)
          .filter((key) => key !== "params")
          .sort(),
        each.keys,
      );
    });
  }

  it("goes on from a saved state bit for bit", () => {
    const start = minimizations[0]!.start;
    const run = (parameters: Tensor[], optimizer: optim.LBFGS, steps: number): void => {
      for (let step = 0; step < steps; step++) {
        optimizer.step(() => {
          optimizer.zeroGrad();
          const loss = valley(parameters);
          loss.backward();
          return loss.item();
        });
      }
    };
    const whole = start.map((each) => makeInput(each, "float32").leaf);
    const options = { maxIter: 3, historySize: 4, lr: 0.5 };
    const optimizer = new optim.LBFGS(whole, options);
    run(whole, optimizer, 2);
    const resumed = whole.map((parameter) => parameter.detach().clone().requiresGrad_());
    const other = new optim.LBFGS(resumed);
    other.loadStateDict(optimizer.stateDict());
    run(whole, optimizer, 3);
    run(resumed, other, 3);
    resumed.forEach((parameter, k) => {
      assert.deepEqual(parameter.data(), whole[k]!.data());
    });
  });
});

/** Rosenbrock's valley; optimizers.py has the same. */
function valley(parameters: Tensor[]): Tensor {
  const x = cat(parameters);
  const count = x.numel() - 1;
  const curve = x
    .narrow(0, 1, count)
    .sub(x.narrow(0, 0, count).square())
    .square()
    .sum()
    .mul(3);
  return curve.add(x.neg().add(1).square().sum());
}

it("option names are PyTorch's in camelCase", () => {
  for (const { optimizer, keys } of recorded) {
    const parameter = makeInput({ s: [1], d: "F", v: [1] }, "float32").leaf;
    const { defaults } = make(optimizer, [parameter], {});
    assert.deepEqual(Object.keys(defaults).map(snakeCase).sort(), keys);
  }
});
