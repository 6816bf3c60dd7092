// Every optimizer's edges: options out of range, groups, parameters that come later, closures, states of others, and what the recorder hears.

import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { nn, ones, optim, tensor, zeros, type Tensor } from "descent";
import { observer, type StepInfo } from "../../engine/observer.js";
import { assertClose, assertRefused } from "./fixtures.js";

type AnyOptimizer = optim.Optimizer<optim.GroupOptions>;
const names = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "LBFGS"] as const;
const classes = optim as unknown as Record<string, new (params: unknown, options?: unknown) => AnyOptimizer>;

function parameter(value: number | number[] = [1, -2]): nn.Parameter {
  return new nn.Parameter(tensor(value));
}

/** One step along the gradient of Σ p². */
function step(optimizer: AnyOptimizer, params: readonly Tensor[]): Tensor {
  return optimizer.step(() => {
    optimizer.zeroGrad();
    const loss = params.map((p) => p.square().sum()).reduce((sum, part) => sum.add(part));
    loss.backward();
    return loss;
  });
}

for (const name of names) {
  describe(name, () => {
    const make = (params: unknown = [parameter()], options?: unknown): AnyOptimizer =>
      new classes[name]!(params, options);

    it("goes down, and gives the loss before the step", () => {
      const [p, q] = [parameter(), parameter(0.5)];
      const optimizer = make([p, q]);
      const first = step(optimizer, [p, q]).item();
      assert.equal(first, 5.25);
      for (let k = 0; k < 20; k++) step(optimizer, [p, q]);
      const last = step(optimizer, [p, q]).item();
      assert.ok(last < first, `${last} after 20 steps`);
    });

    it("tells the recorder the norms of all gradients", () => {
      const [p, q] = [parameter([3, 4]), parameter(0.5)];
      p.label = "p";
      const heard: StepInfo[] = [];
      const before = observer.current;
      observer.current = {
        step: (info: StepInfo) => heard.push({ ...info, squaredNorms: info.squaredNorms.slice() }),
        backward: () => undefined,
      } as unknown as NonNullable<typeof observer.current>;
      try {
        const optimizer = make([p, q], name === "LBFGS" ? { maxIter: 1, lr: 0.1 } : {});
        const { lr } = optimizer.paramGroups[0]!;
        step(optimizer, [p]);
        assert.deepEqual(heard.length, 1);
        assert.deepEqual([heard[0]!.names, heard[0]!.learningRates], [["p", "param1"], [lr]]);
        assertClose(heard[0]!.squaredNorms[0], [100]);
        assert.equal(heard[0]!.squaredNorms[1], -1);
      } finally {
        observer.current = before;
      }
    });

    it("updates views in their base, and half precision in its own dtype", () => {
      const base = zeros([4, 3]).add(1);
      const view = base.t().select(0, 1).requiresGrad_();
      const optimizer = make([view]);
      step(optimizer, [view]);
      assert.deepEqual(base.select(1, 0).tolist(), [1, 1, 1, 1]);
      assert.ok((base.select(1, 1).detach().tolist() as number[]).every((x) => x < 1));
      if (name === "LBFGS") return;
      for (const dtype of ["float16", "bfloat16", "float64"] as const) {
        const half = new nn.Parameter(ones([3], { dtype }));
        const own = make([half], { lr: name === "Adadelta" ? 8 : 0.125 });
        step(own, [half]);
        step(own, [half]);
        assert.equal(half.dtype, dtype);
        assert.ok((half.detach().tolist() as number[]).every((x) => x < 1 && x > -1));
        for (const value of Object.values(own.stateDict().state["0"] ?? {}))
          if (value instanceof Object && "dtype" in value) assert.equal(value.dtype, dtype);
      }
    });

    it("refuses options out of range, with a sentence that begins with its name", () => {
      const senseless = [
        NaN,
        -1,
        "x",
        null,
        {},
        [],
        true,
        Infinity,
        () => 1,
        [1, 2, 3],
        [NaN, 0.5],
        Symbol("s"),
      ];
      const { defaults } = make();
      for (const key of [...Object.keys(defaults), "nonsense", "weight_decay"]) {
        for (const value of senseless) {
          for (const attempt of [
            () => make(undefined, { [key]: value }),
            () => make([{ params: [parameter()], [key]: value }]),
          ]) {
            try {
              attempt();
            } catch (error) {
              const { name: kind, message } = error as Error;
              assert.equal(kind, "DescentError", `${key}: ${message}`);
              assert.ok(message.startsWith(`${name}: `), message);
            }
          }
        }
      }
      assertRefused(
        () => make(undefined, { lr: -0.1 }),
        "argument",
        /lr must be a number at least 0, it is -0.1/,
      );
      for (const wrong of ["1", null, NaN, {}, []]) {
        assertRefused(() => make(undefined, { lr: wrong }), "argument", /: lr must be a number at least 0/);
      }
      if ("betas" in defaults) {
        for (const wrong of [[1, 0.9], [0.9, 1], [-0.1, 0.9], [0.9], 0.9, null, ["a", "b"], [0.9, NaN]])
          assertRefused(() => make(undefined, { betas: wrong }), "argument", /: betas/);
      }
      for (const wrong of [null, 3, "x", []])
        assertRefused(() => make(undefined, wrong), "argument", /options must be/);
    });

    it("refuses what are no parameters", () => {
      const p = parameter();
      for (const wrong of [
        null,
        undefined,
        3,
        "x",
        {},
        [],
        p,
        [3],
        [null],
        [{}],
        [[p]],
        [p.mul(2)],
        [p, p],
      ]) {
        assert.throws(
          () => make(wrong === undefined ? null : wrong),
          (error: Error) => error.message.startsWith(`${name}: `),
        );
      }
      assertRefused(() => make([]), "argument", /there are no parameters/);
      assertRefused(() => make([p.mul(2)]), "autograd", /only leaves/);
      if (name !== "LBFGS") {
        assertRefused(() => make([{ params: [p] }, { params: [p] }]), "argument", /given twice/);
        const optimizer = make([p]);
        assertRefused(
          () => {
            optimizer.addParamGroup({ params: [p] });
          },
          "argument",
          /given twice/,
        );
        assertRefused(
          () => {
            optimizer.addParamGroup({ params: [parameter()], lr: -1 });
          },
          "argument",
          /lr must be/,
        );
        assert.equal(optimizer.paramGroups.length, 1);
      }
    });

    it("takes groups that come later", () => {
      const [p, q] = [parameter(), parameter(2)];
      const optimizer = make([p]);
      if (name === "LBFGS") {
        assertRefused(
          () => {
            optimizer.addParamGroup({ params: q });
          },
          "argument",
          /^LBFGS: it has one group/,
        );
        return;
      }
      step(optimizer, [p]);
      optimizer.addParamGroup({ params: q, lr: 0.5 });
      step(optimizer, [p, q]);
      assert.ok(q.item() < 2);
      assert.equal(optimizer.paramGroups[1]!.lr, 0.5);
    });

    it("refuses closures that are none, or async", async () => {
      const optimizer = make();
      for (const wrong of [3, "x", null, {}])
        assertRefused(() => optimizer.step(wrong as never), "argument", /closure/);
      assertRefused(
        () => optimizer.step((() => Promise.resolve(1)) as never),
        "argument",
        /closure must not be async/,
      );
      assertRefused(
        () => optimizer.step((() => Promise.reject(new Error("no"))) as never),
        "argument",
        /async/,
      );
      await Promise.resolve();
    });

    it("refuses states of others, and changes nothing then", () => {
      const [p, q] = [parameter(), parameter([1, 2, 3])];
      const optimizer = make([p]);
      for (const wrong of [
        null,
        3,
        "x",
        {},
        { state: {} },
        { state: {}, param_groups: 3 },
        { state: {}, param_groups: [null] },
      ]) {
        assertRefused(
          () => {
            optimizer.loadStateDict(wrong as never);
          },
          "state",
          new RegExp(`^${name}.loadStateDict: `),
        );
      }
      const other = make([q], name === "SGD" ? { momentum: 0.9 } : {});
      step(other, [q]);
      assertRefused(
        () => {
          optimizer.loadStateDict(other.stateDict());
        },
        "state",
        /loadStateDict: /,
      );
    });
  });
}

