// An index outside its dimension, found by a kernel: told with the op and the user's line at the next wait, or at the
// call itself where launches are waited for.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { root } from "../../root.js";
import { missing, runScript } from "./standIn.js";

const script = `
import { tensor } from "descent";
const x = tensor([[1, 2], [3, 4]]).to("gpu");
const bad = tensor([0, 5]).to("int64").to("gpu");
const at = (error) => error.stack.split("\\n").find((line) => line.includes(":"));
try {
  const y = x.indexSelect(0, bad);
  console.log("called");
  y.data();
} catch (error) {
  console.log(error.code, error.op, error.message, JSON.stringify(error.facts));
}
console.log(x.add(1).tolist().join());
`;

// Nothing is read: the process ends while the device may still work.
const unread = `
import { tensor } from "descent";
const x = tensor([[1, 2], [3, 4]]).to("gpu");
x.indexSelect(0, tensor([0, 5]).to("int64").to("gpu"));
`;

describe("the end of a process", { skip: missing ?? false }, () => {
  for (const [how, last] of [
    ["by itself", ""],
    ["by process.exit", "process.exit();"],
  ]) {
    test(`that ends ${how} waits for the device, and tells what its kernels found`, async () => {
      const { code, err } = await runScript(`${unread}${last}`, { DESCENT_CALL_SITES: "1" });
      assert.match(err, /^DescentError \[index\]: indexSelect: index 5 at position 1 is outside \[0, 2\)/);
      assert.equal(err.trim().split("\n").length, 1);
      assert.equal(code, 1);
    });
  }

  test("keeps the status of a script that failed for another reason", async () => {
    assert.equal((await runScript(`${unread}process.exit(7);`)).code, 7);
  });

  test("whose tensors lived in a worker only waits for the device too", async () => {
    const worker = `
      import { Worker } from "node:worker_threads";
      const script = \`import { workerData } from "node:worker_threads";
        import(workerData).then(({ ones }) => void ones([64], { device: "gpu" }).add(1));\`;
      new Worker(script, { eval: true, workerData: "descent" });`;
    const { code, err, log } = await runScript(worker);
    assert.equal(`${code} ${err}`, "0 ");
    assert.ok(log.get("EnqueueNDRangeKernel")! > 0);
    assert.ok((log.get("Finish") ?? 0) > 0);
  });
});

describe("faults", { skip: missing ?? false }, () => {
  test("come at the next wait, with the op and the line that asked for it", async () => {
    const { out, err } = await runScript(script, { DESCENT_CALL_SITES: "1" });
    const [called, told, after] = out.split("\n");
    assert.equal(called, "called", err);
    assert.match(
      told!,
      /^index indexSelect indexSelect: index 5 at position 1 is outside \[0, 2\), called at \S+:7:\d+; found on opencl:0 when the results were waited for \(with DESCENT_LAUNCH_BLOCKING=1 the call itself stops\)\./,
    );
    assert.match(told!, /"index":"5","position":"1","size":"2"/);
    assert.equal(after, "2,3,4,5", "the device goes on");
  });

  test("come at the call itself where launches are waited for", async () => {
    const { out, err } = await runScript(script, { DESCENT_LAUNCH_BLOCKING: "1" });
    const [told, after] = out.split("\n");
    assert.match(
      told!,
      /^index indexSelect indexSelect: index 5 at position 1 is outside \[0, 2\).*found on opencl:0\./,
      err,
    );
    assert.equal(after, "2,3,4,5");
  });

  test("can be asked for by a debugger that has stopped, without being thrown", async () => {
    const asking = `
      import { createRequire } from "node:module";
      import { tensor } from "descent";
      const native = createRequire(${JSON.stringify(root + "/")})("./dist/native/descent.node");
      const x = tensor([[1, 2], [3, 4]]).to("gpu");
      console.log(native.pendingFaults().length);
      const y = x.indexSelect(0, tensor([7]).to("int64").to("gpu"));
      const [fault] = native.pendingFaults();
      console.log(fault.device, fault.code, fault.op, fault.line);
      console.log(native.pendingFaults().length, y.shape.join());`;
    const { out, err } = await runScript(asking, { DESCENT_CALL_SITES: "1" });
    assert.match(out, /^0\nopencl:0 index indexSelect \S+:7:\d+\n0 1,2\n$/, err);
  });
});
