// The table of values: rows and columns under their true indices, of any number, for only those on screen exist; keys, selection, copy.

import { formatCount } from "../../chart/format.js";
import type { SliceAsk } from "../../../engine/inspection.js";
import { oddOf } from "./colours.js";
import { make } from "./dom.js";
import { moveCursor } from "./gestures.js";
import { codeText, exactText, isIntegral, shortText } from "./numbers.js";
import { Scrollbar } from "./scrollbar.js";
import { clamp, extentOf, indexAt, type Range } from "./slicing.js";
import type { Cells } from "./tiles.js";
import type { View, ViewContext, ViewHost } from "./view.js";

const rowHeight = 22;
/** Pixels of a character of the table's digits, a little more than they have. */
const characterWidth = 7.6;
/** A selection larger than this is exported, not copied. */
const mostCopied = 200_000;

interface Cell {
  row: number;
  column: number;
}

export class Table implements View {
  readonly element: HTMLElement;
  readonly canvas = null;
  note: string | null = null;
  #grid = make("div", "grid");
  #across: Scrollbar;
  #down: Scrollbar;
  #host: ViewHost;
  #context: ViewContext | null = null;
  #size = { width: 0, height: 0 };
  /** The first row and column on screen. */
  #top = 0;
  #left = 0;
  #cellWidth = 60;
  #shown = "";
  #cursor: Cell | null = null;
  /** Where a selection began; the cursor is its other end. */
  #anchor: Cell | null = null;

