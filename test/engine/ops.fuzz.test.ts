// Thousands of random calls of every op: whatever the arguments are, an op works or throws a DescentError. It never
// crashes, and its results and their gradients can be read. Most useful with an addon built for a memory checker.
//
// DESCENT_FUZZ_SEED, DESCENT_FUZZ_FIRST and DESCENT_FUZZ_CASES choose which cases run (a failure prints them);
// DESCENT_FUZZ_TRACE=1 writes each call to stderr before it is made, so that the last line names one that crashed.

import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { after, it } from "node:test";
import { DescentError, manualSeed, Tensor } from "descent";
import { native } from "../../engine/native.js";
import { argumentsFor, goBackward, read, setting, targets, textOf } from "./fuzz/calls.js";
import { Random } from "./fuzz/random.js";

const seed = setting("DESCENT_FUZZ_SEED", Date.now() % 1_000_000);
const first = setting("DESCENT_FUZZ_FIRST", 0);
const cases = setting("DESCENT_FUZZ_CASES", 20_000);
const isTraced = process.env["DESCENT_FUZZ_TRACE"] === "1";

/** What a call may take at most: a large result fails, and the machine is spared. */
const memoryLimit = 256 * 2 ** 20;

const threads = native.getNumThreads();
native.setNumThreads(2);
native.setMemoryLimit(0, 0, memoryLimit);
after(() => {
  native.setNumThreads(threads);
  native.setMemoryLimit(0, 0, 0);
});

const worked = new Set<string>();

it("survives random calls", () => {
  const counts = { worked: 0, refused: 0, differentiated: 0 };
  for (let number = first; number < first + cases; number++) runCase(number, counts);
  console.log(
    `note: ${cases} calls of ${targets.length} ops and methods, seed ${seed}: ${counts.worked} worked, ` +
      `${counts.refused} were refused, ${counts.differentiated} went backward`,
  );
  // Were nearly everything refused, nothing would be tested.
  if (cases >= 1000) assert.ok(counts.worked > cases / 4, "a good part of the calls should be valid");
  if (cases < 200_000) return; // too few for every op to have had its turn
  const never = targets.map(({ name }) => name).filter((name) => !worked.has(name));
  assert.deepEqual(never, [], "each op should have worked at least once");
});

function runCase(number: number, counts: { worked: number; refused: number; differentiated: number }): void {
  const random = new Random(seed * 7919 + number);
  manualSeed(number);
  const target = random.oneOf(targets);
  const again = `DESCENT_FUZZ_SEED=${seed} DESCENT_FUZZ_FIRST=${number} DESCENT_FUZZ_CASES=1`;
  let text = target.name;
  try {
    const { args, tensors } = argumentsFor(random, target);
    text = `${target.name}(${args.map(textOf).join(", ")})`;
    if (isTraced) writeSync(2, `${again}: ${text}\n`);
    const results = [target.call(...args)].flat().filter((result) => result instanceof Tensor);
    counts.worked++;
    worked.add(target.name);
    for (const result of results) read(result);
    if (random.chance(0.6) && goBackward(random, results, tensors)) counts.differentiated++;
  } catch (error) {
    counts.refused++;
    if (error instanceof DescentError && error.code !== "internal") return;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    assert.fail(`${text} threw what is no DescentError (repeat with ${again}): ${what}`);
  }
}
