// A tensor as text, laid out as PyTorch lays it out; words are spelled as TypeScript spells them (true, requiresGrad).

import { isFloating, type DataArray, type DType } from "./dtype.js";
import { checkNumber, readOptions } from "./errors.js";
import { cat } from "./generated/ops.js";
import { native } from "./native.js";
import { noGrad } from "./grad-mode.js";
import type { Tensor } from "./tensor.js";

export interface PrintOptions {
  /** Digits after the point. */
  precision?: number;
  /** Tensors of more elements are summarised. */
  threshold?: number;
  /** Items shown at each end of a summarised dim. */
  edgeItems?: number;
  /** Characters in a line. */
  lineWidth?: number;
}

const defaults: Required<PrintOptions> = { precision: 4, threshold: 1000, edgeItems: 3, lineWidth: 80 };
const prefix = "tensor(";

/** `tensor([[1., 2.], [3., 4.]], requiresGrad=true)` */
export function printTensor(x: Tensor, given?: PrintOptions): string {
  const options = readOptions("toString", given, defaults);
  for (const [name, value] of Object.entries(options)) {
    checkNumber("toString", name, value, { min: name === "lineWidth" ? 1 : 0, max: 1e9, integer: true });
  }
  if (!isMade(x)) return "tensor(<empty>)";
  if (native.isDisposed(x)) return "tensor(<disposed>)";
  const suffixes: string[] = [];
  if (x.device !== "cpu") suffixes.push(`device='${x.device}'`);
  const count = x.numel();
  if (count === 0 && x.shape.length !== 1) suffixes.push(`size=(${x.shape.join(", ")})`);
  const usual = count === 0 ? ["float32"] : ["float32", "int64", "bool"];
  if (!usual.includes(x.dtype)) suffixes.push(`dtype=${x.dtype}`);
  const gradFn = native.gradFnName(x);
  if (gradFn !== null) suffixes.push(`gradFn=<${gradFn}>`);
  else if (x.requiresGrad) suffixes.push("requiresGrad=true");
  const body = count === 0 ? "[]" : printElements(x, count > options.threshold, options);
  return addSuffixes(prefix + body, suffixes, options.lineWidth);
}

/** Whether there is anything behind the object: `new Tensor()` and the prototype have nothing. */
function isMade(x: Tensor): boolean {
  try {
    native.isDisposed(x);
    return true;
  } catch {
    return false;
  }
}

/** Each suffix on the last line while there is room, else on a new one. */
function addSuffixes(text: string, suffixes: string[], lineWidth: number): string {
  let result = text;
  let column = text.length - text.lastIndexOf("\n") + 1;
  for (const suffix of suffixes) {
    if (column + suffix.length + 2 > lineWidth) {
      result += `,\n${" ".repeat(prefix.length)}${suffix}`;
      column = prefix.length + suffix.length;
    } else {
      result += `, ${suffix}`;
      column += suffix.length + 2;
    }
  }
  return `${result})`;
}

function printElements(x: Tensor, summarize: boolean, options: Required<PrintOptions>): string {
  const edge = options.edgeItems;
  const isCut = x.shape.map((size) => summarize && size > 2 * edge);
  const shown = x.shape.map((size, dim) => (isCut[dim] === true ? 2 * edge : size));
  const elements = formatElements(readShown(x, isCut, edge), x.dtype, options.precision);
  const dims = x.shape.length;
  let next = 0;

  const vector = (indent: number): string => {
    const items = elements.texts.slice(next, next + shown[dims - 1]!);
    next += items.length;
    if (isCut[dims - 1] === true) items.splice(edge, 0, " ...");
    const perLine = Math.max(1, Math.floor((options.lineWidth - indent) / (elements.width + 2)));
    const lines: string[] = [];
    for (let from = 0; from < items.length; from += perLine) {
      lines.push(items.slice(from, from + perLine).join(", "));
    }
    return `[${lines.join(`,\n${" ".repeat(indent + 1)}`)}]`;
  };

  const part = (dim: number, indent: number): string => {
    if (dim === dims) return elements.texts[0]!;
    if (dim === dims - 1) return vector(indent);
    const items: string[] = [];
    for (let k = 0; k < shown[dim]!; k++) {
      if (isCut[dim] === true && k === edge) items.push("...");
      items.push(part(dim + 1, indent + 1));
    }
    if (isCut[dim] === true && shown[dim] === edge) items.push("...");
    return `[${items.join(`,${"\n".repeat(dims - dim - 1)}${" ".repeat(indent + 1)}`)}]`;
  };

  return part(0, prefix.length);
}

