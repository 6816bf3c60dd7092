// autograd.gradcheck: gradients as backward computes them, against differences of the function itself.

import { checkBoolean, checkFunction, checkNumber, DescentError, fail, readOptions, show } from "./errors.js";
import { grad } from "./autograd.js";
import { enableGrad, noGrad } from "./grad-mode.js";
import { Tensor } from "./tensor.js";
import { onesLike, randnLike, zerosLike } from "./generated/ops.js";

export interface GradcheckOptions {
  /** Half the distance between the two points of a difference. Default: 1e-6. */
  eps?: number;
  /** Absolute difference allowed. Default: 1e-5. */
  atol?: number;
  /** Difference allowed relative to the numerical value. Default: 1e-3. */
  rtol?: number;
  /** False: the answer is false instead of an error. Default: true. */
  raiseException?: boolean;
  /** Difference allowed between two backward passes over one graph. Default: 0. */
  nondetTol?: number;
  /** Also tries backward with no gradient for each output in turn. Default: true. */
  checkUndefinedGrad?: boolean;
}

type Inputs = Tensor | readonly unknown[];
type Outputs = Tensor | readonly Tensor[];

interface Settings {
  eps: number;
  atol: number;
  rtol: number;
  nondetTol: number;
  checkUndefinedGrad: boolean;
}

/**
 * Whether the gradients of `fn` with respect to those `inputs` that require one agree with central differences,
 * |analytical - numerical| ≤ atol + rtol · |numerical| in every element. Inputs must be float64: float32 has too few digits for differences.
 * PyTorch's `torch.autograd.gradcheck`.
 * @throws DescentError naming the output, the input, the element and both numbers, unless `raiseException` is false.
 */
export function gradcheck(
  fn: (...inputs: never[]) => Outputs,
  inputs: Inputs,
  options?: GradcheckOptions,
): boolean {
  return checked("gradcheck", fn, inputs, options, checkOnce);
}

/**
 * The same for second derivatives: `gradcheck` of the function that gives the gradients of `fn`.
 * `gradOutputs`: the gradients that start backward, random ones unless given.
 */
export function gradgradcheck(
  fn: (...inputs: never[]) => Outputs,
  inputs: Inputs,
  gradOutputs?: Tensor | readonly Tensor[] | null,
  options?: GradcheckOptions,
): boolean {
  return checked("gradgradcheck", fn, inputs, options, (op, call, values, settings) => {
    const outputs = listOf(op, call(values)).filter((output) => output.requiresGrad);
    const starts =
      gradOutputs === undefined || gradOutputs === null
        ? outputs.map((output) => randnLike(output).detach().requiresGrad_())
        : listOf(op, gradOutputs);
    if (starts.length !== outputs.length)
      fail(op, `there are ${starts.length} gradients for ${outputs.length} outputs`);
    const count = values.length;
    const gradients = (all: readonly unknown[]): Tensor[] =>
      enableGrad(() => {
        const wanted = all.slice(0, count).filter(isWanted);
        const results = listOf(op, call(all.slice(0, count))).filter((output) => output.requiresGrad);
        const found = grad(results, wanted, {
          gradOutputs: all.slice(count) as Tensor[],
          createGraph: true,
          allowUnused: true,
        });
        return found.filter((gradient) => gradient !== null);
      });
    checkOnce(op, gradients, [...values, ...starts], settings);
  });
}

type Call = (values: readonly unknown[]) => unknown;

function checked(
  op: string,
  fn: unknown,
  inputs: unknown,
  options: unknown,
  check: (op: string, call: Call, values: readonly unknown[], settings: Settings) => void,
): boolean {
  checkFunction(op, "fn", fn);
  const given = readOptions(op, options, {
    eps: 1e-6,
    atol: 1e-5,
    rtol: 1e-3,
    raiseException: true,
    nondetTol: 0,
    checkUndefinedGrad: true,
  });
  const settings = {
    eps: checkNumber(op, "eps", given.eps, { min: 0, aboveMin: true }),
    atol: checkNumber(op, "atol", given.atol, { min: 0 }),
    rtol: checkNumber(op, "rtol", given.rtol, { min: 0 }),
    nondetTol: checkNumber(op, "nondetTol", given.nondetTol, { min: 0 }),
    checkUndefinedGrad: checkBoolean(op, "checkUndefinedGrad", given.checkUndefinedGrad),
  };
  const raises = checkBoolean(op, "raiseException", given.raiseException);
  const values: readonly unknown[] = Array.isArray(inputs) ? inputs : [inputs];
  const call: Call = (all) => (fn as (...all: unknown[]) => unknown)(...all);
  checkInputs(op, values);
  try {
    enableGrad(() => {
      check(op, call, values, settings);
    });
    return true;
  } catch (error) {
    if (raises || !(error instanceof Mismatch)) throw error;
    return false;
  }
}

