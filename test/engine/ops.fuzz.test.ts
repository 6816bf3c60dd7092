// Thousands of random calls of every op: whatever the arguments are, an op works or throws a DescentError. It never
// crashes, and its results and their gradients can be read. Most useful with an addon built for a memory checker.
//
// DESCENT_FUZZ_SEED, DESCENT_FUZZ_FIRST and DESCENT_FUZZ_CASES choose which cases run (a failure prints them);
// DESCENT_FUZZ_TRACE=1 writes each call to stderr before it is made, so that the last line names one that crashed.

import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { after, it } from "node:test";
import { DescentError, manualSeed, tensor, Tensor, type DType } from "descent";
import { native, type OpArgument, type OpDescription } from "../../engine/native.js";
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

it("survives random calls", () => {
  const counts = { worked: 0, refused: 0, differentiated: 0 };
  for (let number = first; number < first + cases; number++) runCase(number, counts);
  console.log(
    `${cases} calls of ${targets.length} ops and methods, seed ${seed}: ${counts.worked} worked, ` +
      `${counts.refused} were refused, ${counts.differentiated} went backward`,
  );
  // Were nearly everything refused, nothing would be tested.
  if (cases >= 1000) assert.ok(counts.worked > cases / 4, "a good part of the calls should be valid");
});

