// The pyramid over a curve: whatever level and range is asked for, no extreme and no NaN is lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Moments, Series } from "../../engine/store/series.js";

/** The definition: what a bucket of these values is. */
function bucketOf(values: number[]): Record<"min" | "max" | "mean" | "last" | "flags", number> {
  const finite = values.filter(Number.isFinite);
  return {
    min: finite.length === 0 ? NaN : Math.min(...finite),
    max: finite.length === 0 ? NaN : Math.max(...finite),
    mean: finite.length === 0 ? NaN : Math.fround(finite.reduce((a, b) => a + b, 0) / finite.length),
    last: values.at(-1)!,
    flags:
      (values.some(Number.isNaN) ? 1 : 0) |
      (values.includes(Infinity) ? 2 : 0) |
      (values.includes(-Infinity) ? 4 : 0),
  };
}

/** Pseudo-random but always the same, with NaN and infinities strewn in. */
function testValues(count: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    const kind = state % 97;
    return kind === 0
      ? NaN
      : kind === 1
        ? Infinity
        : kind === 2
          ? -Infinity
          : Math.fround(state / 1e6 - 1000);
  });
}

function seriesOf(values: readonly number[]): Series {
  const moments = new Moments();
  const series = new Series("x", moments);
  values.forEach((value, k) => {
    series.add(value, moments.add(k * 2, 100 + k));
  });
  return series;
}

function assertBuckets(
  series: Series,
  values: readonly number[],
  level: number,
  start: number,
  end: number,
): void {
  const found = series.buckets(level, start, end);
  const size = 2 ** level;
  const count = Math.max(0, Math.min(end, Math.ceil(values.length / size)) - start);
  assert.equal(found.min.length, count);
  for (let k = 0; k < count; k++) {
    const from = (start + k) * size;
    const part = values.slice(from, from + size);
    const { min, max, mean, last, flags } = bucketOf(part);
    const where = `level ${level}, bucket ${start + k}`;
    assert.deepEqual(
      [found.min[k], found.max[k], found.last[k], found.flags[k]],
      [min, max, last, flags],
      where,
    );
    assert.ok(
      Object.is(mean, found.mean[k]) || Math.abs(mean - found.mean[k]!) <= Math.abs(mean) * 1e-5 + 1e-3,
      where,
    );
    assert.equal(found.step[k], (from + part.length - 1) * 2);
    assert.equal(found.wall[k], 100 + from + part.length - 1);
  }
}

test("buckets of every level are those of the definition, whole or still growing", () => {
  for (const count of [1, 2, 15, 16, 17, 31, 100, 1000, 1024, 3001]) {
    const values = testValues(count);
    const series = seriesOf(values);
    for (let level = 0; level <= series.topLevel + 2; level++)
      assertBuckets(series, values, level, 0, Infinity);
    assertBuckets(series, values, 1, Math.floor(count / 4), Math.floor(count / 3));
    assertBuckets(series, values, 5, 1, 3);
  }
});

test("the series knows its extremes, its last value and how many values were not finite", () => {
  const values = testValues(5000);
  const series = seriesOf(values);
  const { min, max } = bucketOf(values);
  const nonFinite = values.filter((value) => !Number.isFinite(value)).length;
  assert.ok(nonFinite > 50);
  assert.deepEqual(
    [series.min, series.max, series.last, series.nonFinite],
    [min, max, values.at(-1), nonFinite],
  );
  assert.deepEqual([seriesOf([]).min, seriesOf([]).last, seriesOf([NaN]).max], [NaN, NaN, NaN]);
});

test("a restart forgets what it writes anew, and the pyramid follows", () => {
  const values = testValues(2000);
  const series = seriesOf(values);
  series.truncateFrom(2 * 777);
  const kept = values.slice(0, 777);
  assert.equal(series.count, 777);
  assert.deepEqual([series.min, series.max], [bucketOf(kept).min, bucketOf(kept).max]);
  for (let level = 0; level < 12; level++) assertBuckets(series, kept, level, 0, Infinity);
  series.truncateFrom(1e9);
  assert.equal(series.count, 777);
});

test("a step is found by halving, and by looking where steps went backwards", () => {
  const series = seriesOf(testValues(1000));
  assert.deepEqual(
    [-1, 0, 1, 500, 1998, 1999].map((step) => series.indexOfStep(step)),
    [0, 0, 1, 250, 999, 1000],
  );
  const moments = new Moments();
  const zigzag = new Series("x", moments);
  for (const step of [1, 2, 3, 1, 2, 3]) zigzag.add(step, moments.add(step, 0));
  assert.equal(zigzag.indexOfStep(3), 2);
  assert.equal(zigzag.indexOfStep(9), 6);
});

test("a level is chosen so that a screen's width of buckets is enough", () => {
  const series = seriesOf(testValues(100));
  assert.equal(series.levelFor(0, 100, 200), 0);
  assert.equal(series.levelFor(0, 1_000_000, 1000), 10);
  assert.ok(1_000_000 / 2 ** series.levelFor(0, 1_000_000, 1000) <= 1000);
});

test("a million points cost a screen's width to read", () => {
  const moments = new Moments();
  const series = new Series("x", moments);
  for (let k = 0; k < 1_000_000; k++) series.add(k === 123_456 ? 1e9 : Math.sin(k), moments.add(k, k));
  const level = series.levelFor(0, series.count, 1000);
  const began = performance.now();
  const { max } = series.buckets(level, 0, Infinity);
  const milliseconds = performance.now() - began;
  assert.ok(max.length <= 1000 && max.includes(1e9), "the spike is there");
  assert.ok(milliseconds < 50, `${milliseconds} ms`);
});
