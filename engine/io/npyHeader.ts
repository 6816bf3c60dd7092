// The header of a .npy file: a Python dictionary with the element type, the order of the dims, and the shape.
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1.0 to 3.0.

import type { DType } from "../dtype.js";
import { mostDims } from "./bytes.js";
import type { Source } from "./file.js";

/** How elements lie in the file, and the dtype they become. */
export interface ElementType {
  dtype: DType;
  /** Bytes of one element in the file. */
  bytes: number;
  isBigEndian: boolean;
  /** Of unsigned types that we lack: they become the next larger signed one. */
  isWidened: boolean;
}

export interface NpyHeader {
  type: ElementType;
  shape: number[];
  isFortran: boolean;
  /** Where the elements begin. */
  dataOffset: number;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const headerLimit = 1 << 20;

const types: Record<string, { dtype: DType; isWidened?: boolean }> = {
  b1: { dtype: "bool" },
  i1: { dtype: "int8" },
  i2: { dtype: "int16" },
  i4: { dtype: "int32" },
  i8: { dtype: "int64" },
  u1: { dtype: "uint8" },
  u2: { dtype: "int32", isWidened: true },
  u4: { dtype: "int64", isWidened: true },
  u8: { dtype: "int64", isWidened: true },
  f2: { dtype: "float16" },
  f4: { dtype: "float32" },
  f8: { dtype: "float64" },
};

const descriptions: Partial<Record<DType, string>> = {
  bool: "|b1",
  int8: "|i1",
  uint8: "|u1",
  int16: "<i2",
  int32: "<i4",
  int64: "<i8",
  float16: "<f2",
  float32: "<f4",
  float64: "<f8",
};

/** Everything before the elements; null for a dtype that NumPy has not. */
export function makeHeader(dtype: DType, shape: readonly number[]): Uint8Array | null {
  const description = descriptions[dtype];
  if (description === undefined) return null;
  const sizes = shape.length === 1 ? `${shape[0]!},` : shape.join(", ");
  const text = `{'descr': '${description}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Buffer.alloc(10 + length, " ");
  header.set([...magic, 1, 0]);
  header.writeUInt16LE(length, 8);
  header.write(text, 10, "latin1");
  header[header.length - 1] = 0x0a;
  return header;
}

export function readHeader(source: Source, refuse: (sentence: string) => never): NpyHeader {
  const start = Buffer.alloc(Math.min(source.size, 12));
  source.read(0, start);
  if (start.length < 2 || magic.some((byte, k) => k < start.length && start[k] !== byte)) {
    if (start[0] === 0x50 && start[1] === 0x4b) refuse("it is an .npz archive, use npy.loadNpz");
    refuse("it is no .npy file");
  }
  if (start.length < 10) refuse("it is cut short in its header");
  const version = start[6]!;
  if (version < 1 || version > 3 || start[7] !== 0) {
    refuse(`it is of version ${version}.${start[7]!} of the format, 1.0 to 3.0 can be read`);
  }
  if (version > 1 && start.length < 12) refuse("it is cut short in its header");
  const length = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  const begin = version === 1 ? 10 : 12;
  if (length > headerLimit) refuse(`its header would have ${length} bytes, 1 MiB is the limit`);
  if (begin + length > source.size) refuse("it is cut short in its header");
  const bytes = Buffer.alloc(length);
  source.read(begin, bytes);
  const fields = parseDictionary(bytes.toString(version === 3 ? "utf8" : "latin1"), refuse);
  return { ...readFields(fields, refuse), dataOffset: begin + length };
}

function readFields(
  fields: Map<string, Literal>,
  refuse: (sentence: string) => never,
): Omit<NpyHeader, "dataOffset"> {
  const [descr, isFortran, shape] = [fields.get("descr"), fields.get("fortran_order"), fields.get("shape")];
  if (Array.isArray(descr)) {
    return refuse("it has records with named fields, save each field as an array of its own");
  }
  if (
    fields.size !== 3 ||
    typeof descr !== "string" ||
    typeof isFortran !== "boolean" ||
    !Array.isArray(shape)
  ) {
    return refuse("its header must say descr, fortran_order and shape, and nothing else");
  }
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      return refuse(`its shape has ${String(size)}, which is no size`);
    }
  }
  if (shape.length > mostDims) return refuse(`it has ${shape.length} dims, ${mostDims} is the most here`);
  return { type: readType(descr, refuse), shape: shape as number[], isFortran };
}

function readType(descr: string, refuse: (sentence: string) => never): ElementType {
  const [, order, kind] = /^([<>|=]?)([a-zA-Z]\d*)/.exec(descr) ?? [];
  const known = kind === descr.slice(order?.length ?? 0) ? types[kind] : undefined;
  if (kind === undefined || known === undefined || !Object.hasOwn(types, kind)) {
    if (kind?.startsWith("O"))
      return refuse("it holds Python objects; reading them could run code, so it is refused");
    return refuse(`its elements are ${descr}, only bool, integers and floats of 2 to 8 bytes can be read`);
  }
  const { dtype, isWidened = false } = known;
  return { dtype, bytes: Number(kind.slice(1)), isBigEndian: order === ">", isWidened };
}

/** What such a dictionary's values are: strings, numbers, booleans, and tuples or lists of them. */
type Literal = string | number | boolean | Literal[];

/** Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. */
function parseDictionary(text: string, refuse: (sentence: string) => never): Map<string, Literal> {
  let at = 0;
  const broken = (): never =>
    refuse(`its header is no dictionary: ${JSON.stringify(text.trim().slice(0, 60))}`);
  const take = (pattern: RegExp): string | null => {
    const sticky = new RegExp(`\\s*(?:${pattern.source})`, "y");
    sticky.lastIndex = at;
    const found = sticky.exec(text);
    if (found === null) return null;
    at = sticky.lastIndex;
    return found[0].trim();
  };
  const readList = (end: RegExp, depth: number): Literal[] => {
    const items: Literal[] = [];
    if (depth > 20) broken();
    while (take(end) === null) {
      items.push(readLiteral(depth));
      if (take(/,/) !== null) continue;
      if (take(end) === null) broken();
      break;
    }
    return items;
  };
  const readLiteral = (depth: number): Literal => {
    const word = take(/'[^'\\]*'|"[^"\\]*"|True\b|False\b|-?\d+L?|\(|\[/);
    if (word === null) return broken();
    if (word === "(") return readList(/\)/, depth + 1);
    if (word === "[") return readList(/\]/, depth + 1);
    if (word === "True" || word === "False") return word === "True";
    return word.startsWith("'") || word.startsWith('"') ? word.slice(1, -1) : Number(word.replace("L", ""));
  };
  const fields = new Map<string, Literal>();
  if (take(/\{/) === null) broken();
  while (take(/\}/) === null) {
    const key = readLiteral(0);
    if (typeof key !== "string" || fields.has(key) || take(/:/) === null) return broken();
    fields.set(key, readLiteral(0));
    if (take(/,/) !== null) continue;
    if (take(/\}/) === null) broken();
    break;
  }
  if (text.slice(at).trim() !== "") broken();
  return fields;
}
