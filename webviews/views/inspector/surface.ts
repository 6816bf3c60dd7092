// A surface of cells with zoom, pan, a cursor, index labels along its edges and scroll bars; what is painted on it is its owner's.

import { select } from "d3-selection";
import type { ReadoutText } from "../../chart/readout.js";
import type { Svg } from "../../chart/axes.js";
import { attachGestures, moveCursor } from "./gestures.js";
import { make, prepareCanvas } from "./dom.js";
import { Scrollbar } from "./scrollbar.js";
import { extentOf, roleOf, withIndex, type Range } from "./slicing.js";
import type { ViewContext, ViewHost } from "./view.js";
import {
  elementAt,
  fit,
  keepInside,
  pan,
  reveal,
  suitsSquare,
  visible,
  zoom,
  type Room,
  type Viewport,
} from "./viewport.js";

export interface SurfaceOwner {
  readonly label: string;
  paint(c: CanvasRenderingContext2D, frame: Frame): void;
  /** What stands in the box beside the pointer. */
  describe(row: number, column: number): ReadoutText;
}

/** What is on screen. */
export interface Frame {
  context: ViewContext;
  viewport: Viewport;
  room: Room;
  rows: Range;
  columns: Range;
}

/** So large, in pixels, is an element that was jumped to. */
const leastRevealed = 9;

/** Room for index labels, in pixels. */
const gutter = { left: 58, top: 20, right: 14, bottom: 14 };

export class Surface {
  readonly element: HTMLElement;
  readonly canvas = document.createElement("canvas");
  #area = make("div", "surface-area");
  #axes: Svg;
  #cursor = make("div", "cell-cursor");
  #hover = make("div", "cell-hover");
  #across: Scrollbar;
  #down: Scrollbar;
  #host: ViewHost;
  #owner: SurfaceOwner;
  #frame: Frame | null = null;
  #size = { width: 0, height: 0 };
  #pointer: { x: number; y: number } | null = null;
  #revealed = 0;

