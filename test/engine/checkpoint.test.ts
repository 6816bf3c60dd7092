// Checkpoints: a training that goes on bit for bit in another process, and files that do not fit.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  arange,
  checkpoint,
  data,
  manualSeed,
  nn,
  optim,
  rand,
  randn,
  run,
  safetensors,
  tensor,
  type Tensor,
} from "descent";
import { assertRefused } from "./fixtures.js";
import { runToEnd, start, workspaceWith } from "./processes.js";

const scratch = mkdtempSync(join(tmpdir(), "descent-checkpoint-"));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});
const path = join(scratch, "one.safetensors");

/** Trains 4 epochs of 5 batches; "save" stops in the middle of the second, "go on" begins there. Prints every loss exactly. */
const script = `
import { checkpoint, data, manualSeed, nn, optim, type Tensor } from "descent";
import { Noisy } from "./noisy.js";

const [mode, numWorkers] = [process.env["MODE"], Number(process.env["WORKERS"])];
manualSeed(mode === "go on" ? 999 : 3);
const model = new nn.Sequential(new nn.Linear(4, 16), new nn.BatchNorm1d(16), new nn.ReLU(), new nn.Dropout(0.4), new nn.Linear(16, 1));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
const second = new optim.AdamW(model.parameters(), { lr: 0.003 });
const scheduler = new optim.lrScheduler.StepLR(optimizer, 1, { gamma: 0.7 });
const generator = new data.Generator(mode === "go on" ? 0 : 8);
const loader = new data.DataLoader(new Noisy(18), { batchSize: 4, shuffle: true, generator, numWorkers });
const parts = { model, optimizer, second, scheduler, loader };
let first = 0;
let steps = 0;
if (mode === "go on") {
  const { extra } = checkpoint.load<{ epoch: number; steps: number }>("middle.safetensors", parts);
  first = extra.epoch;
  steps = extra.steps;
}
for (let epoch = first; epoch < 4; epoch++) {
  for await (const [x, y] of loader) {
    optimizer.zeroGrad();
    const loss = nn.functional.mseLoss(model.forward(x), y);
    loss.backward();
    optimizer.step();
    second.step();
    steps += 1;
    console.log(steps, loss.item(), optimizer.paramGroups[0]!.lr);
    if (mode === "save" && steps === 8) {
      checkpoint.save("middle.safetensors", { ...parts, extra: { epoch, steps } });
      process.exit(0);
    }
  }
  scheduler.step();
}
`;
const noisy = `
import { data, randn, type Tensor } from "descent";
export class Noisy extends data.Dataset<[Tensor, Tensor]> {
  readonly length: number;
  constructor(length: number) { super(); this.length = length; }
  get(index: number): [Tensor, Tensor] {
    const x = randn([4]).add(index / 10);
    return [x, x.sum().reshape([1])];
  }
}
`;

for (const workers of [0, 2]) {
  test(`training goes on bit for bit in a new process, in mid epoch, with ${workers} workers`, async () => {
    const folder = workspaceWith({ "train.ts": script, "noisy.ts": noisy });
    const lines = async (mode: string): Promise<string[]> => {
      const env = { MODE: mode, WORKERS: String(workers), DESCENT_NUM_THREADS: "1" };
      const started = start(folder, "train.ts", { env });
      assert.equal(await started.ended, 0, started.said.err);
      return started.said.out.trim().split("\n");
    };
    const [whole, saved] = await Promise.all([lines("whole"), lines("save")]);
    assert.equal(whole.length, 20);
    assert.deepEqual(saved, whole.slice(0, 8));
    assert.deepEqual(await lines("go on"), whole.slice(8));
  });
}

const make = (
  width = 3,
): { model: nn.Linear; optimizer: optim.AdamW; scheduler: optim.lrScheduler.StepLR } => {
  const model = new nn.Linear(2, width);
  const optimizer = new optim.AdamW(model.parameters(), { lr: 0.1 });
  return { model, optimizer, scheduler: new optim.lrScheduler.StepLR(optimizer, 2) };
};
const step = ({ model, optimizer }: ReturnType<typeof make>): void => {
  optimizer.zeroGrad();
  model
    .forward(tensor([[1, 2]]))
    .sum()
    .backward();
  optimizer.step();
};
const stateOf = (parts: ReturnType<typeof make>): string =>
  JSON.stringify(
    [parts.model.stateDict(), parts.optimizer.stateDict(), parts.scheduler.stateDict()],
    (_, value: unknown) =>
      typeof value === "object" && value !== null && "tolist" in value ? (value as Tensor).tolist() : value,
  );

