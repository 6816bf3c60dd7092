// npy: NumPy's files for one array (.npy) and for several (.npz).

import { fail, readOptions, checkBoolean, show } from "../errors.js";
import { countElements, requireTensor, type Tensor } from "../tensor.js";
import { pieces, readTensor } from "./bytes.js";
import { readPath, requireRecord, withFile, writeAtomically, type Source } from "./file.js";
import { makeHeader, readHeader, type ElementType } from "./npyHeader.js";
import { readEntries, ZipWriter } from "./zip.js";

/** Writes one tensor as NumPy's `np.save` does. bfloat16 is refused: NumPy has no such type. */
export function save(path: string, x: Tensor): void {
  const op = "npy.save";
  const file = readPath(op, path);
  const header = headerOf(op, "the tensor", x);
  writeAtomically(op, file, (sink) => {
    sink.write(header);
    for (const piece of pieces(x)) sink.write(piece);
  });
}

/**
 * The array of a file, whichever byte order and order of dims it has. uint16 becomes int32, uint32 and uint64 become int64.
 * Errors: records, strings, complex numbers, Python objects, a file that is cut short.
 */
export function load(path: string): Tensor {
  const op = "npy.load";
  const file = readPath(op, path);
  return withFile(op, file, (source) =>
    readArray(source, (sentence) => fail(op, `${file}: ${sentence}`, { path: file })),
  );
}

/** Writes named tensors into one archive, as `np.savez` does, or `np.savez_compressed` with `compressed`. */
export function saveNpz(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  options?: { compressed?: boolean },
): void {
  const op = "npy.saveNpz";
  const file = readPath(op, path);
  const entries = Object.entries(requireRecord(op, "the tensors", tensors)) as [string, Tensor][];
  const compressed = checkBoolean(
    op,
    "compressed",
    readOptions(op, options, { compressed: false }).compressed,
  );
  const headers = entries.map(([name, x]) => {
    if (name === "" || name.includes("\0")) fail(op, `${show(name)} is no name for an array`);
    return headerOf(op, `'${name}'`, x);
  });
  writeAtomically(op, file, (sink) => {
    const zip = new ZipWriter(sink);
    entries.forEach(([name, x], k) => {
      zip.begin(`${name}.npy`, compressed);
      zip.write(headers[k]!);
      for (const piece of pieces(x)) zip.write(piece);
      zip.end();
    });
    zip.close();
  });
}

/** The arrays of an archive by their names. */
export function loadNpz(path: string): Record<string, Tensor> {
  const op = "npy.loadNpz";
  const file = readPath(op, path);
  return withFile(op, file, (source) => {
    const refuse = (sentence: string): never => fail(op, `${file}: ${sentence}`, { path: file });
    const arrays: [string, Tensor][] = [];
    for (const entry of readEntries(source, refuse)) {
      const { name } = entry;
      if (!name.endsWith(".npy")) refuse(`its entry '${name}' is no .npy file`);
      arrays.push([
        name.slice(0, -4),
        readArray(entry.open(), (sentence) => refuse(`its entry '${name}': ${sentence}`)),
      ]);
    }
    return Object.fromEntries(arrays);
  });
}

function headerOf(op: string, name: string, x: Tensor): Uint8Array {
  const { dtype, shape } = requireTensor(op, name, x);
  const header = makeHeader(dtype, shape);
  return (
    header ??
    fail(op, `${name} is ${dtype}, which NumPy has not; save x.float(), or use safetensors`, {}, "dtype")
  );
}

function readArray(source: Source, refuse: (sentence: string) => never): Tensor {
  const { type, shape, isFortran, dataOffset } = readHeader(source, refuse);
  const count = countElements(shape);
  const left = source.size - dataOffset;
  if (count * type.bytes > left) {
    refuse(`it is cut short: [${shape.join(", ")}] needs ${count * type.bytes} bytes, ${left} are there`);
  }
  const stored = isFortran ? [...shape].reverse() : shape;
  const x = type.isWidened
    ? readWidened(source, dataOffset, stored, type, refuse)
    : readPlain(source, dataOffset, stored, type);
  if (!isFortran || shape.length < 2) return x;
  const turned = x.permute(shape.map((_, k) => shape.length - 1 - k)).contiguous();
  x.dispose();
  return turned;
}

function readPlain(source: Source, offset: number, shape: number[], type: ElementType): Tensor {
  const change = type.isBigEndian && type.bytes > 1 ? swapper(type.bytes) : undefined;
  return readTensor(source, offset, shape, type.dtype, change);
}

/** Turns the bytes of each element round. */
function swapper(size: number): (piece: Uint8Array) => void {
  return (piece) => {
    const buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    if (size === 2) buffer.swap16();
    else if (size === 4) buffer.swap32();
    else buffer.swap64();
  };
}

/** Unsigned integers of 2, 4 and 8 bytes, into int32 and int64. */
function readWidened(
  source: Source,
  offset: number,
  shape: number[],
  type: ElementType,
  refuse: (sentence: string) => never,
): Tensor {
  const swap = type.isBigEndian ? swapper(type.bytes) : null;
  if (type.bytes === 8) {
    return readTensor(source, offset, shape, "int64", (piece) => {
      swap?.(piece);
      for (let k = 7; k < piece.length; k += 8) {
        if (piece[k]! > 127) refuse("it has a uint64 of 2^63 or more, which int64 cannot hold");
      }
    });
  }
  // Each piece of the result is half as many bytes in the file, from half as far.
  const narrow: Source = {
    size: source.size,
    read: (at, into) => {
      const raw = new Uint8Array(into.length / 2);
      source.read(offset + at / 2, raw);
      swap?.(raw);
      if (type.bytes === 2)
        new Int32Array(into.buffer, into.byteOffset, into.length / 4).set(new Uint16Array(raw.buffer));
      else
        new BigInt64Array(into.buffer, into.byteOffset, into.length / 8).set(
          BigInt64Array.from(new Uint32Array(raw.buffer), BigInt),
        );
    },
  };
  return readTensor(narrow, 0, shape, type.dtype);
}