/** What `raiseException: false` turns into an answer. */
class Mismatch extends DescentError {}

function disagree(op: string, sentence: string, facts: Record<string, string> = {}): never {
  throw new Mismatch("autograd", op, `${op}: ${sentence}`, facts);
}

function isWanted(value: unknown): value is Tensor {
  return value instanceof Tensor && value.requiresGrad;
}

function checkInputs(op: string, values: readonly unknown[]): void {
  if (!values.some(isWanted))
    fail(
      op,
      "no input is a tensor that requires a gradient, there is nothing to check; call requiresGrad_()",
    );
  for (const [k, value] of values.entries()) {
    if (!isWanted(value)) continue;
    if (value.dtype !== "float64")
      fail(
        op,
        `input ${k} is ${value.dtype}, but differences need float64; make it with { dtype: "float64" }`,
        { input: String(k), dtype: value.dtype },
        "dtype",
      );
    if (value.stride().some((stride, dim) => stride === 0 && value.shape[dim]! > 1))
      fail(
        op,
        `input ${k} repeats elements (it was expanded), so they cannot be changed one by one; use clone()`,
      );
  }
}

function listOf(op: string, result: unknown): Tensor[] {
  const list: unknown[] = Array.isArray(result) ? result : [result];
  for (const [k, item] of list.entries()) {
    if (!(item instanceof Tensor))
      fail(op, `output ${k} of the function must be a tensor, it is ${show(item)}`);
  }
  return list as Tensor[];
}

/** Of outputs k and inputs i: d output k [row] / d input i [column]. */
type Jacobian = Float64Array[];

function checkOnce(op: string, call: Call, values: readonly unknown[], settings: Settings): void {
  const wanted = [...values.entries()].filter((entry): entry is [number, Tensor] => isWanted(entry[1]));
  // First, because it changes the inputs where they lie.
  const numerical = wanted.map(([index]) => differences(op, call, values, index, settings.eps));
  const outputs = listOf(op, call(values));
  for (const [o, output] of outputs.entries()) {
    if (!output.isFloatingPoint()) continue;
    const analytical = output.requiresGrad
      ? byBackward(op, output, o, wanted, settings)
      : wanted.map(([, input]) => zeroJacobian(output, input));
    for (const [w, [index, input]] of wanted.entries()) {
      compare(op, { o, index, output, input }, analytical[w]!, numerical[w]![o]!, settings);
    }
  }
  if (settings.checkUndefinedGrad) checkMissing(op, call, values, wanted);
}

function zeroJacobian(output: Tensor, input: Tensor): Jacobian {
  return Array.from({ length: output.numel() }, () => new Float64Array(input.numel()));
}

/** Row by row: a backward from each element of the output, twice, because a backward that changes its graph is wrong too. */
function byBackward(
  op: string,
  output: Tensor,
  o: number,
  wanted: readonly [number, Tensor][],
  settings: Settings,
): Jacobian[] {
  const jacobians = wanted.map((): Jacobian => []);
  const inputs = wanted.map(([, input]) => input);
  const start = zerosLike(output, { dtype: output.dtype }).detach().contiguous();
  const flat = start.view(-1);
  for (let row = 0; row < output.numel(); row++) {
    noGrad(() => flat.zero_().narrow(0, row, 1).fill_(1));
    const once = () =>
      grad(output, inputs, { gradOutputs: start.clone(), retainGraph: true, allowUnused: true });
    const [first, second] = [once(), once()];
    for (const [w, [index, input]] of wanted.entries()) {
      const found = first[w] ?? null;
      if (found !== null && found.dtype !== input.dtype)
        disagree(
          op,
          `the gradient of output ${o} for input ${index} is ${found.dtype}, the input is ${input.dtype}`,
        );
      const values = found === null ? new Float64Array(input.numel()) : (found.data() as Float64Array);
      const again = second[w]?.data() as Float64Array | undefined;
      const differs = values.findIndex(
        (value, k) => Math.abs(value - (again?.[k] ?? 0)) > settings.nondetTol,
      );
      if (differs >= 0)
        disagree(
          op,
          `backward is not deterministic: for output ${o} and input ${index} one graph gave ${values[differs]!} first and ${again?.[differs] ?? 0} then`,
          { output: String(o), input: String(index) },
        );
      jacobians[w]!.push(Float64Array.from(values));
    }
  }
  return jacobians;
}