/** The elements that will be shown, without a copy of all the others. */
function readShown(x: Tensor, isCut: boolean[], edge: number): DataArray {
  if (!isCut.includes(true)) return x.data();
  return noGrad(() => {
    let shown = x;
    isCut.forEach((cut, dim) => {
      if (!cut) return;
      const size = shown.shape[dim]!;
      const begin = shown.narrow(dim, 0, edge);
      const end = shown.narrow(dim, size - edge, edge);
      const joined = cat([begin, end], dim);
      for (const part of [begin, end, shown]) if (part !== x) part.dispose();
      shown = joined;
    });
    const values = shown.data();
    if (shown !== x) shown.dispose();
    return values;
  });
}

interface Formatted {
  texts: string[];
  width: number;
}

/** All elements in one width: whole numbers with a point, fixed digits, or powers of ten where the range is wide. */
function formatElements(values: DataArray, dtype: DType, precision: number): Formatted {
  if (!isFloating(dtype)) {
    const texts = Array.from(values as ArrayLike<number | bigint>, (value) =>
      dtype === "bool" ? String(value !== 0) : String(value),
    );
    return align(texts, texts);
  }
  const numbers = values as Float32Array | Float64Array;
  const usual = Array.from(numbers).filter((value) => Number.isFinite(value) && value !== 0);
  let smallest = Infinity;
  let largest = 0;
  for (const value of usual) {
    smallest = Math.min(smallest, Math.abs(value));
    largest = Math.max(largest, Math.abs(value));
  }
  const isWhole = usual.every(Number.isInteger);
  const isWide = usual.length > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4);
  const format = (value: number): string => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (isWide) return exponential(value, precision);
    return isWhole ? `${fixed(value, 0)}.` : fixed(value, precision);
  };
  return align(Array.from(numbers, format), usual.map(format));
}

/** Pads on the left to the widest of `measured`: zeros and non-finite values do not widen a column. */
function align(texts: string[], measured: string[]): Formatted {
  let width = 1;
  for (const text of measured) width = Math.max(width, text.length);
  return { texts: texts.map((text) => text.padStart(width)), width };
}

/** Fixed digits, ties to even as C and Python round; `toFixed` alone rounds ties up, and ends at 1e21. */
function fixed(value: number, digits: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (size >= 1e21) return `${sign}${BigInt(size)}${digits > 0 ? `.${"0".repeat(digits)}` : ""}`;
  const rounded = size.toFixed(digits);
  const exact = size.toFixed(Math.min(100, digits + 40));
  return sign + (isTie(exact, digits) ? downToEven(rounded, digits) : rounded);
}

/** 1.0000e+05, with at least two digits in the exponent. */
function exponential(value: number, digits: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  const rounded = size.toExponential(digits);
  const exact = size.toExponential(Math.min(100, digits + 40));
  const [mantissa, exponent] = rounded.split("e") as [string, string];
  const even = isTie(exact.slice(0, exact.indexOf("e")), digits) ? downToEven(mantissa, digits) : mantissa;
  return `${sign}${even}e${exponent[0]!}${exponent.slice(1).padStart(2, "0")}`;
}

/** Whether exactly a five and zeros follow the digits kept. */
function isTie(exact: string, digits: number): boolean {
  return /^50*$/.test(exact.slice(exact.indexOf(".") + 1 + digits));
}

/** A tie was rounded up: an odd last digit goes back by one. (Going back never borrows: odd digits are at least 1.) */
function downToEven(rounded: string, digits: number): string {
  const last = Number(rounded.at(-1));
  return last % 2 === 1 || digits < 0 ? rounded.slice(0, -1) + String(last - 1) : rounded;
}
