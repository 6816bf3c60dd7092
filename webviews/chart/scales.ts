// From steps, seconds and values to pixels and back, with ticks. d3 chooses the ticks; drawing uses a·f(v)+b, which is quick.

import { scaleLinear, scaleLog, scaleTime } from "d3-scale";
import type { Points } from "./buckets.js";
import type { Clock } from "./clock.js";
import { formatClock, formatDuration, formatTick, type Unit } from "./format.js";
import type { Extent } from "./window.js";

export interface Tick {
  /** Pixels. */
  at: number;
  text: string;
}

export type XKind = "step" | "wall" | "relative";

export interface XScale {
  kind: XKind;
  log: boolean;
  /** The values, one a bucket, that `place` takes. */
  values(points: Points): Float64Array;
  place(value: number): number;
  placeStep(step: number): number;
  stepAt(pixel: number): number;
  ticks(count: number): Tick[];
  /** What stands at the axis. */
  label: string;
}

export interface XOptions {
  kind: XKind;
  log: boolean;
  /** In steps. */
  window: Extent;
  clock: Clock;
  width: number;
}

/** A time of day has no logarithm: there `log` is left aside. */
export function makeXScale({ kind, log, window, clock, width }: XOptions): XScale {
  if (kind === "wall") return timeScale(window, clock, width);
  const origin = kind === "relative" ? clock.start : 0;
  const valueOf = (step: number): number => (kind === "relative" ? clock.wallAt(step) - origin : step);
  const to = valueOf(window.to);
  const from = valueOf(window.from);
  const useLog = log && to > 0;
  const least = kind === "relative" ? to / 1e4 : 1;
  const domain: [number, number] = useLog ? [Math.max(from, Math.min(least, to / 2)), to] : [from, to];
  const scale = useLog ? scaleLog(domain, [0, width]) : scaleLinear(domain, [0, width]);
  const line = lineThrough(domain, 0, width, useLog);
  const place = (value: number): number => line(value - origin);
  return {
    kind,
    log: useLog,
    label: kind === "relative" ? "elapsed" : "step",
    values: (points) => (kind === "relative" ? points.wall : points.step),
    place,
    placeStep: (step) => line(valueOf(step)),
    stepAt: (pixel) => {
      const value = scale.invert(pixel);
      return kind === "relative" ? clock.stepAt(value + origin) : value;
    },
    ticks: (count) => {
      const values = useLog
        ? logTicks(domain, count)
        : kind === "relative"
          ? durationTicks(domain, count)
          : scale.ticks(count);
      const whole = kind === "step" ? values.filter((value) => Number.isInteger(value)) : values;
      const distance = tickDistance(whole);
      return whole.map((value) => ({
        at: scale(value),
        text: kind === "relative" ? formatDuration(value) : formatTick(value, useLog ? value : distance, ""),
      }));
    },
  };
}

function timeScale(window: Extent, clock: Clock, width: number): XScale {
  const domain: [number, number] = [clock.wallAt(window.from), clock.wallAt(window.to)];
  const scale = scaleTime(
    domain.map((seconds) => seconds * 1000),
    [0, width],
  );
  const place = lineThrough(domain, 0, width, false);
  return {
    kind: "wall",
    log: false,
    label: "time",
    values: (points) => points.wall,
    place,
    placeStep: (step) => place(clock.wallAt(step)),
    stepAt: (pixel) => clock.stepAt(scale.invert(pixel).getTime() / 1000),
    ticks: (count) => {
      const short = domain[1] - domain[0] > 20 * 60;
      return scale.ticks(count).map((date) => {
        const text = formatClock(date.getTime() / 1000);
        return { at: scale(date), text: short ? text.slice(0, 5) : text };
      });
    },
  };
}

export interface YScale {
  log: boolean;
  domain: [number, number];
  /** Values at or below zero have no place on a logarithmic scale: NaN. */
  place(value: number): number;
  valueAt(pixel: number): number;
  ticks(count: number): Tick[];
}

export interface YOptions {
  /** Smallest and largest finite value to show; null where there is none. On a log scale: of those above zero. */
  range: { min: number; max: number } | null;
  log: boolean;
  includeZero: boolean;
  /** Pixels: the bottom is the larger one. */
  top: number;
  bottom: number;
  unit: Unit;
}

export function makeYScale({ range, log, includeZero, top, bottom, unit }: YOptions): YScale {
  const count = Math.max(2, Math.floor((bottom - top) / 36));
  const domain = log ? logDomain(range) : linearDomain(range, includeZero, count, unit);
  const scale = log ? scaleLog(domain, [bottom, top]) : scaleLinear(domain, [bottom, top]);
  const place = lineThrough(domain, bottom, top, log);
  return {
    log,
    domain,
    place,
    valueAt: (pixel) => scale.invert(pixel),
    ticks: (wanted) => {
      const values = log
        ? unit === "bytes"
          ? logByteTicks(domain, wanted)
          : logTicks(domain, wanted)
        : unit === "bytes"
          ? byteTicks(domain, wanted)
          : scale.ticks(wanted);
      const distance = tickDistance(values);
      return values.map((value) => ({
        at: scale(value),
        text: formatTick(value, log ? value : distance, unit),
      }));
    },
  };
}

