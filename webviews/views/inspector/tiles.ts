// The cells of one slice that have arrived, kept in small tiles of several fineness, so that only what is new on screen is asked for.

import type { SliceAnswer, SliceAsk } from "../../../engine/inspection.js";
import type { Range } from "./slicing.js";

/** Cells along a tile's side. Small: what is asked beyond the edges of the screen is less than one tile. */
export const tileSide = 16;

/** About 10 MB of cells, and more than two screens full. */
const mostTiles = 4096;

export interface Steps {
  rows: number;
  columns: number;
}

interface Tile {
  values: Float64Array | BigInt64Array;
  flags: Uint8Array;
}

/** What is missing on screen, in elements: ready to be asked for. */
export type Rectangle = Pick<SliceAsk, "row" | "column" | "rows" | "columns" | "mostRows" | "mostColumns">;

/** The cells on screen, row by row. `known` is 0 where a cell has not arrived. */
export interface Cells {
  rows: number;
  columns: number;
  /** The element that the first cell begins with. */
  row: number;
  column: number;
  steps: Steps;
  values: Float64Array;
  /** Exact integers beside them, where the tensor holds int64. */
  integers: BigInt64Array | null;
  flags: Uint8Array;
  known: Uint8Array;
  /** How many are known, and of those finite the smallest and largest. */
  knownCount: number;
  min: number;
  max: number;
}

export class Tiles {
  #tiles = new Map<string, Tile>();
  #pending = new Set<string>();

  /** Rectangles, as few as there may be, that cover the tiles not here and not on their way. */
  missing(rows: Range, columns: Range, steps: Steps): Rectangle[] {
    if (rows.to <= rows.from || columns.to <= columns.from) return [];
    const [down, right] = [tileSide * steps.rows, tileSide * steps.columns];
    const [top, bottom] = [Math.floor(rows.from / down), Math.ceil(rows.to / down)];
    const [left, end] = [Math.floor(columns.from / right), Math.ceil(columns.to / right)];
    const wide = end - left;
    const open = new Uint8Array((bottom - top) * wide);
    for (let r = top; r < bottom; r++) {
      for (let c = left; c < end; c++) {
        const key = keyOf(steps, r, c);
        if (!this.#tiles.has(key) && !this.#pending.has(key)) open[(r - top) * wide + c - left] = 1;
      }
    }
    const found: Rectangle[] = [];
    for (let at = 0; at < open.length; at++) {
      if (open[at] === 0) continue;
      const [r, c] = [Math.floor(at / wide), at % wide];
      let across = 1;
      while (c + across < wide && open[at + across] === 1) across++;
      let high = 1;
      while (isFull(open, (r + high) * wide + c, across)) high++;
      for (let k = 0; k < high; k++) open.fill(0, at + k * wide, at + k * wide + across);
      found.push({
        row: (top + r) * down,
        column: (left + c) * right,
        rows: high * down,
        columns: across * right,
        mostRows: high * tileSide,
        mostColumns: across * tileSide,
      });
    }
    return found;
  }

  /** Marks what a rectangle covers as on its way, or as no longer so. */
  setPending(rectangle: Rectangle, pending: boolean): void {
    this.#eachTile(rectangle, (key) => {
      if (pending) this.#pending.add(key);
      else this.#pending.delete(key);
    });
  }

  /** Cuts an answer into tiles. Where the tensor ended, tiles are narrower. */
  add(rectangle: Rectangle, answer: SliceAnswer): void {
    this.setPending(rectangle, false);
    const { rows, columns } = answer;
    const values =
      answer.number === "int64" ? new BigInt64Array(answer.values) : new Float64Array(answer.values);
    const flags = new Uint8Array(answer.flags);
    if (values.length < rows * columns || flags.length < rows * columns) return; // torn: it is asked for again
    this.#eachTile(rectangle, (key, r, c) => {
      const [firstRow, firstColumn] = [r * tileSide, c * tileSide];
      const high = Math.min(tileSide, rows - firstRow);
      const wide = Math.min(tileSide, columns - firstColumn);
      const size = tileSide * tileSide;
      const tile: Tile = {
        values: answer.number === "int64" ? new BigInt64Array(size) : new Float64Array(size),
        flags: new Uint8Array(size).fill(noCell),
      };
      for (let k = 0; k < high; k++) {
        const from = (firstRow + k) * columns + firstColumn;
        if (wide <= 0) break;
        tile.values.set(values.subarray(from, from + wide) as never, k * tileSide);
        tile.flags.set(flags.subarray(from, from + wide), k * tileSide);
      }
      this.#tiles.delete(key);
      this.#tiles.set(key, tile);
    });
    for (const key of this.#tiles.keys()) {
      if (this.#tiles.size <= mostTiles) break;
      this.#tiles.delete(key);
    }
  }

  /** The cells that cover these rows and columns of elements. */
  cells(rows: Range, columns: Range, steps: Steps): Cells {
    const [top, bottom] = [Math.floor(rows.from / steps.rows), Math.ceil(rows.to / steps.rows)];
    const [left, right] = [Math.floor(columns.from / steps.columns), Math.ceil(columns.to / steps.columns)];
    const [high, wide] = [Math.max(0, bottom - top), Math.max(0, right - left)];
    const cells: Cells = {
      ...{ rows: high, columns: wide, row: top * steps.rows, column: left * steps.columns, steps },
      values: new Float64Array(high * wide),
      integers: null,
      flags: new Uint8Array(high * wide),
      known: new Uint8Array(high * wide),
      ...{ knownCount: 0, min: Infinity, max: -Infinity },
    };
    for (let r = Math.floor(top / tileSide); r * tileSide < bottom; r++) {
      for (let c = Math.floor(left / tileSide); c * tileSide < right; c++) {
        const tile = this.#tiles.get(keyOf(steps, r, c));
        if (tile !== undefined) copyTile(tile, r * tileSide - top, c * tileSide - left, cells);
      }
    }
    return cells;
  }

  #eachTile(rectangle: Rectangle, visit: (key: string, r: number, c: number) => void): void {
    const steps = {
      rows: rectangle.rows / rectangle.mostRows,
      columns: rectangle.columns / rectangle.mostColumns,
    };
    const [top, left] = [rectangle.row / steps.rows / tileSide, rectangle.column / steps.columns / tileSide];
    for (let r = 0; r < rectangle.mostRows / tileSide; r++) {
      for (let c = 0; c < rectangle.mostColumns / tileSide; c++) visit(keyOf(steps, top + r, left + c), r, c);
    }
  }
}

