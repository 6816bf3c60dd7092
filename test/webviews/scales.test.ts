// Numbers in words, ticks, scales, the clock and the shared window.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SeriesData } from "../../webviews/chart/buckets.js";
import { clockOf } from "../../webviews/chart/clock.js";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatTick,
  formatValue,
  formatWithUnit,
} from "../../webviews/chart/format.js";
import { logTicks, makeXScale, makeYScale } from "../../webviews/chart/scales.js";
import { chooseWindow, resolveWindow } from "../../webviews/chart/window.js";
import { chunkOf } from "./harness/run.js";

void test("values are written short", () => {
  const rows: [number | null, string][] = [
    [0.012345678, "0.01235"],
    [2, "2"],
    [12345.6, "12,346"],
    [0.000123456, "1.235e-4"],
    [2.5e9, "2.5e9"],
    [1e-7, "1e-7"],
    [-0.5, "−0.5"],
    [0, "0"],
    [null, "–"],
    [NaN, "NaN"],
    [Infinity, "+∞"],
    [-Infinity, "−∞"],
    [1e10, "1e10"],
  ];
  for (const [value, text] of rows) assert.equal(formatValue(value), text);
});

void test("bytes, counts and durations are written as people say them", () => {
  assert.equal(formatBytes(0), "0 B");
  assert.equal(formatBytes(1023), "1023 B");
  assert.equal(formatBytes(1536), "1.5 KiB");
  assert.equal(formatBytes(3.2 * 1024 ** 3), "3.2 GiB");
  assert.equal(formatBytes(1023 * 1024 ** 2), "1023 MiB");
  assert.equal(formatCount(1234567), "1,234,567");
  assert.equal(formatDuration(0.25), "250 ms");
  assert.equal(formatDuration(59.99), "1 min 00 s");
  assert.equal(formatDuration(125), "2 min 05 s");
  assert.equal(formatDuration(3725), "1 h 02 min");
  assert.equal(formatDuration(90_000), "1 d 01 h");
  assert.equal(formatDuration(null), "–");
  assert.equal(formatWithUnit(41000, "samples/s"), "41,000 samples/s");
});

void test("ticks have no more digits than tell them apart", () => {
  assert.equal(formatTick(0.003, 0.0005, ""), "0.0030");
  assert.equal(formatTick(1_500_000, 500_000, ""), "1.5M");
  assert.equal(formatTick(0.00002, 0.00001, ""), "2e-5");
  assert.equal(formatTick(1e-5, 1e-5, ""), "1e-5");
  assert.equal(formatTick(2000, 1000, ""), "2,000");
});

void test("log ticks: powers of ten over many decades, 2 and 5 over few, plain within a part of one", () => {
  assert.deepEqual(logTicks([1e-6, 1], 4), [1e-6, 1e-4, 1e-2, 1]);
  assert.deepEqual(logTicks([0.5, 20], 5), [0.5, 1, 2, 5, 10, 20]);
  assert.deepEqual(logTicks([1, 1.5], 5), [1, 1.1, 1.2, 1.3, 1.4, 1.5]);
});

const plot = { top: 0, bottom: 100, unit: "" } as const;

void test("a constant series gets room above and below", () => {
  const y = makeYScale({ ...plot, range: { min: 3, max: 3 }, log: false, includeZero: false });
  assert.ok(y.domain[0] < 3 && y.domain[1] > 3);
  const zero = makeYScale({ ...plot, range: { min: 0, max: 0 }, log: false, includeZero: true });
  assert.ok(zero.domain[0] === 0 && zero.domain[1] > 0);
  const log = makeYScale({ ...plot, range: { min: 1e-3, max: 1e-3 }, log: true, includeZero: false });
  assert.ok(Number.isFinite(log.place(1e-3)) && log.place(1e-3) > 0 && log.place(1e-3) < 100);
});

void test("no value at all still makes an axis", () => {
  for (const log of [false, true]) {
    const y = makeYScale({ ...plot, range: null, log, includeZero: false });
    assert.ok(y.ticks(4).every((tick) => Number.isFinite(tick.at)));
  }
});

void test("drawing and ticks agree on where a value is", () => {
  for (const log of [false, true]) {
    const y = makeYScale({ ...plot, range: { min: 1, max: 1000 }, log, includeZero: false });
    for (const value of [1, 10, 500]) assert.ok(Math.abs(y.valueAt(y.place(value)) - value) < 1e-6 * value);
  }
  const y = makeYScale({ ...plot, range: { min: 1, max: 1000 }, log: true, includeZero: false });
  assert.ok(Number.isNaN(y.place(-1)) && Number.isNaN(y.place(0)));
});

function trained(seconds: (step: number) => number): SeriesData {
  const step = Array.from({ length: 100 }, (_, i) => i + 1);
  const data = new SeriesData();
  data.merge(
    chunkOf(
      {
        ...{ tag: "x", group: "user", label: "x", layer: null, unit: "" },
        ...{ step, wall: step.map(seconds), value: step },
      },
      0,
      0,
    ),
    true,
    true,
  );
  return data;
}

