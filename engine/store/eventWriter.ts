// Encodes TensorBoard event files: TFRecord frames around protobuf Events. Knows nothing of files.

import { ByteWriter } from "./bytes.js";
import { maskedCrc32c } from "./crc32c.js";

/** Event: 1 wall_time double, 2 step int64, 3 file_version string, 5 summary. Summary: 1 value. Value: 1 tag, 2 simple_value, 4 image, 5 histo, 8 tensor, 9 metadata. */
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const value = { tag: 1, simpleValue: 2, image: 4, histogram: 5, tensor: 8, metadata: 9 } as const;

/** Frames one record: length, its checksum, the data, their checksum. */
export function appendRecord(out: ByteWriter, data: Uint8Array): void {
  out.reserve(data.length + 16);
  const start = out.length;
  out.uint32(data.length);
  out.uint32(0); // upper half of the length
  out.uint32(maskedCrc32c(out.bytes, start, start + 8));
  out.raw(data);
  out.uint32(maskedCrc32c(out.bytes, start + 12, start + 12 + data.length));
}

/** The record every event file begins with. */
export function appendFileHeader(out: ByteWriter, wall: number): void {
  const data = new ByteWriter();
  data.doubleField(event.wallTime, wall);
  data.field(event.fileVersion, "brain.Event:2");
  appendRecord(out, data.written());
}

/**
 * Writes events that all have the same tags. The record is laid out once; each event then only patches its time, step and
 * values into a copy, because this runs for every step of a training loop.
 */
export class ScalarEvents {
  readonly tags: readonly string[];
  private readonly encodedTags: Uint8Array[];
  private template = new Uint8Array(0);
  private stepAt = 0;
  private stepBytes = 0;
  private valueAt: number[] = [];
  private view = new DataView(new ArrayBuffer(0));
  private readonly scratch = new ByteWriter();

  constructor(tags: readonly string[]) {
    this.tags = tags;
    this.encodedTags = tags.map((tag) => new TextEncoder().encode(tag));
  }

  /** `values` in the order of `tags`; wall in seconds since 1970, step an integer. */
  append(out: ByteWriter, wall: number, step: number, values: ArrayLike<number>): void {
    this.scratch.clear();
    this.scratch.varint(step);
    if (this.scratch.length !== this.stepBytes) this.layOut(this.scratch.length);
    const { template, view } = this;
    view.setFloat64(13, wall, true);
    for (let i = 0; i < this.stepBytes; i++) template[this.stepAt + i] = this.scratch.bytes[i]!;
    for (let k = 0; k < this.valueAt.length; k++) view.setFloat32(this.valueAt[k]!, values[k]!, true);
    const end = template.length - 4;
    view.setUint32(end, maskedCrc32c(template, 12, end), true);
    out.raw(template);
  }

  private layOut(stepBytes: number): void {
    const summary = new ByteWriter();
    const valueInSummary: number[] = [];
    for (const tag of this.encodedTags) {
      const one = new ByteWriter();
      one.field(value.tag, tag);
      one.key(value.simpleValue, 5);
      one.float32(0);
      summary.field(1, one.written());
      valueInSummary.push(summary.length - 4);
    }
    const data = new ByteWriter();
    data.doubleField(event.wallTime, 0);
    data.key(event.step, 0);
    const stepInData = data.length;
    data.raw(new Uint8Array(stepBytes));
    data.field(event.summary, summary.written());
    const summaryInData = data.length - summary.length;
    const record = new ByteWriter();
    appendRecord(record, data.written());
    this.template = record.written().slice();
    this.view = new DataView(this.template.buffer);
    this.stepBytes = stepBytes;
    this.stepAt = 12 + stepInData;
    this.valueAt = valueInSummary.map((offset) => 12 + summaryInData + offset);
  }
}

/** A text for TensorBoard's Text tab. */
export function appendText(out: ByteWriter, wall: number, step: number, tag: string, text: string): void {
  const dtypeString = 7;
  const tensor = new ByteWriter();
  tensor.varintField(1, dtypeString);
  tensor.field(2, vectorShape(1));
  tensor.field(8, text);
  appendValue(out, wall, step, tag, value.tensor, tensor.written(), "text");
}

/** A picture; `png` is a whole PNG file. */
export function appendImage(
  out: ByteWriter,
  wall: number,
  step: number,
  tag: string,
  picture: { height: number; width: number; channels: number; png: Uint8Array },
): void {
  const image = new ByteWriter();
  image.varintField(1, picture.height);
  image.varintField(2, picture.width);
  image.varintField(3, picture.channels);
  image.field(4, picture.png);
  appendValue(out, wall, step, tag, value.image, image.written(), null);
}

/** A histogram of the finite values: 30 bins of equal width between the smallest and the largest. */
export function appendHistogram(
  out: ByteWriter,
  wall: number,
  step: number,
  tag: string,
  values: ArrayLike<number>,
): void {
  const binCount = 30;
  const finite = Array.from(values).filter(Number.isFinite);
  const min = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const max = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const width = (max - min) / binCount;
  const counts = new Float64Array(finite.length === 0 ? 0 : width > 0 ? binCount : 1);
  for (const x of finite) counts[width > 0 ? Math.min(Math.floor((x - min) / width), binCount - 1) : 0]!++;

  const limits = new ByteWriter();
  const buckets = new ByteWriter();
  counts.forEach((count, k) => {
    limits.float64(k === counts.length - 1 ? max : min + width * (k + 1));
    buckets.float64(count);
  });
  const histogram = new ByteWriter();
  histogram.doubleField(1, finite.length === 0 ? 0 : min);
  histogram.doubleField(2, finite.length === 0 ? 0 : max);
  histogram.doubleField(3, finite.length);
  histogram.doubleField(
    4,
    finite.reduce((sum, x) => sum + x, 0),
  );
  histogram.doubleField(
    5,
    finite.reduce((sum, x) => sum + x * x, 0),
  );
  histogram.field(6, limits.written());
  histogram.field(7, buckets.written());
  appendValue(out, wall, step, tag, value.histogram, histogram.written(), null);
}

function vectorShape(size: number): Uint8Array {
  const dimension = new ByteWriter();
  dimension.varintField(1, size);
  const shape = new ByteWriter();
  shape.field(2, dimension.written());
  return shape.written();
}

function appendValue(
  out: ByteWriter,
  wall: number,
  step: number,
  tag: string,
  field: number,
  message: Uint8Array,
  plugin: string | null,
): void {
  const one = new ByteWriter();
  one.field(value.tag, tag);
  one.field(field, message);
  if (plugin !== null) {
    const name = new ByteWriter();
    name.field(1, plugin);
    const metadata = new ByteWriter();
    metadata.field(1, name.written());
    one.field(value.metadata, metadata.written());
  }
  const summary = new ByteWriter();
  summary.field(1, one.written());
  const data = new ByteWriter();
  data.doubleField(event.wallTime, wall);
  data.varintField(event.step, step);
  data.field(event.summary, summary.written());
  appendRecord(out, data.written());
}
