// The real engine in real processes: `import "descent"` from anywhere, what a step records, and a stop inside an op.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gpus } from "./gpus.js";
import { connect, heard, newerNode, runToEnd, seriesOf, start, theRun, workspaceWith } from "./processes.js";

const net = `
import { data, nn, optim, randn, randint, run, type Tensor } from "descent";
class Net extends nn.Module {
  fc1 = new nn.Linear(8, 16);
  fc2 = new nn.Linear(16, 3);
  unused = new nn.Linear(2, 2);
  forward(x: Tensor): Tensor { return this.fc2.forward(this.fc1.forward(x).relu()); }
}
const model = new Net();
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
const loader = new data.DataLoader(new data.TensorDataset(randn([40, 8]), randint(0, 3, [40])), { batchSize: 8, shuffle: true });
const testLoader = new data.DataLoader(new data.TensorDataset(randn([12, 8]), randint(0, 3, [12])), { batchSize: 4 });
async function epoch() {
  for await (const [x, y] of loader) {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(x), y);
    loss.backward();
    optimizer.step();
  }
  for await (const [x] of testLoader) model.forward(x);
}
`;

test("a loop without a loader that said how many steps it takes is one epoch of them", async () => {
  const script = `${net}
    run.config({ steps: 6 });
    for (let k = 0; k < 4; k++) {
      optimizer.zeroGrad();
      criterion.forward(model.forward(randn([4, 8])), randint(0, 3, [4])).backward();
      optimizer.step();
    }`;
  const { record, said, code } = await runToEnd({ "train.ts": script }, "train.ts");
  assert.equal(code, 0, said.err);
  const { step, epoch, batch, batches } = record.progress;
  assert.deepEqual([step, epoch, batch, batches], [4, 1, 4, 6]);
});

for (const gpu of gpus) {
  test(`a run on ${gpu} is recorded as one, with the memory of its device`, async () => {
    const script = `${net}
      run.config({ epochs: 2 });
      for (let k = 0; k < 2; k++) await epoch();`;
    const folder = workspaceWith({ "train.ts": script });
    const { ended, said } = start(folder, "train.ts", { cli: ["run", "train.ts", "--device", gpu] });
    assert.equal(await ended, 0, said.err);
    const run = theRun(folder);
    assert.equal(run.record.device, gpu);
    assert.ok(run.record.deviceDescription !== null && run.record.deviceDescription.length > 2);
    assert.equal((await seriesOf(run, "loss")).filter((loss) => loss > 0 && loss < 10).length, 10);
    const last = async (key: string): Promise<number> =>
      (await seriesOf(run, `memory/${gpu}/${key}`)).at(-1)!;
    const parameters = 4 * (8 * 16 + 16 + 16 * 3 + 3);
    assert.ok((await last("parameter")) >= parameters, "the parameters are there");
    assert.equal(await last("optimizerState"), 0);
    const [allocated, reserved, limit] = await Promise.all(["allocated", "reserved", "limit"].map(last));
    assert.ok(parameters <= allocated! && allocated! <= reserved! && reserved! <= limit!);
    assert.equal((await seriesOf(run, "memory/parameter")).at(-1), 0, "and not on the CPU");
    const shown = start(folder, "train.ts", { cli: ["show", run.record.id] });
    assert.equal(await shown.ended, 0);
    assert.ok(shown.said.out.includes(`${gpu} (${run.record.deviceDescription})`), shown.said.out);
  });
}

