// Which step was done when: turns steps into seconds and back, so that all charts share one window whatever their axis.

import { lowerBound, type Points } from "./buckets.js";

export interface Clock {
  /** Seconds since 1970 at a step; beyond what is known it goes on at the average pace. */
  wallAt(step: number): number;
  stepAt(wall: number): number;
  /** Seconds since 1970 of the first point. */
  readonly start: number;
}

/** A clock without points ticks once a step, from 0. */
export function clockOf(points: Points | null): Clock {
  if (points === null || points.length === 0) {
    return { wallAt: (step) => step, stepAt: (wall) => wall, start: 0 };
  }
  const { step, wall } = increasing(points);
  const last = step.length - 1;
  const steps = step[last]! - step[0]!;
  const seconds = wall[last]! - wall[0]!;
  const pace = steps > 0 && seconds > 0 ? seconds / steps : 1;
  return {
    start: wall[0]!,
    wallAt: (value) => interpolate(step, wall, value, pace),
    stepAt: (value) => interpolate(wall, step, value, 1 / pace),
  };
}

/** The points at which both step and time have advanced. */
function increasing(points: Points): { step: Float64Array; wall: Float64Array } {
  const step = new Float64Array(points.length);
  const wall = new Float64Array(points.length);
  let length = 0;
  for (let i = 0; i < points.length; i++) {
    if (length > 0 && !(points.step[i]! > step[length - 1]! && points.wall[i]! > wall[length - 1]!)) continue;
    step[length] = points.step[i]!;
    wall[length] = points.wall[i]!;
    length++;
  }
  return { step: step.subarray(0, length), wall: wall.subarray(0, length) };
}

function interpolate(from: Float64Array, to: Float64Array, value: number, slope: number): number {
  const last = from.length - 1;
  if (value <= from[0]!) return to[0]! + (value - from[0]!) * slope;
  if (value >= from[last]!) return to[last]! + (value - from[last]!) * slope;
  const right = lowerBound(from, from.length, value);
  const part = (value - from[right - 1]!) / (from[right]! - from[right - 1]!);
  return to[right - 1]! + part * (to[right]! - to[right - 1]!);
}
