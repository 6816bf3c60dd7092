// Elements of a tensor as a file or as text, for the clipboard and for other programs.

import type { DType } from "../dtype.js";
import type { ExportAsk } from "../inspection.js";
import { makeHeader } from "../io/npyHeader.js";

/** Bytes that leave the process at once. */
export const mostExported = 64 * 2 ** 20;

/** `bytes`: the elements in order. @throws Error with one sentence where the text would be too long. */
export function exported(
  format: ExportAsk["format"],
  dtype: DType,
  shape: number[],
  bytes: ArrayBuffer,
): ArrayBuffer {
  if (format === "npy") return npyOf(dtype, shape, bytes);
  const values = valuesOf(dtype, bytes);
  return format === "csv" ? csvOf(values, shape) : typeScriptOf(values, shape, dtype);
}

/** NumPy has no bfloat16: such elements become float32, which holds them exactly. */
function npyOf(dtype: DType, shape: number[], bytes: ArrayBuffer): ArrayBuffer {
  if (dtype === "bfloat16") {
    const wide = widenedBrains(bytes);
    return npyOf("float32", shape, wide.buffer);
  }
  const header = makeHeader(dtype, shape)!;
  return joined([header, new Uint8Array(bytes)]);
}

interface Values {
  readonly length: number;
  text(k: number): string;
}

/** What each element is called in a text. */
function valuesOf(dtype: DType, bytes: ArrayBuffer): Values {
  if (dtype === "bool") {
    const flags = new Uint8Array(bytes);
    return { length: flags.length, text: (k) => (flags[k] === 0 ? "false" : "true") };
  }
  if (dtype === "int64") {
    const integers = new BigInt64Array(bytes);
    return { length: integers.length, text: (k) => String(integers[k]) };
  }
  if (dtype === "float32" || dtype === "float16" || dtype === "bfloat16") {
    const singles =
      dtype === "float32"
        ? new Float32Array(bytes)
        : dtype === "float16"
          ? widenedHalves(bytes)
          : widenedBrains(bytes);
    return { length: singles.length, text: (k) => shortest(singles[k]!) };
  }
  const numbers = new {
    float64: Float64Array,
    uint8: Uint8Array,
    int8: Int8Array,
    int16: Int16Array,
    int32: Int32Array,
  }[dtype](bytes);
  return { length: numbers.length, text: (k) => plain(numbers[k]!) };
}

/** Rows of the last dim, one a line; a scalar or a vector is one line. */
function csvOf(values: Values, shape: number[]): ArrayBuffer {
  const width = shape.at(-1) ?? 1;
  const text = new TextPieces();
  for (let k = 0; k < values.length; k++) {
    text.add(values.text(k));
    text.add((k + 1) % width === 0 ? "\n" : ",");
  }
  return text.bytes();
}

/** An expression that makes the same tensor. */
function typeScriptOf(values: Values, shape: number[], dtype: DType): ArrayBuffer {
  const suffix = dtype === "int64" ? "n" : "";
  const text = new TextPieces();
  const hasZero = values.length === 0;
  text.add("tensor(");
  if (hasZero) text.add("[]");
  let next = 0;
  const write = (dim: number, indent: string): void => {
    if (dim === shape.length) {
      text.add(values.text(next++) + suffix);
      return;
    }
    const isRow = dim === shape.length - 1;
    const inner = `${indent}  `;
    text.add("[");
    for (let k = 0; k < shape[dim]!; k++) {
      if (k > 0) text.add(isRow ? ", " : ",");
      if (!isRow) text.add(`\n${inner}`);
      write(dim + 1, inner);
    }
    text.add(isRow ? "]" : `,\n${indent}]`);
  };
  if (!hasZero) write(0, "");
  text.add(`, { dtype: "${dtype}"${hasZero ? `, shape: [${shape.join(", ")}]` : ""} })`);
  return text.bytes();
}

/** Text put together from very many pieces, within the limit. */
class TextPieces {
  private readonly done: Uint8Array[] = [];
  private pending = "";
  private length = 0;

  add(piece: string): void {
    this.pending += piece;
    if (this.pending.length > 1 << 16) this.flush();
  }

  bytes(): ArrayBuffer {
    this.flush();
    return joined(this.done);
  }

  private flush(): void {
    const bytes = new TextEncoder().encode(this.pending);
    this.pending = "";
    this.length += bytes.length;
    if (this.length > mostExported)
      throw new Error("As text this is more than 64 MiB, which is the most: choose a part of it, or npy.");
    this.done.push(bytes);
  }
}

function joined(parts: readonly Uint8Array[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}

/** The shortest decimal that rounds to the same float32: 0.1 instead of 0.10000000149011612. */
function shortest(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return plain(value);
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return plain(text);
  }
  return plain(Number(value.toPrecision(9)));
}

function plain(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function widenedBrains(bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer);
}

function widenedHalves(bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  return Float32Array.from(new Uint16Array(bytes), (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 0x3ff;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}