test("what a GPU's driver tells is recorded about once a second, and its memory when it has some", async () => {
  const script = `
    import { observer, step } from "./engine";
    let devices = 1;
    observer.attach({
      attachControl() {},
      deviceMemory(into: Float64Array) {
        into.set([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 3, 10, 20, 30, 40, 50, 60, 300, 500, 9000]);
        return devices;
      },
      deviceSamples: () => [
        { name: "cpu", utilisation: null, celsius: null, watts: null },
        { name: "cuda:3", utilisation: 0.5, celsius: 61, watts: 300.5 },
      ],
      devices: () => [{ name: "cuda:3", description: "A card" }],
    });
    for (let k = 0; k < 10; k++) {
      if (k === 5) devices = 2;
      observer.backward({ shape: [], item: () => k, isDisposed: k === 7, device: "cuda:3" });
      step(k, 0.25);
    }`;
  const { record, run, said, code } = await runToEnd({ "train.ts": script }, "train.ts");
  assert.equal(code, 0, said.err);
  assert.deepEqual([record.device, record.deviceDescription], ["cpu", null], "the last loss was there");
  const series = (tag: string): Promise<number[]> => seriesOf(run, tag);
  assert.deepEqual(await series("memory/temporary"), Array(10).fill(6));
  assert.deepEqual(await series("memory/cuda:3/activation"), Array(5).fill(40));
  assert.deepEqual(await series("memory/cuda:3/allocated"), Array(5).fill(210));
  assert.deepEqual(await series("memory/cuda:3/peak"), Array(5).fill(300));
  assert.deepEqual(await series("memory/cuda:3/reserved"), Array(5).fill(500));
  assert.deepEqual(await series("memory/cuda:3/limit"), Array(5).fill(9000));
  assert.deepEqual([...new Set(await series("device/cuda:3/utilisation"))], [50]);
  assert.deepEqual([...new Set(await series("device/cuda:3/celsius"))], [61]);
  assert.deepEqual([...new Set(await series("device/cuda:3/watts"))], [300.5]);
  // Losses of a device are read at the end of the step; one that is gone by then is missing once.
  assert.deepEqual(
    await series("loss"),
    Array.from({ length: 10 }, (_, k) => (k === 7 ? 0.25 : k + 0.25)),
  );
});

const newer = newerNode();
for (const node of [process.execPath, ...(newer === null ? [] : [newer])]) {
  test(`a folder with no node_modules trains and is recorded without a call (${node === process.execPath ? "this Node" : "newest"})`, async () => {
    const script = `${net}
      run.config({ epochs: 3 });
      for (let k = 0; k < 3; k++) await epoch();
      run.log({ "val/loss": 0.5 });
      run.text("note", "done");
      run.image("picture", randn([3, 4, 4]));
      run.histogram("weights", model.fc1.weight);
      run.summary({ best: 1 });`;
    const { record, run, said, code } = await runToEnd({ "train.ts": script }, "train.ts", { node });
    assert.equal(code, 0, said.err);
    assert.deepEqual([record.state, record.note], ["finished", null]);
    const { step, epoch, epochs, batch, batches } = record.progress;
    assert.deepEqual(
      [step, epoch, epochs, batch, batches],
      [15, 3, 3, 5, 5],
      "the test loader's batches are no progress",
    );
    assert.equal((await seriesOf(run, "loss")).length, 15);
    assert.ok((await seriesOf(run, "loss")).every((loss) => loss > 0 && loss < 10));
    const [total, ...layers] = await Promise.all(
      ["total", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"].map((name) =>
        seriesOf(run, `grad_norm/${name}`),
      ),
    );
    total!.forEach((norm, k) => {
      const sum = layers.reduce((squares, layer) => squares + layer[k]! ** 2, 0);
      assert.ok(Math.abs(norm - Math.sqrt(sum)) < 1e-5 * norm);
    });
    assert.deepEqual(await seriesOf(run, "grad_norm/unused.weight"), [], "no gradient, no point");
    const parameterBytes = (await seriesOf(run, "memory/parameter")).at(-1)!;
    assert.ok(parameterBytes >= 4 * (8 * 16 + 16 + 16 * 3 + 3), `${parameterBytes} bytes`);
    assert.equal((await seriesOf(run, "throughput/samples_per_second")).length, 15);
    assert.deepEqual(
      await seriesOf(run, "lr"),
      Array.from({ length: 15 }, () => Math.fround(0.1)),
    );
    assert.deepEqual(await seriesOf(run, "val/loss"), [0.5]);
  });
}

