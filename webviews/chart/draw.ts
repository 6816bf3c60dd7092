// The data layer of a chart, on a canvas: bands, lines, stacked areas, and marks for values that are no number.

import { nanFlag, negativeInfinityFlag, positiveInfinityFlag, type Points } from "./buckets.js";
import type { ChartTheme, SeriesStyle } from "./palette.js";
import type { XScale, YScale } from "./scales.js";
import type { Stack } from "./stack.js";

/** Index range [from, to) of what is to be drawn, with one neighbour on each side so that lines run off the edge. */
export interface Range {
  from: number;
  to: number;
}

type Context = CanvasRenderingContext2D;

/** The least and greatest value of each bucket, filled. */
export function drawBand(
  c: Context,
  points: Points,
  range: Range,
  x: XScale,
  y: YScale,
  style: SeriesStyle,
): void {
  const xs = x.values(points);
  const floor = y.place(y.domain[0]);
  const edge = (value: number): number => {
    const at = y.place(value);
    return Number.isNaN(at) ? floor : at;
  };
  c.fillStyle = style.color;
  c.globalAlpha = 0.2;
  for (const [from, to] of runs(points.mean, range)) {
    fillBetween(
      c,
      { from, to },
      {
        x: (i) => x.place(xs[i]!),
        top: (i) => edge(points.max[i]!),
        bottom: (i) => edge(points.min[i]!),
        widest: true,
      },
    );
  }
  c.globalAlpha = 1;
}

interface Edges {
  /** Pixels at an index. */
  x: (index: number) => number;
  top: (index: number) => number;
  bottom: (index: number) => number;
  /** Where several indices share a column of pixels: whether all of them are covered, or only the last. */
  widest: boolean;
}

/** Fills between two edges. Narrow steps are columns of whole pixels: without a graphics card that is four times as quick. */
function fillBetween(c: Context, { from, to }: Range, { x, top, bottom, widest }: Edges): void {
  if (to <= from) return;
  if ((x(to - 1) - x(from)) / (to - from) > 3) {
    c.beginPath();
    for (let i = from; i < to; i++) c.lineTo(x(i), top(i));
    for (let i = to - 1; i >= from; i--) c.lineTo(x(i), bottom(i));
    c.fill();
    return;
  }
  let [high, low] = [Infinity, -Infinity];
  let left = Math.round(x(from));
  for (let i = from; i < to; i++) {
    high = widest ? Math.min(high, top(i)) : top(i);
    low = widest ? Math.max(low, bottom(i)) : bottom(i);
    const right = i + 1 < to ? Math.round(x(i + 1)) : left + 1;
    if (right <= left) continue;
    c.fillRect(left, high, right - left, low - high);
    [left, high, low] = [right, Infinity, -Infinity];
  }
}

export interface LineOptions {
  style: SeriesStyle;
  width: number;
  alpha: number;
}

/**
 * Pixels up and down after which a path is stroked and begun anew: without a graphics card one path that goes up and
 * down a thousand times takes ten times as long as its pieces. Hairlines are quick in any case, and a dash pattern should
 * go on. A calm line never gets that far, so that no seam is seen.
 */
function pieceHeight({ style, width }: LineOptions): number {
  if (width <= 1) return Infinity;
  return style.dash.length > 0 ? 20_000 : 2000;
}

/**
 * A line through the values. Where several buckets share a pixel column only the first, least, greatest and last are
 * drawn, which looks the same and costs a screen's width however long the series is.
 */
export function drawLine(
  c: Context,
  xs: Float64Array,
  values: Float32Array | Float64Array,
  range: Range,
  x: XScale,
  y: YScale,
  options: LineOptions,
): void {
  const { style, width, alpha } = options;
  c.strokeStyle = style.color;
  c.lineWidth = width;
  c.globalAlpha = alpha;
  c.setLineDash(style.dash as number[]);
  c.lineJoin = "bevel";
  c.beginPath();
  const piece = pieceHeight(options);
  let climbed = 0;
  let pen = false;
  let column = NaN;
  let low = 0;
  let high = 0;
  let last = 0;
  const flush = (): void => {
    if (low === high) return;
    c.lineTo(column, low);
    c.lineTo(column, high);
    c.lineTo(column, last);
  };
  for (let i = range.from; i < range.to; i++) {
    const py = y.place(values[i]!);
    if (Number.isNaN(py)) {
      if (pen) {
        flush();
        if (isAlone(values, i - 1, range, y)) dot(c, xs, values, i - 1, x, y);
      }
      pen = false;
      column = NaN;
      continue;
    }
    const px = x.place(xs[i]!);
    if (pen && px - column < 0.5) {
      low = Math.min(low, py);
      high = Math.max(high, py);
      last = py;
      continue;
    }
    if (pen) {
      flush();
      c.lineTo(px, py);
      climbed += Math.abs(py - last) + 2 * (high - low);
      if (climbed > piece) {
        c.stroke();
        c.beginPath();
        c.moveTo(px, py);
        climbed = 0;
      }
    } else {
      c.moveTo(px, py);
    }
    pen = true;
    column = px;
    low = high = last = py;
  }
  if (pen) {
    flush();
    if (isAlone(values, range.to - 1, range, y)) dot(c, xs, values, range.to - 1, x, y);
  }
  c.stroke();
  c.setLineDash([]);
  c.globalAlpha = 1;
}

