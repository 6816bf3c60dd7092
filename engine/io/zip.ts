// Zip archives, as far as .npz needs them: entries stored or deflated, zip64 read and written, every checksum checked.
// The format: PKWARE's APPNOTE 6.3.

import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import type { Sink, Source } from "./file.js";

type Refuse = (sentence: string) => never;

export interface ZipEntry {
  name: string;
  /** Reads, inflates where needed, and checks the checksum. */
  open(): Source;
}

const limit32 = 0xffffffff;

/** The entries of an archive in the order of its directory. */
export function readEntries(source: Source, refuse: Refuse): ZipEntry[] {
  const { offset, bytes, count } = findDirectory(source, refuse);
  if (offset + bytes > source.size)
    refuse("it is no zip archive, or it is cut short: its directory lies outside");
  if (bytes > 1 << 28) refuse("the directory of its archive is larger than any that is in use");
  const directory = readAt(source, offset, bytes);
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  let at = 0;
  for (let k = 0; k < count; k++) {
    if (at + 46 > bytes || directory.readUInt32LE(at) !== 0x02014b50)
      refuse("the directory of its archive is damaged");
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      directory.readUInt16LE(at + field),
    );
    const next = at + 46 + nameBytes! + extraBytes! + commentBytes!;
    if (next > bytes) refuse("the directory of its archive is damaged");
    const name = directory.toString("utf8", at + 46, at + 46 + nameBytes!);
    if (names.has(name)) refuse(`its archive has '${name}' twice`);
    names.add(name);
    const extra = directory.subarray(at + 46 + nameBytes!, at + 46 + nameBytes! + extraBytes!);
    const record = readRecord(directory.subarray(at, at + 46), extra, () =>
      refuse(`its entry '${name}' is damaged`),
    );
    entries.push({ name, open: () => openEntry(source, name, record, refuse) });
    at = next;
  }
  return entries;
}

interface EntryRecord {
  flags: number;
  method: number;
  checksum: number;
  packed: number;
  size: number;
  offset: number;
}

function findDirectory(source: Source, refuse: Refuse): { offset: number; bytes: number; count: number } {
  const tailBytes = Math.min(source.size, 22 + 0xffff);
  const tail = readAt(source, source.size - tailBytes, tailBytes);
  let at = tailBytes - 22;
  while (
    at >= 0 &&
    !(tail.readUInt32LE(at) === 0x06054b50 && at + 22 + tail.readUInt16LE(at + 20) === tailBytes)
  )
    at--;
  if (at < 0) return refuse("it is no zip archive, or it is cut short: the end of its directory is missing");
  const end = source.size - tailBytes + at;
  const found = {
    offset: tail.readUInt32LE(at + 16),
    bytes: tail.readUInt32LE(at + 12),
    count: tail.readUInt16LE(at + 10),
  };
  const isWide = found.offset === limit32 || found.bytes === limit32 || found.count === 0xffff;
  if (!isWide || end < 20) return found;
  const locator = readAt(source, end - 20, 20);
  if (locator.readUInt32LE(0) !== 0x07064b50) return found;
  const where = readNumber(locator, 8);
  if (where === null || where + 56 > source.size)
    return refuse("the zip64 directory of its archive is missing");
  const record = readAt(source, where, 56);
  const [count, bytes, offset] = [readNumber(record, 32), readNumber(record, 40), readNumber(record, 48)];
  if (record.readUInt32LE(0) !== 0x06064b50 || count === null || bytes === null || offset === null) {
    return refuse("the zip64 directory of its archive is damaged");
  }
  return { offset, bytes, count };
}

function readRecord(record: Buffer, extra: Buffer, damaged: () => never): EntryRecord {
  const entry: EntryRecord = {
    flags: record.readUInt16LE(8),
    method: record.readUInt16LE(10),
    checksum: record.readUInt32LE(16),
    packed: record.readUInt32LE(20),
    size: record.readUInt32LE(24),
    offset: record.readUInt32LE(42),
  };
  for (let at = 0; at + 4 <= extra.length;) {
    const [id, bytes] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)];
    const field = extra.subarray(at + 4, at + 4 + bytes);
    at += 4 + bytes;
    if (id !== 1) continue;
    // Wide values for those that are all ones, in this order.
    let next = 0;
    for (const key of ["size", "packed", "offset"] as const) {
      if (entry[key] !== limit32) continue;
      if (next + 8 > field.length) return damaged();
      entry[key] = readNumber(field, next) ?? damaged();
      next += 8;
    }
  }
  return entry;
}

function openEntry(source: Source, name: string, entry: EntryRecord, refuse: Refuse): Source {
  const damaged = (what: string): never => refuse(`its entry '${name}' ${what}`);
  const { flags, method, packed, size, offset, checksum } = entry;
  if (flags & 1) damaged("is encrypted, which cannot be read");
  if (method !== 0 && method !== 8)
    damaged(`is packed by method ${method}, only stored and deflated can be read`);
  if (offset + 30 > source.size) damaged("lies outside the file");
  const local = readAt(source, offset, 30);
  if (local.readUInt32LE(0) !== 0x04034b50) damaged("is damaged");
  const begin = offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  if (begin + packed > source.size) damaged("is cut short");
  if (method === 0) {
    if (packed !== size) damaged("is damaged");
    const stored: Source = {
      size,
      read: (at, into) => {
        source.read(begin + at, into);
      },
    };
    if (checksumOf(stored) !== checksum) damaged("is damaged: its checksum is another");
    return stored;
  }
  // Deflate packs at most about 1032 to 1: a larger claim is a lie, and is not believed with memory.
  if (size > packed * 1040 + 64) damaged("is damaged: it cannot be as large as it says");
  const bytes = inflate(readAt(source, begin, packed), size, damaged);
  if (bytes.length !== size || crc32(bytes) !== checksum) damaged("is damaged: its checksum is another");
  return {
    size,
    read: (at, into) => {
      into.set(bytes.subarray(at, at + into.length));
    },
  };
}

