// Reads digits.bin: 1,797 handwritten digits of 8×8 pixels, each pixel from 0 (white) to 16 (black).

import { readFileSync } from "node:fs";
import { tensor, type Tensor } from "descent";

const count = 1797;
const pixels = 64;

/** All images as float32 [1797, 64] in 0..1, and the digit each one shows as int64 [1797]. */
export function readDigits(): { images: Tensor; labels: Tensor } {
  // One byte a pixel, image after image, then one byte a label.
  const bytes = readFileSync(new URL("digits.bin", import.meta.url));
  const images = tensor(bytes.subarray(0, count * pixels), { shape: [count, pixels], dtype: "float32" });
  const labels = tensor(bytes.subarray(count * pixels), { shape: [count], dtype: "int64" });
  return { images: images.div(16), labels };
}
