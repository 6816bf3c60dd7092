// The inspector's arithmetic without a page: slices, viewports, tiles, limits, numbers as text.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SliceAnswer, SliceAsk } from "../../engine/inspection.js";
import { automaticLimits, isCoarse, quantiles } from "../../webviews/views/inspector/limits.js";
import { exactText, shortText } from "../../webviews/views/inspector/numbers.js";
import {
  defaultSlice,
  fitSlice,
  guessImage,
  parseIndex,
  parseRange,
  sliceText,
  sliceWith,
  withRole,
} from "../../webviews/views/inspector/slicing.js";
import { Tiles, tileSide } from "../../webviews/views/inspector/tiles.js";
import {
  fit,
  mostCells,
  pan,
  reveal,
  stepsFor,
  visible,
  zoom,
} from "../../webviews/views/inspector/viewport.js";
import { answerTo } from "./harness/answerer.js";

void describe("slices", () => {
  void test("the last two dims are shown first, a picture's height and width of [N, H, W, 3]", () => {
    const shown = (shape: number[]): unknown => {
      const { rowDim, columnDim } = defaultSlice(shape);
      return [rowDim, columnDim];
    };
    assert.deepEqual(shown([]), [null, null]);
    assert.deepEqual(shown([7]), [null, 0]);
    assert.deepEqual(shown([2, 3, 4, 5]), [2, 3]);
    assert.deepEqual(shown([8, 32, 32, 3]), [1, 2]);
    assert.deepEqual(shown([8, 3, 32, 32]), [2, 3]);
  });

  void test("pictures are guessed by their channels", () => {
    assert.deepEqual(guessImage([3, 32, 48]), { channel: 0, height: 1, width: 2 });
    assert.deepEqual(guessImage([5, 32, 48, 4]), { channel: 3, height: 1, width: 2 });
    assert.equal(guessImage([32, 48]), null);
    assert.equal(guessImage([12, 32, 48]), null);
  });

  void test("two dims stay shown when one takes another's role", () => {
    const slice = defaultSlice([2, 3, 4]);
    assert.equal(sliceText(withRole(slice, 0, "rows"), [2, 3, 4]), "[:, 0, :]");
    const turned = withRole(slice, 2, "rows");
    assert.deepEqual([turned.rowDim, turned.columnDim], [2, 1]);
    const alone = withRole(slice, 1, "index");
    assert.deepEqual([alone.rowDim, alone.columnDim], [null, 2]);
    assert.equal(withRole(alone, 2, "index"), alone); // the last that is shown stays
  });

  void test("a slice of another shape keeps what fits", () => {
    const slice = { ...defaultSlice([9, 8, 7]), index: [8, 0, 0], rowRange: { from: 2, to: 8 } };
    const fitted = fitSlice(slice, [4, 5, 7]);
    assert.deepEqual([fitted.index[0], fitted.rowRange], [3, { from: 2, to: 5 }]);
    assert.deepEqual(fitSlice(slice, [4, 5]), defaultSlice([4, 5]));
  });

  void test("an index as people type it, or a sentence", () => {
    assert.deepEqual(parseIndex("3, 17, 2", [5, 20, 3]), [3, 17, 2]);
    assert.deepEqual(parseIndex("[-1 0]", [5, 20]), [4, 0]);
    assert.match(parseIndex("3", [5, 20]) as string, /has 2 numbers, not 1/);
    assert.match(parseIndex("5, 0", [5, 20]) as string, /Dim 0 has 5 indices: 5 is outside/);
    assert.match(parseIndex("a", [5]) as string, /whole numbers/);
  });

  void test("a range as people type it, or a sentence", () => {
    assert.deepEqual(parseRange("10:20", 100), { from: 10, to: 20 });
    assert.deepEqual(parseRange("-5:", 100), { from: 95, to: 100 });
    assert.deepEqual(parseRange("7", 100), { from: 7, to: 8 });
    assert.equal(parseRange(" : ", 100), null);
    assert.match(parseRange("20:10", 100) as string, /within 0:100/);
    assert.match(parseRange("x", 100) as string, /written as 10:20/);
  });

  void test("going to an element keeps the shown dims and leaves a range that does not hold it", () => {
    const slice = { ...defaultSlice([4, 10, 10]), rowRange: { from: 0, to: 5 } };
    const { slice: next, row, column } = sliceWith(slice, [3, 7, 2]);
    assert.deepEqual([next.index[0], next.rowRange, row, column], [3, null, 7, 2]);
  });
});

void describe("viewports", () => {
  const room = { rows: { from: 0, to: 100 }, columns: { from: 0, to: 1000 }, width: 500, height: 400 };

  void test("all is fitted, zooming keeps the point, panning stays inside", () => {
    const all = fit(room);
    assert.deepEqual([all.width, all.height], [0.5, 4]);
    const closer = zoom(all, room, false, 4, 250, 100);
    assert.ok(Math.abs(closer.column + 250 / closer.width - 500) < 1e-9);
    assert.ok(Math.abs(closer.row + 100 / closer.height - 25) < 1e-9);
    const edge = pan(closer, room, 1e9, 1e9);
    assert.ok(Math.abs(edge.column + room.width / edge.width - 1000) < 1e-6);
    const out = zoom(closer, room, false, 1e-9, 10, 10);
    assert.deepEqual([out.width, out.height, out.row, out.column], [0.5, 4, 0, 0]);
  });

  void test("an element out of sight is put in the middle, one at the edge just brought in", () => {
    const view = { row: 0, column: 0, width: 10, height: 10 };
    assert.equal(reveal(view, room, 0, 50).column, 1);
    assert.equal(reveal(view, room, 0, 700).column, 675.5);
    assert.equal(reveal({ ...view, width: 1, height: 1 }, room, 50, 500, 9).width, 9);
  });

  void test("never more cells than a picture may have, whatever the tensor", () => {
    for (const [rows, columns] of [
      [1e9, 1],
      [31623, 31623],
      [1, 1e9],
      [2048, 2048],
    ] as const) {
      const huge = {
        rows: { from: 0, to: rows },
        columns: { from: 0, to: columns },
        width: 1600,
        height: 1000,
      };
      const view = fit(huge);
      const steps = stepsFor(view, huge);
      const shown = visible(view, huge);
      const cells =
        Math.ceil((shown.rows.to - shown.rows.from) / steps.rows) *
        Math.ceil((shown.columns.to - shown.columns.from) / steps.columns);
      assert.ok(cells <= mostCells, `${rows} x ${columns}: ${cells}`);
      assert.ok(cells > 500, `${rows} x ${columns}: ${cells}`);
    }
  });
});

