// What a chart is told to draw, and the facts about it that need no canvas: ranges, values at a step, summaries.

import { lowerBound, nearestIndex, type Points, type PointSource } from "./buckets.js";
import type { Range } from "./draw.js";
import { formatCount, formatWithUnit, type Unit } from "./format.js";
import type { SeriesStyle } from "./palette.js";
import type { XScale } from "./scales.js";
import { smooth } from "./smoothing.js";
import type { Extent } from "./window.js";

export interface ChartSpec {
  id: string;
  title: string;
  /** What stands at the y axis. */
  yLabel: string;
  unit: Unit;
  kind: "lines" | "stack";
  includeZero: boolean;
  smoothable: boolean;
  /** Whether y is logarithmic until the user says otherwise. */
  logByDefault: boolean;
}

export interface ChartSeries {
  tag: string;
  label: string;
  style: SeriesStyle;
  /** Drawn bold and over the others: the total among its parts. */
  emphasis: boolean;
  hidden: boolean;
  data: PointSource;
  count: number;
  last: number | null;
  min: number | null;
  max: number | null;
  nonFinite: number;
}

/**
 * Whether a series gets its band and its raw values behind the line: the emphasised one where there is one, else each of
 * a few. Those of many would hide the lines.
 */
export function hasBackground(one: ChartSeries, shown: readonly ChartSeries[]): boolean {
  return shown.some((other) => other.emphasis) ? one.emphasis : shown.length <= 3;
}

/** From this many lines on each is a hairline, which also costs least without a graphics card. */
const denseFrom = 7;

export function lineWidth(one: ChartSeries, shown: readonly ChartSeries[]): number {
  return one.emphasis ? 2 : shown.length >= denseFrom ? 1 : 1.5;
}

/** The buckets on screen, and one more on each side. */
export function visibleRange(points: Points, window: Extent): Range {
  const from = lowerBound(points.step, points.length, window.from);
  const to = lowerBound(points.step, points.length, window.to);
  return { from: Math.max(0, from - 1), to: Math.min(points.length, to + 2) };
}

export interface ValueRange {
  min: number;
  max: number;
}

/**
 * Least and greatest value of the buckets in a range; on a log scale of those above zero, and `hasHidden` says that
 * there are others. null where there is no value to show.
 */
export function valueRange(
  points: Points,
  range: Range,
  log: boolean,
): { range: ValueRange | null; hasHidden: boolean } {
  let min = Infinity;
  let max = -Infinity;
  let hasHidden = false;
  for (let i = range.from; i < range.to; i++) {
    const low = points.min[i]!;
    const high = points.max[i]!;
    if (log && low <= 0) hasHidden = true;
    // A bucket that reaches below zero still shows its mean, or its greatest value, on a log scale.
    const least = !log || low > 0 ? low : points.mean[i]! > 0 ? points.mean[i]! : high;
    if (least < min && (!log || least > 0)) min = least;
    if (high > max && (!log || high > 0)) max = high;
  }
  return { range: min <= max ? { min, max } : null, hasHidden };
}

export function union(a: ValueRange | null, b: ValueRange | null): ValueRange | null {
  if (a === null || b === null) return a ?? b;
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

const smoothCache = new WeakMap<PointSource, { version: number; smoothing: number; values: Float64Array }>();

/** The smoothed values of a series; computed again only when the data or the smoothing changed. */
export function smoothed(data: PointSource, smoothing: number): Float64Array {
  const known = smoothCache.get(data);
  if (known?.version === data.version && known.smoothing === smoothing) return known.values;
  const values = smooth(data.points, smoothing);
  smoothCache.set(data, { version: data.version, smoothing, values });
  return values;
}

export interface Reading {
  step: number;
  wall: number;
  /** Mean of the bucket; NaN where it holds no finite value. */
  value: number;
  /** Least and greatest where the bucket holds more than one point. */
  band: ValueRange | null;
  flags: number;
}

/** The bucket nearest to a step; null where the series has not begun. */
export function readAt(points: Points, step: number, useLast: boolean): Reading | null {
  const index = nearestIndex(points, step);
  if (index < 0) return null;
  const gap = points.length > 1 ? points.step[1]! - points.step[0]! : Infinity;
  if (index === 0 && points.step[0]! - step > gap) return null;
  return {
    step: points.step[index]!,
    wall: points.wall[index]!,
    value: useLast ? points.last[index]! : points.mean[index]!,
    band: points.weight[index]! > 1 ? { min: points.min[index]!, max: points.max[index]! } : null,
    flags: points.flags[index]!,
  };
}

/** The shown series with the most buckets: the grid that a cursor moves on. */
export function longestShown(series: readonly ChartSeries[]): Points | null {
  let best: Points | null = null;
  for (const one of series) {
    if (!one.hidden && one.data.points.length > (best?.length ?? 0)) best = one.data.points;
  }
  return best;
}

/** Step of the bucket before or after, but at least two pixels away, so that a cursor is seen to move. */
export function neighbourStep(points: Points, x: XScale, step: number, direction: 1 | -1): number {
  const start = x.placeStep(step);
  const last = points.length - 1;
  let index = nearestIndex(points, step);
  do index += direction;
  while (index > 0 && index < last && Math.abs(x.placeStep(points.step[index]!) - start) < 2);
  return points.step[Math.min(Math.max(index, 0), last)]!;
}

/** One sentence a series for people who listen rather than look. */
export function describe(spec: ChartSpec, series: readonly ChartSeries[], xLabel: string): string {
  const shown = series.filter((one) => !one.hidden);
  if (shown.length === 0) return `${spec.title}: nothing to show.`;
  const sentences = shown.slice(0, 6).map((one) => {
    const value = (number: number | null): string => formatWithUnit(number, spec.unit);
    const odd = one.nonFinite > 0 ? `, ${formatCount(one.nonFinite)} not finite` : "";
    return `${one.label}: last ${value(one.last)}, least ${value(one.min)}, greatest ${value(one.max)}${odd}`;
  });
  const more = shown.length > 6 ? `; and ${shown.length - 6} more` : "";
  return `${spec.title} over ${xLabel}. ${sentences.join("; ")}${more}.`;
}