  constructor(host: ViewHost) {
    this.#host = host;
    this.#across = new Scrollbar("Columns", "horizontal", (at) => {
      this.#scrollTo(this.#top, at);
    });
    this.#down = new Scrollbar("Rows", "vertical", (at) => {
      this.#scrollTo(at, this.#left);
    });
    this.element = make("div", "values", this.#grid, this.#across.element, this.#down.element);
    this.#grid.tabIndex = 0;
    this.#grid.setAttribute("role", "grid");
    this.#grid.setAttribute("aria-multiselectable", "true");
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      this.#size = { width, height };
      host.redraw();
    }).observe(this.#grid);
    this.#attach();
  }

  draw(context: ViewContext): void {
    this.#context = context;
    const { choices, facts, source, layers, dtype } = context;
    const { rows, columns } = extentOf(choices.slice, facts.shape);
    const shown = `${facts.shape.join()} ${choices.slice.rowDim ?? ""} ${choices.slice.columnDim ?? ""}`;
    if (shown !== this.#shown) {
      this.#shown = shown;
      [this.#top, this.#left] = [rows.from, columns.from];
      [this.#cursor, this.#anchor] = [null, null];
      this.#cellWidth = widthFor(dtype);
    }
    const { cursor } = choices;
    if (cursor !== null && (cursor.row !== this.#cursor?.row || cursor.column !== this.#cursor.column)) {
      this.#anchor ??= cursor;
      this.#cursor = cursor;
      this.#reveal(cursor);
    }
    const header = this.#headerWidth(rows);
    const fits = {
      rows: Math.max(1, Math.floor(this.#size.height / rowHeight) - 1),
      columns: Math.max(1, (this.#size.width - header) / this.#cellWidth),
    };
    this.#top = clamp(this.#top, rows.from, Math.max(rows.from, rows.to - fits.rows));
    this.#left = clamp(
      this.#left,
      columns.from,
      Math.max(columns.from, columns.to - Math.floor(fits.columns)),
    );
    const seen = {
      rows: { from: this.#top, to: Math.min(rows.to, this.#top + fits.rows) },
      columns: { from: this.#left, to: Math.min(columns.to, this.#left + Math.ceil(fits.columns)) },
    };
    this.#down.update(rows, this.#top, fits.rows);
    this.#across.update(columns, this.#left, Math.floor(fits.columns));
    if (this.#size.width === 0) return;
    const layer = layers.of(source, choices.slice, choices.by);
    const cells = layer.cells(seen.rows, seen.columns, { rows: 1, columns: 1 });
    this.note = layer.problem;
    this.#fill(cells, header, rows, columns);
  }

  #fill(cells: Cells, header: number, rows: Range, columns: Range): void {
    const { dtype, choices, paint, tensor } = this.#context!;
    const { slice } = choices;
    const grid = this.#grid;
    grid.setAttribute("aria-rowcount", String(rows.to - rows.from + 1));
    grid.setAttribute("aria-colcount", String(columns.to - columns.from + 1));
    grid.setAttribute("aria-label", `Values of ${tensor.expression}`);
    const texts = Array.from({ length: cells.values.length }, (_, i) =>
      cells.known[i] === 1 ? shortText(cells.integers?.[i] ?? cells.values[i]!, dtype, 6) : "…",
    );
    // Columns grow to what stands in them and do not shrink while scrolling, so that nothing trembles.
    const longest = texts.reduce((most, text) => Math.max(most, text.length), 0);
    const wanted = Math.ceil(Math.max(longest, String(columns.to).length) * characterWidth + 18);
    if (wanted > this.#cellWidth) {
      this.#cellWidth = wanted;
      this.#host.redraw();
    }
    const head = make("div", "grid-row grid-head");
    head.setAttribute("role", "row");
    const corner = make("div", "grid-corner");
    corner.setAttribute("role", "columnheader");
    corner.textContent = [
      slice.rowDim === null ? "" : `${slice.rowDim}↓`,
      slice.columnDim === null ? "" : `${slice.columnDim}→`,
    ]
      .filter((part) => part !== "")
      .join(" ");
    corner.title = "The dims that are shown as rows and as columns";
    head.append(corner);
    for (let c = 0; c < cells.columns; c++) {
      const cell = make("div", "grid-cell", slice.columnDim === null ? "value" : String(cells.column + c));
      cell.setAttribute("role", "columnheader");
      cell.setAttribute("aria-colindex", String(cells.column + c - columns.from + 2));
      head.append(cell);
    }
    const lines = Array.from({ length: cells.rows }, (_, r) => {
      const row = cells.row + r;
      const line = make("div", "grid-row");
      line.setAttribute("role", "row");
      line.setAttribute("aria-rowindex", String(row - rows.from + 2));
      const name = make("div", "grid-cell", slice.rowDim === null ? "" : String(row));
      name.setAttribute("role", "rowheader");
      line.append(name);
      for (let c = 0; c < cells.columns; c++) {
        const i = r * cells.columns + c;
        const column = cells.column + c;
        const cell = make("div", "grid-cell", texts[i]!);
        cell.setAttribute("role", "gridcell");
        cell.setAttribute("aria-colindex", String(column - columns.from + 2));
        cell.id = `cell-${row}-${column}`;
        const odd = oddOf(cells.flags[i]!, paint.odd);
        if (odd !== null) cell.dataset["odd"] = odd.label;
        const isSelected = this.#isSelected(row, column);
        cell.setAttribute("aria-selected", String(isSelected));
        if (isSelected) cell.classList.add("selected");
        if (row === this.#cursor?.row && column === this.#cursor.column) cell.classList.add("at-cursor");
        line.append(cell);
      }
      return line;
    });
    grid.replaceChildren(head, ...lines);
    grid.style.setProperty("--cell-width", `${this.#cellWidth}px`);
    grid.style.setProperty("--header-width", `${header}px`);
    const cursor = this.#cursor;
    const active = cursor === null ? null : `cell-${cursor.row}-${cursor.column}`;
    if (active !== null && grid.querySelector(`#${active}`) !== null) {
      grid.setAttribute("aria-activedescendant", active);
    } else grid.removeAttribute("aria-activedescendant");
  }

  #headerWidth(rows: Range): number {
    return Math.ceil(Math.max(6, String(rows.to - 1).length + 1) * characterWidth + 12);
  }

  #isSelected(row: number, column: number): boolean {
    const chosen = this.#selection();
    if (chosen === null) return false;
    const { rows, columns } = chosen;
    return row >= rows.from && row < rows.to && column >= columns.from && column < columns.to;
  }

  #selection(): { rows: Range; columns: Range } | null {
    const [a, b] = [this.#cursor, this.#anchor ?? this.#cursor];
    if (a === null || b === null) return null;
    return {
      rows: { from: Math.min(a.row, b.row), to: Math.max(a.row, b.row) + 1 },
      columns: { from: Math.min(a.column, b.column), to: Math.max(a.column, b.column) + 1 },
    };
  }

  #scrollTo(top: number, left: number): void {
    [this.#top, this.#left] = [Math.round(top), Math.round(left)];
    this.#host.redraw();
  }

  #reveal({ row, column }: Cell): void {
    const header = this.#headerWidth(extentOf(this.#context!.choices.slice, this.#context!.facts.shape).rows);
    const high = Math.max(1, Math.floor(this.#size.height / rowHeight) - 1);
    const wide = Math.max(1, Math.floor((this.#size.width - header) / this.#cellWidth));
    const place = (from: number, at: number, span: number): number => {
      const moved = at < from ? at : at >= from + span ? at - span + 1 : from;
      return Math.abs(moved - from) > span ? at - Math.floor(span / 2) : moved;
    };
    this.#top = place(this.#top, row, high);
    this.#left = place(this.#left, column, wide);
  }

  #attach(): void {
    const grid = this.#grid;
    grid.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const lines = (delta: number): number =>
          event.deltaMode === 0
            ? Math.sign(delta) * Math.max(1, Math.round(Math.abs(delta) / rowHeight))
            : delta;
        const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
        const down = event.shiftKey ? 0 : event.deltaY;
        this.#scrollTo(
          this.#top + (down === 0 ? 0 : lines(down)),
          this.#left +
            (sideways === 0 ? 0 : Math.sign(sideways) * Math.max(1, Math.round(Math.abs(sideways) / 60))),
        );
      },
      { passive: false },
    );
    const cellOf = (event: Event): Cell | null => {
      const id = event.target instanceof Element ? event.target.closest(".grid-cell")?.id : undefined;
      const match = /^cell-(\d+)-(\d+)$/.exec(id ?? "");
      return match === null ? null : { row: Number(match[1]), column: Number(match[2]) };
    };
    grid.addEventListener("pointerdown", (event) => {
      const cell = cellOf(event);
      if (cell === null) return;
      this.#goTo(cell, event.shiftKey);
    });
    grid.addEventListener("pointermove", (event) => {
      const cell = event.buttons === 1 ? cellOf(event) : null;
      if (cell !== null) this.#goTo(cell, true);
    });
    grid.addEventListener("keydown", (event) => {
      if (this.#key(event)) event.preventDefault();
    });
    grid.addEventListener("copy", (event) => {
      event.preventDefault();
      this.copy();
    });
  }

  #goTo(cell: Cell, extend: boolean): void {
    if (!extend) this.#anchor = cell;
    this.#cursor = cell;
    this.#reveal(cell);
    this.#host.choose({ cursor: cell });
  }

  #key(event: KeyboardEvent): boolean {
    const context = this.#context;
    if (context === null || event.altKey) return false;
    const { rows, columns } = extentOf(context.choices.slice, context.facts.shape);
    const far = event.ctrlKey || event.metaKey;
    const page = Math.max(1, Math.floor(this.#size.height / rowHeight) - 2);
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [far ? -Infinity : -1, 0],
      ArrowDown: [far ? Infinity : 1, 0],
      ArrowLeft: [0, far ? -Infinity : -1],
      ArrowRight: [0, far ? Infinity : 1],
      PageUp: [-page, 0],
      PageDown: [page, 0],
      Home: [far ? -Infinity : 0, -Infinity],
      End: [far ? Infinity : 0, Infinity],
    };
    if (far && event.key.toLowerCase() === "a") {
      this.#anchor = { row: rows.from, column: columns.from };
      this.#cursor = { row: rows.to - 1, column: columns.to - 1 };
      this.#host.choose({ cursor: this.#cursor });
      return true;
    }
    const move = moves[event.key];
    if (move === undefined) return false;
    const start = this.#cursor;
    const cell =
      start === null
        ? { row: this.#top, column: this.#left }
        : moveCursor(start, { rows: move[0], columns: move[1] }, rows, columns);
    this.#goTo(cell, event.shiftKey);
    return true;
  }

  /** The selected cells, exactly, a line for each row and a tab between columns. */
  copy(): void {
    const chosen = this.#selection();
    const context = this.#context;
    if (chosen === null || context === null) return;
    const { rows, columns } = chosen;
    const size = [rows.to - rows.from, columns.to - columns.from] as const;
    if (size[0] * size[1] > mostCopied) {
      this.#host.tell(
        `${formatCount(size[0] * size[1])} values are too many to copy: save them as CSV or npy.`,
      );
      return;
    }
    const { slice } = context.choices;
    const ask: SliceAsk & { kind: "slice" } = {
      kind: "slice",
      part: context.source.part,
      index: indexAt(slice, 0, 0),
      ...{ rowDim: slice.rowDim, columnDim: slice.columnDim, row: rows.from, column: columns.from },
      ...{ rows: size[0], columns: size[1], mostRows: size[0], mostColumns: size[1], by: "first" },
    };
    context.answers.now(context.source, ask, (outcome) => {
      if ("problem" in outcome) {
        this.#host.tell(outcome.problem);
        return;
      }
      const { answer } = outcome;
      const isExact = answer.number === "int64";
      const values = isExact ? new BigInt64Array(answer.values) : new Float64Array(answer.values);
      const lines = Array.from({ length: answer.rows }, (_, r) =>
        Array.from({ length: answer.columns }, (__, c) =>
          cellText(values[r * answer.columns + c]!, context.dtype),
        ).join("\t"),
      );
      this.#host.copy(lines.join("\n"));
      const count = answer.rows * answer.columns;
      this.#host.announce(`Copied ${formatCount(count)} ${count === 1 ? "value" : "values"}.`);
    });
  }
}

/** As a spreadsheet reads it, with a plain minus. */
function cellText(value: number | bigint, dtype: string): string {
  if (typeof value === "bigint" || isIntegral(dtype) || !Number.isFinite(value))
    return dtype === "bool" && typeof value === "number" ? exactText(value, dtype) : codeText(value);
  return exactText(value, dtype).replace("−", "-");
}

function widthFor(dtype: string): number {
  return dtype === "bool" ? 58 : isIntegral(dtype) ? 52 : 78;
}
