// Exponential moving average over buckets: debiased at the start, and a bucket of n points weighs as n points.

import type { Points } from "./buckets.js";

/**
 * @param smoothing 0 ≤ smoothing < 1: the weight of the past at each point.
 * @returns one value a bucket; NaN where the bucket has no finite value.
 *
 * For points x₁…xₙ: a ← s·a + (1−s)·x, w ← s·w + (1−s), result a / w. A bucket of n points is taken as n points of its
 * mean, which makes the past weigh sⁿ: so the curve does not change its shape when the buckets do.
 */
export function smooth(points: Points, smoothing: number): Float64Array {
  const { length, mean, weight } = points;
  const result = new Float64Array(length);
  let average = 0;
  let total = 0;
  for (let i = 0; i < length; i++) {
    const value = mean[i]!;
    if (Number.isNaN(value)) {
      result[i] = NaN;
      continue;
    }
    const past = smoothing > 0 ? smoothing ** weight[i]! : 0;
    average = past * average + (1 - past) * value;
    total = past * total + (1 - past);
    result[i] = average / total;
  }
  return result;
}
