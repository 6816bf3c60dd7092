// Encodes a picture tensor as PNG, for run.image: (H, W), (1, H, W), (3, H, W) or (4, H, W), values 0..1 or 0..255.

import { deflateSync } from "node:zlib";

export interface Picture {
  height: number;
  width: number;
  channels: number;
  png: Uint8Array;
}

/** Null when the shape is not a picture's. Values above 1 mean that 255 is white; NaN is drawn black. */
export function encodePng(values: Float64Array, shape: readonly number[]): Picture | null {
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape;
  if (channels === undefined || height === undefined || width === undefined || shape.length > 3) return null;
  if (![1, 3, 4].includes(channels) || height * width === 0) return null;
  const scale = values.some((value) => value > 1) ? 1 : 255;
  const plane = height * width;
  const rows = Buffer.alloc(height * (1 + width * channels)); // each row begins with filter type 0
  for (let y = 0, at = 0; y < height; y++) {
    at++;
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const value = values[c * plane + y * width + x]! * scale;
        rows[at++] = value > 0 ? Math.min(255, Math.round(value)) : 0;
      }
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits a channel
  header[9] = channels === 1 ? 0 : channels === 3 ? 2 : 6; // grey, RGB, RGBA
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const png = Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return { height, width, channels, png };
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** PNG's checksum (the IEEE polynomial; node:zlib has it only from Node 22 on). */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
