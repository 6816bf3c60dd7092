// Workers of a DataLoader: the same batches as without them, no more ahead than was asked for, and nothing left behind.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { arange, data, DescentError, manualSeed, rand, randn, zeros, type Tensor } from "descent";
import { assertRefused } from "./fixtures.js";
import { newerNode, runToEnd } from "./processes.js";

type Row = [Tensor, number];
declare class Rows extends data.Dataset<Row> {
  loaded: Int32Array;
  constructor(table: Tensor);
  get length(): number;
  get(index: number): Row;
}
interface Noisy {
  noise: Tensor;
  worker: number;
  seed: bigint;
  index: number;
}
type OfRows<T> = new (table: Tensor) => T;

interface Sets {
  Rows: typeof Rows;
  Later: typeof Rows;
  Failing: typeof Rows;
  Stuck: typeof Rows;
  Private: typeof Rows;
  Transformed: typeof Rows;
  Chosen: OfRows<data.Dataset<Tensor>>;
  Writing: OfRows<data.Dataset<Tensor>>;
  Noise: new () => data.Dataset<Noisy>;
  Points: new () => data.Dataset<{ x: number; twice(): number }>;
  Dice: new (generator: data.Generator) => data.Dataset<Tensor>;
  Stream: new (count: number) => data.IterableDataset<number> & { ended: Int32Array };
  makeHidden: (table: Tensor) => Rows;
  whoCollates: (items: unknown[]) => { worker: number; count: number };
  asTheyAre: <T>(items: T[]) => T[];
  seedAlike: () => void;
  countStarts: () => void;
  failToStart: () => void;
}
const fixture = new URL("../../../test/engine/fixtures/worker-sets.mjs", import.meta.url).href;
const sets = (await import(fixture)) as Sets;

const table = arange(24).reshape([12, 2]);

const warnings: string[] = [];
process.on("warning", (warning) => warnings.push(warning.message));
const warned = async (): Promise<string> => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.splice(0).join("\n");
};

async function collect<Batch>(loader: AsyncIterable<Batch>): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

const shown = (batches: readonly (readonly Tensor[])[]): unknown =>
  batches.map((batch) => batch.map((x) => x.tolist()));

/** Loaders that keep their workers; forgotten ones end them, whenever the collector finds out. */
const held: unknown[] = [];
let kept = 0;
/** Threads that this process has, but for those that persistent loaders keep. */
function workersLeft(): number {
  return (process.report.getReport() as unknown as { workers: unknown[] }).workers.length - kept;
}
/** A loop that waits for nothing cannot wait for the end of its threads either. */
async function noneLeft(): Promise<void> {
  while (workersLeft() > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(workersLeft(), 0);
}
after(async () => {
  await noneLeft();
  assert.equal(held.length, 3);
});

test("batches are the same with any number of workers, with for and with for await", async () => {
  const rows = new sets.Rows(table);
  const nested = new data.ConcatDataset<Row>([
    new data.Subset(rows, [3, 1, 4, 1, 5, 9, 2, 6]),
    new sets.Later(table),
  ]);
  const options = { batchSize: 3, shuffle: true };
  manualSeed(7);
  const expected = shown(await collect(new data.DataLoader(nested, options)));
  const next = randn([1]).item();
  for (const numWorkers of [1, 3]) {
    manualSeed(7);
    assert.deepEqual(shown(await collect(new data.DataLoader(nested, { ...options, numWorkers }))), expected);
    assert.equal(randn([1]).item(), next);
    manualSeed(7);
    assert.deepEqual(shown([...new data.DataLoader(nested, { ...options, numWorkers })]), expected);
  }
  assert.deepEqual(shown(await collect(new data.DataLoader(rows, { numWorkers: 2, sampler: [] }))), []);
  assert.equal(await warned(), "");
});

test("tensors go to the workers and come back without being copied", async () => {
  const memory = zeros([4, 3]);
  const loader = new data.DataLoader(new sets.Writing(memory), { numWorkers: 2, collateFn: sets.asTheyAre });
  const batches = await collect(loader);
  assert.deepEqual(memory.select(1, 0).tolist(), [1, 2, 3, 4]);
  batches[2]![0]!.fill_(9);
  assert.deepEqual(memory.select(0, 2).tolist(), [9, 9, 9]);
});

test("never more than prefetchFactor batches a worker are loaded ahead, and as many as that are", async () => {
  for (const [numWorkers, prefetchFactor] of [
    [1, 1],
    [2, 2],
    [2, undefined],
  ] as const) {
    const rows = new sets.Rows(randn([40, 1]));
    const ahead = numWorkers * (prefetchFactor ?? 2);
    let handedOut = 0;
    let most = 0;
    const options = prefetchFactor === undefined ? {} : { prefetchFactor };
    for await (const _ of new data.DataLoader(rows, { numWorkers, ...options })) {
      handedOut += 1;
      // Until no more is loaded: the workers have what they may have.
      const wanted = Math.min(40, handedOut + ahead);
      while (Atomics.load(rows.loaded, 0) < wanted) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, Atomics.load(rows.loaded, 0) - handedOut);
      assert.ok(Atomics.load(rows.loaded, 0) <= handedOut + ahead);
    }
    assert.equal(most, ahead);
  }
});

