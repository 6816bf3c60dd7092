// Paints cells onto a canvas: one pixel a cell in memory, then drawn as large as the viewport says, with patterns and numbers where there is room.

import { oddOf, shadeOf, type OddStyle, type Ramp } from "./colours.js";
import type { Limits } from "./limits.js";
import { shortText } from "./numbers.js";
import type { Cells } from "./tiles.js";
import type { Room, Viewport } from "./viewport.js";

export interface Paint {
  ramp: Ramp;
  limits: Limits;
  odd: readonly OddStyle[];
}

/** Fills one packed colour for each cell; 0, which is transparent, where a cell is not known. */
export type Colorize = (cells: Cells, out: Uint32Array) => void;

export function shades({ ramp, limits, odd }: Paint): Colorize {
  return (cells, out) => {
    const { values, flags, known } = cells;
    const { packed } = ramp;
    const { low, high } = limits;
    const scale = high > low ? 255 / (high - low) : 0;
    for (let i = 0; i < out.length; i++) {
      if (known[i] === 0) {
        out[i] = 0;
        continue;
      }
      const flag = flags[i]!;
      if (flag !== 0) {
        out[i] = oddOf(flag, odd)?.packed ?? 0;
        continue;
      }
      const part = (values[i]! - low) * scale;
      out[i] =
        packed[
          scale === 0 ? shadeOf(values[i]!, low, high) : part <= 0 ? 0 : part >= 255 ? 255 : (part + 0.5) | 0
        ]!;
    }
  };
}

let scratch: HTMLCanvasElement | null = null;

/** Draws cells where the viewport has them, cut off at the ends of the slice. */
export function drawCells(
  c: CanvasRenderingContext2D,
  cells: Cells,
  viewport: Viewport,
  room: Room,
  colorize: Colorize,
): void {
  if (cells.rows === 0 || cells.columns === 0) return;
  scratch ??= document.createElement("canvas");
  scratch.width = cells.columns;
  scratch.height = cells.rows;
  const buffer = scratch.getContext("2d");
  if (buffer === null) return;
  const image = buffer.createImageData(cells.columns, cells.rows);
  colorize(cells, new Uint32Array(image.data.buffer));
  buffer.putImageData(image, 0, 0);
  const [left, right] = [room.columns.from, room.columns.to].map(
    (at) => (at - viewport.column) * viewport.width,
  ) as [number, number];
  const [top, bottom] = [room.rows.from, room.rows.to].map((at) => (at - viewport.row) * viewport.height) as [
    number,
    number,
  ];
  c.save();
  c.beginPath();
  c.rect(left, top, right - left, bottom - top);
  c.clip();
  c.imageSmoothingEnabled = false;
  c.drawImage(
    scratch,
    (cells.column - viewport.column) * viewport.width,
    (cells.row - viewport.row) * viewport.height,
    cells.columns * cells.steps.columns * viewport.width,
    cells.rows * cells.steps.rows * viewport.height,
  );
  c.restore();
}

/** From this many pixels on, cells that are no finite number get their pattern. */
const patternFrom = 7;

/** Lines over cells that are NaN or infinite, so that they are told apart without their colours. */
export function drawPatterns(
  c: CanvasRenderingContext2D,
  cells: Cells,
  viewport: Viewport,
  styles: readonly OddStyle[],
): void {
  const width = viewport.width * cells.steps.columns;
  const height = viewport.height * cells.steps.rows;
  if (Math.min(width, height) < patternFrom) return;
  for (let i = 0; i < cells.flags.length; i++) {
    const style = cells.known[i] === 1 ? oddOf(cells.flags[i]!, styles) : null;
    if (style === null) continue;
    const x = (cells.column - viewport.column) * viewport.width + (i % cells.columns) * width;
    const y = (cells.row - viewport.row) * viewport.height + Math.floor(i / cells.columns) * height;
    drawPattern(c, style, x, y, width, height);
  }
}

export function drawPattern(
  c: CanvasRenderingContext2D,
  { pattern }: OddStyle,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  c.save();
  c.beginPath();
  c.rect(x, y, width, height);
  c.clip();
  c.strokeStyle = "rgba(0, 0, 0, 0.42)";
  c.lineWidth = 1;
  c.beginPath();
  const gap = 6;
  for (let k = -Math.ceil(height / gap) * gap; k < width + height; k += gap) {
    if (pattern !== "down") {
      c.moveTo(x + k, y + height);
      c.lineTo(x + k + height, y);
    }
    if (pattern !== "up") {
      c.moveTo(x + k, y);
      c.lineTo(x + k + height, y + height);
    }
  }
  c.stroke();
  c.restore();
}

const textHeight = 13;

/** With as many digits as there is room for; empty where there is none for even one. */
function fitText(value: number | bigint, dtype: string, room: number): string {
  for (let digits = 4; digits > 0; digits--) {
    const text = shortText(value, dtype, digits);
    if (text.length <= room) return text;
  }
  return "";
}

/** Prints each element in its cell, where all have room for it. Whether they had. */
export function drawNumbers(
  c: CanvasRenderingContext2D,
  cells: Cells,
  viewport: Viewport,
  paint: Paint,
  dtype: string,
  font: string,
): boolean {
  const { steps } = cells;
  if (steps.rows > 1 || steps.columns > 1 || viewport.height < textHeight || viewport.width < 12)
    return false;
  c.font = font;
  const room = Math.floor((viewport.width - 4) / c.measureText("0").width);
  let tooLong = 0;
  const texts = Array.from({ length: cells.values.length }, (_, i) => {
    if (cells.known[i] === 0) return "";
    const text = fitText(cells.integers?.[i] ?? cells.values[i]!, dtype, room);
    if (text === "") tooLong++;
    return text;
  });
  if (tooLong > 0) return false;
  c.textAlign = "center";
  c.textBaseline = "middle";
  for (const [i, text] of texts.entries()) {
    if (text === "") continue;
    const odd = oddOf(cells.flags[i]!, paint.odd);
    const shade = shadeOf(cells.values[i]!, paint.limits.low, paint.limits.high);
    c.fillStyle = odd !== null || paint.ramp.wantsDark[shade] === 1 ? "#000" : "#fff";
    const x = (cells.column + (i % cells.columns) + 0.5 - viewport.column) * viewport.width;
    const y = (cells.row + Math.floor(i / cells.columns) + 0.5 - viewport.row) * viewport.height;
    if (odd !== null) {
      // The pattern would run through the letters.
      c.save();
      c.fillStyle = odd.color;
      c.fillRect(x - 15, y - 7, 30, 14);
      c.restore();
    }
    c.fillText(text, x, y + 0.5);
  }
  return true;
}
