// safetensors: named tensors in a file that runs no code, as Hugging Face defined it and PyTorch users exchange it.
// The format: https://github.com/huggingface/safetensors. Eight bytes of header length, a JSON header, the raw elements.

import { getDefaultDevice, parseDevice } from "../device.js";
import { fail, readOptions, show } from "../errors.js";
import { native } from "../native.js";
import { adopt, countElements, Tensor } from "../tensor.js";
import { bytesOf, pieces, readTensor, view } from "./bytes.js";
import { readPath, requireRecord, withFile, writeAtomically, type Source } from "./file.js";
import { headerLimit, nameOf, parseHeader, type Entry, type Header } from "./safetensorsHeader.js";

/** Files from this size on are mapped into memory: their pages are read when they are first used. */
const mapFrom = 1 << 20;

export interface TensorEntry {
  name: string;
  dtype: string;
  shape: number[];
}

/**
 * Writes tensors under their names, and metadata, a record of strings. The file appears in one moment, complete; it holds
 * a copy of every tensor, even where two share memory. Errors: a value that is no tensor, a folder that is not there.
 */
export function save(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata?: Readonly<Record<string, string>> | null,
): void {
  const op = "safetensors.save";
  writeFile(op, readPath(op, path), tensors, metadata);
}

/** The same for others who save, in whose name it fails. */
export function writeFile(op: string, file: string, tensors: unknown, metadata: unknown): void {
  const entries = Object.entries(requireRecord(op, "the tensors", tensors)) as [string, Tensor][];
  const header: Record<string, unknown> = {};
  if (metadata !== undefined && metadata !== null) {
    const strings = requireRecord(op, "the metadata", metadata);
    for (const [key, value] of Object.entries(strings)) {
      if (typeof value !== "string") fail(op, `the metadata '${key}' must be a string, it is ${show(value)}`);
    }
    define(header, "__metadata__", strings);
  }
  for (const [name, value] of entries) {
    if (!((value as unknown) instanceof Tensor)) fail(op, `'${name}' must be a tensor, it is ${show(value)}`);
    if (name === "__metadata__")
      fail(op, "no tensor may be called '__metadata__', the format keeps that name");
  }
  // Wide elements first, so that each lies where its type may begin.
  entries.sort(([a, x], [b, y]) => bytesOf(y.dtype) - bytesOf(x.dtype) || (a < b ? -1 : a > b ? 1 : 0));
  let end = 0;
  for (const [name, { dtype, shape }] of entries) {
    const begin = end;
    end += countElements(shape) * bytesOf(dtype);
    define(header, name, { dtype: nameOf(dtype), shape, data_offsets: [begin, end] });
  }
  let text = Buffer.from(JSON.stringify(header));
  if (text.length % 8 !== 0) text = Buffer.concat([text, Buffer.alloc(8 - (text.length % 8), " ")]);
  if (text.length > headerLimit) fail(op, `the header would be ${text.length} bytes, 100 MB is the limit`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeAtomically(op, file, (sink) => {
    sink.write(length);
    sink.write(text);
    for (const [, tensor] of entries) for (const piece of pieces(tensor)) sink.write(piece);
  });
}

/**
 * The tensors of a file by their names. A large file is mapped into memory rather than read: this returns at once, what
 * is never used is never read, changes stay in this process, and the file may be deleted or replaced meanwhile (a program
 * that cuts it short in place would end this one). Errors: anything in the file that the format does not allow.
 */
export function load(path: string, options?: { device?: string }): Record<string, Tensor> {
  const op = "safetensors.load";
  const file = readPath(op, path);
  const { device } = readOptions(op, options, { device: getDefaultDevice() });
  return readFile(op, file, device).tensors;
}

/** The same for others who load, in whose name it fails. */
export function readFile(
  op: string,
  file: string,
  device: string,
): { tensors: Record<string, Tensor>; metadata: Record<string, string> } {
  parseDevice(op, device);
  return withFile(op, file, (opened) => {
    const mapped = opened.size >= mapFrom ? mapOrNull(file, opened.size) : null;
    const source = mapped === null ? opened : mappedSource(mapped);
    const header = readHeader(op, file, source);
    const tensors = header.entries.map((entry) => {
      const tensor = readEntry(source, mapped, header, entry);
      return [entry.name, device === "cpu" ? tensor : tensor.to({ device })] as const;
    });
    mapped?.dispose();
    return { tensors: Object.fromEntries(tensors), metadata: header.metadata };
  });
}

/** The metadata of a file; {} where it has none. Reads the header only. */
export function metadata(path: string): Record<string, string> {
  const op = "safetensors.metadata";
  const file = readPath(op, path);
  return withFile(op, file, (source) => readHeader(op, file, source).metadata);
}

/** What a file holds: name, dtype and shape of each tensor, in the order of the file. Reads the header only. */
export function list(path: string): TensorEntry[] {
  const op = "safetensors.list";
  const file = readPath(op, path);
  const { entries } = withFile(op, file, (source) => readHeader(op, file, source));
  return entries.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
}

function readHeader(op: string, path: string, source: Source): Header {
  const refuse = (sentence: string): never => fail(op, `${path}: ${sentence}`, { path });
  if (source.size < 8)
    refuse(`it has ${source.size} bytes, a safetensors file begins with 8 for its header's length`);
  const start = new Uint8Array(8);
  source.read(0, start);
  const length = new DataView(start.buffer).getBigUint64(0, true);
  if (length > BigInt(headerLimit))
    refuse("it is no safetensors file: its header would be larger than 100 MB");
  const bytes = Number(length);
  if (bytes > source.size - 8)
    refuse(`it is cut short: its header has ${bytes} bytes, ${source.size - 8} are left`);
  const text = new Uint8Array(bytes);
  source.read(8, text);
  return parseHeader(text, source.size - 8 - bytes, refuse);
}

function readEntry(source: Source, mapped: Tensor | null, header: Header, entry: Entry): Tensor {
  const offset = source.size - header.dataBytes + entry.begin;
  const isAligned = offset % bytesOf(entry.dtype) === 0;
  // A bool may lie in the file as any byte, and kernels count on 0 and 1.
  if (mapped !== null && isAligned && entry.dtype !== "bool")
    return view(mapped, offset, entry.shape, entry.dtype);
  return readTensor(source, offset, entry.shape, entry.dtype);
}

/** Null where the system does not map this file, or it changed meanwhile: it is read then. */
function mapOrNull(path: string, size: number): Tensor | null {
  const out = new Tensor();
  try {
    native.mapFile(out, path);
  } catch {
    return null;
  }
  const mapped = adopt(out, 0);
  if (mapped.shape[0] === size) return mapped;
  mapped.dispose();
  return null;
}

function mappedSource(mapped: Tensor): Source {
  return {
    size: mapped.shape[0]!,
    read: (offset, into) => {
      native.readBytes(mapped, offset, into);
    },
  };
}

/** A plain assignment would lose the name "__proto__". */
function define(record: object, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}
