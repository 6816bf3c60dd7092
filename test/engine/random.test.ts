// Random numbers: each distribution by its statistics from a fixed seed, dtypes, and what is refused.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  arange,
  bernoulli,
  full,
  getRngState,
  manualSeed,
  multinomial,
  nn,
  normal,
  ones,
  rand,
  randint,
  randintLike,
  randn,
  randperm,
  tensor,
  zeros,
  type DType,
  type Tensor,
} from "descent";

const valuesOf = (x: Tensor): number[] => Array.from(x.data(), Number);

/** The largest distance between the share of values up to x and `share(x)`, times √n: above 1.95 in one case of a thousand. */
function kolmogorovSmirnov(values: number[], share: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  let largest = 0;
  sorted.forEach((value, k) => {
    const wanted = share(value);
    largest = Math.max(
      largest,
      Math.abs(wanted - k / sorted.length),
      Math.abs(wanted - (k + 1) / sorted.length),
    );
  });
  return largest * Math.sqrt(sorted.length);
}

/** Σ (counted − expected)² / expected, in standard deviations from what is usual. */
function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  const sum = counts.reduce((total, count, k) => total + (count - expected[k]!) ** 2 / expected[k]!, 0);
  const freedom = counts.length - 1;
  return (sum - freedom) / Math.sqrt(2 * freedom);
}

function countOf(values: readonly number[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const value of values) counts[value]! += 1;
  return counts;
}

/** The share of a normal distribution below x (Abramowitz & Stegun 7.1.26, to 1.5e-7). */
function normalShare(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - series * Math.exp(-z * z);
  return x >= 0 ? (1 + erf) / 2 : (1 - erf) / 2;
}

/** Within four standard deviations of its expectation. */
function assertShare(count: number, trials: number, p: number, what: string): void {
  const deviation = Math.sqrt(trials * p * (1 - p));
  assert.ok(
    Math.abs(count - trials * p) <= 4 * deviation,
    `${what}: ${count} of ${trials}, ${trials * p} expected`,
  );
}

const floats: DType[] = ["float32", "float64", "float16", "bfloat16"];

