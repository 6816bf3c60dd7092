// Random calls of every op on a GPU beside the same calls on the CPU: both work and agree, gradients too, or both refuse. Bad shapes, dtypes, indices, disposed tensors and nonsense are among the arguments.
//
// DESCENT_FUZZ_SEED, DESCENT_FUZZ_FIRST and DESCENT_FUZZ_CASES choose which cases run (a failure prints them), DESCENT_FUZZ_OPS
// which ops (names, commas between them); DESCENT_FUZZ_TRACE=1 writes each call to stderr before it is made.

import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { after, it } from "node:test";
import { DescentError, manualSeed, setDefaultDevice, Tensor, type DType } from "descent";
import { native } from "../../../engine/native.js";
import { argumentsFor, goBackward, read, setting, targets, textOf, type Target } from "../fuzz/calls.js";
import { Random } from "../fuzz/random.js";
import { gpus } from "../gpus.js";

const seed = setting("DESCENT_FUZZ_SEED", 4);
const first = setting("DESCENT_FUZZ_FIRST", 0);
const cases = setting("DESCENT_FUZZ_CASES", 300);
const isTraced = process.env["DESCENT_FUZZ_TRACE"] === "1";
const asked = process.env["DESCENT_FUZZ_OPS"]?.split(",");
/** Their values are whatever the memory held. */
const unwritten = ["empty", "emptyLike"];
const chosen = targets.filter(
  ({ op, name }) =>
    (!asked || asked.includes(op.name) || asked.includes(name)) && !unwritten.includes(op.name),
);

/** Of the largest number in a result. */
const tolerances: Partial<Record<DType, number>> = {
  float64: 1e-7,
  float32: 3e-4,
  float16: 4e-3,
  bfloat16: 3e-2,
};

after(() => {
  setDefaultDevice("cpu");
});

interface Outcome {
  text: string;
  /** Shapes, dtypes and values of the results, then of the gradients. */
  found: { shape: number[]; dtype: DType; values: number[] }[];
  /** Nothing in the arguments is so large that sums depend on their order. */
  isTame: boolean;
  refusal: DescentError | null;
}

for (const name of gpus) {
  it(`${name} does what the CPU does with random calls`, { skip: chosen.length === 0 }, () => {
    const counts = { worked: 0, refused: 0, wild: 0 };
    const failures: string[] = [];
    for (let number = first; number < first + cases; number++) {
      const target = new Random(seed * 7919 + number).oneOf(chosen);
      const expected = outcomeOf(number, target, "cpu");
      const got = outcomeOf(number, target, name);
      const difference = differenceBetween(expected, got);
      if (difference !== null) {
        failures.push(
          `${expected.text}: ${difference} (repeat with DESCENT_FUZZ_SEED=${seed} DESCENT_FUZZ_FIRST=${number} ` +
            `DESCENT_FUZZ_CASES=1)`,
        );
      }
      counts[expected.refusal ? "refused" : "worked"]++;
      if (!expected.isTame) counts.wild++;
    }
    console.log(
      `note: ${cases} calls on ${name}, seed ${seed}: ${counts.worked} worked, ${counts.refused} were refused`,
    );
    assert.ok(failures.length === 0, `${failures.length} of ${cases} calls differ:\n${failures.join("\n")}`);
    if (cases >= 200 && !asked)
      assert.ok(counts.worked > cases / 4, "a good part of the calls should be valid");
  });
}

for (const name of gpus) {
  it(`${name} refuses what mixes devices or is gone, or does it`, { skip: chosen.length === 0 }, () => {
    const counts = { worked: 0, refused: 0 };
    for (let number = first; number < first + cases / 2; number++)
      counts[isRefusedWhenSpoiled(number, name) ? "refused" : "worked"]++;
    console.log(
      `note: with a tensor of the CPU or none at all ${counts.worked} worked, ${counts.refused} were refused`,
    );
  });
}

/** One of the tensors lies on the CPU, or is disposed of: a DescentError, or a result that can be read. */
function isRefusedWhenSpoiled(number: number, device: string): boolean {
  const random = new Random(seed * 104_729 + number);
  const target = random.oneOf(chosen);
  let text = target.name;
  setDefaultDevice(device);
  try {
    const { args } = argumentsFor(random, target);
    const places = args.flatMap((value, place) => (value instanceof Tensor ? [place] : []));
    if (places.length > 0) {
      const place = random.oneOf(places);
      const spoiled = args[place] as Tensor;
      text = `${target.name}(${args.map(textOf).join(", ")}) with argument ${place} spoiled`;
      if (isTraced) writeSync(2, `${number} on ${device}: ${text}\n`);
      if (random.chance(0.3)) spoiled.dispose();
      else args[place] = spoiled.to("cpu");
    }
    const results = [target.call(...args)].flat().filter((result) => result instanceof Tensor);
    for (const result of results) read(result);
    native.synchronize();
    return false;
  } catch (error) {
    if (!(error instanceof DescentError) || error.code === "internal") {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      assert.fail(`case ${number} on ${device}, ${text}, threw what is no DescentError: ${what}`);
    }
    settle();
    return true;
  } finally {
    setDefaultDevice("cpu");
  }
}

