// Replays a recorded case in Descent and compares: what recorder.py writes is read here.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as descent from "descent";
import { DescentError, tensor, Tensor } from "descent";
import { native } from "../../engine/native.js";
import { root } from "../root.js";

export type Precision = "float64" | "float32";
type AnyCall = (...args: unknown[]) => unknown;
type RecordedNumber = number | "NaN" | "Infinity" | "-Infinity";

/** "F" stands for the precision the case is replayed in. */
export interface RecordedTensor {
  s: number[];
  d: string;
  v: RecordedNumber[];
  /** Views taken before use: [method, ...arguments]. */
  via?: [string, ...unknown[]][];
  /** Wants no gradient. */
  frozen?: boolean;
}

export interface RecordedCase {
  call: string;
  in: RecordedTensor[];
  args: unknown[];
  out?: RecordedTensor[];
  /** One list an input; null where no gradient arrives. */
  grad?: (RecordedNumber[] | null)[];
  /** The same for the gradients of the gradients. */
  grad2?: (RecordedNumber[] | null)[];
  /** PyTorch refuses the call. */
  error?: boolean;
  only?: Precision;
}

export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(join(root, "test/reference/fixtures", `${name}.json`), "utf8"));
}

/** The names of the files of cases. */
export function caseModules(): string[] {
  const files = readdirSync(join(root, "test/reference/fixtures/cases"));
  return files.map((file) => file.replace(".json", "")).sort();
}

/** Runs the case in one precision; throws where the outcome differs. */
export function replay(recorded: RecordedCase, precision: Precision): void {
  const made = recorded.in.map((input) => makeInput(input, precision));
  const args = substitute(
    recorded.args,
    made.map((input) => input.view),
  ) as unknown[];
  const call = findCall(recorded.call);
  if (recorded.error === true) {
    const callAndWait = (): void => {
      call(args);
      native.synchronize(); // a GPU tells of an index that is outside when it is waited for
    };
    assert.throws(callAndWait, isRefusal, "PyTorch refuses this call");
    return;
  }
  const result = call(args);
  const outputs = (Array.isArray(result) ? result : [result]) as Tensor[];
  assert.equal(outputs.length, recorded.out!.length, "number of outputs");
  outputs.forEach((output, k) => {
    compare(`output ${k}`, output, recorded.out![k]!, precision);
  });
  checkMethod(recorded, args, outputs);
  if (recorded.grad === undefined) return;
  const tracked = outputs.filter((output) => output.requiresGrad);
  // Where every gradient is zero (a quotient rounded down), an output need not want one.
  if (tracked.length === 0 && recorded.grad.every((values) => values?.every((value) => value === 0) ?? true))
    return;
  assert.ok(tracked.length > 0, "an output requires a gradient");
  descent.autograd.backward(tracked, tracked.map(startGradient));
  recorded.grad.forEach((values, k) => {
    const input = recorded.in[k]!;
    const gradient = made[k]!.leaf.grad;
    if (values === null) {
      assert.ok(gradient === null || allZero(gradient), `input ${k} has no gradient`);
      return;
    }
    assert.ok(gradient !== null, `input ${k} has a gradient`);
    compare(`gradient of input ${k}`, gradient, { s: input.s, d: input.d, v: values }, precision);
  });
  if (recorded.grad2 !== undefined) replaySecond(recorded, recorded.grad2, precision);
}

/** The gradients once more, recorded, and their own gradients. */
function replaySecond(
  recorded: RecordedCase,
  expected: (RecordedNumber[] | null)[],
  precision: Precision,
): void {
  const { autograd } = descent;
  const made = recorded.in.map((input) => makeInput(input, precision));
  const args = substitute(
    recorded.args,
    made.map((input) => input.view),
  ) as unknown[];
  const result = findCall(recorded.call)(args);
  const outputs = (Array.isArray(result) ? result : [result]) as Tensor[];
  const tracked = outputs.filter((output) => output.requiresGrad);
  const leaves = made.map(({ leaf }) => leaf).filter((leaf) => leaf.requiresGrad);
  const first = autograd
    .grad(tracked, leaves, {
      gradOutputs: tracked.map(startGradient),
      createGraph: true,
      allowUnused: true,
    })
    .filter((gradient) => gradient?.requiresGrad === true) as Tensor[];
  const isZero = expected.every((values) => values?.every((value) => value === 0) ?? true);
  if (first.length === 0 && isZero) return;
  assert.ok(first.length > 0, "the gradients require a gradient");
  const second = autograd.grad(first, leaves, {
    gradOutputs: first.map(startGradient),
    allowUnused: true,
  });
  expected.forEach((values, k) => {
    const input = recorded.in[k]!;
    const gradient = second[leaves.indexOf(made[k]!.leaf)] ?? null;
    if (values === null) {
      assert.ok(gradient === null || allZero(gradient), `input ${k} has no second gradient`);
      return;
    }
    if (gradient === null) {
      assert.ok(
        values.every((value) => value === 0),
        `input ${k} has a second gradient`,
      );
      return;
    }
    compare(`second gradient of input ${k}`, gradient, { s: input.s, d: input.d, v: values }, precision);
  });
}

