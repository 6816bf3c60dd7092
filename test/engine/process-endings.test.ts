// How runs end: each script of this file ends in its own way, and its record says how, in one sentence.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findRuns } from "../../engine/store/runs.js";
import { newerNode, runToEnd, seriesOf, start, workspaceWith } from "./processes.js";

const newer = newerNode();
const nodes = [process.execPath, ...(newer === null ? [] : [newer])];
if (newer === null) console.log("no second Node found: tested with this one only");

for (const node of nodes) {
  describe(
    `Node ${node === process.execPath ? process.versions.node : "of the newest line"}`,
    { concurrency: 2 },
    () => {
      test("a script that trains and ends is finished, with every step", async () => {
        const script = `
        import { train, observer } from "./engine";
        enum Mode { Fast = 1 }
        observer.config({ epochs: 3, mode: Mode.Fast });
        train(300);
        observer.log({ accuracy: 0.5 });
        observer.summary({ accuracy: 0.97 });
        console.log("last words");`;
        const { code, record, run, said } = await runToEnd({ "train.ts": script }, "train.ts", { node });
        assert.equal(code, 0, said.err);
        assert.equal(said.out, "last words\n");
        assert.match(said.err, /^Run finished after 300 steps in [\d.]+ s: \S+\n$/);
        assert.deepEqual(
          [record.state, record.exitCode, record.error, record.note],
          ["finished", 0, null, null],
        );
        assert.deepEqual([record.config, record.summary], [{ epochs: 3, mode: 1 }, { accuracy: 0.97 }]);
        assert.deepEqual([record.progress.step, record.progress.epoch, record.progress.batch], [300, 3, 100]);
        assert.deepEqual([record.socket, record.token], [null, null]);
        const losses = await seriesOf(run, "loss");
        assert.deepEqual(
          losses,
          Array.from({ length: 300 }, (_, k) => Math.fround(1 / (k + 1))),
        );
        assert.deepEqual((await seriesOf(run, "grad_norm/total")).at(-1), 5);
        assert.deepEqual((await seriesOf(run, "grad_norm/fc1.weight")).at(-1), 3);
        assert.deepEqual((await seriesOf(run, "memory/parameter")).at(-1), 4096);
        assert.deepEqual(await seriesOf(run, "accuracy"), [0.5]);
      });

      test("an error is the run's, at the user's own line", async () => {
        const script = [
          'import { train } from "./engine.js";',
          "interface Shape {",
          "  size: number;",
          "}",
          "function check(shape: Shape): never {",
          "  throw new RangeError(`no such size ${shape.size}`);",
          "}",
          "train(10);",
          "check({ size: 3 });",
        ].join("\n");
        const { code, record, folder, said, run } = await runToEnd({ "train.ts": script }, "train.ts", {
          node,
        });
        assert.equal(code, 1);
        assert.equal(record.state, "failed");
        assert.equal(record.error!.name, "RangeError");
        assert.equal(record.error!.message, "no such size 3");
        assert.deepEqual(record.error?.location, { file: join(folder, "train.ts"), line: 6, column: 9 });
        assert.match(said.err, /train\.ts:6:9/);
        assert.equal((await seriesOf(run, "loss")).length, 10);
      });

      test("a syntax error is one sentence with its place", async () => {
        const { code, record, folder, said } = await runToEnd(
          { "train.ts": 'import "./other";', "other.ts": "const a: number = 1;\nconst b = = 2;\n" },
          "train.ts",
          { node },
        );
        const file = join(folder, "other.ts");
        assert.equal(code, 1);
        assert.equal(record.state, "failed");
        assert.equal(record.error!.message, `${file}:2:11: Unexpected "="`);
        assert.deepEqual(record.error?.location, { file, line: 2, column: 11 });
        assert.match(
          said.err,
          /^SyntaxError: \/.*other\.ts:2:11: Unexpected "="\n {4}const b = = 2;\n {14}\^\n$/,
        );
      });

      test("JavaScript with import syntax needs no package.json, and its syntax errors have a place too", async () => {
        const good = await runToEnd(
          { "train.js": 'import { train } from "./engine";\ntrain(3);' },
          "train.js",
          { node },
        );
        assert.equal(good.code, 0, good.said.err);
        const bad = await runToEnd({ "train.js": 'import "node:fs";\nlet a = = 1;' }, "train.js", { node });
        assert.deepEqual(bad.record.error?.location, {
          file: join(bad.folder, "train.js"),
          line: 2,
          column: 9,
        });
      });

      test("`using` and a module of CommonJS TypeScript work", async () => {
        const script = `
        import { createRequire } from "node:module";
        import { three } from "./old.cjs";
        class Held { [Symbol.dispose]() { console.log("disposed", three); } }
        { using held = new Held(); void held; }`;
        const { said, code } = await runToEnd(
          { "train.ts": script, "old.cts": "const three: number = 3; module.exports = { three };" },
          "train.ts",
          { node },
        );
        assert.equal(code, 0, said.err);
        assert.equal(said.out, "disposed 3\n");
      });
    },
  );
}