test("parts, extra and random numbers come back as they were", () => {
  manualSeed(5);
  const parts = make();
  step(parts);
  parts.scheduler.step();
  const generator = new data.Generator(3);
  rand([3], { generator });
  const extra = {
    epoch: 3,
    best: NaN,
    low: -Infinity,
    minus: -0,
    none: null,
    gone: undefined,
    big: 2n ** 70n,
    list: [1, [true, "a"]],
    w: tensor([1, 2]),
    bytes: Uint8Array.of(1, 2),
    $tensor: "mine",
    "": {},
  };
  rand([3]);
  checkpoint.save(path, { ...parts, generator, extra });
  const expected = [stateOf(parts), String(rand([4])), String(rand([3], { generator }))];
  const other = { ...make(), generator: new data.Generator(9) };
  const loaded = checkpoint.load(path, other);
  assert.deepEqual(
    [stateOf(other), String(rand([4])), String(rand([3], { generator: other.generator }))],
    expected,
  );
  const { w, ...plain } = loaded.extra as typeof extra;
  const { w: _, ...rest } = extra;
  assert.deepEqual(plain, rest);
  assert.ok(Object.is(plain.minus, -0));
  assert.deepEqual(w.tolist(), [1, 2]);
  step(parts);
  step(other);
  assert.equal(stateOf(other), stateOf(parts));
  manualSeed(1);
  const next = String(rand([2]));
  manualSeed(1);
  assert.deepEqual(
    Object.keys(checkpoint.load(path, { model: make().model }, { random: false }).extra).length,
    12,
  );
  manualSeed(1);
  checkpoint.load(path, {}, { random: false });
  assert.equal(String(rand([2])), next);
  assert.deepEqual(checkpoint.load(path).extra["epoch"], 3);
});

test("the file is a safetensors file that anyone reads", () => {
  const parts = make();
  step(parts);
  checkpoint.save(path, parts);
  const names = safetensors
    .list(path)
    .map(({ name }) => name)
    .sort();
  assert.ok(names.includes("model.weight") && names.includes("model.bias"), names.join());
  assert.ok(names.includes("optimizer.state.0.exp_avg_sq"), names.join());
  assert.deepEqual(safetensors.load(path)["model.weight"]!.tolist(), parts.model.weight.tolist());
  assert.deepEqual(checkpoint.load(path).extra, {});
});

test("what does not fit is refused in one sentence, and nothing has changed", () => {
  const parts = make();
  step(parts);
  checkpoint.save(path, parts);
  const other = make(4);
  step(other);
  const before = stateOf(other);
  const next = String(rand([2]));
  const refused = (wanted: checkpoint.Parts, code: string, message: RegExp): void => {
    manualSeed(4);
    assertRefused(() => checkpoint.load(path, wanted), code, message);
    assert.equal(stateOf(other), before);
    const drawn = rand([2]).tolist();
    manualSeed(4);
    assert.deepEqual(rand([2]).tolist(), drawn);
  };
  assert.ok(next !== "");
  refused(
    { ...other },
    "state",
    /^checkpoint\.load: .*one\.safetensors: its 'model' does not fit; loadStateDict: .*weight is \[3, 2\] in the state, \[4, 2\] in the model/,
  );
  refused({ net: other.model }, "state", /it has no part 'net', there are model, optimizer, scheduler/);
  refused(
    { model: 3 },
    "argument",
    /'model' must have stateDict\(\) and loadStateDict\(\), it is 3; plain data goes into extra/,
  );
  // The model fits and is changed before the optimizer refuses.
  const mixed = make();
  step(mixed);
  const unchanged = stateOf(mixed);
  assertRefused(
    () =>
      checkpoint.load(path, { scheduler: mixed.scheduler, model: mixed.model, optimizer: other.optimizer }),
    "state",
    /its 'optimizer' does not fit/,
  );
  assert.equal(stateOf(mixed), unchanged);
  assert.equal(stateOf(other), before);

  const whole = readFileSync(path);
  for (let length = 0; length < whole.length; length += 37) {
    writeFileSync(path, whole.subarray(0, length));
    assertRefused(
      () => checkpoint.load(path, { ...mixed }),
      "argument",
      /^checkpoint\.load: .*one\.safetensors: [^\n]+$/,
    );
  }
  assert.equal(stateOf(mixed), unchanged);
  safetensors.save(path, { x: tensor([1]) });
  refused({ ...other }, "state", /it is no checkpoint; safetensors.load reads its tensors/);
  const metadata = (state: string, version = "1"): void => {
    safetensors.save(path, {}, { "descent.checkpoint": version, state });
  };
  metadata("{}", "2");
  refused({ ...other }, "state", /of version '2', this Descent reads version 1/);
  metadata("{");
  refused({ ...other }, "state", /it is damaged: its state is not JSON/);
  metadata("{}");
  refused({ ...other }, "state", /it is damaged: its state is incomplete/);
  metadata(
    JSON.stringify({ parts: { model: { weight: { $tensor: "constructor" } } }, random: "0".repeat(32) }),
  );
  refused({ model: other.model }, "state", /it is damaged: it has no tensor 'constructor'/);
  assertRefused(
    () => checkpoint.load(join(scratch, "none")),
    "argument",
    /^checkpoint\.load: .*there is no such file/,
  );
});