/** In a tile's flags: the tensor has ended before. */
const noCell = 128;

function keyOf(steps: Steps, r: number, c: number): string {
  return `${steps.rows} ${steps.columns} ${r} ${c}`;
}

function isFull(open: Uint8Array, from: number, length: number): boolean {
  if (from + length > open.length) return false;
  for (let k = from; k < from + length; k++) if (open[k] === 0) return false;
  return true;
}

/** Copies what lies within `cells`, where the tile's first cell stands at (row, column). */
function copyTile(tile: Tile, row: number, column: number, cells: Cells): void {
  const exact = tile.values instanceof BigInt64Array ? tile.values : null;
  if (exact !== null) cells.integers ??= new BigInt64Array(cells.values.length);
  const firstColumn = Math.max(0, -column);
  const lastColumn = Math.min(tileSide, cells.columns - column);
  for (let r = Math.max(0, -row); r < Math.min(tileSide, cells.rows - row); r++) {
    for (let c = firstColumn; c < lastColumn; c++) {
      const from = r * tileSide + c;
      const flags = tile.flags[from]!;
      if (flags === noCell) continue;
      const to = (row + r) * cells.columns + column + c;
      const value = Number(tile.values[from]!);
      cells.values[to] = value;
      if (exact !== null) cells.integers![to] = exact[from]!;
      cells.flags[to] = flags;
      cells.known[to] = 1;
      cells.knownCount++;
      if (Number.isFinite(value)) {
        if (value < cells.min) cells.min = value;
        if (value > cells.max) cells.max = value;
      }
    }
  }
}
