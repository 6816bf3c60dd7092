// What a user sees of a GPU that is not there, or whose driver fails: one sentence, in a process that lives.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { join } from "node:path";
import { runToEnd, seriesOf } from "../processes.js";
import { environmentFor, missing, runScript, scratch, type Ended } from "./standIn.js";

/** A few steps on the GPU; what went wrong, whether the CPU still works, whether the GPU does. */
const script = `
import { tensor } from "descent";
const report = { result: null, error: null, cpu: null, again: null };
const told = (error) => ({ name: error.name, code: error.code, message: error.message });
const before = tensor([1, 2, 3]);
let x;
try {
  x = tensor(Float32Array.from({ length: 64 }, (_, k) => k / 64), { shape: [8, 8] }).to("gpu");
  const w = tensor(Float32Array.from({ length: 64 }, (_, k) => Math.sin(k)), { shape: [8, 8] }).to("gpu");
  for (let step = 0; step < 4; step++) {
    const error = x.matmul(w).sub(x);
    w.sub_(x.t().matmul(error).mul(0.01));
    report.result = error.square().sum().data()[0];
  }
} catch (error) { report.error = told(error); }
report.cpu = before.add(1).sum().item();
try { x?.add(1).sum().data(); } catch (error) { report.again = told(error); }
console.log(JSON.stringify(report));
`;

interface Told {
  name: string;
  code: string;
  message: string;
}
interface Report {
  result: number | null;
  error: Told | null;
  cpu: number;
  again: Told | null;
}

/** The process ended well, the CPU computed, and what was thrown is one of ours. */
function reportOf(ended: Ended, what: string): Report {
  assert.equal(ended.code, 0, `${what}: ${ended.err}`);
  assert.equal(ended.err, "", what);
  const report = JSON.parse(ended.out) as Report;
  assert.equal(report.cpu, 9, what);
  for (const told of [report.error, report.again]) {
    if (told === null) continue;
    assert.equal(told.name, "DescentError", `${what}: ${told.message}`);
    assert.match(told.code, /^(device|memory|dtype)$/, `${what}: ${told.message}`);
    assert.match(told.message, /^[a-zA-Z]+: [^\n]+$/, what);
    assert.ok(told.message.length < 700, `${what}: ${told.message}`);
  }
  return report;
}

describe("a GPU that is not there", { skip: missing ?? false, concurrency: 2 }, () => {
  const cases: [string, Record<string, string>, RegExp][] = [
    [
      "no loader",
      { DESCENT_OPENCL_LIBRARY: join(scratch, "no-such-file.so") },
      /^to: device 'gpu' is not usable here, there is cpu\..* opencl: no OpenCL loader was found \(.*\); install the OpenCL driver of your graphics card.*\.$/,
    ],
    [
      "no driver",
      { STAND_IN_NO: "platform" },
      /opencl: OpenCL is installed, but no driver for a device \(.*\); install the driver/,
    ],
    ["no device", { STAND_IN_NO: "device" }, /opencl: an OpenCL driver is installed, but found no device/],
    ["no compiler", { STAND_IN_NO: "compiler" }, /opencl:0, .+: its driver has no compiler for kernels\.$/],
    [
      "no queue",
      { STAND_IN_FAIL: "CreateCommandQueue:1:-6" },
      /opencl:0, .+: clCreateCommandQueue failed with -6/,
    ],
  ];
  for (const [name, settings, sentence] of cases) {
    test(`${name}: the sentence says what is missing and what to do`, async () => {
      const ended = await runScript(script, settings);
      const { error } = reportOf(ended, name);
      assert.equal(error?.code, "device");
      assert.match(error.message, sentence);
      assert.equal(ended.log.get("alive:Context") ?? 0, 0, "what was half made is let go");
    });
  }
});

