// Chunks merged into series: growth, another level, windows, gaps, disorder, damage; and what is derived from them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { firstStep, nearestIndex, SeriesData, type Points } from "../../webviews/chart/buckets.js";
import { RootSumSquares } from "../../webviews/chart/combine.js";
import { readAt, valueRange, visibleRange } from "../../webviews/chart/series.js";
import { smooth } from "../../webviews/chart/smoothing.js";
import { stackSeries } from "../../webviews/chart/stack.js";
import { clockOf } from "../../webviews/chart/clock.js";
import { makeXScale } from "../../webviews/chart/scales.js";
import type { SeriesChunk } from "../../webviews/protocol.js";
import { chunkOf, type Series } from "./harness/run.js";

/** A series with these values at steps 1, 2, ..., one a second. */
function seriesOf(values: number[], steps = values.map((_, i) => i + 1)): Series {
  const wall = steps.map((step) => 1000 + step);
  return { tag: "x", group: "user", label: "x", layer: null, unit: "", step: steps, wall, value: values };
}

function countTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function filled(values: number[], level = 0): SeriesData {
  const data = new SeriesData();
  data.merge(chunkOf(seriesOf(values), level, 0), true, true);
  return data;
}

const steps = ({ step, length }: Points): number[] => [...step.subarray(0, length)];
const means = ({ mean, length }: Points): number[] => [...mean.subarray(0, length)];

void test("live growth replaces the last bucket and adds to it", () => {
  const series = seriesOf(countTo(10));
  const data = filled(countTo(7), 1); // buckets 0-1, 2-3, 4-5, 6
  assert.deepEqual(means(data.points), [0.5, 2.5, 4.5, 6]);
  assert.equal(data.merge(chunkOf(series, 1, 3), true, false), true);
  assert.deepEqual(means(data.points), [0.5, 2.5, 4.5, 6.5, 8.5]);
  assert.deepEqual(steps(data.points), [2, 4, 6, 8, 10]);
});

void test("a thousand small chunks make the same series as one", () => {
  const series = seriesOf(countTo(1000));
  const data = new SeriesData();
  for (let n = 1; n <= 1000; n++) {
    const soFar = seriesOf(countTo(n));
    data.merge(chunkOf(soFar, 0, n - 1), true, n === 1);
  }
  const whole = new SeriesData();
  whole.merge(chunkOf(series, 0, 0), true, true);
  assert.deepEqual(means(data.points), means(whole.points));
  assert.equal(data.points.length, 1000);
});

void test("a chunk of another level replaces everything", () => {
  const data = filled(countTo(8));
  data.merge(chunkOf(seriesOf(countTo(8)), 2, 0), true, false);
  assert.deepEqual(means(data.points), [1.5, 5.5]);
  assert.deepEqual([...data.points.weight.subarray(0, 2)], [4, 4]);
});

void test("the same chunk twice changes nothing", () => {
  const data = filled(countTo(8));
  data.merge(chunkOf(seriesOf(countTo(8)), 0, 0), true, false);
  assert.deepEqual(means(data.points), countTo(8));
});

void test("a chunk beyond the end is refused, and what is there stays", () => {
  const data = filled(countTo(4));
  assert.equal(data.merge(chunkOf(seriesOf(countTo(9)), 0, 6), true, false), false);
  assert.deepEqual(means(data.points), [0, 1, 2, 3]);
});