/** A point with no neighbour to draw a line to. */
function isAlone(values: Float32Array | Float64Array, index: number, range: Range, y: YScale): boolean {
  return index === range.from || Number.isNaN(y.place(values[index - 1]!));
}

function dot(
  c: Context,
  xs: Float64Array,
  values: Float32Array | Float64Array,
  index: number,
  x: XScale,
  y: YScale,
): void {
  const px = x.place(xs[index]!);
  const py = y.place(values[index]!);
  c.moveTo(px + 2, py);
  c.arc(px, py, 2, 0, 2 * Math.PI);
}

export function drawStack(
  c: Context,
  stack: Stack,
  range: Range,
  x: XScale,
  y: YScale,
  styles: readonly SeriesStyle[],
): void {
  const { x: xs, upper } = stack;
  const { from, to } = range;
  const place = xs.map((value) => x.place(value));
  upper.forEach((edge, k) => {
    const below = upper[k - 1];
    const { color, dash } = styles[k]!;
    c.fillStyle = color;
    c.globalAlpha = 0.45;
    fillBetween(c, range, {
      x: (i) => place[i]!,
      top: (i) => y.place(edge[i]!),
      bottom: (i) => y.place(below?.[i] ?? 0),
      widest: false,
    });
    c.globalAlpha = 1;
    c.beginPath();
    for (let i = from; i < to; i++) c.lineTo(place[i]!, y.place(edge[i]!));
    c.strokeStyle = color;
    c.setLineDash(dash as number[]);
    c.lineWidth = 1;
    c.stroke();
    c.setLineDash([]);
  });
}

/**
 * NaN is a cross and +∞ a triangle at the upper edge, −∞ a triangle at the lower one: shapes, not colour alone. Marks
 * that would touch are drawn as one.
 */
export function drawMarks(
  c: Context,
  points: Points,
  range: Range,
  x: XScale,
  plot: { top: number; bottom: number },
  style: SeriesStyle,
  theme: ChartTheme,
): void {
  const xs = x.values(points);
  const previous = new Map<number, number>();
  for (let i = range.from; i < range.to; i++) {
    const flags = points.flags[i]!;
    if (flags === 0) continue;
    const px = x.place(xs[i]!);
    for (const flag of [nanFlag, positiveInfinityFlag, negativeInfinityFlag]) {
      if ((flags & flag) === 0 || px - (previous.get(flag) ?? -Infinity) < 9) continue;
      previous.set(flag, px);
      c.beginPath();
      markPath(c, flag, px, flag === negativeInfinityFlag ? plot.bottom - 6 : plot.top + 6);
      c.strokeStyle = theme.background;
      c.lineWidth = 5;
      c.stroke();
      c.strokeStyle = style.color;
      c.lineWidth = 2;
      c.stroke();
    }
  }
}

function markPath(c: Context, flag: number, x: number, y: number): void {
  if (flag === nanFlag) {
    c.moveTo(x - 3.5, y - 3.5);
    c.lineTo(x + 3.5, y + 3.5);
    c.moveTo(x - 3.5, y + 3.5);
    c.lineTo(x + 3.5, y - 3.5);
    return;
  }
  const up = flag === positiveInfinityFlag ? 1 : -1;
  c.moveTo(x, y - 4 * up);
  c.lineTo(x + 4, y + 3 * up);
  c.lineTo(x - 4, y + 3 * up);
  c.closePath();
}

/** Stretches of the range in which every value is a number. */
function* runs(values: Float32Array, range: Range): Generator<[number, number]> {
  let from = range.from;
  for (let i = range.from; i <= range.to; i++) {
    if (i < range.to && !Number.isNaN(values[i]!)) continue;
    if (i > from) yield [from, i];
    from = i + 1;
  }
}
