// The line plot: a vector, or some rows of a matrix, over their index; from afar the band between smallest and largest.

import { scaleLinear, type ScaleLinear } from "d3-scale";
import { formatCount, formatTick } from "../../chart/format.js";
import { categoricalStyle } from "../../chart/palette.js";
import type { ReadoutText } from "../../chart/readout.js";
import { oddOf } from "./colours.js";
import { attachGestures, moveCursor } from "./gestures.js";
import { choice, make } from "./dom.js";
import { exactText, roundText } from "./numbers.js";
import { PlotFrame, plotMargin } from "./plotFrame.js";
import { clamp, extentOf, indexAt, type Range } from "./slicing.js";
import { ticks } from "./surface.js";
import type { Cells } from "./tiles.js";
import type { View, ViewContext, ViewHost } from "./view.js";

/** One line: its row, and the cells of it; for cells of several elements also the largest of each. */
interface Line {
  row: number;
  low: Cells;
  high: Cells;
  color: string;
  dash: readonly number[];
}

export class LinePlot implements View {
  readonly element: HTMLElement;
  note: string | null = null;
  #frame: PlotFrame;
  #tools = make("div", "view-tools");
  #lines: HTMLSelectElement;
  #host: ViewHost;
  #context: ViewContext | null = null;
  #drawn: Line[] = [];
  #x: ScaleLinear<number, number> = scaleLinear();
  #columns: Range = { from: 0, to: 1 };
  #mark = make("div", "plot-mark");
  #legend = make("span", "line-legend");