void test("the first answer to a new request may begin anywhere", () => {
  const data = new SeriesData();
  const series = seriesOf(countTo(100));
  data.merge(chunkOf(series, 0, 10, 20), false, true);
  assert.equal(data.merge(chunkOf(series, 0, 50, 60), false, true), true);
  assert.deepEqual(steps(data.points), [51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
});

void test("detail lies within the overview: no step twice, none out of order", () => {
  const series = seriesOf(countTo(64));
  const data = filled(countTo(64), 3);
  data.merge(chunkOf(series, 0, 16, 32), false, true);
  const all = steps(data.points);
  assert.deepEqual(all, [8, 16, ...countTo(16).map((i) => i + 17), 40, 48, 56, 64]);
  data.dropDetail();
  assert.deepEqual(steps(data.points), [8, 16, 24, 32, 40, 48, 56, 64]);
});

void test("steps that a user logged out of order are sorted", () => {
  const data = new SeriesData();
  data.merge(chunkOf(seriesOf([1, 2, 3], [5, 1, 3]), 0, 0), true, true);
  assert.deepEqual(steps(data.points), [1, 3, 5]);
  assert.deepEqual(means(data.points), [2, 3, 1]);
});

void test("a chunk whose buffers do not agree in length is dropped", () => {
  const data = filled(countTo(4));
  const chunk: SeriesChunk = { ...chunkOf(seriesOf(countTo(9)), 0, 0), max: new ArrayBuffer(4) };
  assert.equal(data.merge(chunk, true, false), true);
  assert.equal(data.points.length, 4);
});

void test("the nearest step wins, also at the ends and in an empty series", () => {
  const { points } = filled(countTo(5));
  assert.equal(nearestIndex(points, -10), 0);
  assert.equal(nearestIndex(points, 2.4), 1);
  assert.equal(nearestIndex(points, 99), 4);
  assert.equal(nearestIndex(new SeriesData().points, 1), -1);
});

void test("the first step is known whatever the buckets", () => {
  for (const level of [0, 1, 2, 3, 4, 7])
    assert.equal(firstStep(filled(countTo(300), level).points), 1, `level ${level}`);
  assert.ok(Number.isNaN(firstStep(new SeriesData().points)));
});

void test("smoothing is debiased: a constant stays itself from the first point", () => {
  for (const value of smooth(filled([3, 3, 3, 3]).points, 0.9)) assert.ok(Math.abs(value - 3) < 1e-12);
});

void test("smoothing of 0 is the values, NaN stays a gap and is not carried on", () => {
  assert.deepEqual([...smooth(filled([1, 2, 4]).points, 0)], [1, 2, 4]);
  const result = smooth(filled([1, NaN, 1]).points, 0.5);
  assert.equal(result[0], 1);
  assert.ok(Number.isNaN(result[1]));
  assert.equal(result[2], 1);
});

void test("smoothing follows the formula", () => {
  // a₂ = 0.5·(0.5·1) + 0.5·3 = 1.75, w₂ = 0.75
  assert.deepEqual([...smooth(filled([1, 3]).points, 0.5)], [1, 1.75 / 0.75]);
});

void test("smoothing gives the same curve whatever the buckets", () => {
  const values = countTo(64).map((i) => (i < 32 ? 0 : 1));
  const fine = smooth(filled(values).points, 0.95);
  const coarse = smooth(filled(values, 3).points, 0.95);
  for (let k = 0; k < 8; k++) assert.ok(Math.abs(coarse[k]! - fine[8 * k + 7]!) < 1e-6, `bucket ${k}`);
});

void test("a range on a log scale leaves out what is not above zero, and says so", () => {
  const { points } = filled([-2, 0, 5, 1]);
  assert.deepEqual(valueRange(points, { from: 0, to: 4 }, false), {
    range: { min: -2, max: 5 },
    hasHidden: false,
  });
  assert.deepEqual(valueRange(points, { from: 0, to: 4 }, true), {
    range: { min: 1, max: 5 },
    hasHidden: true,
  });
  assert.deepEqual(valueRange(points, { from: 0, to: 2 }, true), { range: null, hasHidden: true });
  assert.equal(valueRange(filled([NaN, NaN]).points, { from: 0, to: 2 }, false).range, null);
});

void test("the range on screen has a neighbour on each side", () => {
  const { points } = filled(countTo(10)); // steps 1 to 10
  assert.deepEqual(visibleRange(points, { from: 4, to: 6 }), { from: 2, to: 7 });
  assert.deepEqual(visibleRange(points, { from: -5, to: 50 }), { from: 0, to: 10 });
});

void test("before its first step a series has no value", () => {
  const data = new SeriesData();
  data.merge(chunkOf(seriesOf([7, 8], [100, 110]), 0, 0), true, true);
  assert.equal(readAt(data.points, 20, false), null);
  assert.equal(readAt(data.points, 95, false)?.value, 7);
});

void test("a layer's norm is the root of the sum of its parameters' squares", () => {
  const layer = new RootSumSquares([filled([3, 6]), filled([4, 8])]);
  assert.deepEqual(means(layer.points), [5, 10]);
});

void test("stacked areas add up, also where a series begins later", () => {
  const late = new SeriesData();
  late.merge(chunkOf(seriesOf([10, 10], [3, 4]), 0, 0), true, true);
  const parts = [filled([1, 1, 1, 1]).points, late.points];
  const window = { from: 1, to: 4 };
  const x = makeXScale({ kind: "step", log: false, window, clock: clockOf(null), width: 100 });
  const { upper } = stackSeries(parts, x);
  assert.deepEqual([...upper[0]!], [1, 1, 1, 1]);
  assert.deepEqual([...upper[1]!], [1, 1, 11, 11]);
});