function inflate(packed: Buffer, size: number, damaged: (what: string) => never): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
  } catch {
    return damaged("is damaged: it cannot be inflated");
  }
}

function checksumOf(source: Source): number {
  let checksum = 0;
  const chunk = new Uint8Array(Math.min(source.size, 1 << 20));
  for (let at = 0; at < source.size; at += chunk.length) {
    const piece = chunk.subarray(0, Math.min(chunk.length, source.size - at));
    source.read(at, piece);
    checksum = crc32(piece, checksum);
  }
  return checksum;
}

function readAt(source: Source, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  source.read(offset, buffer);
  return buffer;
}

/** Eight bytes; null beyond what a number counts exactly. */
function readNumber(buffer: Buffer, at: number): number | null {
  const value = Number(buffer.readBigUInt64LE(at));
  return Number.isSafeInteger(value) ? value : null;
}

/** Writes entries one after the other, then the directory. Every entry says its sizes in 64 bits, as NumPy's do. */
export class ZipWriter {
  readonly #sink: Sink;
  readonly #directory: Buffer[] = [];
  #entry: {
    name: Buffer;
    offset: number;
    checksum: number;
    size: number;
    packing: Uint8Array[] | null;
  } | null = null;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  begin(name: string, compressed: boolean): void {
    const bytes = Buffer.from(name);
    this.#entry = {
      name: bytes,
      offset: this.#sink.position,
      checksum: 0,
      size: 0,
      packing: compressed ? [] : null,
    };
    this.#sink.write(Buffer.alloc(30 + bytes.length + 20)); // its header, when the sizes are known
  }

  write(bytes: Uint8Array): void {
    const entry = this.#entry!;
    entry.checksum = crc32(bytes, entry.checksum);
    entry.size += bytes.length;
    if (entry.packing === null) this.#sink.write(bytes);
    else entry.packing.push(bytes.slice());
  }

  end(): void {
    const { name, offset, checksum, size, packing } = this.#entry!;
    let packed = size;
    if (packing !== null) {
      const bytes = deflateRawSync(Buffer.concat(packing));
      packed = bytes.length;
      this.#sink.write(bytes);
    }
    const common = Buffer.alloc(26);
    common.writeUInt16LE(45, 0); // zip64
    common.writeUInt16LE(0x0800, 2); // the name is UTF-8
    common.writeUInt16LE(packing === null ? 0 : 8, 4);
    common.writeUInt16LE(0x21, 8); // 1 January 1980: equal tensors make equal files
    common.writeUInt32LE(checksum, 10);
    common.writeUInt32LE(limit32, 14);
    common.writeUInt32LE(limit32, 18);
    common.writeUInt16LE(name.length, 22);
    const wide = (values: number[]): Buffer => {
      const field = Buffer.alloc(4 + 8 * values.length);
      field.writeUInt16LE(1, 0);
      field.writeUInt16LE(8 * values.length, 2);
      values.forEach((value, k) => field.writeBigUInt64LE(BigInt(value), 4 + 8 * k));
      return field;
    };
    const local = Buffer.concat([signature(0x04034b50), common, name, wide([size, packed])]);
    local.writeUInt16LE(20, 28);
    this.#sink.patch(offset, local);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(limit32, 10);
    common.writeUInt16LE(28, 24);
    const made = Buffer.from([45, 3]); // by version 4.5, on Unix
    this.#directory.push(
      Buffer.concat([signature(0x02014b50), made, common, rest, name, wide([size, packed, offset])]),
    );
    this.#entry = null;
  }

  close(): void {
    const offset = this.#sink.position;
    const directory = Buffer.concat(this.#directory);
    const count = this.#directory.length;
    this.#sink.write(directory);
    const needsWide = offset + directory.length >= limit32 || count >= 0xffff;
    if (needsWide) {
      const record = Buffer.alloc(56);
      record.writeUInt32LE(0x06064b50, 0);
      record.writeBigUInt64LE(44n, 4);
      record.writeUInt16LE(45, 12);
      record.writeUInt16LE(45, 14);
      for (const at of [24, 32]) record.writeBigUInt64LE(BigInt(count), at);
      record.writeBigUInt64LE(BigInt(directory.length), 40);
      record.writeBigUInt64LE(BigInt(offset), 48);
      const locator = Buffer.alloc(20);
      locator.writeUInt32LE(0x07064b50, 0);
      locator.writeBigUInt64LE(BigInt(offset + directory.length), 8);
      locator.writeUInt32LE(1, 16);
      this.#sink.write(Buffer.concat([record, locator]));
    }
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    for (const at of [8, 10]) end.writeUInt16LE(Math.min(count, 0xffff), at);
    end.writeUInt32LE(needsWide ? limit32 : directory.length, 12);
    end.writeUInt32LE(needsWide ? limit32 : offset, 16);
    this.#sink.write(end);
  }
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
