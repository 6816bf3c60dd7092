// The JSON header of a safetensors file: everything the format demands of it is checked here, before a byte is believed.

import { show } from "../errors.js";
import type { DType } from "../dtype.js";
import { bytesOf, mostDims } from "./bytes.js";

export const headerLimit = 100_000_000;

const names: Record<DType, string> = {
  bool: "BOOL",
  uint8: "U8",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  float16: "F16",
  bfloat16: "BF16",
  float32: "F32",
  float64: "F64",
};
const dtypeByName = new Map(Object.entries(names).map(([dtype, name]) => [name, dtype as DType]));

/** What the format calls a dtype. */
export function nameOf(dtype: DType): string {
  return names[dtype];
}

export interface Entry {
  name: string;
  dtype: DType;
  shape: number[];
  /** Where its bytes begin and end behind the header. */
  begin: number;
  end: number;
}

export interface Header {
  metadata: Record<string, string>;
  /** In the order of their bytes. */
  entries: Entry[];
  /** Bytes behind the header. */
  dataBytes: number;
}

/** Checks everything; `refuse` throws the sentence. */
export function parseHeader(
  bytes: Uint8Array,
  dataBytes: number,
  refuse: (sentence: string) => never,
): Header {
  if (bytes[0] !== 0x7b) refuse("it is no safetensors file: its header does not begin with '{'");
  const { text, value } = parse(bytes, refuse);
  const repeated = firstRepeatedKey(text);
  if (repeated !== null) refuse(`its header has the name '${repeated}' twice`);
  const metadata: [string, string][] = [];
  const entries: Entry[] = [];
  for (const [name, given] of Object.entries(value)) {
    if (name !== "__metadata__") {
      entries.push(readEntry(name, given, refuse));
      continue;
    }
    if (!isRecord(given)) refuse(`its metadata must be a record of strings, it is ${show(given)}`);
    for (const [key, text] of Object.entries(given as object) as [string, unknown][]) {
      if (typeof text !== "string")
        return refuse(`its metadata '${key}' must be a string, it is ${show(text)}`);
      metadata.push([key, text]);
    }
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of entries) {
    if (begin < expected) refuse(`the bytes of '${name}' overlap those of another tensor`);
    if (begin > expected) refuse(`there is a hole of ${begin - expected} bytes before '${name}'`);
    if (end > dataBytes) refuse(`it is cut short: '${name}' ends at byte ${end} of ${dataBytes}`);
    expected = end;
  }
  if (expected < dataBytes) refuse(`${dataBytes - expected} bytes at its end belong to no tensor`);
  return { metadata: Object.fromEntries(metadata), entries, dataBytes };
}

function parse(bytes: Uint8Array, refuse: (sentence: string) => never): { text: string; value: object } {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse("its header is not UTF-8 text");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("its header is not JSON");
  }
  return isRecord(value) ? { text, value } : refuse("its header is not a JSON object");
}

function readEntry(name: string, given: unknown, refuse: (sentence: string) => never): Entry {
  if (!isRecord(given))
    return refuse(`'${name}' must be { dtype, shape, data_offsets }, it is ${show(given)}`);
  const { dtype: dtypeName, shape, data_offsets: offsets } = given;
  const dtype = typeof dtypeName === "string" ? dtypeByName.get(dtypeName) : undefined;
  if (dtype === undefined) {
    const known = [...dtypeByName.keys()].join(", ");
    return refuse(`'${name}' has the dtype ${show(dtypeName)}, only ${known} can be read`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return refuse(`the shape of '${name}' must be an array of sizes, it is ${show(shape)}`);
  }
  if (shape.length > mostDims)
    return refuse(`'${name}' has ${shape.length} dims, ${mostDims} is the most here`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return refuse(`the data_offsets of '${name}' must be two numbers of bytes, they are ${show(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count * bytesOf(dtype)) || end - begin !== count * bytesOf(dtype)) {
    return refuse(
      `'${name}' has ${end - begin} bytes in the file, ${show(dtypeName)} of [${shape.join(", ")}] needs ${count * bytesOf(dtype)}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** JSON.parse keeps the last of two equal names; the format forbids them. `text` is JSON known to be right. */
function firstRepeatedKey(text: string): string | null {
  const open: (Set<string> | null)[] = []; // the names so far of each object that is open; null for an array
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(null);
    else if (character === "}" || character === "]") open.pop();
    if (character !== '"') continue;
    const begin = at;
    for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
    const names = open.at(-1);
    if (!names || !isFollowedByColon(text, at + 1)) continue;
    const name = JSON.parse(text.slice(begin, at + 1)) as string;
    if (names.has(name)) return name;
    names.add(name);
  }
  return null;
}

function isFollowedByColon(text: string, at: number): boolean {
  let k = at;
  while (text[k] === " " || text[k] === "\n" || text[k] === "\r" || text[k] === "\t") k++;
  return text[k] === ":";
}
