// What a debugger shows of every class of the package, called as an editor's debugger calls it: by Node's inspector with side effects
// forbidden, where one native call or one write to what the program has would lose every description of the scope.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  data,
  getRngState,
  manualSeed,
  memory,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  slice,
  tensor,
  Tensor,
  zeros,
} from "descent";
import { native } from "../../engine/native.js";
import { dtypes, Random } from "./fuzz/random.js";
import { gpus } from "./gpus.js";
import { description, key, seen, stopped } from "./seen.js";

/** Every class with a description that a namespace exports. */
function classesOf(space: object): (new (...values: unknown[]) => object)[] {
  return Object.values(space).filter(
    (value): value is new (...values: unknown[]) => object =>
      typeof value === "function" && key.description in ((value as { prototype?: object }).prototype ?? {}),
  );
}

const parameter = new nn.Parameter([1, 2, 3]);
const optimizer = (): object => new optim.SGD([parameter], { lr: 0.1 });
/** Some of these make an object of any class. */
const attempts: (() => unknown[])[] = [
  () => [],
  () => [2],
  () => [4, 2],
  () => [3, 4, 3],
  () => [8, 2, 16],
  () => [[parameter], { lr: 0.1 }],
  () => [optimizer(), 2],
  () => [optimizer(), [2, 4]],
  () => [optimizer(), (k: number) => 1 / (k + 1)],
  () => [optimizer(), 0.1, 1],
  () => [optimizer(), { totalSteps: 10, maxLr: 1 }],
  () => [optimizer(), 0.1, { totalSteps: 10 }],
  () => [[1, 2, 3]],
  () => [
    [1, 2, 3],
    [0, 2],
  ],
  () => [zeros([3, 2])],
  () => [[[1, 2], [3]]],
  () => [new nn.TransformerEncoderLayer(8, 2), 2],
  () => [new nn.TransformerDecoderLayer(8, 2), 2],
  () => [[new optim.lrScheduler.StepLR(optimizer() as optim.SGD, 2)]],
  () => [2, 4],
  () => [optimizer()],
  () => {
    const both = optimizer() as optim.SGD;
    return [both, [new optim.lrScheduler.StepLR(both, 2), new optim.lrScheduler.StepLR(both, 2)], [1]];
  },
];

function anyOf(made: new (...values: unknown[]) => object): object | null {
  for (const values of attempts) {
    try {
      return new made(...values());
    } catch {
      // the next
    }
  }
  return null;
}

describe("descriptions have no side effect", () => {
  const all = [nn, optim, optim.lrScheduler, data, { Tensor }].flatMap(classesOf);

  it("every class: an object of it, its prototype, and one that is not yet constructed", async () => {
    assert.ok(all.length > 100, `only ${all.length} classes`);
    const abstract: string[] = [];
    for (const made of all) {
      const object = anyOf(made);
      if (object === null) abstract.push(made.name);
      stopped();
      const bare = Object.create(made.prototype as object) as object;
      const begun = Object.assign(Object.create(made.prototype as object), { training: true }) as object;
      for (const each of [object, made.prototype as object, bare, begun]) {
        if (each === null) continue;
        const text = await description(each);
        assert.ok(text.startsWith(made.name), `${made.name}: ${text}`);
        if (key.properties in each) await seen(each, "typeof described[keys.properties]()");
      }
    }
    const known = [
      "Module",
      "Loss",
      "Optimizer",
      "FusedOptimizer",
      "LRScheduler",
      "Dataset",
      "IterableDataset",
    ];
    assert.deepEqual(
      abstract.filter((name) => !known.includes(name)),
      [],
      "classes that no attempt makes an object of",
    );
  });

  it("tensors of every kind, with numbers and without, and what unfolding shows", async () => {
    const x = randn([4, 3], { requiresGrad: true });
    const gone = zeros([2]);
    const all = [
      x,
      x.t(),
      x.mul(2),
      x.detach(),
      zeros([]),
      zeros([0, 3]),
      gone,
      tensor([true]),
      new nn.Parameter([1]),
    ];
    x.square().sum().backward();
    gone.dispose();
    for (const look of [false, true]) {
      if (look) stopped();
      for (const each of all) {
        await description(each);
        await seen(each, "JSON.stringify(Object.keys(described[keys.properties]()))");
      }
    }
    assert.equal(await description(x.mul(2).gradFn), "MulBackward0");
    assert.equal(await description(Object.create(Tensor.prototype) as object), "Tensor");
  });

  it("fields of a user's own that would do something are left alone", async () => {
    let calls = 0;
    class Odd extends nn.Module {
      fc = new nn.Linear(2, 3);
      forward = (): void => undefined;
    }
    const odd = new Odd();
    Object.defineProperty(odd, "trap", { enumerable: true, get: () => (calls += 1) });
    assert.equal(await description(odd), "Odd  9 params in 1 layer");
    assert.equal(calls, 0);
    class Endless extends data.Dataset<number> {
      get length(): number {
        return (calls += 1);
      }
      get(index: number): number {
        return index;
      }
    }
    assert.equal(await description(new Endless()), "Endless");
    calls = 0;
    assert.equal(
      await description(
        Object.assign(Object.create(data.DataLoader.prototype) as object, {
          dataset: new Endless(),
          batchSize: 4,
        }),
      ),
      "DataLoader  batches of 4  Endless",
    );
    assert.equal(calls, 0);
  });
});