describe("endings", { concurrency: 2 }, () => {
  test("a rejected promise that nobody handles", async () => {
    const script =
      'import { train } from "./engine";\ntrain(2);\nvoid Promise.reject(new Error("gone"));\nawait new Promise((r) => setTimeout(r, 5000));';
    const { code, record, folder } = await runToEnd({ "train.ts": script }, "train.ts");
    assert.equal(code, 1);
    assert.deepEqual([record.state, record.error?.message], ["failed", "gone"]);
    assert.deepEqual(record.error?.location, { file: join(folder, "train.ts"), line: 3, column: 21 });
  });

  test("something thrown that is no Error", async () => {
    const { record } = await runToEnd({ "train.ts": 'throw "a fit";' }, "train.ts");
    assert.equal(record.error?.message, "The script threw a fit, which is not an Error and has no place.");
  });

  test("process.exit", async () => {
    const failed = await runToEnd(
      { "train.ts": 'import { train } from "./engine"; train(5); process.exit(3);' },
      "train.ts",
    );
    assert.equal(failed.code, 3);
    assert.deepEqual([failed.record.state, failed.record.exitCode], ["failed", 3]);
    assert.equal(failed.record.note, "The script ended itself with exit code 3.");
    assert.equal((await seriesOf(failed.run, "loss")).length, 5);
    const fine = await runToEnd(
      { "train.ts": 'import { train } from "./engine"; train(5); process.exit();' },
      "train.ts",
    );
    assert.deepEqual([fine.record.state, fine.record.exitCode, fine.record.note], ["finished", 0, null]);
  });

  test("a script that waits for ever at its top level", async () => {
    const { code, record } = await runToEnd({ "train.ts": "await new Promise(() => {});" }, "train.ts");
    assert.equal(code, 13);
    assert.match(record.note!, /awaited something that never happened/);
  });

  test("nothing to show: each reason has its sentence", async () => {
    const cases = {
      'console.log("hello");': 'The script does not import "descent", so there was nothing to record.',
      'import "./engine";': "The script never called backward() on a loss, so there was nothing to record.",
      'import { observer } from "./engine"; observer.backward({ device: "cpu", shape: [], item: () => 1 });':
        "No step was recorded: the script called backward() but never optimizer.step(). That is fine for a program that does not train.",
    };
    for (const [script, note] of Object.entries(cases)) {
      const { record, said } = await runToEnd({ "train.ts": script }, "train.ts");
      assert.deepEqual([record.state, record.note], ["finished", note]);
      assert.equal(said.err, `descent: ${note}\n`);
    }
  });

  test("a script that is not there", async () => {
    const { code, record } = await runToEnd({}, "missing.ts");
    assert.equal(code, 1);
    assert.equal(record.state, "failed");
    assert.match(record.error!.message, /Cannot find module .*missing\.ts/);
  });

  test("a workspace that is not there: the script runs, and says that it is not recorded", async () => {
    const { folder, ended, said } = start(workspaceWith({ "train.ts": "console.log(1);" }), "train.ts", {
      env: { DESCENT_WORKSPACE: "/no/such" },
    });
    assert.equal(await ended, 0);
    assert.equal(said.out, "1\n");
    assert.equal(
      said.err,
      "descent: this run is not recorded, because its folder could not be made: There is no folder /no/such.\n",
    );
    assert.deepEqual(findRuns(folder).runs, []);
  });

  test("a run whose folder is deleted under it goes on", async () => {
    const script = `
      import { rmSync } from "node:fs";
      import { train } from "./engine";
      train(50);
      rmSync(new URL(".descent", import.meta.url), { recursive: true });
      train(50, 2);
      console.log("on");`;
    const { ended, said } = start(workspaceWith({ "train.ts": script }), "train.ts");
    assert.equal(await ended, 0, said.err);
    assert.equal(said.out, "on\n");
  });

  test("child processes and worker threads of a run are no runs of their own, and read TypeScript", async () => {
    const script = `
      import { fork } from "node:child_process";
      import { Worker } from "node:worker_threads";
      const ended = (thing: any) => new Promise((resolve) => thing.on("exit", resolve));
      console.log(await ended(fork(new URL("./other.ts", import.meta.url))));
      console.log(await ended(new Worker(new URL("./other.ts", import.meta.url))));
      console.log(process.env["DESCENT_LAUNCH"]);`;
    const env = { DESCENT_LAUNCH: JSON.stringify({ name: "parent" }) };
    const files = { "train.ts": script, "other.ts": "enum A { B }\nprocess.exitCode = A.B;" };
    const { said, record } = await runToEnd(files, "train.ts", { env });
    assert.equal(said.out, "0\n0\nundefined\n", said.err);
    assert.equal(record.name, "parent");
  });

  test("more than the ring holds, faster than it is read: nothing is lost", async () => {
    const script = `
      import { observer } from "./engine";
      const names = Array.from({ length: 250 }, (_, k) => "layer" + k + ".weight");
      const squaredNorms = new Float64Array(250).fill(4);
      for (let k = 0; k < 3000; k++) {
        squaredNorms[0] = k * k;
        observer.backward({ device: "cpu", shape: [], item: () => k });
        observer.step({ learningRates: [1], names, squaredNorms });
      }`;
    const { run, code } = await runToEnd({ "train.ts": script }, "train.ts");
    assert.equal(code, 0);
    const norms = await seriesOf(run, "grad_norm/layer0.weight");
    assert.deepEqual(
      norms,
      Array.from({ length: 3000 }, (_, k) => k),
    );
    assert.equal((await seriesOf(run, "grad_norm/layer249.weight")).length, 3000);
  });

  test("a parameter without a gradient has no point, NaN and infinity have one", async () => {
    const script = `
      import { observer } from "./engine";
      const names = ["a.weight", "b.weight", "c.weight"];
      for (const norms of [[1, -1, 4], [NaN, Infinity, -1], [1, 1, 1]]) {
        observer.backward({ device: "cpu", shape: [2], item: () => { throw new Error("not a scalar"); } });
        observer.step({ learningRates: [1, 0.5], names, squaredNorms: Float64Array.from(norms) });
      }`;
    const { run, said } = await runToEnd({ "train.ts": script }, "train.ts");
    assert.deepEqual(await seriesOf(run, "grad_norm/a.weight"), [1, NaN, 1], said.err);
    assert.deepEqual(await seriesOf(run, "grad_norm/b.weight"), [Infinity, 1]);
    assert.deepEqual(await seriesOf(run, "grad_norm/c.weight"), [2, 1]);
    assert.deepEqual(await seriesOf(run, "loss"), []);
    assert.deepEqual(await seriesOf(run, "lr/1"), [0.5, 0.5, 0.5]);
  });
});
