// A growing byte buffer with the few protobuf encodings that event files need.

/** Appends little-endian numbers, varints and length-delimited fields; grows by doubling. */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;
  private view: DataView;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** What was written, as a view that the next write may invalidate. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.written());
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  float32(value: number): void {
    this.reserve(4);
    this.view.setFloat32(this.length, value, true);
    this.length += 4;
  }

  float64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** Non-negative integers up to 2^53; negative ones as protobuf's int64 has them (ten bytes). */
  varint(value: number): void {
    this.reserve(10);
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) this.bytes[this.length++] = Number(rest & 127n) | 128;
      this.bytes[this.length++] = Number(rest);
      return;
    }
    for (; value > 127; value = Math.floor(value / 128)) this.bytes[this.length++] = (value & 127) | 128;
    this.bytes[this.length++] = value;
  }

  /** Wire types: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  key(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** A length-delimited field: bytes, a string or a message already encoded. */
  field(field: number, value: Uint8Array | string): void {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    this.key(field, 2);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  doubleField(field: number, value: number): void {
    this.key(field, 1);
    this.float64(value);
  }

  varintField(field: number, value: number): void {
    this.key(field, 0);
    this.varint(value);
  }
}
