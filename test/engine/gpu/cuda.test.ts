// The host side of CUDA against a driver with no card behind it: what is allocated is freed, copies wait for nobody, launches
// fit their kernels, and whatever the driver refuses is one sentence.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../../root.js";
import { prepare, runScript, type Ended } from "./cudaStandIn.js";

const missing = prepare();

/** A few steps on the card; what went wrong, whether the CPU still works, whether the card does. */
const script = `
import { memory, tensor } from "descent";
const report = { error: null, cpu: null, again: null, there: null, reserved: 0 };
const told = (error) => ({ name: error.name, code: error.code, message: error.message });
const numbers = Float32Array.from({ length: 1 << 19 }, (_, k) => k);
let x;
try {
  x = tensor(Float32Array.from({ length: 64 }, (_, k) => k / 64), { shape: [8, 8] }).to("cuda:0");
  const w = tensor(Float32Array.from({ length: 64 }, (_, k) => Math.sin(k)), { shape: [8, 8] }).to("cuda:0");
  const long = tensor(numbers).to("cuda:0");
  for (let step = 0; step < 2; step++) {
    const error = x.matmul(w).sub(x);
    w.sub_(x.t().matmul(error).mul(0.01));
  }
  report.there = long.narrow(0, 5, 1 << 18).to("cpu").data().every((value, k) => value === numbers[k + 5]);
  long.dispose();
} catch (error) { report.error = told(error); }
report.cpu = tensor([1, 2, 3]).add(1).sum().item();
try { x?.add(1).sum().data(); } catch (error) { report.again = told(error); }
try { memory.emptyCache(); report.reserved = memory.reserved("cuda:0"); } catch {}
console.log(JSON.stringify(report));
`;

interface Told {
  name: string;
  code: string;
  message: string;
}
interface Report {
  error: Told | null;
  cpu: number;
  again: Told | null;
  there: boolean | null;
  reserved: number;
}

/** The process ended well, the CPU computed, the driver had nothing to complain of, what was thrown is one of ours. */
function reportOf(ended: Ended, what: string): Report {
  assert.equal(ended.code, 0, `${what}: ${ended.err}`);
  assert.equal(ended.err, "", what);
  const report = JSON.parse(ended.out) as Report;
  assert.equal(report.cpu, 9, what);
  for (const told of [report.error, report.again]) {
    if (told === null) continue;
    assert.equal(told.name, "DescentError", `${what}: ${told.message}`);
    assert.match(told.code, /^(device|memory)$/, `${what}: ${told.message}`);
    assert.match(told.message, /^[^\n]+[.:][^\n]*$/, what);
    assert.ok(told.message.length < 500, `${what}: ${told.message}`);
  }
  return report;
}

