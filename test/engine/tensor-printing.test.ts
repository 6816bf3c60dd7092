// toString() beside PyTorch's, case by case, and what a debugger may see without running anything.

import assert from "node:assert/strict";
import { Session, type Runtime } from "node:inspector";
import { inspect } from "node:util";
import { test } from "node:test";
import { nn, randn, scope, tensor, Tensor, zeros, type DType } from "descent";
import { readFixture } from "./fixtures.js";

interface PrintCase {
  values?: (number | string | boolean)[];
  formula?: [multiply: number, modulus: number, subtract: number, divide: number];
  shape: number[];
  dtype: DType;
  requiresGrad: boolean;
  text: string;
}

const special: Record<string, number> = { nan: NaN, inf: Infinity, "-inf": -Infinity };

function build(printed: PrintCase): Tensor {
  const { shape, dtype, requiresGrad, formula } = printed;
  const options = { shape, dtype, requiresGrad };
  if (formula !== undefined) {
    const [multiply, modulus, subtract, divide] = formula;
    const count = shape.reduce((product, size) => product * size, 1);
    return tensor(
      Float64Array.from({ length: count }, (_, k) => (((k * multiply) % modulus) - subtract) / divide),
      options,
    );
  }
  const values = printed.values!.map((value) =>
    typeof value !== "string"
      ? value
      : value.endsWith("n") && value !== "nan"
        ? BigInt(value.slice(0, -1))
        : special[value]!,
  );
  return tensor(values, options);
}

const cases = readFixture<PrintCase>("printing.jsonl");

test(`prints ${cases.length} tensors as PyTorch does`, () => {
  const wrong = cases
    .map((printed) => ({ got: build(printed).toString(), wanted: printed.text }))
    .filter(({ got, wanted }) => got !== wanted);
  assert.deepEqual(wrong, []);
});

test("names the operation that made a tensor", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  assert.equal(x.add(1).toString(), "tensor([2., 3.], gradFn=<AddBackward0>)");
  assert.equal(x.add(1).detach().toString(), "tensor([2., 3.])");
});

test("prints parameters, views and disposed tensors", () => {
  const weight = new nn.Parameter([[1, 2]]);
  assert.equal(weight.toString(), "Parameter containing:\ntensor([[1., 2.]], requiresGrad=true)");
  assert.equal(
    tensor([
      [1, 2],
      [3, 4],
    ])
      .t()
      .toString(),
    "tensor([[1., 3.],\n        [2., 4.]])",
  );
  const gone = zeros([2]);
  gone.dispose();
  assert.equal(gone.toString(), "tensor(<disposed>)");
  assert.equal(new Tensor().toString(), "tensor(<empty>)");
});

test("takes options of its own", () => {
  assert.equal(tensor([1 / 3, 1]).toString({ precision: 2 }), "tensor([0.33, 1.00])");
  assert.equal(tensor([1, 2, 3, 4]).toString({ threshold: 2, edgeItems: 1 }), "tensor([1.,  ..., 4.])");
});

test("a summary makes no tensor that lasts", () => {
  const big = randn([2000, 2000]);
  const { result, kept } = scope(() => ({ result: big.toString(), kept: 1 }));
  assert.match(result, /\.\.\./);
  assert.equal(kept, 1);
});

test("console.log shows the values", () => {
  assert.equal(inspect(tensor([1, 2])), "tensor([1., 2.])");
  assert.equal(inspect({ loss: tensor(0.5) }), "{ loss: tensor(0.5000) }");
});

// A debugger describes values with throwOnSideEffect: one native call or one write makes it lose every description.
test("the description for debuggers has no side effect", async () => {
  const weight = new nn.Linear(3, 2).weight;
  weight.label = "fc1.weight";
  const shared = globalThis as Record<string, unknown>;
  shared["describedTensor"] = weight;
  shared["describedKeys"] = [Symbol.for("debug.description"), Symbol.for("nodejs.util.inspect.custom")];
  const session = new Session();
  session.connect();
  const evaluate = (expression: string) =>
    new Promise<Runtime.EvaluateReturnType>((resolve, reject) => {
      session.post("Runtime.evaluate", { expression, throwOnSideEffect: true }, (error, value) => {
        if (error === null) resolve(value as Runtime.EvaluateReturnType);
        else reject(error);
      });
    });
  try {
    for (const k of [0, 1]) {
      const { result, exceptionDetails } = await evaluate(`describedTensor[describedKeys[${k}]]()`);
      assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
      assert.equal(result.value, "fc1.weight: float32 [2, 3] requiresGrad");
    }
    shared["describedTensor"] = Object.getPrototypeOf(weight);
    assert.equal((await evaluate("describedTensor[describedKeys[0]]()")).result.value, "Parameter");
    shared["describedTensor"] = weight;
    const fields = await evaluate(
      "[describedTensor.shape.length, describedTensor.dtype, describedTensor.device].join()",
    );
    assert.equal(fields.result.value, "2,float32,cpu");
  } finally {
    session.disconnect();
  }
});