/** The arguments are made anew on each device, in the same layouts, because they depend on the number alone. */
function outcomeOf(number: number, target: Target, device: string): Outcome {
  const random = new Random(seed * 7919 + number);
  random.oneOf(chosen);
  manualSeed(number);
  setDefaultDevice(device);
  const outcome: Outcome = { text: target.name, found: [], isTame: true, refusal: null };
  try {
    const { args, tensors } = argumentsFor(random, target);
    outcome.text = `${target.name}(${args.map(textOf).join(", ")})`;
    if (isTraced) writeSync(2, `${number} on ${device}: ${outcome.text}\n`);
    // What is infinite meets the zeros of the padding, or is left out: convolutions may do either.
    const mayBeInfinite = !target.name.startsWith("conv");
    outcome.isTame = [...tensors, ...args].every((value) => isTame(value, mayBeInfinite));
    const results = [target.call(...args)].flat().filter((result) => result instanceof Tensor);
    outcome.found.push(...results.flatMap((result) => described(result)));
    if (random.chance(0.6) && goBackward(random, results, tensors)) {
      for (const { grad } of tensors) if (grad) outcome.found.push(...described(grad));
    }
    native.synchronize();
  } catch (error) {
    if (!(error instanceof DescentError) || error.code === "internal") {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      assert.fail(`case ${number} on ${device}, ${outcome.text}, threw what is no DescentError: ${what}`);
    }
    outcome.refusal = error;
    settle();
  } finally {
    setDefaultDevice("cpu");
  }
  return outcome;
}

/** A fault that nobody looked at yet belongs to the call that failed. */
function settle(): void {
  try {
    native.synchronize();
  } catch (error) {
    assert.ok(error instanceof DescentError, String(error));
  }
}

function described(x: Tensor): Outcome["found"] {
  const count = x.shape.reduce((product, size) => product * size, 1);
  if (x.isDisposed) return [];
  const values = count > 100_000 ? [] : Array.from(x.data() as ArrayLike<number | bigint>, Number);
  return [{ shape: [...x.shape], dtype: x.dtype, values }];
}

function isTame(value: unknown, mayBeInfinite: boolean): boolean {
  if (typeof value === "number") return !(Math.abs(value) > 1e4);
  if (typeof value === "bigint") return false;
  if (!(value instanceof Tensor) || !Object.hasOwn(value, "shape") || value.isDisposed) return true;
  return described(value).every(({ values }) =>
    values.every((element) => (Number.isFinite(element) ? Math.abs(element) <= 1e4 : mayBeInfinite)),
  );
}

function differenceBetween(expected: Outcome, got: Outcome): string | null {
  if (expected.text !== got.text) return `the calls are not the same, ${got.text} on the GPU`;
  if (expected.refusal || got.refusal) {
    // Of several faults they may name different ones: indices are looked at last on a GPU.
    if (expected.refusal && got.refusal && !got.refusal.message.includes("not available")) return null;
    const words = (outcome: Outcome): string => outcome.refusal?.message ?? "nothing wrong";
    return `the CPU says "${words(expected)}", the GPU "${words(got)}"`;
  }
  if (expected.found.length !== got.found.length)
    return `${got.found.length} results and gradients, not ${expected.found.length}`;
  for (const [k, wanted] of expected.found.entries()) {
    const { shape, dtype, values } = got.found[k]!;
    if (dtype !== wanted.dtype || String(shape) !== String(wanted.shape))
      return `result ${k} is ${dtype} [${shape.join(", ")}], not ${wanted.dtype} [${wanted.shape.join(", ")}]`;
    if (!expected.isTame) continue;
    const largest = wanted.values.reduce((most, value) => {
      return Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most;
    }, 1);
    const tolerance = (tolerances[dtype] ?? 0) * largest;
    const at = wanted.values.findIndex((value, i) => !isClose(value, values[i]!, tolerance));
    if (at >= 0) return `element ${at} of result ${k} is ${values[at]}, not ${wanted.values[at]}`;
  }
  return null;
}

function isClose(expected: number, got: number, tolerance: number): boolean {
  return Object.is(expected, got) || expected === got || Math.abs(expected - got) <= tolerance;
}
