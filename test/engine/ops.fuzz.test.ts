// Thousands of random calls of every op: whatever the arguments are, an op works or throws a DescentError. It never
// crashes, and its results and their gradients can be read. Most useful with an addon built for a memory checker.
//
// DESCENT_FUZZ_SEED, DESCENT_FUZZ_FIRST and DESCENT_FUZZ_CASES choose which cases run (a failure prints them);
// DESCENT_FUZZ_TRACE=1 writes each call to stderr before it is made, so that the last line names one that crashed.

import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { after, it } from "node:test";
import { DescentError, manualSeed, tensor, Tensor } from "descent";
import { native, type OpDescription } from "../../engine/native.js";
import { ArgumentMaker } from "./fuzz/arguments.js";
import { ExampleMaker, examplesOf } from "./fuzz/examples.js";
import { floats, Random, sizeOf } from "./fuzz/random.js";
import { opTable, publicCall, type Call } from "./op-calls.js";

const seed = setting("DESCENT_FUZZ_SEED", Date.now() % 1_000_000);
const first = setting("DESCENT_FUZZ_FIRST", 0);
const cases = setting("DESCENT_FUZZ_CASES", 20_000);
const isTraced = process.env["DESCENT_FUZZ_TRACE"] === "1";

/** What a call may take at most: a large result fails, and the machine is spared. */
const memoryLimit = 256 * 2 ** 20;

interface Target {
  name: string;
  op: OpDescription;
  call: Call;
}

const targets: Target[] = opTable.flatMap((op) => {
  const call = publicCall(op.name);
  const found: Target[] = call === null ? [] : [{ name: op.name, op, call }];
  const method = op.inPlaceOnly ? op.name : `${op.name}_`;
  if ((op.inPlace || op.inPlaceOnly) && method in Tensor.prototype)
    found.push({ name: `x.${method}`, op, call: (x, ...rest) => callMethod(method, x, rest) });
  return found;
});

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
    const examples = examplesOf(target.op.name);
    const isFromExample = examples.length > 0 && random.chance(0.6);
    const maker = isFromExample ? new ExampleMaker(random) : new ArgumentMaker(random, target.op);
    const args = maker instanceof ExampleMaker ? maker.all(random.oneOf(examples)) : maker.all();
    text = `${target.name}(${args.map(textOf).join(", ")})`;
    if (isTraced) writeSync(2, `${again}: ${text}\n`);
    const results = [target.call(...args)].flat().filter((result) => result instanceof Tensor);
    counts.worked++;
    worked.add(target.name);
    for (const result of results) read(result);
    if (random.chance(0.6) && goBackward(random, results, maker.tensors)) counts.differentiated++;
  } catch (error) {
    counts.refused++;
    if (error instanceof DescentError && error.code !== "internal") return;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    assert.fail(`${text} threw what is no DescentError (repeat with ${again}): ${what}`);
  }
}

/** Reading touches all elements. Views may name more of them than there is memory; those stay unread. */
function read(x: Tensor): void {
  const count = x.shape.reduce((product, size) => product * size, 1);
  if (x.isDisposed || count > 100_000) return;
  assert.equal(x.data().length, count);
}

function goBackward(random: Random, results: Tensor[], inputs: readonly Tensor[]): boolean {
  const roots = results.filter((y) => y.requiresGrad && !y.isDisposed && sizeOf(y.shape) <= 100_000);
  const root = roots[0];
  if (root === undefined) return false;
  const gradient = tensor(floats(random, sizeOf(root.shape)), { shape: [...root.shape], dtype: root.dtype });
  if (random.chance(0.3)) {
    root.backward({ gradient, createGraph: true });
    const sums = inputs
      .map((x) => x.grad)
      .filter((grad) => grad?.requiresGrad)
      .map((grad) => grad!.sum());
    for (const sum of sums.slice(0, 1)) sum.backward();
  } else {
    root.backward(gradient);
  }
  for (const x of inputs) {
    const { grad } = x;
    if (!grad) continue;
    assert.deepEqual([...grad.shape], [...x.shape], "a gradient has the shape of its tensor");
    read(grad);
  }
  return true;
}

function callMethod(method: string, x: unknown, rest: unknown[]): Tensor {
  if (!(x instanceof Tensor)) throw new DescentError("argument", method, "there is nothing to call it on");
  const methods = Tensor.prototype as unknown as Record<string, Call>;
  return Reflect.apply(methods[method]!, x, rest) as Tensor;
}

function textOf(value: unknown): string {
  if (value instanceof Tensor && !Object.hasOwn(value, "shape")) return "a tensor that is none";
  if (value instanceof Tensor)
    return `${value.dtype}[${value.shape.join(",")}]${value.requiresGrad ? " with gradient" : ""}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, part]) => `${key}: ${textOf(part)}`)
      .join(", ")} }`;
  return typeof value === "bigint" ? `${value}n` : typeof value === "string" ? `"${value}"` : String(value);
}

function setting(name: string, otherwise: number): number {
  const text = process.env[name];
  return text === undefined || text === "" ? otherwise : Number(text);
}
