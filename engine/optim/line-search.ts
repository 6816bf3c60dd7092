// A line search for the strong Wolfe conditions (Nocedal & Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6), with the
// cubic steps and the safeguards of minFunc (Schmidt, 2005), as PyTorch's LBFGS has them.

import { type Tensor } from "../tensor.js";

/** What the loss is like at one point of the line. */
export interface Evaluation {
  loss: number;
  gradient: Tensor;
  /** The derivative along the line. */
  slope: number;
}

interface Point extends Evaluation {
  at: number;
}

export interface Found {
  best: Evaluation;
  length: number;
  evaluations: number;
}

/** Enough decrease of the loss, and of its slope. */
const decrease = 1e-4;
const flattening = 0.9;
/** A bracket narrower than this, in the largest element of the parameters, is not searched further. */
const narrowest = 1e-9;

/**
 * Where to stop on the line that begins at `from`, when `length` is tried first. `evaluate(t)` looks at a point;
 * `size` is the largest element of the direction.
 */
export function searchLine(
  evaluate: (at: number) => Evaluation,
  from: Evaluation,
  length: number,
  size: number,
  most: number,
): Found {
  const start: Point = { ...from, at: 0 };
  let evaluations = 0;
  const look = (at: number): Point => {
    evaluations += 1;
    return { ...evaluate(at), at };
  };
  const isTooHigh = (point: Point): boolean => point.loss > start.loss + decrease * point.at * start.slope;
  const isFlat = (point: Point): boolean => Math.abs(point.slope) <= -flattening * start.slope;
  const result = (best: Point): Found => ({ best, length: best.at, evaluations });

  // Walk on until a minimum lies between two points.
  let previous = start;
  let point = look(length);
  let walked = 0;
  let bracket: [Point, Point] | null = null;
  while (walked < most) {
    if (isTooHigh(point) || (walked > 1 && point.loss >= previous.loss)) {
      bracket = [previous, point];
      break;
    }
    if (isFlat(point)) return result(point);
    if (point.slope >= 0) {
      bracket = [previous, point];
      break;
    }
    const next = cubicMinimum(previous, point, point.at + 0.01 * (point.at - previous.at), point.at * 10);
    previous = point;
    point = look(next);
    walked += 1;
  }
  bracket ??= [start, point];

  // Narrow it down.
  let hasStalled = false;
  let low = bracket[0].loss <= bracket[1].loss ? 0 : 1;
  while (walked < most) {
    const [left, right] = [Math.min(bracket[0].at, bracket[1].at), Math.max(bracket[0].at, bracket[1].at)];
    if ((right - left) * size < narrowest) break;
    let at = cubicMinimum(bracket[0], bracket[1], left, right);
    // Close to an end twice in a row, or beyond it: a tenth inside instead.
    const margin = 0.1 * (right - left);
    if (Math.min(right - at, at - left) < margin) {
      if (hasStalled || at >= right || at <= left) {
        at = Math.abs(at - right) < Math.abs(at - left) ? right - margin : left + margin;
        hasStalled = false;
      } else {
        hasStalled = true;
      }
    } else {
      hasStalled = false;
    }
    point = look(at);
    walked += 1;
    const high = 1 - low;
    if (isTooHigh(point) || point.loss >= bracket[low]!.loss) {
      bracket[high] = point;
      low = bracket[0].loss <= bracket[1].loss ? 0 : 1;
      continue;
    }
    const isDone = isFlat(point);
    if (!isDone && point.slope * (bracket[high]!.at - bracket[low]!.at) >= 0) bracket[high] = bracket[low]!;
    bracket[low] = point;
    if (isDone) break;
  }
  return result(bracket[low]!);
}

/** The minimum, within bounds, of the cubic that has the losses and slopes of two points; the middle where it has none. */
function cubicMinimum(a: Point, b: Point, lowest: number, highest: number): number {
  const [left, right] = a.at <= b.at ? [a, b] : [b, a];
  const mean = left.slope + right.slope - (3 * (left.loss - right.loss)) / (left.at - right.at);
  const square = mean * mean - left.slope * right.slope;
  if (!(square >= 0)) return (lowest + highest) / 2;
  const root = Math.sqrt(square);
  const share = (right.slope + root - mean) / (right.slope - left.slope + 2 * root);
  const at = right.at - (right.at - left.at) * share;
  return Math.min(Math.max(at, lowest), highest);
}
