// A GPU's memory that runs out, again and again: one error each time, and training goes on after it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { missing, runScript } from "./standIn.js";

/** Allocates until it is full, `times` times; after each it must be possible to compute. */
const fill = (times: number, before: string, between: string): string => `
import { DescentError, memory, tensor, zeros } from "descent";
const small = tensor([1, 2, 3]).to("gpu");
${before}
const seen = { refused: 0, most: 0, wrong: [], last: null, facts: null };
for (let round = 0; round < ${times}; round++) {
  const held = [];
  try {
    for (;;) held.push(zeros([1 << 18], { device: "gpu" })); // a mebibyte
  } catch (error) {
    if (error instanceof DescentError && error.code === "memory") seen.refused++;
    else seen.wrong.push(String(error));
    seen.last = error.message;
    seen.facts = error.facts;
  }
  seen.most = Math.max(seen.most, held.length);
  for (const x of held) x.dispose();
  const sum = small.add(round).sum().data()[0];
  if (sum !== 6 + 3 * round) seen.wrong.push("sum " + sum);
  ${between}
}
seen.after = memory.allocated("gpu");
console.log(JSON.stringify(seen));
`;

interface Seen {
  refused: number;
  most: number;
  wrong: string[];
  last: string;
  facts: Record<string, string>;
  after: number;
}

describe("memory that runs out", { skip: missing ?? false, concurrency: 2 }, () => {
  const megabytes48 = String(48 * 1024 * 1024);
  const limit = `memory.setLimit(${megabytes48}, "gpu");`;
  const empty = "memory.emptyCache();";
  const cases: [string, string, string, Record<string, string>][] = [
    ["the device has no more, with the cache", "", "", { STAND_IN_MEMORY: megabytes48 }],
    ["the device has no more, without the cache", "", empty, { STAND_IN_MEMORY: megabytes48 }],
    ["found out at the first use only", "", empty, { STAND_IN_MEMORY: megabytes48, STAND_IN_LAZY: "1" }],
    ["a limit, with the cache", limit, "", {}],
    ["a limit, without the cache", limit, empty, {}],
  ];
  for (const [name, before, between, settings] of cases) {
    test(`200 times: ${name}`, async () => {
      const ended = await runScript(fill(200, before, between), settings);
      assert.equal(ended.code, 0, ended.err);
      const seen = JSON.parse(ended.out) as Seen;
      assert.deepEqual(seen.wrong, []);
      assert.equal(seen.refused, 200);
      assert.ok(seen.most >= 40 && seen.most <= 48, `${seen.most} tensors of 1 MiB in 48 MiB`);
      assert.ok(seen.after < 1 << 20, `${seen.after} bytes are still in use`);
      assert.match(seen.last, /^zeros: not enough memory on opencl:0 for 1 MiB: 4\d(\.\d)? MiB are in use/);
    });
  }

  test("the sentence names the lines that hold most, and what to do", async () => {
    const script = `
      import { memory, zeros } from "descent";
      const held = [];
      function activations() { held.push(zeros([1 << 18], { device: "gpu" })); }
      memory.setLimit(${megabytes48}, "gpu");
      try { for (;;) activations(); } catch (error) { console.log(error.message); console.log(error.facts.lines); }`;
    const ended = await runScript(script, { DESCENT_CALL_SITES: "1" });
    assert.match(
      ended.out,
      /^zeros: not enough memory .* of a limit of 48 MiB\. Most was made at \S+:4:\d+ \(4\d MiB in 4\d pieces\)\. Make the batch/,
      ended.err,
    );
    assert.match(ended.out.split("\n")[1]!, /^\S+:4:\d+ \d{8} 4\d$/);
  });

  test("memory that is cut up is told as such", async () => {
    const script = `
      import { memory, zeros } from "descent";
      const held = [];
      memory.setLimit(${megabytes48}, "gpu");
      try { for (;;) held.push(zeros([3 << 18], { device: "gpu" })); } catch {}
      for (let k = 0; k < held.length; k += 2) held[k].dispose();
      try { zeros([5 << 20], { device: "gpu" }); } catch (error) { console.log(error.message); }`;
    const ended = await runScript(script);
    assert.match(ended.out, /\d+ MiB are free, but in pieces of at most \d+ MiB/, ended.err);
  });

  test("a tensor larger than the device gives in one piece", async () => {
    const script = `
      import { devices, zeros } from "descent";
      const { memoryBytes } = devices().find((device) => device.kind === "opencl");
      try { zeros([memoryBytes], { device: "gpu", dtype: "float32" }); } catch (error) { console.log(error.code, error.message); }`;
    const ended = await runScript(script);
    assert.match(ended.out, /^memory zeros: opencl:0 gives at most \d+ MiB in one piece/, ended.err);
  });

  test("a fraction is a limit", async () => {
    const script = `
      import { devices, memory, zeros } from "descent";
      const { memoryBytes } = devices().find((device) => device.kind === "opencl");
      memory.setFraction((32 << 20) / memoryBytes, "gpu");
      zeros([1 << 20], { device: "gpu" });
      try { zeros([10 << 20], { device: "gpu" }); } catch (error) { console.log(error.message); }
      memory.setFraction(1, "gpu");
      console.log(zeros([10 << 20], { device: "gpu" }).numel());
      for (const wrong of [0, 1.5, NaN]) try { memory.setFraction(wrong, "gpu"); console.log("taken"); } catch (error) { console.log(error.code); }`;
    const ended = await runScript(script);
    assert.match(
      ended.out,
      /^zeros: not enough memory on opencl:0 for 40 MiB: .* of a limit of 32 MiB.*\n10485760\nargument\nargument\nargument\n$/,
      ended.err,
    );
  });
});