void test("the clock turns steps into time and back, also beyond the last step", () => {
  const clock = clockOf(trained((step) => 1000 + 2 * step).points);
  assert.equal(clock.wallAt(50), 1100);
  assert.equal(clock.stepAt(1101), 50.5);
  assert.equal(clock.wallAt(200), 1400);
  assert.equal(clock.start, 1002);
  // A pause in the middle: 10 s in which no step is done.
  const paused = clockOf(trained((step) => 1000 + step + (step > 50 ? 10 : 0)).points);
  assert.equal(paused.wallAt(51), 1061);
  assert.ok(paused.stepAt(1055) > 50 && paused.stepAt(1055) < 51);
});

void test("every x axis takes the window's edges to the plot's edges", () => {
  const { points } = trained((step) => 1000 + 2 * step);
  const clock = clockOf(points);
  const window = { from: 20, to: 60 };
  for (const kind of ["step", "relative", "wall"] as const) {
    for (const log of [false, true]) {
      const x = makeXScale({ kind, log, window, clock, width: 400 });
      assert.ok(Math.abs(x.placeStep(20)) < 1e-6, `${kind} ${log}`);
      assert.ok(Math.abs(x.placeStep(60) - 400) < 1e-6, `${kind} ${log}`);
      assert.ok(Math.abs(x.stepAt(x.placeStep(33)) - 33) < 1e-4, `${kind} ${log}`);
      assert.ok(Math.abs(x.place(x.values(points)[19]!)) < 1e-6, `${kind} ${log}`);
      assert.ok(x.ticks(5).length > 1);
    }
  }
});

void test("the window stays within the run and has a least width", () => {
  const extent = { from: 1, to: 1000 };
  assert.deepEqual(chooseWindow({ from: -50, to: 50 }, extent, false), { kind: "fixed", from: 1, to: 101 });
  assert.deepEqual(chooseWindow({ from: 950, to: 1050 }, extent, false), {
    kind: "fixed",
    from: 900,
    to: 1000,
  });
  assert.deepEqual(chooseWindow({ from: -5, to: 2000 }, extent, false), { kind: "all" });
  assert.deepEqual(chooseWindow({ from: 500, to: 500.1 }, extent, false), {
    kind: "fixed",
    from: 498.05,
    to: 502.05,
  });
  assert.deepEqual(chooseWindow({ from: 0, to: 1 }, { from: 1, to: 1 }, false), { kind: "all" });
});

void test("a window at the live edge goes on following, and one that leaves it stands still", () => {
  const extent = { from: 1, to: 1000 };
  assert.deepEqual(chooseWindow({ from: 900, to: 1010 }, extent, true), { kind: "last", span: 110 });
  assert.deepEqual(chooseWindow({ from: 800, to: 910 }, extent, true), { kind: "fixed", from: 800, to: 910 });
  assert.deepEqual(resolveWindow({ kind: "last", span: 110 }, { from: 1, to: 2000 }), {
    from: 1890,
    to: 2000,
  });
  assert.deepEqual(resolveWindow({ kind: "last", span: 110 }, { from: 1, to: 50 }), { from: 1, to: 50 });
  const single = resolveWindow({ kind: "all" }, { from: 7, to: 7 });
  assert.ok(single.from < 7 && single.to > 7);
});

void test("bytes on a logarithmic scale are marked at powers of two, and at round numbers where few fit", () => {
  const ticks = (min: number, max: number): string[] =>
    makeYScale({ range: { min, max }, log: true, includeZero: false, top: 0, bottom: 150, unit: "bytes" })
      .ticks(4)
      .map(({ text }) => text);
  assert.deepEqual(ticks(90 * 2 ** 20, 80 * 2 ** 30), ["128 MiB", "1 GiB", "8 GiB", "64 GiB"]);
  assert.deepEqual(ticks(90 * 2 ** 20, 100 * 2 ** 20), ["92 MiB", "96 MiB", "100 MiB"]);
});

void test("bytes are marked a power of two apart, exactly, and never at a part of a byte", () => {
  const ticks = (min: number, max: number): string[] =>
    makeYScale({
      range: { min, max },
      log: false,
      includeZero: min === 0,
      top: 0,
      bottom: 150,
      unit: "bytes",
    })
      .ticks(5)
      .map(({ text }) => text);
  assert.deepEqual(ticks(0, 1.15 * 2 ** 20), ["0 B", "256 KiB", "512 KiB", "768 KiB", "1 MiB"]);
  assert.deepEqual(ticks(0, 0), ["0 B", "256 B", "512 B", "768 B", "1 KiB"]);
  assert.deepEqual(ticks(0, 3), ["0 B", "1 B", "2 B", "3 B"]);
  assert.deepEqual(ticks(2 ** 20, 1.5 * 2 ** 20), ["1 MiB", "1.125 MiB", "1.25 MiB", "1.375 MiB", "1.5 MiB"]);
  assert.deepEqual(
    ticks(2 ** 30, 2 ** 30 + 4096),
    [0, 1, 2, 3, 4].map((k) => `${1048576 + k} KiB`),
  );
});