test("what no checkpoint can hold is refused before anything is written", () => {
  const file = join(scratch, "never.safetensors");
  const loop: unknown[] = [];
  loop.push(loop);
  const refused = (parts: checkpoint.Parts, message: RegExp): void => {
    assertRefused(
      () => {
        checkpoint.save(file, parts);
      },
      "argument",
      message,
    );
  };
  refused(
    { extra: { f: () => 1 } },
    /^checkpoint.save: extra.f is a function, a checkpoint holds plain data and tensors/,
  );
  refused({ extra: new Map() }, /extra is a Map/);
  refused({ extra: loop }, /extra.0 is part of itself/);
  refused({ model: {} }, /'model' must have stateDict/);
  refused([] as never, /the parts must be a record/);
  assertRefused(
    () => {
      checkpoint.save(join(scratch, "no/where"), {});
    },
    "argument",
    /^checkpoint.save: .*its folder does not exist/,
  );
  assert.throws(() => readFileSync(file));
});

test("run.checkpoint saves and notes it in the record", async () => {
  const noted = await runToEnd(
    {
      "train.ts": `
import { nn, optim, run, tensor, checkpoint } from "descent";
const model = new nn.Linear(1, 1);
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
model.forward(tensor([[1]])).sum().backward();
optimizer.step();
run.checkpoint("last.safetensors", { model, optimizer, extra: { epoch: 1 } });
console.log(checkpoint.load<{ epoch: number }>("last.safetensors", { model }).extra.epoch);
`,
    },
    "train.ts",
  );
  assert.equal(noted.code, 0, noted.said.err);
  assert.equal(noted.said.out, "1\n");
  assertRefused(
    () => {
      run.checkpoint("");
    },
    "argument",
    /run.checkpoint: give a path/,
  );
});

test("a loader without workers goes on in its epoch, whatever the sampler", () => {
  const ten = new data.TensorDataset(arange(10));
  const samplers = [
    () => ({ shuffle: true }),
    () => ({ shuffle: true, generator: new data.Generator(1) }),
    () => ({ sampler: new data.RandomSampler(ten, { replacement: true, numSamples: 14 }) }),
    () => ({ sampler: new data.WeightedRandomSampler([1, 2, 3], 9, { generator: new data.Generator(4) }) }),
    () => ({ sampler: [3, 1, 2] }),
  ];
  for (const options of samplers) {
    manualSeed(2);
    const loader = new data.DataLoader(ten, { batchSize: 2, ...options() });
    const seen: unknown[] = [];
    for (const [x] of loader) {
      seen.push(x.tolist());
      randn([3]);
      if (seen.length === 2) checkpoint.save(path, { loader });
    }
    for (const [x] of loader) seen.push(x.tolist());
    const other = new data.DataLoader(ten, { batchSize: 2, ...options() });
    manualSeed(77);
    checkpoint.load(path, { loader: other });
    const rest: unknown[] = [];
    for (const [x] of other) {
      rest.push(x.tolist());
      randn([3]);
    }
    for (const [x] of other) rest.push(x.tolist());
    assert.deepEqual(rest, seen.slice(2));
  }
});