describe("a driver that fails", { skip: missing ?? false, concurrency: 2 }, () => {
  test("at each function in turn, at its first call and its last", async () => {
    const good = await runScript(script);
    const { result, error } = reportOf(good, "nothing fails");
    assert.equal(error, null);
    const tries: string[] = [];
    for (const [name, count] of good.log) {
      if (name.startsWith("alive:") || count === 0) continue;
      const status = /^(Enqueue|Finish)/.test(name) ? -5 : -30;
      for (const at of new Set([1, count])) tries.push(`${name}:${at}:${status}`);
    }
    assert.ok(tries.length > 20, `${tries.length} tries`);
    let refused = 0;
    const run = async (): Promise<void> => {
      for (let next = tries.pop(); next !== undefined; next = tries.pop()) {
        const ended = await runScript(script, { STAND_IN_FAIL: next });
        if (ended.code === 1 && next.startsWith("Finish")) {
          // The wait at the end of the process failed: told there, behind what the script had read.
          assert.match(ended.err, /^DescentError \[(device|memory)\]: [^\n]+\n$/, next);
          assert.equal((JSON.parse(ended.out) as Report).result, result, next);
          refused++;
          continue;
        }
        const report = reportOf(ended, next);
        if (report.error === null) assert.equal(report.result, result, `${next}: never a wrong result`);
        else refused++;
      }
    };
    await Promise.all([run(), run()]);
    assert.ok(refused > 10, `${refused} refusals`);
  });

  test("when nothing is kept on disk, at each step of compiling", async () => {
    for (const fail of ["CreateProgramWithSource:1:-6", "BuildProgram:1:-11", "CreateKernel:1:-46"]) {
      const folder = join(scratch, fail.replaceAll(":", "-"));
      const ended = await runScript(script, { STAND_IN_FAIL: fail, DESCENT_CACHE_DIR: folder });
      const report = reportOf(ended, fail);
      assert.match(report.error!.message, /failed with -(6|11|46)/, fail);
      assert.equal(report.again, null, "another try may find it mended");
      if (!fail.startsWith("CreateKernel"))
        assert.equal(ended.log.get("alive:Program"), ended.log.get("alive:Kernel"), "a program is let go");
    }
  });

  for (const [status, words] of [
    [-2, "the device is not available"],
    [-5, "the device is out of resources"],
    [-36, "the queue is broken"],
  ] as const) {
    test(`a device that is lost (${status}) stays lost, and everything says so`, async () => {
      const report = reportOf(await runScript(script, { STAND_IN_LOST: `12:${status}` }), String(status));
      assert.equal(report.error?.code, "device");
      assert.match(report.error.message, new RegExp(`opencl:0 was lost: .*${words}`));
      assert.match(report.again!.message, /^add: opencl:0 was lost: .*start the training again/);
    });
  }

  test("a run on a device that is lost has failed with that sentence, and keeps what it has", async () => {
    const train = `
      import { run, tensor } from "descent";
      run.config({ lr: 0.1 });
      let x = tensor([1, 2, 4]).to("gpu");
      for (let step = 1; step <= 40; step++) {
        x = x.mul(0.5).add(0.5);
        run.log({ loss: x.sum().item() }, { step });
      }`;
    const good = await runToEnd({ "train.ts": train }, "train.ts", { env: environmentFor({}) });
    assert.equal(good.record.state, "finished", good.said.err);
    const env = environmentFor({ STAND_IN_LOST: "60:-2" });
    const { code, record, run, said } = await runToEnd({ "train.ts": train }, "train.ts", { env });
    assert.equal(code, 1, said.err);
    assert.equal(record.state, "failed");
    assert.match(
      record.error!.message,
      /^[a-z]+: opencl:0 was lost: .* What was on it is gone, what was saved is kept/,
    );
    assert.equal(record.error!.location?.line, /^(mul|add)/.test(record.error!.message) ? 6 : 7);
    assert.deepEqual(record.config, { lr: 0.1 });
    const all = await seriesOf(good.run, "loss");
    const kept = await seriesOf(run, "loss");
    assert.ok(kept.length > 3 && kept.length < 40, `${kept.length} steps`);
    assert.deepEqual(kept, all.slice(0, kept.length));
  });
});

describe("a lesser device", { skip: missing ?? false, concurrency: 2 }, () => {
  test("small work groups give the same results", async () => {
    const [few, many] = [await runScript(script, { STAND_IN_LANES: "16" }), await runScript(script)];
    const results = [few, many].map((ended) => reportOf(ended, "lanes").result!);
    assert.ok(Math.abs(results[0]! - results[1]!) < 1e-4 * Math.abs(results[1]!), String(results));
  });

  test("without double precision float32 works, and float64 is refused before anything runs", async () => {
    const ended = await runScript(script, { STAND_IN_NO: "doubles" });
    assert.equal(reportOf(ended, "float32").error, null);
    const wide = `
      import { tensor } from "descent";
      const x = tensor([1, 2], { dtype: "float64" });
      for (const call of [() => x.to("gpu").add(1), () => tensor([1, 2]).to("gpu").to("float64")]) {
        try { call(); console.log("nothing"); } catch (error) { console.log(error.code, error.message); }
      }`;
    const refused = await runScript(wide, { STAND_IN_NO: "doubles" });
    const lines = refused.out.trim().split("\n");
    assert.equal(lines.length, 2, refused.err);
    for (const line of lines)
      assert.match(
        line,
        /^dtype .*float64 cannot be computed on opencl:0 .*use float32, or keep this tensor on the CPU/,
      );
    assert.equal(refused.log.get("EnqueueNDRangeKernel"), 0);
  });
});
