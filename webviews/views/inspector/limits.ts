// Between which values the colours run: chosen by the user, from all values, or from those between the 1st and the 99th percentile.

import type { HistogramAnswer, Statistics } from "../../../engine/inspection.js";

export interface Limits {
  low: number;
  high: number;
}

/** Around zero where there are both signs, or else just the values. */
export function automaticLimits(min: number, max: number): Limits {
  if (!(min <= max)) return { low: 0, high: 1 };
  if (min < 0 && max > 0) {
    const most = Math.max(-min, max);
    return { low: -most, high: most };
  }
  return min === max ? flat(min) : { low: min, high: max };
}

/** A constant tensor is drawn in the middle of its palette, but zeros and ones as the ends of one. */
function flat(value: number): Limits {
  if (value === 0) return { low: 0, high: 1 };
  const most = Math.abs(value);
  return value > 0 ? { low: 0, high: 2 * most } : { low: -2 * most, high: 0 };
}

export function isSigned(statistics: Statistics | null): boolean {
  return statistics !== null && (statistics.min ?? 0) < 0 && (statistics.max ?? 0) > 0;
}

/** The values below which `low` and above which `high` of the elements lie, as far as the bins tell. */
export function quantiles(histogram: HistogramAnswer, low: number, high: number): Limits {
  const { counts, from, to, below, above } = histogram;
  const total = counts.reduce((sum, count) => sum + count, below + above);
  const width = (to - from) / Math.max(1, counts.length);
  const at = (part: number): number => {
    let before = below;
    if (part * total <= before) return from;
    for (const [bin, count] of counts.entries()) {
      if (count > 0 && before + count >= part * total) {
        return from + (bin + (part * total - before) / count) * width;
      }
      before += count;
    }
    return to;
  };
  return { low: at(low), high: at(high) };
}

/** Whether few bins hold what the quantiles span, so that a histogram of that part alone would tell more. */
export function isCoarse(histogram: HistogramAnswer, { low, high }: Limits): boolean {
  return (high - low) / (histogram.to - histogram.from || 1) < 16 / histogram.counts.length;
}
