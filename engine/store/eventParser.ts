// Reads TensorBoard event files from bytes: records are checked, scalars go to a SeriesTable, texts are kept.

import { maskedCrc32c } from "./crc32c.js";
import type { SeriesTable, TagEntry } from "./seriesTable.js";

export interface TextPoint {
  tag: string;
  step: number;
  wall: number;
  text: string;
}

/** Larger records are refused as damage: no writer makes them, and a wrong length must not make us wait for ever. */
const largestRecord = 1 << 30;

/** `kind` "wait": the file ends in the middle of a record, perhaps while it is written. */
export type ParseEnd = { kind: "wait"; offset: number } | { kind: "damaged"; offset: number; reason: string };

interface TagGuess {
  bytes: Uint8Array;
  entry: TagEntry;
}

export class EventParser {
  readonly texts: TextPoint[] = [];
  private readonly table: SeriesTable;
  private readonly file: number;
  /** The k-th value of an event nearly always has the same tag as the k-th of the event before. */
  private readonly guesses: TagGuess[] = [];
  private bytes: Buffer = Buffer.alloc(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  private at = 0;

  constructor(table: SeriesTable, file: number) {
    this.table = table;
    this.file = file;
  }

  /** Reads the whole records in `bytes`; `offset` says how many bytes were used up. */
  parse(bytes: Uint8Array): ParseEnd {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 0;
    while (offset + 12 <= bytes.length) {
      if (maskedCrc32c(bytes, offset, offset + 8) !== this.view.getUint32(offset + 8, true)) {
        return { kind: "damaged", offset, reason: "the length of a record does not match its checksum" };
      }
      const length = this.view.getUint32(offset, true);
      if (this.view.getUint32(offset + 4, true) !== 0 || length > largestRecord) {
        return { kind: "damaged", offset, reason: "a record is impossibly long" };
      }
      const start = offset + 12;
      const end = start + length;
      if (end + 4 > bytes.length) break;
      if (maskedCrc32c(bytes, start, end) !== this.view.getUint32(end, true)) {
        return { kind: "damaged", offset, reason: "a record does not match its checksum" };
      }
      try {
        this.event(start, end);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        return { kind: "damaged", offset, reason: "a record is not a TensorBoard event" };
      }
      offset = end + 4;
    }
    return { kind: "wait", offset };
  }

  private event(start: number, end: number): void {
    let wall = 0;
    let step = 0;
    let summaryStart = -1;
    let summaryEnd = -1;
    let session = -1;
    let sessionEnd = -1;
    this.at = start;
    while (this.at < end) {
      const key = this.varint();
      if (key === 0x09) {
        wall = this.view.getFloat64(this.at, true);
        this.at += 8;
      } else if (key === 0x10) step = this.varint();
      else if (key === 0x2a) {
        const length = this.varint();
        summaryStart = this.at;
        summaryEnd = this.at += length;
      } else if (key === 0x3a) {
        const length = this.varint();
        session = this.at;
        sessionEnd = this.at += length;
      } else this.skip(key & 7);
    }
    if (this.at !== end) throw new RangeError();
    if (session >= 0) this.sessionLog(session, sessionEnd, step);
    if (summaryStart < 0) return;
    this.table.beginEvent(step, wall, this.file);
    this.at = summaryStart;
    for (let k = 0; this.at < summaryEnd;) {
      const key = this.varint();
      if (key !== 0x0a) {
        this.skip(key & 7);
        continue;
      }
      const length = this.varint();
      const valueEnd = this.at + length;
      if (valueEnd > summaryEnd) throw new RangeError();
      this.value(k++, valueEnd, step, wall);
      this.at = valueEnd;
    }
    this.table.endEvent();
  }

  /** SessionLog status 1 is START: a writer opened with `purge_step` forgets what came after that step. */
  private sessionLog(start: number, end: number, step: number): void {
    this.at = start;
    while (this.at < end) {
      const key = this.varint();
      if (key !== 0x08) this.skip(key & 7);
      else if (this.varint() === 1) this.table.truncateFrom(step);
    }
  }

  /** Summary.Value: tag 1, simple_value 2, tensor 8, metadata 9. Pictures, histograms and sound are passed over. */
  private value(k: number, end: number, step: number, wall: number): void {
    let tagStart = 0;
    let tagEnd = 0;
    let tensor = -1;
    let tensorEnd = -1;
    let plugin = "";
    let scalar = NaN;
    let isScalar = false;
    while (this.at < end) {
      const key = this.varint();
      if (key === 0x15) {
        scalar = this.view.getFloat32(this.at, true);
        isScalar = true;
        this.at += 4;
      } else if (key === 0x0a) {
        const length = this.varint();
        tagStart = this.at;
        tagEnd = this.at += length;
      } else if (key === 0x42) {
        const length = this.varint();
        tensor = this.at;
        tensorEnd = this.at += length;
      } else if (key === 0x4a) {
        const length = this.varint();
        const after = this.at + length;
        plugin = this.pluginName(after);
        this.at = after;
      } else this.skip(key & 7);
    }
    if (this.at !== end) throw new RangeError();
    if (tensor >= 0 && !isScalar) {
      const content = this.tensor(tensor, tensorEnd);
      if (typeof content === "string") {
        this.texts.push({ tag: this.bytes.toString("utf8", tagStart, tagEnd), step, wall, text: content });
      } else if (content !== null && (plugin === "" || plugin === "scalars")) {
        scalar = content;
        isScalar = true;
      }
    }
    if (isScalar) this.table.add(this.entryAt(k, tagStart, tagEnd), scalar);
  }

  private entryAt(k: number, start: number, end: number): TagEntry {
    const guess = this.guesses[k];
    if (guess?.bytes.length === end - start) {
      const { bytes } = guess;
      let i = 0;
      while (i < bytes.length && bytes[i] === this.bytes[start + i]) i++;
      if (i === bytes.length) return guess.entry;
    }
    const bytes = Uint8Array.prototype.slice.call(this.bytes, start, end);
    const entry = this.table.entry(this.bytes.toString("utf8", start, end));
    this.guesses[k] = { bytes, entry };
    return entry;
  }

  /** SummaryMetadata: plugin_data 1 { plugin_name 1 }. */
  private pluginName(end: number): string {
    let name = "";
    while (this.at < end) {
      const key = this.varint();
      if (key !== 0x0a) {
        this.skip(key & 7);
        continue;
      }
      const length = this.varint();
      const after = this.at + length;
      while (this.at < after) {
        const inner = this.varint();
        if (inner === 0x0a) {
          const bytes = this.varint();
          name = this.bytes.toString("utf8", this.at, this.at + bytes);
          this.at += bytes;
        } else this.skip(inner & 7);
      }
    }
    return name;
  }

  /** TensorFlow 2 writes scalars and texts as tensors: the first number or string of a TensorProto; null for anything else. */
  private tensor(start: number, end: number): number | string | null {
    let dtype = 0;
    this.at = start;
    let result: number | string | null = null;
    while (this.at < end) {
      const key = this.varint();
      const field = key >>> 3;
      if (key === 0x08) {
        dtype = this.varint();
        continue;
      }
      if ((key & 7) !== 2) {
        if ((key & 7) === 0 && (field === 7 || field === 10)) result = this.varint();
        else if ((key & 7) === 5 && field === 5) {
          result = this.view.getFloat32(this.at, true);
          this.at += 4;
        } else if ((key & 7) === 1 && field === 6) {
          result = this.view.getFloat64(this.at, true);
          this.at += 8;
        } else this.skip(key & 7);
        continue;
      }
      const length = this.varint();
      const from = this.at;
      if (length > 0 && from + length <= end) {
        if (field === 4) result = this.tensorContent(dtype, from, length);
        else if (field === 5 && length === 4) result = this.view.getFloat32(from, true);
        else if (field === 6 && length === 8) result = this.view.getFloat64(from, true);
        else if (field === 7 || field === 10) result = this.varint();
        else if (field === 8 && result === null) result = this.bytes.toString("utf8", from, from + length);
      }
      this.at = from + length;
    }
    return result;
  }

  private tensorContent(dtype: number, at: number, length: number): number | null {
    if (dtype === 1 && length === 4) return this.view.getFloat32(at, true);
    if (dtype === 2 && length === 8) return this.view.getFloat64(at, true);
    if (dtype === 3 && length === 4) return this.view.getInt32(at, true);
    if (dtype === 9 && length === 8) return Number(this.view.getBigInt64(at, true));
    return null;
  }

  private varint(): number {
    let result = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError();
      if (i === 9) return (result + (byte & 1) * scale) % 2 ** 64 >= 2 ** 63 ? this.negative() : result;
      result += (byte & 127) * scale;
      if (byte < 128) return result;
      scale *= 128;
    }
    throw new RangeError();
  }

  /** Ten bytes are a negative int64: read again exactly. */
  private negative(): number {
    let value = 0n;
    for (let i = 0; i < 10; i++) value |= BigInt(this.bytes[this.at - 10 + i]! & 127) << BigInt(7 * i);
    return Number(BigInt.asIntN(64, value));
  }

  private skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 5) this.at += 4;
    else if (wireType === 2) {
      const length = this.varint();
      this.at += length;
    } else throw new RangeError();
  }
}
