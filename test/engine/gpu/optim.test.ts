// Optimizers on every GPU here: the same parameters and gradient norms as on the CPU, step after step.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { manualSeed, nn, optim, randn, type DType, type Tensor } from "descent";
import { observer } from "../../../engine/observer.js";
import { gpus } from "../gpus.js";

type Setup = (params: Tensor[]) => { step: () => void };

const setups: Record<string, Setup> = {
  SGD: (params) => new optim.SGD(params, { lr: 0.1, weightDecay: 0.01 }),
  "SGD with momentum": (params) =>
    new optim.SGD(params, { lr: 0.1, momentum: 0.9, dampening: 0.1, weightDecay: 0.01 }),
  "SGD with Nesterov's momentum": (params) =>
    new optim.SGD(params, { lr: 0.1, momentum: 0.9, nesterov: true, maximize: true }),
  Adam: (params) => new optim.Adam(params, { lr: 0.01, weightDecay: 0.1 }),
  AdamW: (params) => new optim.AdamW(params, { lr: 0.01 }),
  "Adam with amsgrad": (params) => new optim.Adam(params, { amsgrad: true, maximize: true }),
  RMSprop: (params) => new optim.RMSprop(params),
  "RMSprop, centered": (params) => new optim.RMSprop(params, { centered: true }),
  "RMSprop with momentum": (params) => new optim.RMSprop(params, { momentum: 0.9, weightDecay: 0.1 }),
  "RMSprop, centered with momentum": (params) =>
    new optim.RMSprop(params, { momentum: 0.9, centered: true, maximize: true }),
  Adagrad: (params) => new optim.Adagrad(params, { lr: 0.1, lrDecay: 0.1, weightDecay: 0.1 }),
  Adadelta: (params) => new optim.Adadelta(params, { lr: 1, weightDecay: 0.1 }),
  NAdam: (params) => new optim.NAdam(params, { lr: 0.01, weightDecay: 0.1 }),
  RAdam: (params) => new optim.RAdam(params, { lr: 0.1, weightDecay: 0.1 }),
};

/** More than one launch takes, small and large, one of no elements, one that is not in order in memory. */
const shapes = [[10], [3, 4], [], [70, 50], [1], [9001], [5, 5], [2], [0], [9, 1], [200, 30]];
const transposed = 3;
/** Has no gradient in the first steps. */
const late = 6;
const steps = 4;

/** Parameters after the steps, and the squared norms of each step. */
function train(setup: Setup, dtype: DType, device: string): { params: number[][]; norms: number[][] } {
  manualSeed(3);
  const made = shapes.map((shape) => randn(shape).to(dtype));
  const params = made.map((x, k) => {
    const there = x.to(device);
    return new nn.Parameter((k === transposed ? there.t() : there).detach().clone());
  });
  const gradients = params.map(({ shape }) => Array.from({ length: steps }, () => randn(shape).to(dtype)));
  const norms: number[][] = [];
  const before = observer.current;
  observer.current = {
    step: ({ squaredNorms }: { squaredNorms: Float64Array }) => norms.push([...squaredNorms]),
  } as unknown as typeof before;
  try {
    const optimizer = setup(params);
    for (let step = 0; step < steps; step++) {
      params.forEach((parameter, k) => {
        parameter.grad = k === late && step < 2 ? null : gradients[k]![step]!.to(device);
      });
      optimizer.step();
    }
  } finally {
    observer.current = before;
  }
  return {
    params: params.map((x) => [...x.detach().to("float64").cpu().flatten().data()].map(Number)),
    norms,
  };
}

const closeness: Partial<Record<DType, number>> = {
  float32: 1e-5,
  float64: 1e-12,
  float16: 2e-3,
  bfloat16: 2e-2,
};

function assertNear(actual: number[], expected: number[], tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  expected.forEach((value, k) => {
    const isNear = Math.abs(actual[k]! - value) <= tolerance * Math.max(1, Math.abs(value));
    assert.ok(isNear, `${what}, element ${k}: ${actual[k]} instead of ${value}`);
  });
}

for (const gpu of gpus) {
  describe(`optimizers on ${gpu}`, () => {
    for (const [name, setup] of Object.entries(setups)) {
      for (const dtype of (name === "Adam" ? Object.keys(closeness) : ["float32"]) as DType[]) {
        it(`${name} of ${dtype}`, () => {
          const here = train(setup, dtype, "cpu");
          const there = train(setup, dtype, gpu);
          here.params.forEach((values, k) => {
            assertNear(there.params[k]!, values, closeness[dtype]!, `parameter ${k}`);
          });
          assert.equal(here.norms[0]![late], -1);
          here.norms.forEach((values, k) => {
            assertNear(there.norms[k]!, values, closeness[dtype]!, `norms of step ${k}`);
          });
        });
      }
    }

    it("clipGradNorm_ scales all gradients by their joint norm", () => {
      for (const dtype of ["float32", "float64", "bfloat16"] as const) {
        for (const most of [0.5, 1e6, Infinity]) {
          const run = (device: string): number[] => {
            manualSeed(7);
            const params = shapes.map((shape) => {
              const parameter = new nn.Parameter(randn(shape).to(dtype).to(device));
              parameter.grad = randn(shape).to(dtype).to(device);
              return parameter;
            });
            const norm = nn.utils.clipGradNorm_(params, most);
            assert.equal(norm.device, device);
            return [norm, ...params.map((x) => x.grad!)].flatMap((x) =>
              [...x.detach().to("float64").cpu().flatten().data()].map(Number),
            );
          };
          assertNear(run(gpu), run("cpu"), closeness[dtype]!, `gradients of ${dtype}, at most ${most}`);
        }
      }
    });

    it("LBFGS", () => {
      const run = (device: string): number[] => {
        manualSeed(5);
        const x = new nn.Parameter(randn([6]).to(device));
        const optimizer = new optim.LBFGS([x], { maxIter: 5 });
        optimizer.step(() => {
          optimizer.zeroGrad();
          const loss = x.sub(2).pow(4).sum();
          loss.backward();
          return loss;
        });
        return [...x.detach().cpu().data()].map(Number);
      };
      assertNear(run(gpu), run("cpu"), 1e-3, "parameters");
    });
  });
}
