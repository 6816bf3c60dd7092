// nn.init: the bounds and spreads of each, orthogonal matrices, truncated normals, and what is refused; nn.utils in utils.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eye, full, Generator, init, manualSeed, nn, tensor, zeros, type Tensor } from "descent";
import { assertClose, assertRefused } from "./fixtures.js";

const valuesOf = (x: Tensor): number[] => Array.from(x.data(), Number);
const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const deviation = (values: number[]): number => Math.sqrt(mean(values.map((x) => x * x)) - mean(values) ** 2);

/** Even between ±bound: the ends are reached, and the spread is bound / √3. */
function assertEven(x: Tensor, bound: number): void {
  const values = valuesOf(x);
  const largest = Math.max(...values.map(Math.abs));
  assert.ok(largest <= bound && largest > 0.99 * bound, `largest is ${largest}, the bound ${bound}`);
  assertClose(deviation(values) / bound, 1 / Math.sqrt(3), 0.03);
  assert.ok(Math.abs(mean(values)) < 0.05 * bound);
}

function assertNormal(x: Tensor, std: number): void {
  const values = valuesOf(x);
  assertClose(deviation(values) / std, 1, 0.04);
  assert.ok(Math.abs(mean(values)) < 0.05 * std);
  assert.ok(Math.max(...values.map(Math.abs)) > 2.5 * std);
}

