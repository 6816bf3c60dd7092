// What a tensor is as a picture: which dim has the channels, what is black and what is white, and pixels from cells. Pure.

import type { Statistics } from "../../../engine/inspection.js";
import type { ImageChoices } from "./choices.js";
import { oddOf, pack, type OddStyle } from "./colours.js";
import type { Limits } from "./limits.js";
import { guessImage, type Slice } from "./slicing.js";
import type { Cells } from "./tiles.js";

/** Channels of one picture: their dim and which of its indices; one channel that is the slice itself where there is no dim. */
export interface Channels {
  dim: number | null;
  count: 1 | 3 | 4;
}

/** The dim the user chose, or the one that looks like channels beside the shown dims. */
export function channelsOf(
  shape: readonly number[],
  slice: Slice,
  chosen: ImageChoices["channelDim"],
): Channels {
  let dim = chosen;
  if (dim === "guess") {
    const guess = guessImage(shape);
    const isShown = guess?.height === slice.rowDim && guess.width === slice.columnDim;
    dim = isShown && guess.channel !== null && shape[guess.channel]! > 1 ? guess.channel : null;
  }
  if (dim === null || dim === slice.rowDim || dim === slice.columnDim) return { dim: null, count: 1 };
  const size = shape[dim] ?? 1;
  return size >= 4 ? { dim, count: 4 } : size === 3 ? { dim, count: 3 } : { dim: null, count: 1 };
}

/** Which values are black and white. A guess looks at the values: bytes, fractions, or whatever lies between the extremes. */
export function rangeOf(
  choice: ImageChoices["normalise"],
  dtype: string,
  statistics: Statistics | null,
): Limits {
  const [min, max] = [statistics?.min ?? 0, statistics?.max ?? 1];
  const byRange = min < max ? { low: min, high: max } : { low: Math.min(0, min), high: Math.max(1, max) };
  switch (choice) {
    case "range":
      return byRange;
    case "unit":
      return { low: 0, high: 1 };
    case "byte":
      return { low: 0, high: 255 };
    case "guess":
      if (dtype === "uint8" || (min >= 0 && max > 2 && max <= 255)) return { low: 0, high: 255 };
      return min >= 0 && max <= 1 ? { low: 0, high: 1 } : byRange;
  }
}

/** Pixels of one, three or four channels. What is no finite number in any of them has its own colour; 0 where something is missing. */
export function pixels(
  layers: readonly Pick<Cells, "values" | "flags" | "known">[],
  range: Limits,
  odd: readonly OddStyle[],
  out: Uint32Array,
  background: number,
): void {
  const scale = range.high > range.low ? 255 / (range.high - range.low) : 0;
  const byte = (value: number): number => {
    const part = (value - range.low) * scale;
    return part <= 0 ? 0 : part >= 255 ? 255 : part;
  };
  const [red, green, blue, alpha] = layers;
  for (let i = 0; i < out.length; i++) {
    if (layers.some(({ known }) => known[i] === 0)) {
      out[i] = 0;
      continue;
    }
    const flags = layers.reduce((all, layer) => all | layer.flags[i]!, 0);
    if (flags !== 0) {
      out[i] = oddOf(flags, odd)?.packed ?? 0;
      continue;
    }
    const r = byte(red!.values[i]!);
    let [g, b] = [r, r];
    if (green !== undefined && blue !== undefined) [g, b] = [byte(green.values[i]!), byte(blue.values[i]!)];
    const opaque = alpha === undefined ? 1 : byte(alpha.values[i]!) / 255;
    out[i] = opaque === 1 ? pack(r, g, b) : blend(r, g, b, opaque, background);
  }
}

function blend(r: number, g: number, b: number, opaque: number, background: number): number {
  const mix = (value: number, shift: number): number =>
    value * opaque + ((background >>> shift) & 255) * (1 - opaque);
  return pack(mix(r, 0), mix(g, 8), mix(b, 16));
}

/** How many pictures stand side by side, so that they are as large as may be. */
export function montageColumns(
  count: number,
  aspect: number,
  width: number,
  height: number,
  label: number,
): number {
  let best = 1;
  let largest = 0;
  for (let columns = 1; columns <= count; columns++) {
    const each = width / columns;
    const high = height / Math.ceil(count / columns) - label;
    const size = Math.min(each, high * aspect);
    if (size > largest) [best, largest] = [columns, size];
  }
  return best;
}