describe("a CUDA driver", { skip: missing ?? false, concurrency: 2 }, () => {
  test("gets back what was taken from it, and copies that nobody waits for", async () => {
    const ended = await runScript(script);
    const report = reportOf(ended, "as it should be");
    assert.equal(report.error, null);
    assert.equal(report.there, true, "what went to the card and came back is the same");
    assert.equal(ended.log.get("complaints"), 0);
    assert.ok(ended.log.get("LaunchKernel")! >= 5);
    // Beside what the allocator holds, the record of faults.
    const kept = ended.log.get("alive:bytes")! - report.reserved;
    assert.ok(kept >= 0 && kept <= 64, `${kept} bytes are nobody's`);
  });

  const absent: [string, Record<string, string>, RegExp][] = [
    [
      "no library",
      { DESCENT_CUDA_LIBRARY: "/nowhere/libcuda.so" },
      /no NVIDIA driver was found \(.*nowhere.*install its driver/,
    ],
    [
      "a library of another kind",
      { DESCENT_CUDA_LIBRARY: "libm.so.6" },
      /no function cuInit; it is too old, install/,
    ],
    ["no card", { STAND_IN_FAIL: "Init:1:100" }, /cuInit failed .*found no card/],
    ["half an update", { STAND_IN_FAIL: "Init:1:803" }, /cuInit failed .*restart the machine/],
    ["no permission", { STAND_IN_FAIL: "Init:1:999" }, /cuInit failed .*nvidia-smi tells more/],
    ["hidden cards", { STAND_IN_DEVICES: "0" }, /found no card; CUDA_VISIBLE_DEVICES/],
    [
      "an old driver",
      { STAND_IN_VERSION: "9020" },
      /driver is for CUDA 9\.2 .* want CUDA 10\.0; install a newer driver/,
    ],
    ["an old card", { STAND_IN_CAPABILITY: "61" }, /compute capability 6\.1, .*use it as opencl/],
    ["a locked card", { STAND_IN_COMPUTE_MODE: "2" }, /compute mode is 'prohibited'/],
    [
      "no modules",
      { DESCENT_CUDA_MODULES: "/nowhere" },
      /no CUDA modules .*built without nvcc.*NVRTC was not found/,
    ],
  ];
  for (const [what, settings, sentence] of absent) {
    test(`${what}: one sentence says why there is no card`, async () => {
      const ended = await runScript(
        `import { devices, tensor } from "descent";
        let message = null;
        try { tensor([1]).to("cuda:0"); } catch (error) { message = error.message; }
        console.log(JSON.stringify({ message, listed: devices().filter((d) => d.kind === "cuda") }));`,
        settings,
      );
      assert.equal(ended.err, "");
      const { message, listed } = JSON.parse(ended.out) as {
        message: string;
        listed: { usable: boolean; reason: string }[];
      };
      assert.match(message, /cuda:0/);
      assert.equal(listed.length, 1);
      assert.equal(listed[0]!.usable, false);
      assert.match(listed[0]!.reason, sentence);
    });
  }

  test("whichever call fails, with whatever it says: a sentence, and the process lives", async () => {
    const whole = await runScript(script);
    const calls = whole.log.get("all")!;
    assert.ok(calls > 40, `only ${calls} calls`);
    const cases: [number, number][] = [];
    for (let at = 1; at <= calls; at++) cases.push([at, [1, 719, 999, 2][at % 4]!]);
    let failed = 0;
    const worker = async (): Promise<void> => {
      for (let next = cases.pop(); next; next = cases.pop()) {
        const what = `call ${next[0]} of ${calls} gives ${next[1]}`;
        const ended = await runScript(script, { STAND_IN_FAIL: `*:${next[0]}:${next[1]}` });
        const report = reportOf(ended, what);
        assert.equal(ended.log.get("complaints"), 0, what);
        if (report.error !== null) failed++;
        else if (report.again === null) assert.equal(report.there, true, what);
      }
    };
    await Promise.all([worker(), worker()]);
    assert.ok(failed > calls / 3, `only ${failed} of ${calls} failures were noticed`);
  });

  test("a card that is lost in mid run stays lost, and says so", async () => {
    const report = reportOf(await runScript(script, { STAND_IN_FAIL: "LaunchKernel:3:700" }), "lost");
    assert.match(report.error!.message, /cuda:0 was lost: cuLaunchKernel failed .*start the training again/);
    assert.match(report.again!.message, /cuda:0 was lost/);
  });

  test("memory that is not there is a memory error, and the card goes on", async () => {
    const ended = await runScript(
      `import { zeros } from "descent";
      const codes = [];
      for (let k = 0; k < 20; k++) {
        try { zeros([1 << 24], { device: "cuda:0" }); } catch (error) { codes.push(error.code); }
      }
      const x = zeros([16], { device: "cuda:0" });
      console.log(JSON.stringify([codes, x.add(1).data().length]));`,
      { STAND_IN_MEMORY: String(32 << 20) },
    );
    assert.equal(ended.err, "");
    assert.deepEqual(JSON.parse(ended.out), [Array(20).fill("memory"), 16]);
  });

  test("two cards each have a context of their own", async () => {
    const ended = await runScript(
      `import { tensor } from "descent";
      const [a, b] = ["cuda:0", "cuda:1"].map((device) => tensor([1, 2, 3]).to(device));
      a.add(1); b.add(1); a.add(2);
      console.log(JSON.stringify([Array.from(a.data()), Array.from(b.data()), Array.from(a.to("cuda:1").data())]));`,
      { STAND_IN_DEVICES: "2" },
    );
    assert.equal(ended.err, "");
    assert.deepEqual(JSON.parse(ended.out), Array(3).fill([1, 2, 3]));
    assert.equal(ended.log.get("complaints"), 0);
    assert.ok(ended.log.get("CtxSetCurrent")! >= 4, "each call is in its card's context");
  });
});

test("every kernel source has its CUDA module, where a compiler made them", () => {
  const folder = join(root, "dist/native/gpu");
  const made = existsSync(folder) ? readdirSync(folder).sort() : [];
  if (made.length === 0) return; // built without nvcc: the line that the build printed says so
  const kernels = join(root, "native/device/gpu/kernels");
  const sources = readdirSync(kernels)
    .filter((file) => file.endsWith(".cpp"))
    .filter((file) => readFileSync(join(kernels, file), "utf8").includes("#ifdef DESCENT_DIALECT"))
    .map((file) => file.replace(/\.cpp$/, ".cuda"));
  for (const source of sources)
    assert.ok(made.includes(source), `${source} is not there: run npm run build:native`);
});