/** Column by column: (fn(x + eps) - fn(x - eps)) / 2 eps, for every output. */
function differences(
  op: string,
  call: Call,
  values: readonly unknown[],
  index: number,
  eps: number,
): Jacobian[] {
  const input = values[index] as Tensor;
  const outputs = noGrad(() => listOf(op, call(values)));
  const jacobians = outputs.map((output) => zeroJacobian(output, input));
  // A leaf is changed where it lies, because the function may use it by another way than its argument.
  const flat = noGrad(() => (input.isLeaf && input.isContiguous() ? input.detach().view(-1) : null));
  const original = input.data() as Float64Array;
  const evaluate = (column: number, value: number): Float64Array[] => {
    if (flat === null) return evaluateCopy(column, value);
    noGrad(() => flat.narrow(0, column, 1).fill_(value));
    return read(call(values));
  };
  const evaluateCopy = (column: number, value: number): Float64Array[] => {
    const copy = noGrad(() => input.detach().clone().contiguous());
    noGrad(() => copy.view(-1).narrow(0, column, 1).fill_(value));
    copy.requiresGrad_();
    return read(call(values.map((other, k) => (k === index ? copy : other))));
  };
  const read = (result: unknown): Float64Array[] =>
    listOf(op, result).map((output) =>
      Float64Array.from(output.detach().data() as Iterable<number | bigint>, Number),
    );
  for (let column = 0; column < input.numel(); column++) {
    const at = original[column]!;
    const above = evaluate(column, at + eps);
    const below = evaluate(column, at - eps);
    if (flat !== null) noGrad(() => flat.narrow(0, column, 1).fill_(at));
    for (const [o, jacobian] of jacobians.entries()) {
      for (const [row, entries] of jacobian.entries())
        entries[column] = (above[o]![row]! - below[o]![row]!) / (2 * eps);
    }
  }
  return jacobians;
}

interface Pair {
  o: number;
  index: number;
  output: Tensor;
  input: Tensor;
}

function compare(
  op: string,
  pair: Pair,
  analytical: Jacobian,
  numerical: Jacobian,
  { atol, rtol }: Settings,
): void {
  for (const [row, entries] of numerical.entries()) {
    for (const [column, expected] of entries.entries()) {
      const found = analytical[row]![column]!;
      if (Math.abs(found - expected) <= atol + rtol * Math.abs(expected)) continue;
      if (Number.isNaN(found) && Number.isNaN(expected)) continue;
      const { o, index, output, input } = pair;
      const what = output.requiresGrad ? "" : " (the output does not require a gradient)";
      disagree(
        op,
        `output ${o} at ${place(output, row)} with respect to input ${index} at ${place(input, column)}: ` +
          `numerical ${expected}, analytical ${found}${what}`,
        {
          output: String(o),
          input: String(index),
          numerical: String(expected),
          analytical: String(found),
        },
      );
    }
  }
}

function place(x: Tensor, flat: number): string {
  const indices: number[] = [];
  for (let dim = x.ndim - 1, rest = flat; dim >= 0; dim--) {
    indices.unshift(rest % x.shape[dim]!);
    rest = Math.floor(rest / x.shape[dim]!);
  }
  return `[${indices.join(", ")}]`;
}

/** With no gradient for one of several outputs, those of the inputs are as with zeros. */
function checkMissing(
  op: string,
  call: Call,
  values: readonly unknown[],
  wanted: readonly [number, Tensor][],
): void {
  const inputs = wanted.map(([, input]) => input);
  const outputs = listOf(op, call(values)).filter((output) => output.requiresGrad);
  if (outputs.length < 2) return;
  for (const [left] of outputs.entries()) {
    const used = outputs.filter((_, k) => k !== left);
    const without = grad(used, inputs, {
      gradOutputs: used.map((output) => onesLike(output)),
      retainGraph: true,
      allowUnused: true,
    });
    const withZero = grad(outputs, inputs, {
      gradOutputs: outputs.map((output, k) => (k === left ? zerosLike(output) : onesLike(output))),
      retainGraph: true,
      allowUnused: true,
    });
    for (const [w, [index]] of wanted.entries()) {
      const a = without[w]?.data() as Float64Array | undefined;
      const b = withZero[w]?.data() as Float64Array | undefined;
      const count = Math.max(a?.length ?? 0, b?.length ?? 0);
      for (let k = 0; k < count; k++) {
        const [x, y] = [a?.[k] ?? 0, b?.[k] ?? 0];
        if (Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y)) || (Number.isNaN(x) && Number.isNaN(y)))
          continue;
        disagree(
          op,
          `no gradient for output ${left} must count as zeros: input ${index} gets ${x} without it and ${y} with zeros`,
          { output: String(left), input: String(index) },
        );
      }
    }
  }
}
