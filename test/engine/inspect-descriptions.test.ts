// What a debugger shows of every class of the package, called as an editor's debugger calls it: by Node's inspector with side effects
// forbidden, where one native call or one write to what the program has would lose every description of the scope.

import assert from "node:assert/strict";
import { Session, type Runtime } from "node:inspector";
import { after, before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  autograd,
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
  type DType,
} from "descent";
import { native } from "../../engine/native.js";
import type { DebugBridge } from "../../engine/inspection.js";
import { dtypes, Random } from "./fuzz/random.js";
import { gpus } from "./gpus.js";

const shared = globalThis as unknown as Record<string | symbol, unknown>;
const bridge = shared[Symbol.for("descent.debug")] as DebugBridge;
const key = { description: Symbol.for("debug.description"), properties: Symbol.for("debug.properties") };

interface Stopped {
  stop: number;
  described: number;
  left: number;
  milliseconds: number;
  faults: { op: string; message: string }[];
  problem?: string;
}
const stopped = (): Stopped => JSON.parse(bridge.stopped()) as Stopped;

const session = new Session();
before(() => {
  session.connect();
});
after(() => {
  session.disconnect();
});

/** The value of an expression over `it`, with side effects forbidden; the exception's text where it throws. */
async function seen<T = string>(value: unknown, expression: string): Promise<T> {
  shared["described"] = value;
  shared["keys"] = key;
  const { result, exceptionDetails } = await new Promise<Runtime.EvaluateReturnType>((resolve, reject) => {
    const asked = { expression, throwOnSideEffect: true, returnByValue: true };
    session.post("Runtime.evaluate", asked, (error, answer) => {
      if (error === null) resolve(answer as Runtime.EvaluateReturnType);
      else reject(error);
    });
  });
  assert.equal(exceptionDetails, undefined, `${expression}: ${JSON.stringify(exceptionDetails?.exception)}`);
  return result.value as T;
}
const description = (value: unknown): Promise<string> => seen(value, "described[keys.description]()");

/** Every class with a description that a namespace exports. */
function classesOf(space: object): (new (...values: unknown[]) => object)[] {
  return Object.values(space).filter(
    (value): value is new (...values: unknown[]) => object =>
      typeof value === "function" && key.description in ((value.prototype ?? {}) as object),
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
  () => [
    optimizer(),
    [
      new optim.lrScheduler.StepLR(optimizer() as optim.SGD, 2),
      new optim.lrScheduler.StepLR(optimizer() as optim.SGD, 2),
    ],
    [1],
  ],
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