  constructor(host: ViewHost, owner: SurfaceOwner) {
    this.#host = host;
    this.#owner = owner;
    this.#across = new Scrollbar("Columns", "horizontal", (column) => {
      this.#scroll({ column });
    });
    this.#down = new Scrollbar("Rows", "vertical", (row) => {
      this.#scroll({ row });
    });
    this.canvas.setAttribute("aria-hidden", "true");
    this.#area.tabIndex = 0;
    this.#area.setAttribute("role", "application");
    this.#area.append(this.canvas, this.#hover, this.#cursor);
    this.element = make("div", "surface");
    this.#axes = select(this.element).append("svg").attr("class", "cell-axes").attr("aria-hidden", "true");
    this.element.append(this.#area, this.#across.element, this.#down.element);
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      if (width === this.#size.width && height === this.#size.height) return;
      this.#size = { width, height };
      host.redraw();
    }).observe(this.#area);
    this.#attach();
  }

  draw(context: ViewContext): void {
    const { width, height } = this.#size;
    const { choices, facts } = context;
    if (width <= 0 || height <= 0) return;
    const room: Room = { ...extentOf(choices.slice, facts.shape), width, height };
    const square = choices.square ?? suitsSquare(room);
    let viewport = choices.viewport === null ? fit(room, square) : keepInside(choices.viewport, room);
    const wanted = context.reveal;
    if (wanted !== null && wanted.number !== this.#revealed) {
      this.#revealed = wanted.number;
      viewport = reveal(viewport, room, wanted.row, wanted.column, leastRevealed);
      this.#host.choose({ viewport });
    }
    const frame: Frame = { context, viewport, room, ...visible(viewport, room) };
    this.#frame = frame;
    const { rowDim, columnDim } = choices.slice;
    const dims = [
      rowDim === null ? null : `rows dim ${rowDim}`,
      columnDim === null ? null : `columns dim ${columnDim}`,
    ];
    const label = `${this.#owner.label}, ${dims.filter((part) => part !== null).join(", ")}. Arrow keys move, plus and minus zoom.`;
    if (this.#area.ariaLabel !== label) this.#area.ariaLabel = label;
    const c = prepareCanvas(this.canvas, width, height);
    if (c !== null) this.#owner.paint(c, frame);
    this.#drawAxes(frame);
    this.#down.update(room.rows, viewport.row, height / viewport.height);
    this.#across.update(room.columns, viewport.column, width / viewport.width);
    this.#placeBox(this.#cursor, choices.cursor);
    this.#showHover();
  }

  /** What is on screen by now: choices may have been made since it was drawn. */
  #now(): Frame | null {
    const frame = this.#frame;
    if (frame === null) return null;
    const { viewport, square } = this.#host.choices;
    const { room } = frame;
    const isSquare = square ?? suitsSquare(room);
    return { ...frame, viewport: viewport === null ? fit(room, isSquare) : keepInside(viewport, room) };
  }

  #scroll(to: Partial<Viewport>): void {
    const frame = this.#now();
    if (frame !== null) this.#host.choose({ viewport: keepInside({ ...frame.viewport, ...to }, frame.room) });
  }

  #attach(): void {
    const host = this.#host;
    attachGestures(this.#area, {
      hover: (at) => {
        this.#pointer = at;
        this.#showHover();
      },
      pan: (dx, dy) => {
        const frame = this.#now();
        if (frame !== null) host.choose({ viewport: pan(frame.viewport, frame.room, dx, dy) });
      },
      zoom: (factor, x, y) => {
        const frame = this.#now();
        if (frame === null) return;
        const square = host.choices.square ?? suitsSquare(frame.room);
        host.choose({ viewport: zoom(frame.viewport, frame.room, square, factor, x, y) });
      },
      reset: () => {
        host.choose({ viewport: null });
      },
      click: (x, y) => {
        const frame = this.#now();
        const cell = frame === null ? null : elementAt(frame.viewport, frame.room, x, y);
        if (cell !== null) host.choose({ cursor: cell });
      },
      move: (rows, columns, page) => {
        this.#moveCursor(rows, columns, page);
      },
      step: (by) => {
        const { slice } = host.choices;
        const shape = this.#frame?.context.facts.shape ?? [];
        const dim = shape.findIndex((_, k) => roleOf(slice, k) === "index");
        if (dim === -1) return;
        const next = withIndex(slice, shape, dim, slice.index[dim]! + by);
        host.choose({ slice: next });
        host.announce(`Dim ${dim} at ${next.index[dim]!}`);
      },
    });
  }

  /** To the first cell on screen where the keyboard was at none. */
  #moveCursor(rows: number, columns: number, page: boolean): void {
    const frame = this.#now();
    if (frame === null) return;
    const { room, viewport } = frame;
    const shown = visible(viewport, room);
    const perPage = page ? Math.max(1, Math.floor(room.height / viewport.height)) : 1;
    const start = this.#host.choices.cursor;
    const cursor = moveCursor(
      start ?? { row: shown.rows.from, column: shown.columns.from },
      start === null ? { rows: 0, columns: 0 } : { rows: rows * perPage, columns },
      room.rows,
      room.columns,
    );
    const moved = reveal(viewport, room, cursor.row, cursor.column);
    const isStill = moved.row === viewport.row && moved.column === viewport.column;
    this.#host.choose(isStill ? { cursor } : { cursor, viewport: moved });
    const { title, rows: lines } = this.#owner.describe(cursor.row, cursor.column);
    this.#host.announce([title, ...lines.map((line) => `${line.label} ${line.text}`)].join(" "));
  }

  #showHover(): void {
    const { readout } = this.#host;
    const frame = this.#frame;
    const at = this.#pointer;
    const cell = frame === null || at === null ? null : elementAt(frame.viewport, frame.room, at.x, at.y);
    this.#placeBox(this.#hover, cell);
    if (cell === null || at === null) {
      readout.hide();
      return;
    }
    const box = this.#area.getBoundingClientRect();
    readout.show(this.#owner.describe(cell.row, cell.column), { x: box.left + at.x, y: box.top + at.y });
  }

  /** Puts a frame around a cell; hides it where the cell is not on screen. */
  #placeBox(box: HTMLElement, cell: { row: number; column: number } | null): void {
    const frame = this.#frame;
    const isShown =
      frame !== null &&
      cell !== null &&
      cell.row >= frame.rows.from &&
      cell.row < frame.rows.to &&
      cell.column >= frame.columns.from &&
      cell.column < frame.columns.to;
    box.hidden = !isShown;
    if (!isShown) return;
    const { viewport } = frame;
    const [width, height] = [Math.max(5, viewport.width), Math.max(5, viewport.height)];
    const x = (cell.column + 0.5 - viewport.column) * viewport.width - width / 2;
    const y = (cell.row + 0.5 - viewport.row) * viewport.height - height / 2;
    box.style.translate = `${x}px ${y}px`;
    box.style.width = `${width}px`;
    box.style.height = `${height}px`;
  }

  #drawAxes({ viewport, room, rows, columns, context }: Frame): void {
    const svg = this.#axes
      .attr("width", room.width + gutter.left + gutter.right)
      .attr("height", room.height + gutter.top + gutter.bottom);
    const { slice } = context.choices;
    const down = ticks(rows, viewport.height, 22).map((index) => ({
      index,
      at: gutter.top + (index + 0.5 - viewport.row) * viewport.height,
    }));
    const longest = String(columns.to).length;
    const across = ticks(columns, viewport.width, Math.max(26, longest * 7 + 10)).map((index) => ({
      index,
      at: gutter.left + (index + 0.5 - viewport.column) * viewport.width,
    }));
    const isInside = (at: number, from: number, to: number): boolean => at >= from && at <= to;
    svg
      .selectAll<SVGTextElement, (typeof down)[number]>("text.row")
      .data(
        down.filter(
          ({ at }) => slice.rowDim !== null && isInside(at, gutter.top + 3, gutter.top + room.height - 3),
        ),
      )
      .join("text")
      .attr("class", "row")
      .attr("x", gutter.left - 7)
      .attr("y", ({ at }) => at + 3.5)
      .text(({ index }) => index);
    svg
      .selectAll<SVGTextElement, (typeof across)[number]>("text.column")
      .data(
        across.filter(
          ({ at }) => slice.columnDim !== null && isInside(at, gutter.left + 3, gutter.left + room.width - 3),
        ),
      )
      .join("text")
      .attr("class", "column")
      .attr("x", ({ at }) => at)
      .attr("y", gutter.top - 6)
      .text(({ index }) => index);
  }
}

/** Indices, a round number apart, that have `least` pixels each for their labels. */
export function ticks(range: Range, pixels: number, least: number): number[] {
  let step = 1;
  for (const factor of [1, 2, 5, 10]) {
    const tens = 10 ** Math.max(0, Math.floor(Math.log10(least / pixels)));
    step = factor * tens;
    if (step * pixels >= least) break;
  }
  const found: number[] = [];
  for (let at = Math.ceil(range.from / step) * step; at < range.to; at += step) found.push(at);
  return found;
}