describe("the engine under control", { concurrency: 2 }, () => {
  test("an installed descent wins over this one", async () => {
    const files = {
      "train.ts": 'import { mine } from "descent"; console.log(mine);',
      "node_modules/descent/package.json": '{ "name": "descent", "type": "module", "exports": "./index.js" }',
      "node_modules/descent/index.js": 'export const mine = "the workspace\'s own";',
    };
    const { said } = await runToEnd(files, "train.ts");
    assert.equal(said.out, "the workspace's own\n", said.err);
  });

  test("a loop of ops without steps is stopped at an op, and ops in its `finally` block run", async () => {
    const script = `${net}
      await epoch();
      try { for (let x = randn([8, 8]); ; x = x.matmul(x).tanh()); }
      finally { console.log("sum", randn([2, 2]).mul(0).sum().item()); }`;
    const { folder, ended, said } = start(workspaceWith({ "train.ts": script }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "the epoch", ({ progress }) => progress.step === 5);
    await connection.request("stop", {});
    assert.equal(await ended, 130, said.err);
    assert.match(said.out, /^sum -?0\n$/);
    assert.deepEqual([theRun(folder).record.state, theRun(folder).record.note], ["stopped", null]);
  });

  test("an error inside the engine is at the user's line", async () => {
    const script = [
      'import { randn } from "descent";',
      "const x = randn([2, 3]);",
      "const y = randn([4, 5]);",
      "x.matmul(y);",
    ].join("\n");
    const { record, folder } = await runToEnd({ "train.ts": script }, "train.ts");
    assert.equal(record.error?.message, "matmul: inner sizes differ, [2, 3] x [4, 5]");
    assert.equal(record.error.location?.file, join(folder, "train.ts"));
    assert.equal(record.error.location.line, 4);
  });

  test("importing descent without training", async () => {
    const { record } = await runToEnd(
      { "train.ts": 'import { randn } from "descent"; randn([2]);' },
      "train.ts",
    );
    assert.match(record.note!, /never called backward\(\)/);
  });
});

describe("the terminal", { concurrency: 2 }, () => {
  const script =
    'import { train } from "./engine"; for (let k = 0; k < 5; k++) { train(20, 10); console.error("line", k); }';
  const env = (progress: string): NodeJS.ProcessEnv => ({ DESCENT_PROGRESS: progress, NO_COLOR: "1" });

  test("a bar stands below the script's own lines and never in them", async () => {
    const { said } = await runToEnd({ "train.ts": script }, "train.ts", { env: env("bar") });
    assert.match(said.err, /epoch 2 {2}[█░]+ {2}\d+\/100 {2}loss [\d.]+ {2}[\d,]+ samples\/s/);
    const visible = said.err
      .split("\n")
      .map((line) => line.slice(line.lastIndexOf("\r\x1b[K") + 1).replace("\x1b[K", ""));
    assert.deepEqual(
      visible.slice(0, 5),
      [0, 1, 2, 3, 4].map((k) => `line ${k}`),
    );
    assert.match(visible[5]!, /^Run finished after 100 steps/);
    assert.equal(visible.length, 7);
  });

  test("plain lines where there is no terminal, nothing where nothing is wanted", async () => {
    const plain = await runToEnd({ "train.ts": script }, "train.ts", { env: env("plain") });
    assert.match(
      plain.said.err,
      /^line 0\nline 1\nline 2\nline 3\nline 4\nRun finished after 100 steps .*\n$/,
    );
    const none = await runToEnd({ "train.ts": script }, "train.ts", { env: env("none") });
    assert.equal(none.said.err, "line 0\nline 1\nline 2\nline 3\nline 4\n");
  });
});