test("an error in a worker arrives with the item and the worker's stack, in its turn", async () => {
  const loader = (indices: number[]) =>
    new data.DataLoader(new sets.Failing(table), { numWorkers: 2, batchSize: 2, sampler: indices });
  const seen: unknown[] = [];
  const consume = async (): Promise<void> => {
    for await (const [, index] of loader([0, 1, 2, 5, 3, 4])) seen.push(index.tolist());
  };
  await assert.rejects(consume(), (error: unknown) => {
    assert.ok(error instanceof DescentError);
    assert.equal(error.message, "DataLoader: a worker could not load item 5: no picture");
    assert.equal(error.code, "worker");
    assert.match(error.stack!, /at Failing\.get .*worker-sets\.mjs/);
    assert.equal((error.cause as Error).name, "RangeError");
    return true;
  });
  assert.deepEqual(seen, [[0, 1]]);
  assertRefused(() => [...loader([7, 0])], "dtype", /^DataLoader: a worker could not load item 7: matmul: /);
  const failing = new data.DataLoader(new sets.Rows(table), {
    numWorkers: 1,
    workerInitFn: sets.failToStart,
  });
  assertRefused(() => [...failing], "worker", /workerInitFn failed in a worker: worker 0 has no disk/);
  await noneLeft();
});

test("a worker that ends by itself, or fails behind its own back, is an error and no silence", async () => {
  const loader = (index: number, timeout = 0) =>
    new data.DataLoader(new sets.Failing(table), { numWorkers: 1, sampler: [index], timeout });
  assertRefused(() => [...loader(9)], "worker", /worker 0 ended before its work was done/);
  await assert.rejects(collect(loader(9)), /worker 0 ended before its work was done/);
  assertRefused(() => [...loader(11)], "worker", /worker 0 failed: behind its back/);
  await assert.rejects(collect(loader(11)), /worker 0 failed: behind its back/);
});

test("the timeout ends a wait", async () => {
  const never = { numWorkers: 1, sampler: [11], timeout: 0.3 };
  const loader = new data.DataLoader(new sets.Stuck(table), never);
  await assert.rejects(collect(loader), /waited 0.3 s for a batch, which is the timeout/);
  assertRefused(() => [...loader], "worker", /waited 0.3 s/);
});