function runCase(number: number, counts: { worked: number; refused: number; differentiated: number }): void {
  const random = new Random(seed * 7919 + number);
  manualSeed(number);
  const target = random.oneOf(targets);
  const again = `DESCENT_FUZZ_SEED=${seed} DESCENT_FUZZ_FIRST=${number} DESCENT_FUZZ_CASES=1`;
  let text = target.name;
  try {
    const maker = new ArgumentMaker(random, target.op);
    const args = maker.all();
    text = `${target.name}(${args.map(textOf).join(", ")})`;
    if (isTraced) writeSync(2, `${again}: ${text}\n`);
    const results = [target.call(...args)].flat().filter((result) => result instanceof Tensor);
    counts.worked++;
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

/** Small deterministic generator (mulberry32), so that a case can be repeated by its number. */
class Random {
  private state: number;

  constructor(start: number) {
    this.state = start >>> 0;
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const dtypes: readonly DType[] = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"];
const sizes = [0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17, 33];
const far = [2 ** 31, -(2 ** 31), 2 ** 46, 2 ** 53, -(2 ** 53), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 70n];
const odd = [NaN, Infinity, -Infinity, -0, 1e30, -1e300, 1e-310, 2 ** 40, 0.1];

/** Arguments for one call. Most shapes are kin to one base shape, so that many calls are valid. */
class ArgumentMaker {
  readonly tensors: Tensor[] = [];
  private readonly random: Random;
  private readonly op: OpDescription;
  private readonly base: number[];
  private readonly dtype: DType;

  constructor(random: Random, op: OpDescription) {
    this.random = random;
    this.op = op;
    this.base = this.shape();
    this.dtype = random.chance(0.7) ? random.oneOf(["float32", "float64"]) : random.oneOf(dtypes);
  }

  all(): unknown[] {
    const described = this.op.arguments;
    const positional = described.filter((argument) => argument.positional);
    const required = positional.filter((argument) => argument.default === null).length;
    const count = required + this.random.below(positional.length - required + 1);
    const args = positional.slice(0, count).map((argument) => this.value(argument));
    const options = described.filter((argument) => !argument.positional && this.random.chance(0.4));
    if (options.length > 0 && count === positional.length)
      args.push(Object.fromEntries(options.map((argument) => [argument.name, this.value(argument)])));
    if (this.random.chance(0.03)) args.pop();
    return args;
  }

  private value(argument: OpArgument): unknown {
    const { random } = this;
    if (random.chance(0.03)) return this.nonsense();
    switch (argument.kind) {
      case "tensor":
        return this.tensor(argument.name);
      case "optionalTensor":
        return random.chance(0.4) ? null : this.tensor(argument.name);
      case "operand":
        return random.chance(0.7) ? this.tensor(argument.name) : this.number();
      case "tensors":
        return Array.from({ length: random.below(5) }, () => this.tensor("tensors"));
      case "number":
        return this.number();
      case "integer":
        return this.integer();
      case "boolean":
        return random.chance(0.5);
      case "integers":
        return this.integers(argument.name);
      case "padding":
        return random.chance(0.2)
          ? random.oneOf(["same", "valid", "nonsense"])
          : this.integers(argument.name);
      case "sizes":
        return random.chance(0.2) ? [null, this.integer()] : this.integers(argument.name);
      case "numbers":
        return random.chance(0.5) ? this.number() : [this.number(), this.number()];
      case "dtype":
        return random.oneOf([...dtypes, "float32", "float16"]);
      case "string":
        return random.oneOf([
          ...Array.from(argument.sentence.matchAll(/"(\w+)"/g), (match) => match[1]!),
          "cpu",
          "floor",
          "mean",
          "nonsense",
        ]);
    }
  }

  private number(): unknown {
    const { random } = this;
    if (random.chance(0.1)) return random.oneOf<unknown>([...odd, ...far, true, false]);
    return random.chance(0.5) ? random.below(7) - 2 : random.next() * 4 - 2;
  }

  private integer(): unknown {
    const { random } = this;
    if (random.chance(0.05)) return random.oneOf<unknown>([...far, 0.5, NaN]);
    return random.below(random.chance(0.8) ? 4 : 16) - (random.chance(0.3) ? 4 : 0);
  }

  private integers(name: string): unknown {
    const { random, base } = this;
    if (name !== "shape") {
      if (random.chance(0.3)) return this.integer();
      const dims = base.map((_, dim) => (random.chance(0.2) ? dim - base.length : dim));
      dims.sort(() => random.next() - 0.5);
      return random.chance(0.5) ? dims : dims.slice(0, random.below(dims.length + 1));
    }
    const kind = random.next();
    if (kind < 0.3) return base; // as it is
    if (kind < 0.5) return [sizeOf(base)];
    if (kind < 0.6) return [-1];
    if (kind < 0.75) return [random.below(4), ...base];
    if (kind < 0.8) return [...base].reverse();
    if (kind < 0.85) return [random.oneOf(far), random.oneOf(far)];
    return this.shape();
  }

  private nonsense(): unknown {
    const disposed = tensor([1, 2]);
    disposed.dispose();
    return this.random.oneOf<unknown>([
      null,
      undefined,
      "text",
      { nonsense: 1 },
      ["a"],
      [undefined, 1],
      [NaN],
      () => 0,
      Symbol("s"),
      ...odd,
      ...far,
      new Array<number>(40).fill(1),
      disposed,
      new Tensor(),
      Object.create(Tensor.prototype),
      tensor([1], { shape: new Array<number>(12).fill(1) }),
      tensor([2 ** 40, -1, 3], { dtype: "int64" }),
    ]);
  }

  private shape(): number[] {
    const { random } = this;
    if (random.chance(0.02)) return random.oneOf([[20_011], [257, 83], [3, 65, 130], [129, 131]]);
    const dims = random.oneOf([0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]);
    const made = Array.from({ length: dims }, () => random.oneOf(dims > 3 ? sizes.slice(0, 7) : sizes));
    return sizeOf(made) > 40_000 ? [random.below(9)] : made;
  }

  /** The base shape, one it broadcasts with, a matrix that it may be multiplied by, or one of its sizes. */
  private relatedShape(): number[] {
    const { random, base } = this;
    const kind = random.next();
    if (kind < 0.45) return base;
    if (kind < 0.6) return base.map((size) => (random.chance(0.4) ? 1 : size));
    if (kind < 0.7) return base.slice(random.below(base.length + 1));
    if (kind < 0.8) return [...base.slice(0, -2), base.at(-1) ?? 1, random.oneOf(sizes)];
    if (kind < 0.9) return base.length > 0 ? [random.oneOf(base)] : [];
    return this.shape();
  }

  private tensor(name: string): Tensor {
    const { random } = this;
    const isIndex = (name === "index" || name === "target") && random.chance(0.8);
    const isMask = (name === "mask" || name === "condition") && random.chance(0.8);
    let dtype = random.chance(0.85) ? this.dtype : random.oneOf(dtypes);
    if (isIndex) dtype = random.oneOf(["int64", "int32"]);
    if (isMask) dtype = "bool";
    const shape = this.tensors.length === 0 ? this.base : this.relatedShape();
    const made = this.laidOut(shape, dtype, isIndex);
    if (made.dtype.startsWith("float") && random.chance(0.4) && !made.requiresGrad) made.requiresGrad_();
    this.tensors.push(made);
    return made;
  }

  /** A tensor of this shape in one of many memory layouts. */
  private laidOut(shape: number[], dtype: DType, isIndex: boolean): Tensor {
    const { random } = this;
    const plain = (of: number[]): Tensor => {
      const count = sizeOf(of);
      const values = isIndex
        ? Float64Array.from({ length: count }, () => (random.chance(0.002) ? -7 : random.below(3)))
        : floats(random, count);
      return tensor(values, { shape: of, dtype });
    };
    const dims = shape.length;
    if (dims === 0) return random.chance(0.3) ? plain([5]).select(0, 3) : plain([]);
    const dim = random.below(dims);
    const changed = (size: number): number[] => shape.map((old, k) => (k === dim ? size : old));
    switch (random.below(8)) {
      case 0: // transposed
        return plain([...shape].reverse()).permute(shape.map((_, k) => dims - 1 - k));
      case 1: // expanded
        return plain(changed(1)).expand(shape);
      case 2: // a part, at an offset
        return plain(changed(shape[dim]! + 3)).narrow(dim, 2, shape[dim]!);
      case 3: // every second element
        return plain([...shape.slice(0, dim + 1), 2, ...shape.slice(dim + 1)]).select(dim + 1, 1);
      case 4: {
        // not a leaf
        const leaf = plain(shape);
        if (leaf.dtype.startsWith("float")) leaf.requiresGrad_();
        return leaf.mul(1);
      }
      default:
        return plain(shape);
    }
  }
}

function floats(random: Random, count: number): Float64Array {
  const isSpecial = random.chance(0.05);
  return Float64Array.from({ length: count }, () =>
    isSpecial && random.chance(0.2) ? random.oneOf(odd) : random.next() * 6 - 2,
  );
}

function callMethod(method: string, x: unknown, rest: unknown[]): Tensor {
  if (!(x instanceof Tensor)) throw new DescentError("argument", method, "there is nothing to call it on");
  const methods = Tensor.prototype as unknown as Record<string, Call>;
  return Reflect.apply(methods[method]!, x, rest) as Tensor;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
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