describe("distributions", () => {
  for (const dtype of floats) {
    it(`uniform numbers in ${dtype} are spread evenly, and 1 is not among them`, () => {
      manualSeed(1);
      const values = valuesOf(rand([20_000], { dtype }));
      assert.ok(values.every((x) => x >= 0 && x < 1));
      // Half precision has only 2^8 or 2^11 places below 1.
      assert.ok(kolmogorovSmirnov(values, (x) => x) < (dtype === "bfloat16" ? 2.5 : 1.95));
      const shifted = valuesOf(zeros([20_000], { dtype }).uniform_(-2, 6));
      assert.ok(shifted.every((x) => x >= -2 && x < 6));
      assert.ok(kolmogorovSmirnov(shifted, (x) => (x + 2) / 8) < (dtype === "bfloat16" ? 3 : 1.95));
    });

    it(`normal numbers in ${dtype} have the right shape`, () => {
      manualSeed(2);
      const limit = dtype === "bfloat16" ? 2.5 : 1.95;
      assert.ok(kolmogorovSmirnov(valuesOf(randn([20_000], { dtype })), normalShare) < limit);
      const moved = valuesOf(normal(3, 0.5, [20_000], { dtype }));
      assert.ok(kolmogorovSmirnov(moved, (x) => normalShare((x - 3) / 0.5)) < 4);
    });
  }

  it("normal numbers have their tails, and neighbours have nothing to do with each other", () => {
    manualSeed(3);
    const values = randn([1_000_000]).data() as Float32Array;
    const beyond = (limit: number) => values.reduce((count, x) => count + (Math.abs(x) > limit ? 1 : 0), 0);
    assertShare(beyond(2), 1e6, 0.0455003, "beyond 2");
    assertShare(beyond(3), 1e6, 0.0026998, "beyond 3");
    assertShare(beyond(4), 1e6, 6.334e-5, "beyond 4");
    let product = 0;
    for (let k = 1; k < values.length; k++) product += values[k]! * values[k - 1]!;
    assert.ok(Math.abs(product) < 4 * Math.sqrt(1e6), `correlation ${product / 1e6}`);
  });

  it("bernoulli draws ones with their probabilities", () => {
    manualSeed(4);
    for (const p of [0, 0.001, 0.03, 0.5, 0.9, 1]) {
      const trials = 50_000;
      assertShare(
        bernoulli(full([trials], p))
          .sum()
          .item(),
        trials,
        p,
        `bernoulli(${p})`,
      );
      assertShare(
        bernoulli(zeros([trials]), p)
          .sum()
          .item(),
        trials,
        p,
        `bernoulli(x, ${p})`,
      );
      assertShare(zeros([trials]).bernoulli_(p).sum().item(), trials, p, `bernoulli_(${p})`);
    }
    const columns = zeros([20_000, 3])
      .bernoulli_(tensor([0.1, 0.5, 1]))
      .sum(0);
    [0.1, 0.5, 1].forEach((p, k) => {
      assertShare(columns.at(k).item(), 20_000, p, `column ${k}`);
    });
    const whole = zeros([1000], { dtype: "int64" }).bernoulli_(0.5);
    assert.equal(whole.dtype, "int64");
    assertShare(whole.sum().item(), 1000, 0.5, "int64");
  });

  it("integers are even over small and large ranges", () => {
    manualSeed(5);
    const small = valuesOf(randint(-5, 5, [50_000])).map((x) => x + 5);
    assert.ok(Math.abs(chiSquare(countOf(small, 10), new Array<number>(10).fill(5000))) < 4);
    // Where the remainder of 64 bits would favour the lower third by half.
    const [low, high] = [-(2n ** 63n), 2n ** 62n];
    const wide = zeros([20_000], { dtype: "int64" })
      .random_(low as never, high as never)
      .data() as BigInt64Array;
    const shares = Array.from(wide, (x) => Number(x - low) / Number(high - low));
    assert.ok(shares.every((x) => x >= 0 && x <= 1));
    assert.ok(kolmogorovSmirnov(shares, (x) => x) < 1.95);
    const safe = Number.MAX_SAFE_INTEGER;
    const safeShares = Array.from(
      randint(-safe, safe, [20_000]).data() as BigInt64Array,
      (x) => (Number(x) + safe) / (2 * safe),
    );
    assert.ok(kolmogorovSmirnov(safeShares, (x) => x) < 1.95);
    for (const dtype of ["uint8", "int8", "int16", "int32", "bool", "float32", "float16"] as const) {
      const drawn = randint(0, 2, [2000], { dtype });
      assert.equal(drawn.dtype, dtype);
      assertShare(valuesOf(drawn).filter((x) => x === 1).length, 2000, 0.5, dtype);
    }
    assert.deepEqual(new Set(valuesOf(zeros([200], { dtype: "int8" }).random_(-2, 1))), new Set([-2, -1, 0]));
    assert.ok(valuesOf(zeros([2000], { dtype: "uint8" }).random_()).some((x) => x > 250));
    assert.equal(randintLike(ones([2, 3], { dtype: "int32" }), 4).dtype, "int32");
  });

  it("every permutation is as likely as every other", () => {
    manualSeed(6);
    const counts = new Map<string, number>();
    for (let k = 0; k < 4800; k++) {
      const key = valuesOf(randperm(4)).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    assert.equal(counts.size, 24);
    assert.ok(Math.abs(chiSquare([...counts.values()], new Array<number>(24).fill(200))) < 4);
    assert.deepEqual(valuesOf(randperm(10_000).sort()[0]), valuesOf(arange(10_000)));
  });

  it("multinomial draws in proportion to the weights, with replacement", () => {
    manualSeed(7);
    const weights = [0, 1, 0.5, 4, 2.5, 0];
    const drawn = valuesOf(multinomial(tensor(weights), 40_000, { replacement: true }));
    const counts = countOf(drawn, 6);
    assert.deepEqual([counts[0], counts[5]], [0, 0]);
    assert.ok(Math.abs(chiSquare(counts.slice(1, 5), [5000, 2500, 20_000, 12_500])) < 4);
    const rows = multinomial(
      tensor(
        [
          [1, 0],
          [0, 2],
        ],
        { dtype: "float64" },
      ),
      5,
      { replacement: true },
    );
    assert.deepEqual(rows.tolist(), [
      [0, 0, 0, 0, 0],
      [1, 1, 1, 1, 1],
    ]);
  });

  it("multinomial draws in proportion to what is left, without replacement", () => {
    manualSeed(8);
    const weights = [1, 2, 3, 4];
    const rows = 12_000;
    const pairs = multinomial(tensor(weights).expand([rows, 4]), 2).data() as BigInt64Array;
    const counts = new Array<number>(16).fill(0);
    for (let row = 0; row < rows; row++) counts[Number(pairs[2 * row]! * 4n + pairs[2 * row + 1]!)]! += 1;
    const counted: number[] = [];
    const expected: number[] = [];
    weights.forEach((first, i) => {
      weights.forEach((second, j) => {
        if (i === j) return;
        expected.push(((rows * first) / 10) * (second / (10 - first)));
        counted.push(counts[4 * i + j]!);
      });
    });
    assert.equal(
      counted.reduce((sum, count) => sum + count),
      rows,
      "nothing is drawn twice",
    );
    assert.ok(Math.abs(chiSquare(counted, expected)) < 4);
    assert.deepEqual(valuesOf(multinomial(tensor([0, 1, 0, 1]), 2)).sort(), [1, 3]);
  });

  it("exponential numbers have the right shape", () => {
    manualSeed(9);
    const values = valuesOf(zeros([20_000]).exponential_(2));
    assert.ok(kolmogorovSmirnov(values, (x) => 1 - Math.exp(-2 * x)) < 1.95);
  });

  it("dropout keeps its share, each element by itself, and scales what it keeps", () => {
    manualSeed(10);
    for (const p of [0.1, 0.5, 0.8]) {
      const values = valuesOf(nn.functional.dropout(ones([40_000], { dtype: "float64" }), p));
      assert.ok(values.every((x) => x === 0 || Math.abs(x - 1 / (1 - p)) < 1e-12));
      assertShare(values.filter((x) => x === 0).length, 40_000, p, `dropout(${p})`);
      const together = values.filter((x, k) => k > 0 && x === 0 && values[k - 1] === 0).length;
      assertShare(together, 40_000, p * p, `two in a row, dropout(${p})`);
    }
  });
});

describe("in place", () => {
  it("a view alone is filled, and what is recorded goes on", () => {
    const whole = zeros([4, 3]);
    whole.t().select(0, 1).normal_(5, 0.1);
    const columns = whole.abs().sum(0).tolist() as number[];
    assert.deepEqual([columns[0], columns[2]], [0, 0]);
    assert.ok(columns[1]! > 10);
    const parameter = new nn.Parameter(zeros([3]));
    assert.throws(() => parameter.uniform_(), { name: "DescentError" });
    const x = parameter.mul(2);
    x.bernoulli_(0.5);
    x.sum().backward();
    assert.deepEqual(parameter.grad?.tolist(), [0, 0, 0]);
  });

  it("nothing is drawn for nothing", () => {
    manualSeed(1);
    const before = valuesOf(getRngState());
    assert.deepEqual(rand([0, 3]).shape, [0, 3]);
    assert.deepEqual(randint(0, 5, [0]).shape, [0]);
    assert.deepEqual(randperm(0).shape, [0]);
    assert.deepEqual(bernoulli(zeros([0])).shape, [0]);
    assert.deepEqual(valuesOf(getRngState()), before);
    assert.deepEqual(multinomial(zeros([0, 4]), 2).shape, [0, 2]);
  });
});

it("senseless arguments get one sentence", () => {
  const refused: [() => unknown, string, RegExp][] = [
    [
      () => bernoulli(tensor([0.5, -0.1])),
      "argument",
      /^bernoulli: every probability must be within \[0, 1\], it is -0.1/,
    ],
    [() => bernoulli(tensor([0.5, 1.5])), "argument", /it is 1.5/],
    [() => bernoulli(tensor([NaN])), "argument", /it is -?nan/],
    [
      () => bernoulli(tensor([1, 0], { dtype: "int64" })),
      "dtype",
      /^bernoulli: needs a floating-point tensor/,
    ],
    [() => bernoulli(zeros([2]), 2), "argument", /^bernoulli: p must be within/],
    [() => zeros([2]).bernoulli_(-1), "argument", /^bernoulli_: p must be within \[0, 1\], it is -1/],
    [() => zeros([2]).bernoulli_(tensor([0.1, 0.2, 0.3])), "shape", /^bernoulli_: /],
    [() => zeros([2]).bernoulli_(zeros([3, 2])), "shape", /do not broadcast/],
    [
      () => multinomial(tensor([1, -1]), 1),
      "argument",
      /^multinomial: weights must be finite and not negative, one is -1/,
    ],
    [() => multinomial(tensor([1, NaN]), 1), "argument", /nan/],
    [() => multinomial(tensor([1, Infinity]), 1), "argument", /inf/],
    [() => multinomial(tensor([0, 0]), 1), "argument", /too few weights above zero/],
    [() => multinomial(tensor([0, 1]), 2), "argument", /too few weights above zero, 1/],
    [() => multinomial(tensor([1, 1]), 3), "argument", /cannot draw 3 of 2/],
    [() => multinomial(tensor([1, 1]), 0), "argument", /numSamples must be positive/],
    [() => multinomial(zeros([2, 2, 2]), 1), "shape", /1 or 2 dims/],
    [() => multinomial(tensor([1, 2], { dtype: "int64" }), 1), "dtype", /floating/],
    [() => randint(3, 3, [2]), "argument", /^randint: high must be above low/],
    [() => randint(0, [2, 3], [2]), "argument", /single integer/],
    [
      () => randint(0, 257, [2], { dtype: "uint8" }),
      "dtype",
      /^randint: uint8 does not have all numbers of \[0, 257\)/,
    ],
    [() => randint(-1, 2, [2], { dtype: "bool" }), "dtype", /bool does not/],
    [() => randint(0, 70_000, [2], { dtype: "float16" }), "dtype", /float16 does not/],
    [() => randint(0.5, 3, [2]), "argument", /^randint: /],
    [() => randperm(-1), "shape", /^randperm: /],
    [
      () => randperm(300, { dtype: "uint8" }),
      "dtype",
      /^randperm: uint8 does not have all numbers below 300/,
    ],
    [() => rand([2, -1]), "shape", /^rand: /],
    [() => rand([2], { dtype: "int64" }), "dtype", /^rand: gives floating-point numbers only/],
    [() => normal(0, -1, [2]), "argument", /^normal: std must not be negative/],
    [() => normal(zeros([2]), tensor([1, -1])), "argument", /^normal: std must not be negative, it is -1/],
    [() => normal(0, 1), "argument", /^normal: needs a shape/],
    [() => normal(0, 1, [2], { dtype: "int32" }), "dtype", /floating/],
    [() => zeros([2]).uniform_(1, 0), "argument", /^uniform_: to must not be below from/],
    [() => zeros([2]).uniform_(-Infinity, 0), "argument", /^uniform_: from and to must be finite/],
    [() => zeros([2]).uniform_(NaN, 0), "argument", /^uniform_/],
    [() => zeros([2], { dtype: "int64" }).uniform_(), "dtype", /floating/],
    [() => zeros([2]).normal_(0, -1), "argument", /^normal_: std/],
    [() => zeros([2]).exponential_(0), "argument", /^exponential_: lambd must be above 0/],
    [() => zeros([2], { dtype: "uint8" }).random_(0, 300), "dtype", /^random_: uint8/],
  ];
  for (const [call, code, message] of refused) {
    try {
      call();
    } catch (error) {
      const { code: found, message: sentence } = error as { code: string; message: string };
      assert.match(sentence, message);
      if (found !== code) assert.equal(found, code, sentence);
      continue;
    }
    assert.fail(`not refused: ${String(call)}`);
  }
});