/** A call that the top level has, and Tensor too, gives the same values as a method. */
function checkMethod(recorded: RecordedCase, args: unknown[], outputs: Tensor[]): void {
  const [self, ...rest] = args;
  if (recorded.call.includes(".") || !(self instanceof Tensor) || recorded.args[0] !== "$0") return;
  if (recorded.call === "where") return; // the method is called on what is chosen, not on the condition
  const method = (self as unknown as Record<string, unknown>)[recorded.call];
  if (typeof method !== "function") return;
  const result = Reflect.apply(method, self, rest) as Tensor | Tensor[];
  (Array.isArray(result) ? result : [result]).forEach((output, k) => {
    assert.deepEqual(output.data(), outputs[k]!.data(), `as a method, output ${k}`);
  });
}

function findCall(name: string): (args: unknown[]) => unknown {
  const last = name.slice(name.indexOf(".") + 1);
  if (name.startsWith("Tensor.")) {
    return ([self, ...rest]) => {
      const method = (self as Record<string, unknown>)[last];
      assert.equal(typeof method, "function", `Tensor has no method ${last}`);
      return (method as AnyCall).apply(self, rest);
    };
  }
  const home = (name.startsWith("F.") ? descent.nn.functional : descent) as unknown as Record<
    string,
    unknown
  >;
  const found = home[last];
  assert.equal(typeof found, "function", `there is no function ${name}`);
  return (args) => (found as AnyCall)(...args);
}

export function makeInput(input: RecordedTensor, precision: Precision): { leaf: Tensor; view: Tensor } {
  const leaf = makeTensor(input, precision);
  if (leaf.isFloatingPoint() && input.frozen !== true) leaf.requiresGrad_();
  let view = leaf;
  for (const [name, ...args] of input.via ?? []) {
    view = (view as unknown as Record<string, AnyCall>)[name]!.apply(view, args) as Tensor;
  }
  return { leaf, view };
}

export function makeTensor(input: RecordedTensor, precision: Precision): Tensor {
  const dtype = (input.d === "F" ? precision : input.d) as descent.DType;
  return tensor(Float64Array.from(input.v, Number), { shape: input.s, dtype });
}

/** '$k' anywhere in the arguments is the k-th input. */
function substitute(value: unknown, inputs: Tensor[]): unknown {
  if (typeof value === "string" && value.startsWith("$")) return inputs[Number(value.slice(1))];
  if (value === "Infinity" || value === "-Infinity") return Number(value);
  if (Array.isArray(value)) return value.map((item) => substitute(item, inputs));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, inputs)]));
  }
  return value;
}

/** What backward() starts from: the same formula stands in recorder.py. */
export function startGradient(output: Tensor): Tensor {
  const values = Float64Array.from(
    { length: output.numel() },
    (_, k) => Math.round(100 * Math.cos(k + 1)) / 100,
  );
  return tensor(values, { shape: output.shape, dtype: output.dtype });
}

/** Weight k is scale · frac((start + k) · golden ratio), from -scale to scale: training.py computes the same ones. */
export function formulaWeights(shape: number[], scale: number, start: number): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from(
    { length: count },
    (_, k) => scale * (2 * (((start + k) * 0.6180339887498949) % 1) - 1),
  );
  return tensor(values, { shape });
}

/** Relative difference allowed, and below which magnitude it counts as absolute. */
const tolerance = { float64: 1e-7, float32: 3e-4 };
const floor = 1e-2;
/**
 * Half precision: two units in the last place, and of half the largest element, twice that for gradients: PyTorch rounds after
 * each of its ops, of which a gradient takes several, and adds in another order.
 */
const halves: Partial<Record<descent.DType, number>> = { float16: 2 ** -9, bfloat16: 2 ** -6 };

export function compare(what: string, actual: Tensor, expected: RecordedTensor, precision: Precision): void {
  assert.deepEqual(actual.shape, expected.s, `${what}: shape`);
  assert.equal(actual.device, descent.getDefaultDevice(), `${what}: device`);
  assert.equal(actual.dtype, expected.d === "F" ? precision : expected.d, `${what}: dtype`);
  const ofHalf = halves[actual.dtype];
  const kept = actual.dtype === "float32" ? "float32" : precision;
  const allowed = ofHalf ?? (actual.isFloatingPoint() ? tolerance[kept] : 0);
  const sizes = expected.v.map((value) => Math.abs(Number(value))).filter(Number.isFinite);
  const isGradient = what.includes("gradient");
  const least = ofHalf === undefined ? floor : Math.max(floor, ...sizes) * (isGradient ? 1 : 0.5);
  const values = actual.data();
  expected.v.forEach((recorded, k) => {
    const got = Number(values[k]!);
    const wanted = Number(recorded);
    const isEqual = Object.is(got, wanted) || got === wanted;
    if (isEqual || Math.abs(got - wanted) <= allowed * Math.max(Math.abs(wanted), least)) return;
    assert.fail(`${what}[${k}] is ${got}, PyTorch has ${wanted}`);
  });
}

function allZero(x: Tensor): boolean {
  return x.data().every((value) => Number(value) === 0);
}

function isRefusal(error: unknown): boolean {
  assert.ok(error instanceof DescentError, `a DescentError, not ${String(error)}`);
  assert.notEqual(error.code, "internal", error.message);
  return true;
}
