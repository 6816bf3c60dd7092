// A series made of others: the norm of a layer from the norms of its parameters.

import { emptyPoints, lowerBound, type Points, type PointSource } from "./buckets.js";

/**
 * √(Σ xᵢ²) over series recorded at the same steps. Exact where a bucket is one point; for larger buckets the least and
 * greatest are bounds, and the mean is the norm of the means.
 */
export class RootSumSquares implements PointSource {
  #parts: readonly PointSource[];
  #points = emptyPoints();
  #version = -1;

  constructor(parts: readonly PointSource[]) {
    this.#parts = parts;
  }

  get version(): number {
    return this.#parts.reduce((sum, part) => sum + part.version, 0);
  }

  get points(): Points {
    const { version } = this;
    if (version !== this.#version) {
      this.#version = version;
      this.#points = combine(this.#parts.map((part) => part.points));
    }
    return this.#points;
  }
}

function combine(parts: readonly Points[]): Points {
  const grid = parts.reduce((best, part) => (part.length > best.length ? part : best), emptyPoints());
  if (parts.length === 1) return grid;
  const { length, step, wall, weight } = grid;
  const result: Points = { ...emptyPoints(length), length, step, wall, weight };
  for (const part of parts) {
    const aligned = part.length === length && part.step[length - 1] === step[length - 1];
    for (let i = 0; i < length; i++) {
      const from = aligned ? i : Math.min(lowerBound(part.step, part.length, step[i]!), part.length - 1);
      if (from < 0) continue;
      result.flags[i]! |= part.flags[from]!;
      for (const field of ["min", "max", "last", "mean"] as const)
        result[field][i]! += part[field][from]! ** 2;
    }
  }
  for (const field of ["min", "max", "last", "mean"] as const) {
    for (let i = 0; i < length; i++) result[field][i] = Math.sqrt(result[field][i]!);
  }
  return result;
}
