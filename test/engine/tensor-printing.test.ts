// toString() beside PyTorch's, case by case, and what a debugger may see without running anything.

import assert from "node:assert/strict";
import { Session, type Runtime } from "node:inspector";
import { inspect } from "node:util";
import { test } from "node:test";
import { nn, randn, scope, stack, sub, tensor, Tensor, zeros, type DType } from "descent";
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

test("names the operation that made a tensor as PyTorch does", () => {
  const F = nn.functional;
  const [x, q] = [randn([3, 4]), randn([4, 4])].map((values) => values.requiresGrad_()) as [Tensor, Tensor];
  const v = randn([4], { requiresGrad: true });
  const target = tensor([0, 1, 2], { dtype: "int64" });
  const names: [Tensor, string][] = [
    [x.add(v), "AddBackward0"],
    [sub(1, x), "RsubBackward1"],
    [x.div(2), "DivBackward0"],
    [x.clone().div_(2), "DivBackward0"],
    [x.pow(2), "PowBackward0"],
    [x.pow(v), "PowBackward1"],
    [x.square(), "PowBackward0"],
    [x.clamp(0, 1), "ClampBackward1"],
    [x.log1p(), "Log1PBackward0"],
    [x.sum(), "SumBackward0"],
    [x.sum(1), "SumBackward1"],
    [x.mean(1), "MeanBackward1"],
    [x.max(), "MaxBackward1"],
    [x.max(1)[0], "MaxBackward0"],
    [x.norm(), "LinalgVectorNormBackward0"],
    [x.matmul(q), "MmBackward0"],
    [x.mm(q), "MmBackward0"],
    [x.matmul(v), "MvBackward0"],
    [v.dot(v), "DotBackward0"],
    [F.linear(x, q, v), "AddmmBackward0"],
    [F.linear(x, q), "MmBackward0"],
    [x.t(), "TBackward0"],
    [x.transpose(0, 1), "TransposeBackward0"],
    [x.permute(1, 0), "PermuteBackward0"],
    [x.view(4, 3), "ViewBackward0"],
    [x.flatten(), "ViewBackward0"],
    [x.select(0, 1), "SelectBackward0"],
    [stack([x, x]), "StackBackward0"],
    [x.double(), "ToCopyBackward0"],
    [x.maskedFill(x.gt(0), 0), "MaskedFillBackward0"],
    [F.gelu(x), "GeluBackward0"],
    [F.selu(x), "EluBackward0"],
    [F.mseLoss(x, q.narrow(0, 0, 3)), "MseLossBackward0"],
    [F.crossEntropy(x, target), "NllLossBackward0"],
    [F.layerNorm(x, [4]), "NativeLayerNormBackward0"],
    [F.embedding(target, x), "EmbeddingBackward0"],
  ];
  const wrong = names
    .filter(([y, name]) => y.gradFn?.name !== name)
    .map(([y, name]) => [y.gradFn?.name, name]);
  assert.deepEqual(wrong, []);
});

test("shows the operation, and none after detach()", () => {
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
      assert.equal(result.value, "Parameter[2, 3] float32 fc1.weight");
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

test("an empty tensor tells its sizes as PyTorch does", () => {
  assert.equal(zeros([2, 0]).toString(), "tensor([], size=(2, 0))");
  assert.equal(zeros([0]).toString(), "tensor([])");
});
