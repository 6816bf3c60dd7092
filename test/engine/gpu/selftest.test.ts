// A GPU that computes wrongly is refused with the reason, on the first use of what it computes wrongly.

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { missing, runScript, scratch, type Ended } from "./standIn.js";

const script = `
import { tensor } from "descent";
const seen = [];
for (const call of [(x) => x.mul(2).add(1), (x) => x.softmax(-1), (x) => x.mul(3), (x) => x.to("cpu")]) {
  try { seen.push([...call(tensor([[1, 2], [3, 4]]).to("gpu")).data()].map((value) => Number(value.toFixed(3)))); }
  catch (error) { seen.push(error.code + " " + error.message); }
}
seen.push(tensor([1, 2]).add(1).tolist());
console.log(JSON.stringify(seen));`;

const right = [
  [3, 5, 7, 9],
  [0.269, 0.731, 0.269, 0.731],
  [3, 6, 9, 12],
  [1, 2, 3, 4],
  [2, 3],
];

async function run(folder: string, settings: Record<string, string> = {}): Promise<[unknown[], Ended]> {
  const ended = await runScript(script, {
    DESCENT_GPU_SELF_TEST: "",
    DESCENT_CACHE_DIR: join(scratch, folder),
    ...settings,
  });
  assert.equal(ended.code, 0, ended.err);
  return [JSON.parse(ended.out) as unknown[], ended];
}

describe("the self-test", { skip: missing ?? false }, () => {
  test("runs once for a device and its driver, and then no more", async () => {
    const [values, first] = await run("right");
    assert.deepEqual(values, right);
    const [again, second] = await run("right");
    assert.deepEqual(again, right);
    const launches = ({ log }: Ended): number => log.get("EnqueueNDRangeKernel")!;
    assert.ok(launches(first) > launches(second), `${launches(first)} launches, then ${launches(second)}`);
    const [, off] = await run("off", { DESCENT_GPU_SELF_TEST: "0" });
    assert.equal(launches(off), launches(second), "the second process launched nothing of its own");
  });

  test("refuses a device whose softmax is wrong, when softmax is first used", async () => {
    const [values] = await run("wrong", { STAND_IN_WRONG: "softmax" });
    assert.deepEqual(values[0], right[0], "what is right works until then");
    const refusal =
      /^device softmax: opencl:0 \(.+\) computes softmax wrongly: element 0 is \S+, and \S+ on the CPU\. It is not used; use the CPU, or update the driver\.$/;
    assert.match(String(values[1]), refusal);
    assert.match(String(values[2]), /^device .*computes softmax wrongly/, "from then on it is not used");
    assert.deepEqual(values[4], right[4], "the CPU is");
    const [later] = await run("wrong", { STAND_IN_WRONG: "softmax" });
    assert.match(String(later[1]), refusal, "a failure is not remembered as a success");
    const [mended] = await run("wrong");
    assert.deepEqual(mended, right, "nor as a failure");
  });

  test("can be switched off", async () => {
    const [values] = await run("ignored", { STAND_IN_WRONG: "softmax", DESCENT_GPU_SELF_TEST: "0" });
    assert.ok(Array.isArray(values[1]));
    assert.notDeepEqual(values[1], right[1]);
  });
});