test("leaving a loop early ends the workers", async () => {
  const loader = () => new data.DataLoader(new sets.Later(table), { numWorkers: 2, batchSize: 2 });
  for await (const _ of loader()) break;
  assert.equal(workersLeft(), 0);
  await assert.rejects(async () => {
    for await (const _ of loader()) throw new Error("mine");
  }, /mine/);
  assert.equal(workersLeft(), 0);
  for (const _ of loader()) break;
  const iterator = loader()[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return();
  await noneLeft();
});

test("persistent workers start once, and go on after an epoch that ended early", async () => {
  const starts = async (persistentWorkers: boolean): Promise<number> => {
    const rows = new sets.Rows(table);
    const options = { numWorkers: 2, batchSize: 2, persistentWorkers, workerInitFn: sets.countStarts };
    const loader = new data.DataLoader(rows, options);
    for await (const _ of loader) break;
    const expected = shown(await collect(new data.DataLoader(rows, { batchSize: 2 })));
    assert.deepEqual(shown(await collect(loader)), expected);
    assert.deepEqual(shown([...loader]), expected);
    held.push(loader);
    if (persistentWorkers) kept += 2;
    await noneLeft();
    return Atomics.load(rows.loaded, 1);
  };
  assert.ok((await starts(false)) >= 5); // in the loop left at once, not every worker got to start
  assert.equal(await starts(true), 2);
});

test("the seed decides what is random in the workers", async () => {
  const epoch = async (options: object, seed = 3): Promise<Noisy[]> => {
    manualSeed(seed);
    const loader = new data.DataLoader(new sets.Noise(), {
      numWorkers: 2,
      collateFn: sets.asTheyAre,
      ...options,
    });
    return (await collect(loader)).map((items) => items[0]!);
  };
  const noiseOf = (items: Noisy[]): string => items.map(({ noise }) => String(noise)).join();
  const first = await epoch({});
  assert.equal(noiseOf(await epoch({})), noiseOf(first));
  assert.notEqual(noiseOf(await epoch({}, 4)), noiseOf(first));
  assert.deepEqual(
    first.map(({ worker }) => worker),
    [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1],
  );
  assert.equal(first[1]!.seed, first[0]!.seed + 1n);
  assert.notEqual(String(first[0]!.noise), String(first[1]!.noise));
  const alike = await epoch({ workerInitFn: sets.seedAlike });
  assert.equal(String(alike[0]!.noise), String(alike[1]!.noise));
  manualSeed(5);
  assert.equal(String(alike[0]!.noise), String(randn([2])));
  assert.equal(data.getWorkerInfo(), null);
});

test("streams are shared out among the workers", async () => {
  const stream = new sets.Stream(10);
  const loader = new data.DataLoader(stream, { numWorkers: 3, batchSize: 2, persistentWorkers: true });
  const expected = [[0, 3], [1, 4], [2, 5], [6, 9], [7], [8]];
  const numbers = (batches: Tensor[]): unknown => batches.map((batch) => batch.tolist());
  assert.deepEqual(numbers(await collect(loader)), expected);
  assert.deepEqual(numbers([...loader]), expected);
  for await (const _ of loader) break;
  assert.deepEqual(numbers(await collect(loader)), expected);
  kept += 3;
  held.push(loader);
  const dropping = new data.DataLoader(stream, { numWorkers: 3, batchSize: 2, dropLast: true });
  assert.deepEqual(numbers([...dropping]), expected.slice(0, 4));
});

test("batches are made in the workers where the function is exported, here otherwise", async () => {
  const rows = new sets.Rows(table);
  const options = { numWorkers: 1, batchSize: 8 };
  const there = await collect(new data.DataLoader(rows, { ...options, collateFn: sets.whoCollates }));
  assert.deepEqual(there, [
    { worker: 0, count: 8 },
    { worker: 0, count: 4 },
  ]);
  const here = (items: Row[]) => ({
    inWorker: data.getWorkerInfo() !== null,
    sum: items.reduce((sum, [, k]) => sum + k, 0),
  });
  assert.deepEqual(await collect(new data.DataLoader(rows, { ...options, collateFn: here })), [
    { inWorker: false, sum: 28 },
    { inWorker: false, sum: 38 },
  ]);
  const points = new data.DataLoader(new sets.Points(), {
    numWorkers: 1,
    batchSize: 3,
    collateFn: sets.asTheyAre,
  });
  const [batch] = await collect(points);
  assert.deepEqual(
    batch!.map((point) => point.twice()),
    [0, 2, 4],
  );
  const chosen = new data.DataLoader(new sets.Chosen(table), { numWorkers: 1, batchSize: 2 });
  const dice = new data.DataLoader(new sets.Dice(new data.Generator(6)), { numWorkers: 1, batchSize: 3 });
  const thrown = rand([3], { generator: new data.Generator(6) }).tolist();
  assert.deepEqual((await collect(dice))[0]!.flatten().tolist(), thrown);
  assert.deepEqual((await collect(chosen))[0]!.tolist(), [
    [0, -1],
    [-2, -3],
  ]);
  assert.equal(await warned(), "");
});

test("what no worker can have is loaded here, and one sentence says why", async () => {
  class Local extends sets.Rows {}
  const cases: [Rows, RegExp][] = [
    [
      new Local(table),
      /class Local is declared in the script that trains, .*; put it in a module of its own and export it/,
    ],
    [sets.makeHidden(table), /Hidden of .*worker-sets\.mjs is not exported; export it/],
    [new sets.Private(table), /the dataset is a Private, which has #private members; .*'private' instead/],
    [new sets.Transformed(table), /transform of .*worker-sets\.mjs is not exported/],
  ];
  const expected = shown(await collect(new data.DataLoader(new sets.Rows(table), { batchSize: 5 })));
  for (const [rows, sentence] of cases) {
    const loader = new data.DataLoader(rows, { batchSize: 5, numWorkers: 2 });
    const batches = await collect(loader);
    if (!(rows instanceof sets.Private)) assert.deepEqual(shown(batches), expected);
    assert.match(await warned(), sentence);
    assert.equal([...loader].length, 3);
    assert.equal(await warned(), "");
  }
  const closure = new data.DataLoader(new sets.Rows(table), { numWorkers: 1, workerInitFn: () => undefined });
  assert.equal((await collect(closure)).length, 12);
  assert.match(await warned(), /workerInitFn.* is declared in the script that trains/);
  await noneLeft();
});

test("a saved loader goes on in the middle of its epoch, workers and all", async () => {
  const make = (numWorkers: number) => {
    const generator = new data.Generator(11);
    const options = { batchSize: 1, shuffle: true, generator, numWorkers, collateFn: sets.asTheyAre };
    return new data.DataLoader<Noisy, Noisy[]>(new sets.Noise(), options);
  };
  for (const numWorkers of [0, 2]) {
    manualSeed(1);
    const loader = make(numWorkers);
    const seen: string[] = [];
    let state: unknown;
    for (let epoch = 0; epoch < 2; epoch++) {
      for await (const [item] of loader) {
        seen.push(`${item!.index} ${numWorkers === 0 ? "" : String(item!.noise)}`);
        if (seen.length === 5) state = JSON.parse(JSON.stringify(loader.stateDict()));
      }
    }
    manualSeed(99);
    const other = make(numWorkers);
    other.loadStateDict(state as data.LoaderState);
    const rest: string[] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      for await (const [item] of other)
        rest.push(`${item!.index} ${numWorkers === 0 ? "" : String(item!.noise)}`);
    }
    assert.deepEqual(rest.slice(0, 7), seen.slice(5, 12));
    assert.deepEqual(
      rest.map((text) => text.split(" ")[0]).slice(7),
      seen.map((text) => text.split(" ")[0]).slice(12),
    );
  }
  assertRefused(
    () => {
      make(0).loadStateDict({} as never);
    },
    "state",
    /must be what stateDict\(\) of a loader gave/,
  );
});

const script = `
import { data, tensor, run } from "descent";
import { Squares } from "./squares.js";
const loader = new data.DataLoader(new Squares(6), { batchSize: 2, numWorkers: 2 });
for await (const [x] of loader) console.log(JSON.stringify(x.tolist()));
for (const [x] of loader) { console.log(x.shape[0]); break; }
`;
const squares = `
import { data, tensor, type Tensor } from "descent";
export class Squares extends data.Dataset<[Tensor, number]> {
  private readonly count: number;
  constructor(count: number) { super(); this.count = count; }
  get length(): number { return this.count; }
  get(index: number): [Tensor, number] { return [tensor(index * index), data.getWorkerInfo()!.id]; }
}
`;

for (const node of [process.execPath, newerNode()]) {
  const name = node === process.execPath ? `Node ${process.version}` : "a newer Node";
  test(
    `TypeScript under the import hook, on ${name}`,
    { skip: node === null ? "no newer Node is installed" : false },
    async () => {
      const { code, said } = await runToEnd({ "train.ts": script, "squares.ts": squares }, "train.ts", {
        node: node!,
      });
      assert.equal(said.err.replace(/^descent: .*$/gm, "").trim(), "");
      assert.equal(said.out, "[0,1]\n[4,9]\n[16,25]\n2\n");
      assert.equal(code, 0);
    },
  );
}

test("a script given as text has workers too", () => {
  const text = `
import { data, zeros } from ${JSON.stringify(import.meta.resolve("descent"))};
const { Rows } = await import(${JSON.stringify(fixture)});
for (const [x] of new data.DataLoader(new Rows(zeros([4, 1])), { batchSize: 4, numWorkers: 1 })) console.log(x.shape.join());`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", text], {
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.equal(stdout, "4,1\n");
});

test("a dataset whose module imports the script is loaded here: nothing is trained twice", async () => {
  const circular = squares
    .replace("import {", 'import "./train.js";\nimport {')
    .replace("getWorkerInfo()!.id", "getWorkerInfo()?.id ?? -1");
  const early = script.replace("const loader", "new data.DataLoader([1]);\nconst loader");
  const { said, code } = await runToEnd({ "train.ts": early, "squares.ts": circular }, "train.ts");
  assert.equal(code, 0, said.err);
  assert.match(said.err, /importing its module makes another DataLoader; move the dataset/);
  assert.equal(said.out, "[0,1]\n[4,9]\n[16,25]\n2\n");
});
