// Datasets, samplers and the loader: which items, in which order, in which form.

import assert from "node:assert/strict";
import { test } from "node:test";
import { arange, data, manualSeed, tensor, type Tensor } from "descent";
import { observer } from "../../engine/observer.js";
import { assertRefused } from "./fixtures.js";

const ten = new data.TensorDataset(arange(10), arange(10).mul(2));

/** Squares that are fetched. */
class Squares extends data.Dataset<[Tensor, number]> {
  readonly length = 5;

  async get(index: number): Promise<[Tensor, number]> {
    await Promise.resolve();
    return [tensor([index, index * index]), index];
  }
}

function numbers(batches: Iterable<readonly [Tensor, ...Tensor[]]>): number[][] {
  return [...batches].map(([x]) => x.tolist() as number[]);
}

test("batches come in order, the last one short or dropped", async () => {
  const loader = new data.DataLoader(ten, { batchSize: 4 });
  assert.equal(loader.length, 3);
  const expected = [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
  ];
  assert.deepEqual(numbers(loader), expected);
  const seen: number[][] = [];
  for await (const [x, y] of loader) {
    assert.deepEqual(y.tolist(), x.mul(2).tolist());
    seen.push(x.tolist() as number[]);
  }
  assert.deepEqual(seen, expected);
  const dropping = new data.DataLoader(ten, { batchSize: 4, dropLast: true });
  assert.equal(dropping.length, 2);
  assert.deepEqual(numbers(dropping), expected.slice(0, 2));
  assert.deepEqual(numbers(new data.DataLoader(ten, {})).length, 10);
});

