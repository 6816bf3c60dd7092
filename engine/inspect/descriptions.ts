// What a debugger shows of a tensor on one line and when it is unfolded. It runs in a paused program, where one native call, or one write to
// anything that the program has, would take away every description in its scope: fields and the table of facts are read, nothing else. Spread
// objects, generators, functions within functions (which the bundler names) and reading what the package exports count as such writes.

import { deviceName } from "../deviceNames.js";
import { dtypes, type DType } from "../dtype.js";
import { native } from "../native.js";
import { memoryCategories } from "../protocol.js";
import { adopt, slotOf, Tensor } from "../tensor.js";
import {
  bins,
  columns,
  hasGradNumbers,
  hasNumbers,
  read,
  rowLength,
  rowOf,
  table,
  type Texts,
} from "./table.js";
import { formatCount, formatInteger, formatNumber, joined, sparkline } from "./words.js";

/** Elements that `values` of an unfolded tensor shows at most. */
const mostValues = 1000;

/** `Tensor[32, 128] float32 cuda:0  µ 0.01 σ 0.99  [-3.1 … 3]  grad |g| 2e-3  4 NaN  ▁▃▇▅▂`; what nobody has looked at yet is left out. */
export function describeTensor(x: Tensor): string {
  const name = nameOf(x);
  const slot = slotOf(x);
  const texts = table.texts[slot];
  if (texts?.stop === table.stop && table.rows[slot * rowLength] === table.stop) {
    const label = typeof x.label === "string" ? ` ${x.label}` : "";
    return name + texts.head + label + (name === "Parameter" ? texts.parameterTail : texts.tail);
  }
  if (!isMade(x)) return name; // a prototype, or an object in its constructor
  const label = typeof x.label === "string" ? ` ${x.label}` : "";
  const text = name + headOf(x.shape, x.dtype, x.device) + label;
  const row = rowOf(x);
  if (row >= 0 && read(row, columns.disposed) === 1) return `${text}  disposed`;
  if (countOf(x.shape) === 0) return `${text}  empty`;
  const parts = partsOf(x.dtype, row);
  return (
    text + parts[0] + (parts[1] === "" ? wishOf(name === "Parameter", x.requiresGrad) : parts[1]) + parts[2]
  );
}

/** What is said of the tensor of a row: ahead, for every row (stopped.ts). */
export function textsOf(row: number): Texts {
  const dtype = dtypes[read(row, columns.dtype)]!;
  const device = deviceName(read(row, columns.deviceKind), read(row, columns.deviceIndex));
  const wantsGrad = read(row, columns.requiresGrad) === 1;
  const shape: number[] = [];
  for (let dim = 0; dim < read(row, columns.dims); dim++) shape.push(read(row, columns.firstSize + dim));
  const head = headOf(shape, dtype, device);
  const { stop } = table;
  if (countOf(shape) === 0) return { stop, head, tail: "  empty", parameterTail: "  empty" };
  // Either is made of the same parts: numbers take most of the time.
  const [values, grad, spread] = partsOf(dtype, row);
  const tail = values + (grad === "" ? wishOf(false, wantsGrad) : grad) + spread;
  return {
    stop,
    head,
    tail,
    parameterTail: values + (grad === "" ? wishOf(true, wantsGrad) : grad) + spread,
  };
}

function headOf(shape: readonly number[], dtype: DType, device: string): string {
  return `[${joined(shape)}] ${dtype}${device === "cpu" ? "" : ` ${device}`}`;
}

/** What is known of the numbers: values, gradient, and how they are spread. */
function partsOf(dtype: DType, row: number): [values: string, grad: string, spread: string] {
  const has = hasNumbers(row);
  return [
    has ? describeValues(dtype, row) : "",
    row >= 0 ? describeGradient(row) : "",
    has ? describeOddities(row) + describeSpread(row) : "",
  ];
}

/** Whether a gradient is wanted; of parameters, where it is not. */
function wishOf(isParameter: boolean, wantsGrad: boolean): string {
  if (isParameter) return wantsGrad ? "" : "  frozen";
  return wantsGrad ? "  requiresGrad" : "";
}

function nameOf(x: object): string {
  const made: unknown = x.constructor;
  return typeof made === "function" && made.name !== "" ? made.name : "Tensor";
}

/** An op, or a constructor, has filled in the fields. */
function isMade(x: Tensor): boolean {
  return slotOf(x) >= 0 && Array.isArray(x.shape);
}

