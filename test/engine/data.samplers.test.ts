// Samplers, splits and datasets by themselves: what they give, by which generator, how likely, and what they refuse.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arange, data, manualSeed, tensor, zeros, type Tensor } from "descent";
import { assertRefused } from "./fixtures.js";

const ten = new data.TensorDataset(arange(10), arange(10).mul(2));
const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);
const inOrder = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** How often each number below `classes` comes. */
function countOf(values: Iterable<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const value of values) counts[value]! += 1;
  return counts;
}

function assertEven(counts: readonly number[], expected: readonly number[]): void {
  counts.forEach((count, k) => {
    const wanted = expected[k]!;
    assert.ok(Math.abs(count - wanted) <= 4.5 * Math.sqrt(wanted), `${count} of ${k}, not ${wanted}`);
  });
}

test("random samplers give every item once, or draw with replacement", () => {
  manualSeed(1);
  const sampler = new data.RandomSampler(ten);
  assert.equal(sampler.length, 10);
  const [first, second] = [[...sampler], [...sampler]];
  assert.deepEqual(sorted(first), inOrder);
  assert.notDeepEqual(first, second);
  const replacing = new data.RandomSampler(ten, { replacement: true, numSamples: 20_000 });
  assertEven(countOf(replacing, 10), new Array<number>(10).fill(2000));
  const more = [...new data.RandomSampler(ten, { numSamples: 25 })];
  assert.equal(more.length, 25);
  assert.deepEqual(sorted(more.slice(10, 20)), inOrder);
  assert.deepEqual([...new data.RandomSampler([])], []);
});

test("subsets are shuffled among themselves", () => {
  manualSeed(2);
  const sampler = new data.SubsetRandomSampler([7, 3, 5]);
  assert.equal(sampler.length, 3);
  const orders = new Set(Array.from({ length: 100 }, () => [...sampler].join()));
  assert.equal(orders.size, 6);
  assert.deepEqual(sorted(new data.SubsetRandomSampler(tensor([4, 2], { dtype: "int64" }))), [2, 4]);
});

test("weighted samplers draw in proportion", () => {
  manualSeed(3);
  const weights = [0, 1, 3, 4, 0];
  for (const given of [weights, Float32Array.from(weights), tensor(weights)]) {
    const drawn = new data.WeightedRandomSampler(given, 16_000);
    assert.equal(drawn.length, 16_000);
    assertEven(countOf(drawn, 5), [0, 2000, 6000, 8000, 0]);
  }
  // Without replacement the first draw is in proportion, the second in proportion to what is left.
  const firsts: number[] = [];
  for (let k = 0; k < 4000; k++) {
    const drawn = [...new data.WeightedRandomSampler(weights, 3, { replacement: false })];
    assert.deepEqual(sorted(drawn), [1, 2, 3]);
    firsts.push(drawn[0]!);
  }
  assertEven(countOf(firsts, 5), [0, 500, 1500, 2000, 0]);
});

test("batches of another sampler, the last one short or dropped", () => {
  const sequence = new data.SequentialSampler(ten);
  for (const keep of [false, { dropLast: false }, undefined, {}]) {
    const batches = new data.BatchSampler(sequence, 4, keep);
    assert.equal(batches.length, 3);
    assert.deepEqual(
      [...batches],
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
      ],
    );
  }
  for (const drop of [true, { dropLast: true }]) {
    const batches = new data.BatchSampler(sequence, 4, drop);
    assert.equal(batches.length, 2);
    assert.deepEqual(
      [...batches],
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ],
    );
  }
  assert.deepEqual([...new data.BatchSampler([3, 1, 2], 2)], [[3, 1], [2]]);
});

test("a generator decides alone", () => {
  const orders = (make: (generator: data.Generator) => Iterable<number>): void => {
    const once = [...make(new data.Generator(5))];
    manualSeed(99);
    assert.deepEqual([...make(new data.Generator(5))], once);
    const generator = new data.Generator(5);
    assert.deepEqual([...make(generator)], once);
    assert.notDeepEqual([...make(generator)], once, "the next epoch is another");
    assert.notDeepEqual([...make(new data.Generator(6))], once);
    manualSeed(1);
    const before = [...new data.RandomSampler(ten)];
    manualSeed(1);
    for (const _ of make(new data.Generator(5)));
    assert.deepEqual([...new data.RandomSampler(ten)], before, "the process's numbers stay as they are");
  };
  orders((generator) => new data.RandomSampler(ten, { generator }));
  orders((generator) => new data.RandomSampler(ten, { generator, replacement: true }));
  orders((generator) => new data.SubsetRandomSampler(inOrder, { generator }));
  orders((generator) => new data.WeightedRandomSampler([1, 2, 3, 4, 5, 6], 12, { generator }));
  orders(
    (generator) => new data.WeightedRandomSampler([1, 2, 3, 4, 5, 6], 6, { generator, replacement: false }),
  );
  orders((generator) => data.randomSplit(ten, [7, 3], { generator }).flatMap((part) => [...part.indices]));
});