test("shuffling takes every item once, by the seed", () => {
  const loader = new data.DataLoader(ten, { batchSize: 3, shuffle: true });
  manualSeed(1);
  const first = numbers(loader).flat();
  const second = numbers(loader).flat();
  manualSeed(1);
  assert.deepEqual(numbers(loader).flat(), first);
  assert.notDeepEqual(first, second);
  assert.deepEqual(
    [...first].sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  const own = () =>
    numbers(new data.DataLoader(ten, { shuffle: true, generator: new data.Generator(3) })).flat();
  assert.deepEqual(own(), own());
});

test("every order is as likely as every other", () => {
  manualSeed(9);
  const counts = new Map<string, number>();
  const loader = new data.DataLoader([0, 1, 2], { batchSize: 3, shuffle: true });
  for (let k = 0; k < 1200; k++) {
    const key = [...loader].map((batch) => batch.tolist()).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts) assert.ok(Math.abs(count - 200) < 60, `${order}: ${count}`);
});

test("parts of a dataset are cut from the same tensors", () => {
  const [train, rest] = data.randomSplit(ten, [0.7, 0.3], { generator: new data.Generator(1) });
  assert.deepEqual([train!.length, rest!.length], [7, 3]);
  const all = [
    ...numbers(new data.DataLoader(train!)),
    ...numbers(new data.DataLoader(rest!, { batchSize: 2 })),
  ];
  assert.deepEqual(
    all.flat().sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  const both = new data.ConcatDataset([new data.Subset(ten, [9, 8]), new data.Subset(ten, [0])]);
  assert.deepEqual(numbers(new data.DataLoader(both)), [[9], [8], [0]]);
  assertRefused(() => data.randomSplit(ten, [5, 6]), "argument", /add up to 11/);
  assertRefused(() => new data.Subset(ten, [10]), "index", /no item 10, there are 10/);
  assertRefused(
    () => new data.TensorDataset(arange(3), arange(4)),
    "shape",
    /first sizes differ, \[3\] and \[4\]/,
  );
});

test("items are collated by their form", async () => {
  const loader = new data.DataLoader(new Squares(), { batchSize: 2 });
  const batches: [Tensor, Tensor][] = [];
  for await (const batch of loader) batches.push(batch);
  assert.deepEqual(
    batches.map(([x]) => x.shape),
    [
      [2, 2],
      [2, 2],
      [1, 2],
    ],
  );
  assert.equal(batches[0]![1].dtype, "int64");
  assert.deepEqual(batches[1]![0].tolist(), [
    [2, 4],
    [3, 9],
  ]);
  const records = [
    { x: 0.5, name: "a", flag: true, pixels: Uint8Array.of(1, 2) },
    { x: 1, name: "b", flag: false, pixels: Uint8Array.of(3, 4) },
  ];
  const [batch] = [...new data.DataLoader(records, { batchSize: 2 })];
  assert.deepEqual(batch?.x.tolist(), [0.5, 1]);
  assert.deepEqual(batch.name, ["a", "b"]);
  assert.equal(batch.flag.dtype, "bool");
  assert.deepEqual(batch.pixels.tolist(), [
    [1, 2],
    [3, 4],
  ]);
  const own = new data.DataLoader([1, 2, 3], { batchSize: 2, collateFn: (items) => items.length });
  assert.deepEqual([...own], [2, 1]);
  assertRefused(() => [...new data.DataLoader(new Squares())], "argument", /iterate with 'for await'/);
  assertRefused(
    () => [...new data.DataLoader([tensor([1]), tensor([1, 2])], { batchSize: 2 })],
    "shape",
    /^DataLoader: the items differ, \[1\] and \[2\]/,
  );
});

test("streams come in batches and have no length", async () => {
  class Stream extends data.IterableDataset<number> {
    async *[Symbol.asyncIterator]() {
      for (let k = 0; k < 5; k++) {
        await Promise.resolve();
        yield k / 2;
      }
    }
  }
  const loader = new data.DataLoader(new Stream(), { batchSize: 2 });
  const seen: unknown[] = [];
  for await (const batch of loader) seen.push(batch.tolist());
  assert.deepEqual(seen, [[0, 0.5], [1, 1.5], [2]]);
  assertRefused(() => loader.length, "argument", /not known/);
  assertRefused(() => new data.DataLoader(new Stream(), { shuffle: true }), "argument", /order of its own/);
});

test("samplers decide the order", () => {
  assert.deepEqual(numbers(new data.DataLoader(ten, { sampler: [3, 1], batchSize: 2 })), [[3, 1]]);
  assert.deepEqual(numbers(new data.DataLoader(ten, { batchSampler: [[1, 2], [3]] })), [[1, 2], [3]]);
  assert.deepEqual([...new data.SequentialSampler(ten)].length, 10);
  assert.equal([...new data.RandomSampler(ten, { numSamples: 25 })].length, 25);
  const weights = [0, 1, 3];
  manualSeed(4);
  const drawn = [...new data.WeightedRandomSampler(weights, 4000)];
  assert.equal(drawn.filter((k) => k === 0).length, 0);
  assert.ok(Math.abs(drawn.filter((k) => k === 2).length - 3000) < 150);
  assert.deepEqual([...new data.WeightedRandomSampler(weights, 2, { replacement: false })].sort(), [1, 2]);
  assertRefused(
    () => new data.DataLoader(ten, { sampler: [1], shuffle: true }),
    "argument",
    /either shuffle or a sampler/,
  );
  assertRefused(
    () => new data.DataLoader(ten, { batchSampler: [[1]], batchSize: 2 }),
    "argument",
    /leave out batchSize/,
  );
  assertRefused(() => [...new data.DataLoader(ten, { sampler: [10] })], "index", /10|-1/);
  assertRefused(() => [...new data.DataLoader(ten, { sampler: ["a"] as never })], "argument", /'a'/);
  assertRefused(() => [...new data.DataLoader(ten, { batchSampler: [3] as never })], "argument", /not 3/);
});

test("options are checked; worker options are accepted", () => {
  const make = (options: object) => () => new data.DataLoader(ten, options);
  assert.equal(
    make({ numWorkers: 4, pinMemory: true, prefetchFactor: 2, persistentWorkers: true })().numWorkers,
    4,
  );
  assertRefused(
    make({ batchSize: 0 }),
    "argument",
    /^DataLoader: batchSize must be a whole number at least 1/,
  );
  assertRefused(make({ batch_size: 3 }), "argument", /it is called batchSize here/);
  assertRefused(make({ numWorkers: -1 }), "argument", /numWorkers/);
  assertRefused(make({ prefetchFactor: 2 }), "argument", /need workers/);
  assertRefused(make({ shuffle: 1 }), "argument", /shuffle must be true or false/);
  assertRefused(make({ collateFn: 3 }), "argument", /collateFn must be a function/);
  assertRefused(() => new data.DataLoader(null as never), "argument", /the dataset must be/);
  assertRefused(() => new data.DataLoader(3 as never), "argument", /it is 3/);
});

test("the recorder hears of epochs and batches", () => {
  const heard: unknown[] = [];
  const before = observer.current;
  observer.current = {
    epoch: (_: object, batches: number | null) => heard.push(batches),
    batch: (_: object, info: object) => heard.push(info),
  } as unknown as NonNullable<typeof observer.current>;
  try {
    numbers(new data.DataLoader(ten, { batchSize: 6 }));
  } finally {
    observer.current = before;
  }
  assert.deepEqual(heard, [2, { samples: 6, index: 0, batches: 2 }, { samples: 4, index: 1, batches: 2 }]);
});
