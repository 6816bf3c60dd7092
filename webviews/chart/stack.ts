// Stacked areas: series with steps of their own brought onto one grid and added up from below.

import { lowerBound, type Points } from "./buckets.js";
import type { XScale } from "./scales.js";

export interface Stack {
  length: number;
  /** As `XScale.values` gives them, of the longest series. */
  x: Float64Array;
  step: Float64Array;
  /** One array a series: the upper edge of its area. The lower edge is the one before, or 0. */
  upper: Float64Array[];
}

/** Between its points a series keeps its last value; before its first, and where it is not finite, it is 0. */
export function stackSeries(series: readonly Points[], x: XScale): Stack {
  const longest = series.reduce<Points | null>(
    (best, points) => (points.length > (best?.length ?? 0) ? points : best),
    null,
  );
  if (longest === null) return { length: 0, x: new Float64Array(), step: new Float64Array(), upper: [] };
  const { length, step } = longest;
  const upper: Float64Array[] = [];
  let below = new Float64Array(length);
  for (const points of series) {
    const edge = new Float64Array(length);
    for (let i = 0; i < length; i++) edge[i] = below[i]! + valueAt(points, step[i]!);
    upper.push(edge);
    below = edge;
  }
  return { length, x: x.values(longest), step, upper };
}

/** The series' last value at or before a step; 0 where there is none. */
export function valueAt(points: Points, step: number): number {
  let index = lowerBound(points.step, points.length, step);
  if (index >= points.length || points.step[index]! > step) index--;
  const value = index < 0 ? 0 : points.last[index]!;
  return Number.isFinite(value) ? value : 0;
}