function countOf(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** Elements that are neither NaN nor infinite, of those that were looked at. */
function finiteOf(row: number): number {
  const odd = read(row, columns.nan) + infinitiesOf(row);
  return read(row, columns.count) - odd;
}

function infinitiesOf(row: number): number {
  return read(row, columns.positiveInfinity) + read(row, columns.negativeInfinity);
}

function isInteger(dtype: DType): boolean {
  return dtype !== "bfloat16" && !dtype.startsWith("float");
}

/** The value of a scalar, how many are true, or where values lie. */
function describeValues(dtype: DType, row: number): string {
  const count = read(row, columns.count),
    finite = finiteOf(row);
  const about = read(row, columns.sampled) === 1 ? "≈ " : "";
  const low = read(row, columns.min),
    high = read(row, columns.max);
  if (count === 1) return `  ${describeOne(dtype, row)}`;
  if (dtype === "bool") {
    const isTrue = count - read(row, columns.zeros);
    if (about !== "") return `  ≈ ${formatNumber((100 * isTrue) / count)} % true`;
    return `  ${formatCount(isTrue)} of ${formatCount(count)} true`;
  }
  if (finite === 0) return "";
  const text = isInteger(dtype) ? formatInteger : formatNumber;
  if (low === high) return `  ${about}all ${finite < count ? "others " : ""}${text(low)}`;
  const range = `[${text(low)} … ${text(high)}]`;
  if (isInteger(dtype)) return `  ${about}${range}`;
  return `  ${about}µ ${formatNumber(read(row, columns.mean))} σ ${formatNumber(read(row, columns.std))}  ${range}`;
}

function describeOne(dtype: DType, row: number): string {
  if (dtype === "bool") return read(row, columns.zeros) === 1 ? "false" : "true";
  if (read(row, columns.nan) === 1) return "NaN";
  if (infinitiesOf(row) === 1) return read(row, columns.positiveInfinity) === 1 ? "Inf" : "-Inf";
  const value = read(row, columns.mean);
  // As many digits as the dtype has, so that a loss can be compared.
  return isInteger(dtype) ? formatInteger(value) : String(Number(value.toPrecision(6)));
}

function describeGradient(row: number): string {
  if (hasGradNumbers(row)) return `  grad ${describeNorm(row)}`;
  return read(row, columns.hasGrad) === 1 ? "  grad" : "";
}

/** "|g| 2e-3", with what is no number in it. */
function describeNorm(row: number): string {
  const about = read(row, columns.gradSampled) === 1 ? "≈ " : "";
  let text = `${about}|g| ${formatNumber(read(row, columns.gradNorm))}`;
  if (read(row, columns.gradNaN) > 0) text += ` ${formatCount(read(row, columns.gradNaN))} NaN`;
  if (read(row, columns.gradInfinities) > 0) text += ` ${formatCount(read(row, columns.gradInfinities))} Inf`;
  return text;
}

/** "4 NaN  2 Inf" */
function describeOddities(row: number): string {
  if (read(row, columns.count) === 1) return "";
  return describeFound(row, read(row, columns.nan), "NaN") + describeFound(row, infinitiesOf(row), "Inf");
}

/** How many elements are `what`; of a sample, their share. */
function describeFound(row: number, found: number, what: string): string {
  const count = read(row, columns.count),
    isSampled = read(row, columns.sampled) === 1;
  if (found === 0) return "";
  if (found === count) return `  ${isSampled ? "≈ " : ""}all ${what}`;
  return isSampled
    ? `  ≈ ${formatNumber((100 * found) / count)} % ${what}`
    : `  ${formatCount(found)} ${what}`;
}

/** The histogram in eight bars. */
function describeSpread(row: number): string {
  if (read(row, columns.hasBins) !== 1) return "";
  const pairs: number[] = [];
  for (let k = 0; k < bins; k += 2)
    pairs.push(read(row, columns.firstBin + k) + read(row, columns.firstBin + k + 1));
  return `  ${sparkline(pairs)}`;
}

/** What unfolding a tensor shows: a debugger lists the fields, and the getters for somebody to click. */
export function propertiesOf(x: Tensor): object {
  if (!isMade(x)) return {};
  const { shape, dtype, device, label } = x;
  const row = rowOf(x);
  if (row < 0) return { shape, dtype, device, label, requiresGrad: x.requiresGrad };
  if (read(row, columns.disposed) === 1) return { disposed: true, shape, dtype, device, label };
  return new Unfolded(x, row);
}

/** Getters of an object literal, and fields that begin with #, count as side effects; a class's do not. */
class Unfolded {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: string;
  readonly label: string | null;
  readonly statistics: object | null;
  readonly requiresGrad: boolean;
  readonly isLeaf: boolean;
  readonly gradient: object | null;
  readonly gradFn: string | null;
  /** "train.ts:12:5" */
  readonly madeAt: string | null;
  readonly version: number;
  readonly strides: readonly number[];
  readonly contiguous: boolean;
  readonly storage: StorageFacts;

  constructor(x: Tensor, row: number) {
    this.shape = x.shape;
    this.dtype = x.dtype;
    this.device = x.device;
    this.label = x.label;
    this.statistics = hasNumbers(row) ? statisticsOf(row) : null;
    this.requiresGrad = x.requiresGrad;
    this.isLeaf = read(row, columns.leaf) === 1;
    this.gradient = hasGradNumbers(row) ? gradientOf(row) : null;
    this.gradFn = table.gradFns[read(row, columns.gradFn) - 1] ?? null;
    this.madeAt = table.sites[read(row, columns.site)] ?? null;
    this.version = read(row, columns.version);
    const strides: number[] = [];
    for (let dim = 0; dim < x.shape.length; dim++) strides.push(read(row, columns.firstStride + dim));
    this.strides = strides;
    this.contiguous = read(row, columns.contiguous) === 1;
    this.storage = {
      number: read(row, columns.storage),
      bytes: read(row, columns.storageBytes),
      offset: read(row, columns.offset),
      category: memoryCategories[read(row, columns.category)] ?? null,
      handle: slotOf(x),
    };
  }

  /** The gradient itself. Called when somebody clicks it, and then it may do anything. */
  get grad(): Tensor | null {
    return tensorAt(this.storage)?.grad ?? null;
  }

  /** The first 1,000 elements, copied from the device. */
  get values(): unknown {
    const x = tensorAt(this.storage);
    return x === null ? "the tensor is gone" : valuesOf(x);
  }
}

interface StorageFacts {
  /** Equal for tensors that share memory. */
  number: number;
  bytes: number;
  offset: number;
  category: string | null;
  /** By which the tensor is found again; to keep the tensor itself here would show it within itself. */
  handle: number;
}

/** null: it went, and another may be in its place. */
function tensorAt({ handle, number }: StorageFacts): Tensor | null {
  if (table.rows[handle * rowLength + columns.storage] !== number) return null;
  const out = new Tensor();
  return native.tensorAt(out, handle) ? adopt(out, 0) : null;
}

function statisticsOf(row: number): object {
  const counts: number[] = [];
  for (let k = 0; k < bins; k++) counts.push(read(row, columns.firstBin + k));
  const hasFinite = finiteOf(row) > 0;
  return {
    min: hasFinite ? read(row, columns.min) : null,
    max: hasFinite ? read(row, columns.max) : null,
    mean: hasFinite ? read(row, columns.mean) : null,
    std: hasFinite ? read(row, columns.std) : null,
    norm: hasFinite ? read(row, columns.norm) : null,
    nan: read(row, columns.nan),
    positiveInfinity: read(row, columns.positiveInfinity),
    negativeInfinity: read(row, columns.negativeInfinity),
    zeros: read(row, columns.zeros),
    count: read(row, columns.count),
    sampled: read(row, columns.sampled) === 1,
    histogram: read(row, columns.hasBins) === 1 ? counts : null,
  };
}

function gradientOf(row: number): object {
  return {
    norm: read(row, columns.gradNorm),
    nan: read(row, columns.gradNaN),
    infinities: read(row, columns.gradInfinities),
    sampled: read(row, columns.gradSampled) === 1,
  };
}

function valuesOf(x: Tensor): unknown {
  const count = countOf(x.shape);
  if (count <= mostValues) return x.tolist();
  // Cut before anything is copied: of a transposed gigabyte only this much leaves the device.
  let part = x.detach();
  for (let dim = 0; dim < x.shape.length; dim++) {
    const wanted = Math.ceil(mostValues / countOf(x.shape.slice(dim + 1)));
    if (wanted < part.shape[dim]!) part = part.narrow(dim, 0, wanted);
  }
  return part.flatten().data().subarray(0, mostValues);
}