describe("init", () => {
  const linear = (): Tensor => zeros([60, 100]);
  const kernel = (): Tensor => zeros([16, 12, 5, 5]);

  it("xavier keeps to fans in and out", () => {
    manualSeed(1);
    assertEven(init.xavierUniform_(linear()), Math.sqrt(6 / 160));
    assertEven(init.xavierUniform_(kernel(), { gain: 2 }), 2 * Math.sqrt(6 / (28 * 25)));
    assertEven(init.xavierUniform_(linear(), 3), 3 * Math.sqrt(6 / 160));
    assertNormal(init.xavierNormal_(linear()), Math.sqrt(2 / 160));
    assertNormal(init.xavierNormal_(kernel(), 0.5), 0.5 * Math.sqrt(2 / (28 * 25)));
  });

  it("kaiming keeps to one fan, the slope and the nonlinearity", () => {
    manualSeed(2);
    assertEven(init.kaimingUniform_(linear()), Math.sqrt(6 / 100));
    assertEven(init.kaimingUniform_(linear(), { a: Math.sqrt(5) }), 1 / 10);
    assertEven(init.kaimingUniform_(linear(), { mode: "fanOut", nonlinearity: "relu" }), Math.sqrt(6 / 60));
    assertEven(init.kaimingUniform_(linear(), 0, "fan_out", "relu"), Math.sqrt(6 / 60));
    assertEven(
      init.kaimingUniform_(kernel(), { mode: "fan_out", nonlinearity: "tanh" }),
      (5 / 3) * Math.sqrt(3 / 400),
    );
    assertNormal(init.kaimingNormal_(kernel(), { nonlinearity: "relu" }), Math.sqrt(2 / 300));
    assertNormal(
      init.kaimingNormal_(linear(), { a: 0.5, nonlinearity: "leaky_relu" }),
      Math.sqrt(2 / 1.25 / 100),
    );
    assertNormal(init.kaimingNormal_(linear(), { nonlinearity: "linear" }), 0.1);
  });

  it("uniform_, normal_ and the constants", () => {
    manualSeed(3);
    assertEven(init.uniform_(linear(), -0.5, 0.5), 0.5);
    assertEven(init.uniform_(linear(), { a: -0.5, b: 0.5 }), 0.5);
    assertNormal(init.normal_(linear(), 0, 0.02), 0.02);
    assertNormal(init.normal_(linear(), { std: 0.02 }).sub(0), 0.02);
    assertClose(mean(valuesOf(init.normal_(linear(), 5))), 5, 0.02);
    assert.deepEqual(init.constant_(zeros([2, 2]), 0.5).tolist(), [
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
    assert.deepEqual(init.ones_(zeros([2], { dtype: "int64" })).tolist(), [1, 1]);
    assert.deepEqual(init.zeros_(full([2], 3)).tolist(), [0, 0]);
    assert.deepEqual(init.eye_(full([2, 3], 7)).tolist(), eye(2, 3).tolist());
  });

  it("parameters stay parameters", () => {
    const parameter = new nn.Parameter(zeros([3, 3]));
    for (const name of [
      "uniform_",
      "normal_",
      "xavierUniform_",
      "kaimingNormal_",
      "orthogonal_",
      "eye_",
    ] as const) {
      assert.equal(init[name](parameter), parameter);
    }
    init.truncNormal_(parameter);
    assert.ok(parameter.requiresGrad && parameter.isLeaf);
    assert.notEqual(parameter.abs().sum().item(), 0);
  });

  for (const shape of [
    [5, 5],
    [3, 7],
    [7, 3],
    [150, 150],
    [200, 70],
    [4, 3, 5],
    [1, 4],
    [4, 1],
  ]) {
    it(`orthogonal_ of [${shape.join(", ")}]`, () => {
      manualSeed(4);
      for (const dtype of ["float32", "float64", "float16"] as const) {
        const x = init.orthogonal_(zeros(shape, { dtype }), { gain: 2 });
        assert.equal(x.dtype, dtype);
        const flat = x.double().reshape([shape[0]!, -1]);
        const [rows, columns] = flat.shape as [number, number];
        const product = rows <= columns ? flat.matmul(flat.t()) : flat.t().matmul(flat);
        const tolerance = dtype === "float64" ? 1e-12 : dtype === "float32" ? 1e-5 : 2e-2;
        assertClose(product, eye(Math.min(rows, columns)).mul(4), tolerance);
      }
    });
  }

  it("orthogonal_ turns every way", () => {
    manualSeed(5);
    let [positive, turns] = [0, 0];
    for (let k = 0; k < 400; k++) {
      const [[a, b], [c, d]] = init.orthogonal_(zeros([2, 2])).tolist() as [
        [number, number],
        [number, number],
      ];
      if (a * d - b * c > 0) turns += 1; // a rotation rather than a reflection
      if (a > 0) positive += 1;
    }
    assert.ok(
      Math.abs(turns - 200) < 60 && Math.abs(positive - 200) < 60,
      `${turns} turns, ${positive} positive`,
    );
  });

  for (const [options, expected] of [
    [{}, 0],
    [{ mean: 1, std: 2, a: 0, b: 3 }, 1.4133],
    [{ mean: 0, std: 1, a: 3, b: 5 }, 3.283],
    [{ mean: 0, std: 0.02 }, 0],
    [{ mean: 0, std: 1, a: 4, b: Infinity }, 4.2256],
    [{ mean: 10, std: 1, a: -1, b: 1 }, 0.8912],
  ] as const) {
    it(`truncNormal_(${JSON.stringify(options)}) stays within its bounds, and has the right mean`, () => {
      manualSeed(6);
      const { mean: centre = 0, std = 1, a = -2, b = 2 } = options as init.TruncNormalOptions;
      const values = valuesOf(init.truncNormal_(zeros([20_000], { dtype: "float64" }), options));
      assert.ok(values.every((x) => x >= a && x <= b));
      assert.ok(Math.abs(mean(values) - expected) < 0.02 * Math.max(1, std), `mean ${mean(values)}`);
      // The density at two places in the ratio that the normal distribution has.
      const [low, high] = [Math.max(a, centre - 2 * std), Math.min(b, Math.max(a, centre) + std)];
      const step = (high - low) / 8;
      if (!(step > 0)) return;
      const count = (from: number) => values.filter((x) => x >= from && x < from + step).length;
      const density = (x: number) => Math.exp(-(((x - centre) / std) ** 2) / 2);
      const ratio = count(low) / count(high - step);
      const wanted = density(low + step / 2) / density(high - step / 2);
      assert.ok(Math.abs(ratio / wanted - 1) < 0.2, `ratio ${ratio}, ${wanted} wanted`);
    });
  }

  it("dirac_ hands channels on", () => {
    const weight = init.dirac_(zeros([4, 4, 3]));
    assert.deepEqual(weight.at(1).tolist(), [
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    const grouped = init.dirac_(full([4, 2, 3, 3], 5), 2);
    assert.equal(grouped.sum().item(), 4);
    for (const [output, input] of [
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
    ])
      assert.equal(grouped.at(output!, input!, 1, 1).item(), 1);
    assert.equal(
      init
        .dirac_(zeros([2, 3, 1, 2, 2]), { groups: 1 })
        .at(1, 1, 0, 1, 1)
        .item(),
      1,
    );
  });

  it("sparse_ leaves a share of every column", () => {
    manualSeed(7);
    const x = init.sparse_(zeros([30, 50]), 0.25);
    for (const count of x.eq(0).sum(0).tolist() as number[]) assert.equal(count, 8);
    assertClose(deviation(valuesOf(x).filter((value) => value !== 0)), 0.01, 0.1);
  });

  it("calculateGain has PyTorch's factors", () => {
    const gains = (
      [
        "linear",
        "conv2d",
        "conv_transpose1d",
        "sigmoid",
        "tanh",
        "relu",
        "leakyRelu",
        "leaky_relu",
        "selu",
      ] as init.Nonlinearity[]
    ).map((name) => init.calculateGain(name));
    assertClose(gains, [1, 1, 1, 1, 5 / 3, Math.SQRT2, 1.4141428569, 1.4141428569, 0.75]);
    assertClose(init.calculateGain("leakyRelu", 2), Math.sqrt(2 / 5));
  });

  it("nothing happens to nothing", () => {
    const generator = new Generator(1);
    const before = valuesOf(generator.getState());
    for (const name of [
      "uniform_",
      "normal_",
      "xavierUniform_",
      "kaimingUniform_",
      "kaimingNormal_",
      "orthogonal_",
    ] as const) {
      assert.deepEqual(init[name](zeros([0, 3]), { generator }).shape, [0, 3]);
    }
    assert.deepEqual(init.truncNormal_(zeros([0]), { generator }).shape, [0]);
    assert.deepEqual(valuesOf(generator.getState()), before);
  });

  it("senseless arguments get one sentence that begins with the name", () => {
    const x = zeros([3, 3]);
    const anyInit = init as unknown as Record<string, (...args: unknown[]) => unknown>;
    const senseless = [
      NaN,
      "x",
      null,
      {},
      [],
      true,
      Infinity,
      () => 1,
      { gain: "1" },
      { a: NaN },
      { std: -1 },
      { nonsense: 1 },
    ];
    const names = Object.keys(init).filter((name) => name.endsWith("_") || name === "calculateGain");
    assert.ok(names.length >= 15);
    for (const name of names) {
      const attempt = (...args: unknown[]) => {
        try {
          anyInit[name]!(...args);
        } catch (error) {
          const { name: kind, message } = error as Error;
          assert.equal(kind, "DescentError", `${name}: ${message}`);
          assert.ok(message.startsWith(`${name}: `), `${name}: ${message}`);
        }
      };
      for (const value of senseless) {
        attempt(value);
        attempt(x, value);
        attempt(x, 1, value);
        attempt(x, 1, 2, value);
        attempt(tensor(1), value);
      }
    }
    const wide = zeros([3]);
    assertRefused(
      () => init.xavierUniform_(wide),
      "shape",
      /^xavierUniform_: fans need at least 2 dims, the tensor is \[3\]/,
    );
    assertRefused(
      () => init.orthogonal_(wide),
      "shape",
      /^orthogonal_: the tensor must have at least 2 dims, it is \[3\]/,
    );
    assertRefused(() => init.eye_(wide), "shape", /must have 2 dims/);
    assertRefused(() => init.dirac_(wide), "shape", /must have 3 to 5 dims/);
    assertRefused(
      () => init.dirac_(zeros([3, 3, 3]), 2),
      "shape",
      /3 output channels do not divide into 2 groups/,
    );
    assertRefused(() => init.uniform_(x, 1, 0), "argument", /^uniform_: b must be a number at least 1/);
    assertRefused(() => init.normal_(x, 0, -1), "argument", /^normal_: std must be/);
    assertRefused(
      () => init.truncNormal_(x, { a: 1, b: 1 }),
      "argument",
      /^truncNormal_: a must be a number below b, they are 1 and 1/,
    );
    assertRefused(
      () => init.truncNormal_(x, 0, 0),
      "argument",
      /^truncNormal_: std must be a number above 0/,
    );
    assertRefused(
      () => init.normal_(zeros([2], { dtype: "int64" })),
      "dtype",
      /^normal_: the tensor must be floating/,
    );
    assertRefused(
      () => init.kaimingUniform_(x, { mode: "sideways" as never }),
      "argument",
      /'fanIn', 'fanOut'/,
    );
    assertRefused(() => init.calculateGain("gelu" as never), "argument", /'leakyRelu'/);
    assertRefused(() => init.sparse_(x, 2), "argument", /sparsity/);
  });
});