void describe("tiles", () => {
  const shape = [100, 90];
  const numbers = { shape, dtype: "float32", at: (i: number) => i };
  const ask = (rectangle: ReturnType<Tiles["missing"]>[number]): SliceAnswer => {
    const full: SliceAsk = {
      ...{ kind: "slice", part: "value", index: [0, 0], rowDim: 0, columnDim: 1, by: "first" },
      ...rectangle,
    };
    return answerTo(full, numbers, null, null) as SliceAnswer;
  };
  const fill = (tiles: Tiles, rows: [number, number], columns: [number, number], step: number): number => {
    const steps = { rows: step, columns: step };
    const missing = tiles.missing(
      { from: rows[0], to: rows[1] },
      { from: columns[0], to: columns[1] },
      steps,
    );
    for (const one of missing) tiles.add(one, ask(one));
    return missing.length;
  };

  for (const step of [1, 2, 8, 64]) {
    void test(`cells of ${step} x ${step} elements stand where they belong, at the tensor's ends too`, () => {
      const tiles = new Tiles();
      fill(tiles, [30, 40], [20, 33], step);
      fill(tiles, [0, 100], [0, 90], step);
      const cells = tiles.cells({ from: 0, to: 100 }, { from: 0, to: 90 }, { rows: step, columns: step });
      assert.equal(cells.knownCount, cells.values.length);
      for (let r = 0; r < cells.rows; r++) {
        for (let c = 0; c < cells.columns; c++) {
          assert.equal(cells.values[r * cells.columns + c], r * step * 90 + c * step);
        }
      }
    });
  }

  void test("only what is missing is asked, in as few rectangles as there may be", () => {
    const tiles = new Tiles();
    assert.equal(fill(tiles, [0, 32], [0, 32], 1), 1);
    assert.equal(fill(tiles, [0, 32], [0, 32], 1), 0);
    const steps = { rows: 1, columns: 1 };
    const next = tiles.missing({ from: 0, to: 48 }, { from: 0, to: 48 }, steps);
    const cells = next.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    assert.equal(next.length, 2);
    assert.equal(cells, 48 * 48 - 32 * 32);
    for (const one of next) tiles.setPending(one, true);
    assert.deepEqual(tiles.missing({ from: 0, to: 48 }, { from: 0, to: 48 }, steps), []);
    assert.equal(tileSide, 16);
  });
});

void describe("limits", () => {
  void test("around zero where there are both signs", () => {
    assert.deepEqual(automaticLimits(-1, 3), { low: -3, high: 3 });
    assert.deepEqual(automaticLimits(2, 3), { low: 2, high: 3 });
    assert.deepEqual(automaticLimits(0, 0), { low: 0, high: 1 });
    assert.deepEqual(automaticLimits(NaN, NaN), { low: 0, high: 1 });
  });

  void test("percentiles from a histogram, and whether another look is needed", () => {
    const histogram = { kind: "histogram" as const, from: 0, to: 100, below: 0, above: 0, sampled: false };
    const even = { ...histogram, counts: Array.from({ length: 100 }, () => 1) };
    assert.deepEqual(quantiles(even, 0.01, 0.99), { low: 1, high: 99 });
    const outlier = {
      ...histogram,
      counts: Array.from({ length: 100 }, (_, i) => (i === 0 ? 999 : i === 99 ? 1 : 0)),
    };
    assert.ok(isCoarse(outlier, quantiles(outlier, 0.01, 0.99)));
    assert.ok(!isCoarse(even, quantiles(even, 0.01, 0.99)));
  });
});

void describe("numbers as text", () => {
  const rows: [number | bigint, string, string][] = [
    [Math.fround(0.1), "float32", "0.1"],
    [Math.fround(1 / 3), "float32", "0.33333334"],
    [0.0999755859375, "float16", "0.1"],
    [65504, "float16", "65504"],
    [5.960464477539063e-8, "float16", "6e-8"],
    [0.10009765625, "bfloat16", "0.1"],
    [0.1, "float64", "0.1"],
    [9007199254740993n, "int64", "9007199254740993"],
    [1, "bool", "true"],
    [-3, "int8", "−3"],
    [NaN, "float32", "NaN"],
    [-Infinity, "float32", "−Inf"],
  ];
  for (const [value, dtype, text] of rows) {
    void test(`${dtype} ${text}`, () => {
      assert.equal(exactText(value, dtype), text);
    });
  }

  void test("shortly, for cells", () => {
    assert.equal(shortText(0.123456, "float32"), "0.1235");
    assert.equal(shortText(-1234567, "float32"), "−1.23e6");
    assert.equal(shortText(0.00001234, "float32"), "1.23e-5");
    assert.equal(shortText(42, "float32"), "42");
  });
});