  constructor(host: ViewHost) {
    this.#host = host;
    this.#frame = new PlotFrame(() => {
      host.redraw();
    });
    this.#lines = choice(
      "How many rows",
      [1, 2, 3, 4, 6, 8].map((count) => ({
        value: String(count),
        text: count === 1 ? "1 row" : `${count} rows`,
      })),
      (value) => {
        host.choose({ lines: Number(value) });
      },
    );
    this.#tools.append(this.#lines, this.#legend);
    this.#frame.element.append(this.#mark);
    this.#frame.element.setAttribute("role", "application");
    this.element = make("div", "line-view", this.#tools, this.#frame.element);
    this.#attach();
  }

  get canvas(): HTMLCanvasElement {
    return this.#frame.canvas;
  }

  draw(context: ViewContext): void {
    this.#context = context;
    const { choices, facts, source, layers, theme } = context;
    const c = this.#frame.begin();
    if (c === null) return;
    const flipped = choices.slice.columnDim === null;
    const extent = extentOf(choices.slice, facts.shape);
    const [rows, columns] = flipped ? [extent.columns, extent.rows] : [extent.rows, extent.columns];
    const { left, right, top, bottom } = this.#frame.inner;
    const all = columns.to - columns.from;
    const each = choices.viewport === null ? (right - left) / all : this.#widthOf(context, flipped);
    const first =
      choices.viewport === null ? columns.from : flipped ? choices.viewport.row : choices.viewport.column;
    const count = Math.min(all, (right - left) / each);
    const start = clamp(first, columns.from, Math.max(columns.from, columns.to - count));
    this.#x = scaleLinear([start, start + count], [left, right]);
    const shown = {
      from: Math.max(columns.from, Math.floor(start)),
      to: Math.min(columns.to, Math.ceil(start + count)),
    };
    this.#columns = shown;
    const step = Math.max(1, 2 ** Math.ceil(Math.log2((shown.to - shown.from) / (right - left))));
    const steps = flipped ? { rows: step, columns: 1 } : { rows: 1, columns: step };
    const firstRow = clamp(choices.cursor?.row ?? rows.from, rows.from, rows.to - 1);
    const count_ = Math.min(choices.lines, rows.to - rows.from);
    const from = clamp(firstRow, rows.from, rows.to - count_);
    const cellsOf = (row: number, by: "min" | "max" | "first"): Cells => {
      const layer = layers.of(source, choices.slice, by);
      this.note = layer.problem;
      const line = { from: row, to: row + 1 };
      return flipped ? layer.cells(shown, line, steps) : layer.cells(line, shown, steps);
    };
    this.#drawn = Array.from({ length: count_ }, (_, k) => {
      const row = from + k;
      const low = cellsOf(row, step > 1 ? "min" : "first");
      return { row, low, high: step > 1 ? cellsOf(row, "max") : low, ...categoricalStyle(theme, k) };
    });
    const min = Math.min(...this.#drawn.map(({ low }) => low.min));
    const max = Math.max(...this.#drawn.map(({ high }) => high.max));
    const y = scaleLinear(min <= max ? spread(min, max) : [0, 1], [bottom, top]).nice();
    this.#drawData(c, y, step);
    const yTicks = y.ticks(Math.max(2, Math.floor((bottom - top) / 40)));
    const distance = yTicks.length > 1 ? yTicks[1]! - yTicks[0]! : 1;
    const longest = formatCount(columns.to).length;
    this.#frame.drawAxes(
      ticks(shown, (right - left) / count, longest * 7 + 16).map((at) => ({
        at: this.#x(at + 0.5),
        text: formatCount(at),
      })),
      yTicks.map((value) => ({ at: y(value), text: formatTick(value, distance, "") })),
    );
    this.#drawTools(context, rows);
    this.#showMark();
  }

  #widthOf({ choices }: ViewContext, flipped: boolean): number {
    return flipped ? choices.viewport!.height : choices.viewport!.width;
  }

  #drawData(c: CanvasRenderingContext2D, y: ScaleLinear<number, number>, step: number): void {
    const { left, right, top, bottom } = this.#frame.inner;
    const { paint } = this.#context!;
    c.save();
    c.beginPath();
    c.rect(left, 0, right - left, bottom + 1);
    c.clip();
    const pixels = (this.#x(1) - this.#x(0)) * step;
    for (const { low, high, color, dash } of this.#drawn) {
      const first = Math.max(low.row, low.column) === low.column && low.rows === 1 ? low.column : low.row;
      const place = (i: number): number => this.#x(first + (i + 0.5) * step);
      c.strokeStyle = color;
      c.fillStyle = color;
      c.lineWidth = 1.5;
      c.setLineDash([...dash]);
      c.beginPath();
      let open = false;
      for (let i = 0; i < low.values.length; i++) {
        const [a, b] = [low.values[i]!, high.values[i]!];
        if (low.known[i] === 0 || !Number.isFinite(a) || !Number.isFinite(b)) {
          open = false;
          continue;
        }
        const x = place(i);
        if (open) c.lineTo(x, y(a));
        else c.moveTo(x, y(a));
        if (step > 1) c.lineTo(x, y(b));
        else if (!open && (i + 1 === low.values.length || !Number.isFinite(low.values[i + 1]!)))
          c.lineTo(x + 0.1, y(a));
        open = true;
      }
      c.stroke();
      c.setLineDash([]);
      if (pixels >= 7 && step === 1) {
        for (let i = 0; i < low.values.length; i++) {
          if (low.known[i] === 0 || !Number.isFinite(low.values[i]!)) continue;
          c.beginPath();
          c.arc(place(i), y(low.values[i]!), 2.5, 0, 7);
          c.fill();
        }
      }
      for (let i = 0; i < low.flags.length; i++) {
        const odd = low.known[i] === 1 ? oddOf(low.flags[i]!, paint.odd) : null;
        if (odd === null) continue;
        const at = odd.label === "−Inf" ? bottom - 7 : top;
        c.fillStyle = odd.color;
        c.fillRect(
          place(i) - Math.max(1.5, Math.min(3, pixels / 2)),
          at,
          Math.max(3, Math.min(6, pixels)),
          7,
        );
      }
    }
    c.restore();
  }

  #drawTools({ choices, tensor }: ViewContext, rows: Range): void {
    const isMatrix = rows.to - rows.from > 1;
    this.#tools.hidden = !isMatrix;
    this.#lines.value = String(choices.lines);
    this.#legend.replaceChildren(
      ...this.#drawn.map(({ row, color, dash }) => {
        const swatch = make("i", dash.length > 0 ? "swatch-line dashed" : "swatch-line");
        swatch.style.borderTopColor = color;
        return make("span", "legend-row", swatch, `row ${formatCount(row)}`);
      }),
    );
    this.#frame.element.ariaLabel = `Line plot of ${tensor.expression}. Arrow keys move, plus and minus zoom.`;
  }

  /** What stands at a column. */
  describe(column: number): ReadoutText {
    const { choices, dtype } = this.#context!;
    const flipped = choices.slice.columnDim === null;
    const rows = this.#drawn.map(({ row, low, high, color }) => {
      const [first, step] = flipped ? [low.row, low.steps.rows] : [low.column, low.steps.columns];
      const i = Math.floor((column - first) / step);
      const label = this.#drawn.length > 1 ? `row ${row}` : "";
      if (low.known[i] !== 1) return { label, color, text: "…" };
      const text =
        step === 1
          ? exactText(low.integers?.[i] ?? low.values[i]!, dtype)
          : `${roundText(low.values[i]!)} to ${roundText(high.values[i]!)}`;
      return { label, color, text };
    });
    const row = this.#drawn[0]?.row ?? 0;
    const index = flipped ? indexAt(choices.slice, column, row) : indexAt(choices.slice, row, column);
    return { title: `[${index.join(", ")}]`, rows, more: "" };
  }

  #showMark(): void {
    const { cursor, slice } = this.#context!.choices;
    const at = cursor === null ? null : slice.columnDim === null ? cursor.row : cursor.column;
    const isShown = at !== null && at >= this.#columns.from && at < this.#columns.to;
    this.#mark.hidden = !isShown;
    if (isShown) this.#mark.style.translate = `${this.#x(at + 0.5)}px 0`;
  }

  /** Zooms and pans along the line only. */
  #move(start: number, each: number): void {
    const { choices } = this.#host;
    const old = choices.viewport ?? { row: 0, column: 0, width: each, height: 20 };
    const flipped = choices.slice.columnDim === null;
    this.#host.choose({
      viewport: flipped ? { ...old, row: start, height: each } : { ...old, column: start, width: each },
    });
  }

  #attach(): void {
    const host = this.#host;
    const { element } = this.#frame;
    const columnAt = (x: number): number => Math.floor(this.#x.invert(x));
    const isInside = (x: number): boolean => x >= plotMargin.left && columnAt(x) < this.#columns.to;
    attachGestures(element, {
      hover: (at) => {
        if (at === null || this.#context === null || !isInside(at.x)) {
          host.readout.hide();
          return;
        }
        const box = element.getBoundingClientRect();
        host.readout.show(this.describe(columnAt(at.x)), { x: box.left + at.x, y: box.top + at.y });
      },
      pan: (dx) => {
        const each = this.#x(1) - this.#x(0);
        this.#move(this.#x.domain()[0]! + dx / each, each);
      },
      zoom: (factor, x) => {
        const { left, right } = this.#frame.inner;
        const at = clamp(x, left, right);
        const { shape } = this.#context!.facts;
        const extent = extentOf(this.#context!.choices.slice, shape);
        const range = this.#context!.choices.slice.columnDim === null ? extent.rows : extent.columns;
        const each = this.#x(1) - this.#x(0);
        const next = clamp(each * factor, (right - left) / (range.to - range.from), 60);
        this.#move(this.#x.invert(at) - (at - left) / next, next);
      },
      reset: () => {
        host.choose({ viewport: null });
      },
      click: (x) => {
        if (isInside(x))
          this.#setCursor(0, columnAt(x) - (this.#cursor()?.column ?? columnAt(x)), columnAt(x));
      },
      move: (rows, columns) => {
        this.#setCursor(rows, columns, this.#columns.from);
      },
      step: () => undefined,
    });
  }

  /** As if the line were a row, whatever it is. */
  #cursor(): { row: number; column: number } | null {
    const { cursor, slice } = this.#host.choices;
    if (cursor === null || slice.columnDim !== null) return cursor;
    return { row: cursor.column, column: cursor.row };
  }

  #setCursor(rows: number, columns: number, otherwise: number): void {
    const { choices } = this.#host;
    const { facts } = this.#context!;
    const flipped = choices.slice.columnDim === null;
    const extent = extentOf(choices.slice, facts.shape);
    const [down, across] = flipped ? [extent.columns, extent.rows] : [extent.rows, extent.columns];
    const start = this.#cursor();
    const next =
      start === null
        ? { row: down.from, column: otherwise }
        : moveCursor(start, { rows, columns }, down, across);
    this.#host.choose({ cursor: flipped ? { row: next.column, column: next.row } : next });
    if (next.column < this.#columns.from || next.column >= this.#columns.to) {
      const each = this.#x(1) - this.#x(0);
      this.#move(next.column - (this.#columns.to - this.#columns.from) / 2, each);
    }
    const { title, rows: lines } = this.describe(next.column);
    this.#host.announce([title, ...lines.map(({ label, text }) => `${label} ${text}`)].join(" "));
  }
}

/** Some room around the values; a constant is in the middle. */
function spread(min: number, max: number): [number, number] {
  const pad = max > min ? (max - min) * 0.04 : Math.abs(min) * 0.1 || 1;
  return [min - pad, max + pad];
}