function linearDomain(
  range: YOptions["range"],
  includeZero: boolean,
  count: number,
  unit: Unit,
): [number, number] {
  const little = unit === "bytes" ? 1024 : 1; // a part of a byte is none
  if (range === null) return [0, little];
  let { min, max } = range;
  if (includeZero) {
    min = Math.min(min, 0);
    max = Math.max(max, 0);
  }
  if (max - min <= Math.abs(max) * 1e-9) {
    const pad = Math.abs(max) * 0.1 || little;
    return includeZero && min >= 0 ? [0, max + pad] : [min - pad, max + pad];
  }
  if (unit === "bytes") return [min, max + (max - min) * 0.05];
  const nice = scaleLinear([min, max], [0, 1]).nice(count).domain();
  return [nice[0]!, nice[1]!];
}

function logDomain(range: YOptions["range"]): [number, number] {
  if (range === null || range.max <= 0) return [0.1, 1];
  const min = Math.max(range.min, Number.MIN_VALUE);
  const pad = range.max / min > 1.0001 ? (range.max / min) ** 0.05 : 1.5;
  return [Math.max(min / pad, 1e-300), range.max * pad];
}

/** Whole powers of ten, thinned out; within two decades also 2 and 5; within a third of one, plain steps. */
export function logTicks(domain: readonly [number, number], count: number): number[] {
  const low = Math.log10(domain[0]);
  const high = Math.log10(domain[1]);
  if (high - low < 0.5) return scaleLinear(domain, [0, 1]).ticks(count);
  const first = Math.ceil(low - 1e-9);
  const last = Math.floor(high + 1e-9);
  const mantissas = high - low < 2 && count >= 3 ? [1, 2, 5] : [1];
  const stride = mantissas.length > 1 ? 1 : Math.max(1, Math.ceil((last - first + 1) / count));
  const ticks: number[] = [];
  for (let power = Math.ceil((first - 1) / stride) * stride; power <= last; power += stride) {
    for (const mantissa of mantissas) {
      const value = Number(`${mantissa}e${power}`);
      if (value >= domain[0] * (1 - 1e-9) && value <= domain[1] * (1 + 1e-9)) ticks.push(value);
    }
  }
  return ticks;
}

/** Powers of two, so far apart that there are at most `count` and as far from each other. */
function logByteTicks(domain: readonly [number, number], count: number): number[] {
  const low = Math.log2(domain[0]);
  const high = Math.log2(domain[1]);
  const step = Math.max(1, Math.ceil((high - low) / Math.max(1, count)));
  const ticks: number[] = [];
  for (let power = Math.ceil(low / step) * step; power <= high; power += step) ticks.push(2 ** power);
  return ticks.length > 1 ? ticks : byteTicks(domain, count);
}

/** Ticks a power of two apart, and whole bytes: round numbers of KiB, MiB, ... where those of ten would not be. */
function byteTicks(domain: readonly [number, number], count: number): number[] {
  const distance = (domain[1] - domain[0]) / Math.max(1, count);
  const step = Math.max(1, 2 ** Math.ceil(Math.log2(distance) - 1e-9));
  const ticks: number[] = [];
  for (let value = Math.ceil(domain[0] / step) * step; value <= domain[1]; value += step) ticks.push(value);
  return ticks;
}

const niceSeconds = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400,
];

function durationTicks(domain: readonly [number, number], count: number): number[] {
  const step = (domain[1] - domain[0]) / count;
  const nice = niceSeconds.find((seconds) => seconds >= step);
  if (step < 1 || nice === undefined) return scaleLinear(domain, [0, 1]).ticks(count);
  const ticks: number[] = [];
  for (let value = Math.ceil(domain[0] / nice) * nice; value <= domain[1]; value += nice) ticks.push(value);
  return ticks;
}

function tickDistance(values: readonly number[]): number {
  return values.length > 1 ? values[1]! - values[0]! : Math.abs(values[0] ?? 1) || 1;
}

/** The line that takes the domain's ends, or their logarithms, to two pixels. */
function lineThrough(
  domain: readonly [number, number],
  first: number,
  second: number,
  log: boolean,
): (value: number) => number {
  const low = log ? Math.log10(domain[0]) : domain[0];
  const high = log ? Math.log10(domain[1]) : domain[1];
  const slope = (second - first) / (high - low || 1);
  const offset = first - slope * low;
  return log
    ? (value) => (value > 0 ? slope * Math.log10(value) + offset : NaN)
    : (value) => slope * value + offset;
}