/** Of a tensor that a stop has seen. */
const handleOf = (x: Tensor): number => {
  const unfolded = (x as unknown as Record<symbol, () => { storage: { handle: number } }>)[key.properties]!();
  return unfolded.storage.handle;
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is expected of a tensor of these values; null as in Statistics of engine/inspection.ts. */
function expected(values: number[]): Record<string, number | null> {
  const finite = values.filter(Number.isFinite);
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length;
  const count = (is: (x: number) => boolean): number => values.filter(is).length;
  const orNull = (x: number): number | null => (finite.length === 0 ? null : x);
  return {
    count: values.length,
    nan: count(Number.isNaN),
    positiveInfinity: count((x) => x === Infinity),
    negativeInfinity: count((x) => x === -Infinity),
    zeros: count((x) => x === 0),
    min: orNull(Math.min(...finite)),
    max: orNull(Math.max(...finite)),
    mean: orNull(mean),
    std: orNull(Math.sqrt(finite.reduce((sum, x) => sum + (x - mean) ** 2, 0) / finite.length)),
    norm: orNull(Math.hypot(...finite)),
  };
}

for (const device of ["cpu", ...gpus]) {
  describe(`numbers in descriptions on ${device}`, () => {
    it("are right for every dtype, in several layouts", async () => {
      const random = new Random(5);
      const all: Tensor[] = [];
      for (const dtype of dtypes) {
        const values = Array.from({ length: 1200 }, () => {
          if (dtype.includes("float") && random.chance(0.02))
            return random.oneOf([NaN, Infinity, -Infinity, 0]);
          return dtype === "bool" ? random.below(2) : random.below(100);
        });
        const x = tensor(values, { dtype, device }).reshape([30, 40]);
        all.push(x, x.t(), x.at(slice(2, 29, 3), slice(1, 40, 2)), x.at(3, 4), x.narrow(0, 0, 0));
      }
      const { described, left, problem } = stopped();
      assert.deepEqual([left, problem], [0, undefined]);
      assert.ok(described >= all.length);
      for (const x of all) {
        if (x.numel() === 0) {
          assert.match(await description(x), / {2}empty$/);
          continue;
        }
        const values = (x.flatten().tolist() as (number | bigint | boolean)[]).map(Number);
        const got = await seen<Record<string, number | null>>(x, "described[keys.properties]().statistics");
        for (const [name, right] of Object.entries(expected(values))) {
          const mine = got[name] ?? null;
          const isRight =
            right === null || mine === null
              ? right === mine
              : Math.abs(mine - right) <= 1e-6 * Math.max(1, Math.abs(right));
          assert.ok(isRight, `${x.dtype} [${x.shape.join()}]: ${name} is ${mine}, not ${right}`);
        }
        if (got["histogram"] !== null)
          assert.equal(
            (got["histogram"] as unknown as number[]).reduce((sum, n) => sum + n),
            values.filter(Number.isFinite).length,
          );
      }
    });

    it("are said in one line", async () => {
      const place = device === "cpu" ? "" : ` ${device}`;
      const x = tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], { device });
      const labelled = ones([2, 2], { device });
      labelled.label = "mine";
      const weight = new nn.Parameter(tensor([3, 4], { device }));
      weight.square().sum().backward();
      const frozen = new nn.Parameter(tensor([3, 4], { device }), { requiresGrad: false });
      const large = zeros([3, 1000, 1000], { device });
      const gone = zeros([2], { device });
      gone.dispose();
      const said: [Tensor, string][] = [
        [x, `Tensor[10] float32${place}  µ 4.5 σ 2.87  [0 … 9]  █▅▅▅▅▅▅█`],
        [x.reshape([2, 5]).to("int64"), `Tensor[2, 5] int64${place}  [0 … 9]  █▅▅▅▅▅▅█`],
        [x.gt(4), `Tensor[10] bool${place}  5 of 10 true`],
        [x.at(3), `Tensor[] float32${place}  3`],
        [x.at(3).gt(1), `Tensor[] bool${place}  true`],
        [
          tensor([1, NaN, Infinity, 2], { device }),
          `Tensor[4] float32${place}  µ 1.5 σ 0.5  [1 … 2]  1 NaN  1 Inf`,
        ],
        [tensor([NaN, NaN], { device }), `Tensor[2] float32${place}  all NaN`],
        [tensor(-Infinity, { device }), `Tensor[] float32${place}  -Inf`],
        [tensor(NaN, { device }), `Tensor[] float32${place}  NaN`],
        [labelled, `Tensor[2, 2] float32${place} mine  all 1`],
        [weight, `Parameter[2] float32${place}  µ 3.5 σ 0.5  [3 … 4]  grad |g| 10`],
        [frozen, `Parameter[2] float32${place}  µ 3.5 σ 0.5  [3 … 4]  frozen`],
        [zeros([2], { device, requiresGrad: true }), `Tensor[2] float32${place}  all 0  requiresGrad`],
        [gone, `Tensor[2] float32${place}  disposed`],
        [zeros([0, 4], { device }), `Tensor[0, 4] float32${place}  empty`],
      ];
      stopped();
      for (const [tensorSaid, text] of said) assert.equal(await description(tensorSaid), text);
      assert.match(await description(large), /^Tensor\[3, 1000, 1000\] float32.* {2}(≈ )?all 0$/);
    });

    it("belong to the tensor: none before a stop, none of another's that was there before", async () => {
      const slots = new Set<number>();
      (() => {
        const old = Array.from({ length: 50 }, () => ones([20], { device }));
        stopped();
        for (const x of old) slots.add(handleOf(x));
      })();
      await new Promise((resolve) => setImmediate(resolve));
      collect();
      const fresh = Array.from({ length: 5000 }, () => zeros([20], { device }));
      for (const x of fresh.slice(0, 50))
        assert.equal(await description(x), `Tensor[20] float32${device === "cpu" ? "" : ` ${device}`}`);
      while (stopped().left > 0);
      const met = fresh.filter((x) => slots.has(handleOf(x))).length;
      assert.ok(met > 0, "no new tensor took the place of an old one");
    });

    it("are up to date after a change in place, also by an optimizer, and a gradient's", async () => {
      const weight = new nn.Parameter(ones([4], { device }));
      const sgd = new optim.SGD([weight], { lr: 0.5 });
      stopped();
      assert.match(await description(weight), /all 1$/);
      weight.sum().backward();
      stopped();
      assert.match(await description(weight), /all 1 {2}grad \|g\| 2$/);
      sgd.step();
      stopped();
      assert.match(await description(weight), /all 0.5 {2}grad \|g\| 2$/);
      sgd.zeroGrad();
      noGrad(() => weight.fill_(7));
      stopped();
      assert.match(await description(weight), /all 7$/);
    });

    it("1,000 tensors are described in no time", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      collect(); // what other tests left behind
      const all = Array.from({ length: 1000 }, (_, k) => randn([1 + (k % 40), 50], { device }));
      stopped(); // compiles where that is to do
      all[0]!.add_(1);
      const begun = performance.now();
      while (stopped().left > 0); // a GPU on the processor wants a second look at times
      const looked = performance.now() - begun;
      const texts = await seen<string[]>(all, "described.map((x) => x[keys.description]())");
      const took = performance.now() - begun;
      assert.ok(texts.every((text) => text.includes("µ")));
      console.log(
        `1,000 tensors on ${device}: looked at in ${looked.toFixed(1)} ms, described by ${took.toFixed(1)} ms`,
      );
      assert.ok(took < 1000, `${took} ms`);
    });

    it("a large tensor is looked at by a sample, soon", async () => {
      const x = zeros([16, 1024, 1024], { device });
      x.narrow(0, 3, 1).fill_(2);
      stopped();
      x.add_(0);
      const begun = performance.now();
      stopped();
      const text = await description(x);
      const took = performance.now() - begun;
      console.log(`64 MiB on ${device}: ${took.toFixed(1)} ms, ${text}`);
      assert.match(text, /\[0 … 2\]/);
      assert.ok(took < 1000, `${took} ms`);
    });

    it("looking leaves no trace in random numbers, statistics of memory, versions, the graph", () => {
      manualSeed(3);
      const weight = new nn.Parameter(randn([30, 30], { device }));
      const view = weight.t();
      const y = weight.mm(view).square();
      const state = String(getRngState().tolist());
      const versions = [weight, view, y].map((x) => native.version(x));
      // What was ever allocated, and the highest levels; the collector may come at any time.
      const figures = (): [string, number][] =>
        Object.entries(memory.stats(device)).filter(([name]) =>
          /^(allocat|requested|reserved|segment).*\.(peak|allocated)$/.test(name),
        );
      const before = figures();
      assert.ok(before.length > 10);
      stopped();
      assert.deepEqual(figures(), before);
      assert.equal(String(getRngState().tolist()), state);
      assert.deepEqual(
        [weight, view, y].map((x) => native.version(x)),
        versions,
      );
      assert.equal(y.gradFn?.name, "PowBackward0");
      y.sum().backward();
      assert.deepEqual(weight.grad!.shape, [30, 30]);
    });
  });
}