test("settings of PyTorch's that make no sense are refused", () => {
  const p = [parameter()];
  assertRefused(() => new optim.SGD(p, { nesterov: true }), "argument", /nesterov needs a momentum/);
  assertRefused(
    () => new optim.SGD(p, { nesterov: true, momentum: 0.9, dampening: 0.1 }),
    "argument",
    /no dampening/,
  );
  assertRefused(
    () => new optim.Adadelta(p, { rho: 1.5 }),
    "argument",
    /rho must be a number at least 0 and at most 1/,
  );
  assertRefused(() => new optim.LBFGS(p, { lineSearchFn: "weak" as never }), "argument", /'strongWolfe'/);
  assertRefused(() => new optim.LBFGS([{ params: p }, { params: [parameter()] }]), "argument", /one group/);
  assertRefused(
    () => {
      (new optim.LBFGS(p) as AnyOptimizer).step();
    },
    "argument",
    /step needs a closure/,
  );
  assertRefused(() => new optim.AdamW(p, { decoupledWeightDecay: false } as never), "argument", /no option/);
});

test("an optimizer shows its groups", () => {
  const text = String(new optim.SGD([parameter()], { lr: 0.5 }));
  assert.match(text, /^SGD \(\nParameter Group 0\n {4}dampening: 0\n {4}lr: 0.5\n/);
});

test("Adagrad's sums are there from the beginning on", () => {
  const optimizer = new optim.Adagrad([parameter()], { initialAccumulatorValue: 0.25 });
  const { step: steps, sum } = optimizer.stateDict().state["0"] as { step: number; sum: Tensor };
  assert.equal(steps, 0);
  assert.deepEqual(sum.tolist(), [0.25, 0.25]);
});
