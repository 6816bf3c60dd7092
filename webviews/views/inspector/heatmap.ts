// The heat map: a slice as colours; close up each element with its number, from afar cells of many elements.

import type { ReadoutText } from "../../chart/readout.js";
import { formatCount } from "../../chart/format.js";
import { oddOf } from "./colours.js";
import { exactText, roundText } from "./numbers.js";
import { drawCells, drawNumbers, drawPatterns, shades } from "./plane.js";
import { indexAt } from "./slicing.js";
import { Surface, type Frame, type SurfaceOwner } from "./surface.js";
import type { Cells } from "./tiles.js";
import type { View, ViewContext, ViewHost } from "./view.js";
import { stepsFor } from "./viewport.js";

export class HeatMap implements View, SurfaceOwner {
  readonly label = "Heat map";
  readonly element: HTMLElement;
  note: string | null = null;
  /** Whether cells stand for several elements, or for a part of them. */
  overview: { rows: number; columns: number; sampled: boolean } | null = null;
  /** Elements on screen whose cells have not come yet. */
  loading = false;
  #surface: Surface;
  #context: ViewContext | null = null;
  #cells: Cells | null = null;
  /** What was last seen whole: it stays on screen until the new cells have come. */
  #last: { cells: Cells; of: string } | null = null;

  constructor(host: ViewHost) {
    this.#surface = new Surface(host, this);
    this.element = this.#surface.element;
  }

  get canvas(): HTMLCanvasElement {
    return this.#surface.canvas;
  }

  draw(context: ViewContext): void {
    this.#context = context;
    this.#surface.draw(context);
  }

  paint(c: CanvasRenderingContext2D, frame: Frame): void {
    const { context, viewport, room, rows, columns } = frame;
    const { source, choices, layers, paint, dtype, theme } = context;
    const steps = stepsFor(viewport, room);
    const layer = layers.of(source, choices.slice, choices.by);
    const cells = layer.cells(rows, columns, steps);
    this.note = layer.problem;
    this.loading = cells.knownCount < cells.values.length;
    const isOverview = steps.rows > 1 || steps.columns > 1;
    this.overview = isOverview || layer.sampled ? { ...steps, sampled: layer.sampled } : null;
    const colorize = shades(paint);
    const of = `${source.id} ${source.shape.join()} ${choices.slice.rowDim ?? ""} ${choices.slice.columnDim ?? ""}`;
    if (this.loading && this.#last?.of === of) drawCells(c, this.#last.cells, viewport, room, colorize);
    drawCells(c, cells, viewport, room, colorize);
    drawPatterns(c, cells, viewport, paint.odd);
    drawNumbers(c, cells, viewport, paint, dtype, theme.font);
    if (!this.loading) this.#last = { cells, of };
    this.#cells = cells;
  }

  /** The cell's numbers, as far as they have come. */
  describe(row: number, column: number): ReadoutText {
    const { context } = this;
    const index = indexAt(context.choices.slice, row, column);
    const cells = this.#cells;
    const title = `[${index.join(", ")}]`;
    const at = cells === null ? -1 : placeIn(cells, row, column);
    if (cells === null || at === -1 || cells.known[at] === 0) {
      return { title, rows: [{ label: "", color: "transparent", text: "…" }], more: "" };
    }
    const isOne = cells.steps.rows === 1 && cells.steps.columns === 1;
    const flags = cells.flags[at]!;
    const value = cells.values[at]!;
    const odd = oddOf(flags, context.paint.odd);
    const color = odd?.color ?? context.paint.ramp.css[this.#shade(value)]!;
    const text = isOne ? exactText(cells.integers?.[at] ?? value, context.dtype) : roundText(value, 6);
    if (isOne) return { title, rows: [{ label: "", color, text }], more: "" };
    const top = Math.floor(row / cells.steps.rows) * cells.steps.rows;
    const left = Math.floor(column / cells.steps.columns) * cells.steps.columns;
    const odds = context.paint.odd.filter(({ flag }) => (flags & flag) !== 0).map(({ label }) => label);
    return {
      title: `${span(top, cells.steps.rows)} × ${span(left, cells.steps.columns)}`,
      rows: [
        {
          label: names[context.choices.by],
          color,
          text: Number.isNaN(value) && odds.length > 0 ? "–" : text,
        },
      ],
      more: odds.length > 0 ? `with ${odds.join(" and ")}` : "",
    };
  }

  get context(): ViewContext {
    if (this.#context === null) throw new Error("The heat map was asked before it was drawn");
    return this.#context;
  }

  #shade(value: number): number {
    const { low, high } = this.context.paint.limits;
    return Math.round(Math.min(Math.max((value - low) / (high - low || 1), 0), 1) * 255);
  }
}

const names = { mean: "mean", min: "minimum", max: "maximum", absmax: "largest size", first: "first" };

function span(from: number, count: number): string {
  return count === 1 ? formatCount(from) : `${formatCount(from)}–${formatCount(from + count - 1)}`;
}

/** Which cell holds an element; -1 where none does. */
export function placeIn(cells: Cells, row: number, column: number): number {
  const r = Math.floor((row - cells.row) / cells.steps.rows);
  const c = Math.floor((column - cells.column) / cells.steps.columns);
  return r < 0 || c < 0 || r >= cells.rows || c >= cells.columns ? -1 : r * cells.columns + c;
}
