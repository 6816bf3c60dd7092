// Every op of the table on the stand-in CUDA driver, in every dtype, forward and backward: no launch that does not fit its
// kernel, no memory that was freed, and at the end nothing that nobody gives back. Values are not looked at: its kernels do
// nothing. The file runs itself once more as the process that has the driver.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { autograd, DescentError, manualSeed, memory, onesLike, setDefaultDevice, type DType } from "descent";
import { root } from "../../root.js";
import { others } from "../../ops.table.js";
import { coreCall, listOf, publicCall, type Call } from "../op-calls.js";
import { inputsOf, numbers, withTensors, type Argument } from "../op-inputs.js";
import { prepare, runNode } from "./cudaStandIn.js";

const dtypes: DType[] = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint8",
  "bool",
];

interface Summary {
  calls: number;
  refused: number;
  /** What the device lacks, and what no refusal may look like. */
  missing: string[];
  broken: string[];
  reserved: number;
}

if (process.env["DESCENT_TEST_CALLS"] === "1") callEverything();
else
  test("every op in every dtype gives the driver what it expects", async () => {
    assert.equal(prepare(), null);
    const ended = await runNode(["--expose-gc", fileURLToPath(import.meta.url)], { DESCENT_TEST_CALLS: "1" });
    assert.equal(ended.err, "");
    assert.equal(ended.code, 0);
    const summary = JSON.parse(ended.out.split("\n").find((line) => line.startsWith("{"))!) as Summary;
    assert.deepEqual(summary.broken, []);
    assert.deepEqual(summary.missing, [], "every kernel is there");
    assert.equal(ended.log.get("complaints"), 0);
    assert.ok(summary.calls > 5000, `only ${summary.calls} calls`);
    assert.ok(
      summary.refused < summary.calls / 3,
      `${summary.refused} of ${summary.calls} calls were refused`,
    );
    assert.ok(ended.log.get("LaunchKernel")! > 2 * summary.calls, "calls launch kernels");
    // Beside what the allocator holds, the record of faults.
    const kept = ended.log.get("alive:bytes")! - summary.reserved;
    assert.ok(kept >= 0 && kept <= 64, `${kept} bytes are nobody's`);
  });

function callEverything(): void {
  const summary: Summary = { calls: 0, refused: 0, missing: [], broken: [], reserved: 0 };
  manualSeed(1);
  setDefaultDevice("cuda:0");
  const rows = readFileSync(join(root, "native/ops/elementwise.def"), "utf8");
  for (const [, kind, name] of rows.matchAll(/^(UNARY|BINARY|TERNARY)\((\w+),/gm)) {
    const count = ["UNARY", "BINARY", "TERNARY"].indexOf(kind!) + 1;
    const call = publicCall(name!) ?? coreCall(name!);
    for (const shape of [[3, 4], [0], []])
      tryAll(
        name!,
        call,
        Array.from({ length: count }, () => numbers(shape)),
      );
    if (count > 1) tryAll(name!, call, [numbers([2, 3]), numbers([3]), numbers([2, 1])].slice(0, count));
  }
  for (const [name, row] of Object.entries(others)) {
    if ("through" in row) continue;
    const calls =
      "calls" in row
        ? row.calls
        : "gives" in row
          ? row.gives.map(([args]) => args)
          : row.draws.map(([args]) => args);
    const call = publicCall(name);
    if (call !== null) for (const args of calls) tryAll(name, call, args);
  }
  (globalThis as { gc?: () => void }).gc!();
  memory.emptyCache();
  summary.reserved = memory.reserved("cuda:0");
  summary.missing = [...new Set(summary.missing)];
  summary.broken = [...new Set(summary.broken)].slice(0, 20);
  console.log(`\n${JSON.stringify(summary)}`);

  function tryAll(name: string, call: Call, args: readonly Argument[]): void {
    for (const dtype of dtypes) {
      summary.calls++;
      try {
        const isFloating = dtype.includes("float");
        const made = inputsOf(args).map((input) => {
          const x = input.dtype === "float" ? input.make("float32").to(dtype) : input.make("float32");
          return isFloating && input.isDifferentiable ? x.requiresGrad_() : x;
        });
        const outputs = listOf(call(...withTensors(args, made))).filter((output) => output.requiresGrad);
        if (outputs.length > 0)
          autograd.backward(
            outputs,
            outputs.map((output) => onesLike(output)),
          );
      } catch (error) {
        summary.refused++;
        if (!(error instanceof DescentError)) summary.broken.push(`${name} ${dtype}: ${String(error)}`);
        else if (error.code === "internal" || error.code === "device") {
          const list = error.message.includes("is not available") ? summary.missing : summary.broken;
          list.push(`${name} ${dtype}: ${error.message}`);
        }
      }
    }
  }
}