test("splits by lengths and by fractions", () => {
  const lengths = (parts: readonly number[], count = 10): number[] =>
    data.randomSplit(new Array<number>(count).fill(0), parts).map((part) => part.length);
  assert.deepEqual(lengths([3, 7]), [3, 7]);
  assert.deepEqual(lengths([0, 10]), [0, 10]);
  assert.deepEqual(lengths([0.5, 0.3, 0.2]), [5, 3, 2]);
  assert.deepEqual(lengths([1 / 3, 1 / 3, 1 / 3]), [4, 3, 3]);
  assert.deepEqual(lengths([0.25, 0.25, 0.25, 0.25], 11), [3, 3, 3, 2]);
  assert.deepEqual(lengths([1]), [10]);
  const parts = data.randomSplit(ten, [0.6, 0.4]);
  assert.deepEqual(sorted(parts.flatMap((part) => [...part.indices])), inOrder);
  manualSeed(3);
  const seen = new Set(Array.from({ length: 30 }, () => data.randomSplit(ten, [1, 9])[0]!.indices[0]));
  assert.ok(seen.size > 5);
});

test("datasets count negative numbers from the end", () => {
  const item = (dataset: { get(index: number): unknown }, index: number): unknown =>
    (dataset.get(index) as Tensor[]).map((x) => x.item());
  assert.deepEqual(item(ten, -1), [9, 18]);
  assert.deepEqual(item(ten, -10), [0, 0]);
  const subset = new data.Subset(ten, [4, -1, 2]);
  assert.deepEqual(
    [item(subset, 1), item(subset, -1), item(subset, -2)],
    [
      [9, 18],
      [2, 4],
      [9, 18],
    ],
  );
  const both = new data.ConcatDataset([subset, ten]);
  assert.deepEqual([both.length, both.cumulativeSizes], [13, [3, 13]]);
  assert.deepEqual(
    [item(both, -1), item(both, -13), item(both, 2), item(both, 3)],
    [
      [9, 18],
      [4, 8],
      [2, 4],
      [0, 0],
    ],
  );
  assert.deepEqual(new data.Subset(["a", "b"], [-1]).get(0), "b");
  assert.deepEqual(
    [...new data.DataLoader(new data.Subset(ten, [-1, -2]), { batchSize: 2 })].map(([x]) => x.tolist()),
    [[9, 8]],
  );
  for (const [dataset, name, size] of [
    [ten, "TensorDataset", 10],
    [subset, "Subset", 3],
    [both, "ConcatDataset", 13],
  ] as const) {
    for (const index of [size, -size - 1, 0.5, NaN, "0", null, undefined]) {
      assertRefused(
        () => dataset.get(index as never),
        "index",
        new RegExp(`^${name}: no item .*, there are ${size}`),
      );
    }
  }
});

test("senseless arguments get one sentence that begins with the name", () => {
  const senseless = [
    NaN,
    -1,
    0.5,
    "x",
    null,
    {},
    true,
    Infinity,
    () => 1,
    Symbol("s"),
    zeros([2, 2]),
    [NaN],
    ["a"],
    [-1],
  ];
  const classes = data as unknown as Record<string, new (...args: unknown[]) => Iterable<unknown>>;
  const valid: Record<string, unknown[]> = {
    RandomSampler: [ten],
    SequentialSampler: [ten],
    SubsetRandomSampler: [[1, 2]],
    WeightedRandomSampler: [[1, 2], 2],
    BatchSampler: [[1, 2], 2],
    TensorDataset: [arange(3)],
    ConcatDataset: [[ten]],
    Subset: [ten, [1]],
  };
  const options = ["replacement", "numSamples", "generator", "dropLast", "nonsense"];
  for (const [name, args] of Object.entries(valid)) {
    const attempt = (given: unknown[]): void => {
      try {
        const made = new classes[name]!(...given);
        assert.ok(made);
      } catch (error) {
        const { name: kind, message } = error as Error;
        assert.equal(kind, "DescentError", `${name}: ${message}`);
        assert.ok(message.startsWith(`${name}: `), message);
      }
    };
    assert.ok(new classes[name]!(...args));
    for (const value of senseless) {
      args.forEach((_, k) => {
        attempt(args.with(k, value));
      });
      attempt([...args, value]);
      for (const option of options) attempt([...args, { [option]: value }]);
    }
  }
  assertRefused(
    () => new data.RandomSampler(ten, { numSamples: 0 }),
    "argument",
    /numSamples must be a whole number at least 1/,
  );
  assertRefused(
    () => new data.RandomSampler(ten, { generator: 3 as never }),
    "argument",
    /must be a Generator/,
  );
  assertRefused(() => new data.WeightedRandomSampler([0, 0], 1), "argument", /weights? above 0/);
  assertRefused(
    () => new data.WeightedRandomSampler([1, -1], 1),
    "argument",
    /each weight must be a number at least 0/,
  );
  assertRefused(() => new data.WeightedRandomSampler([1, NaN], 1), "argument", /it is NaN/);
  assertRefused(
    () => new data.WeightedRandomSampler(zeros([2, 2]), 1),
    "argument",
    /not a tensor of \[2, 2\]/,
  );
  assertRefused(
    () => new data.WeightedRandomSampler([1, 0], 2, { replacement: false }),
    "argument",
    /there are 1/,
  );
  assertRefused(() => new data.SubsetRandomSampler([1, -1]), "argument", /each index must be/);
  assertRefused(() => new data.BatchSampler([1], 0), "argument", /batchSize/);
  for (const lengths of [[0.5, 0.6], [5], [-1, 11], ["a"], 3, null, [NaN, 1], []]) {
    assertRefused(() => data.randomSplit(ten, lengths as never), "argument", /^randomSplit: /);
  }
  assertRefused(() => data.randomSplit(ten, [5, 5], { seed: 1 } as never), "argument", /no option 'seed'/);
  assertRefused(
    () => data.randomSplit(ten, [5, 5], { generator: 1 as never }),
    "argument",
    /must be a Generator/,
  );
});
