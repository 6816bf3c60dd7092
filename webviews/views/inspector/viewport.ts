// What part of a slice is on screen and how large its cells are: zoom, pan, fit. Pure arithmetic in elements and CSS pixels.

import { clamp, type Range } from "./slicing.js";

export interface Viewport {
  /** The element at the left upper corner, in elements of the whole dim; fractions where a cell is cut. */
  row: number;
  column: number;
  /** Pixels of one element. */
  height: number;
  width: number;
}

export interface Room {
  rows: Range;
  columns: Range;
  /** Pixels there are. */
  width: number;
  height: number;
}

/** Larger than this an element is not made: a tensor of four values does not fill the screen. */
const mostPixels = 160;
/** How large a cell is made at most when all is fitted. */
const fitWidth = 64;
const fitHeight = 34;

const count = (range: Range): number => Math.max(1, range.to - range.from);

/** Whether square elements suit: neither side is much longer than the other, and there are so many that their numbers would not fit. */
export function suitsSquare(room: Room): boolean {
  const ratio = count(room.rows) / count(room.columns);
  return ratio > 1 / 4 && ratio < 4 && Math.min(count(room.rows), count(room.columns)) >= 20;
}

/** All elements on screen, as large as may be. */
export function fit(room: Room, square = suitsSquare(room)): Viewport {
  const width = room.width / count(room.columns);
  const height = room.height / count(room.rows);
  const corner = { row: room.rows.from, column: room.columns.from };
  if (square) {
    const side = Math.min(width, height, fitHeight);
    return keepInside({ ...corner, width: side, height: side }, room);
  }
  return keepInside(
    { ...corner, width: Math.min(width, fitWidth), height: Math.min(height, fitHeight) },
    room,
  );
}

/** `factor` above 1 makes elements larger; the point (x, y), in pixels, stays where it is. Not smaller than when all was fitted. */
export function zoom(
  viewport: Viewport,
  room: Room,
  square: boolean,
  factor: number,
  x: number,
  y: number,
): Viewport {
  const least = fit(room, square);
  // Both directions by the same factor, so that squares stay squares.
  const by = Math.min(factor, Math.max(1, mostPixels / Math.max(viewport.width, viewport.height)));
  const width = Math.max(viewport.width * by, Math.min(least.width, viewport.width));
  const height = Math.max(viewport.height * by, Math.min(least.height, viewport.height));
  const row = viewport.row + y / viewport.height - y / height;
  const column = viewport.column + x / viewport.width - x / width;
  return keepInside({ row, column, width, height }, room);
}

export function pan(viewport: Viewport, room: Room, dx: number, dy: number): Viewport {
  return keepInside(
    { ...viewport, row: viewport.row + dy / viewport.height, column: viewport.column + dx / viewport.width },
    room,
  );
}

/** Nothing beyond the edges is shown while there is something to show within. */
export function keepInside(viewport: Viewport, room: Room): Viewport {
  const place = (at: number, range: Range, pixels: number, each: number): number =>
    clamp(at, range.from, Math.max(range.from, range.to - pixels / each));
  return {
    ...viewport,
    row: place(viewport.row, room.rows, room.height, viewport.height),
    column: place(viewport.column, room.columns, room.width, viewport.width),
  };
}

/** Moves as little as it takes for an element to be seen; elements that are too small for a look grow. */
export function reveal(viewport: Viewport, room: Room, row: number, column: number, least = 0): Viewport {
  let next = viewport;
  if (least > 0 && Math.min(next.width, next.height) < least) {
    const [width, height] = [Math.max(next.width, least), Math.max(next.height, least)];
    next = {
      ...{ width, height },
      row: row + 0.5 - room.height / height / 2,
      column: column + 0.5 - room.width / width / 2,
    };
    return keepInside(next, room);
  }
  const move = (from: number, at: number, span: number): number =>
    at < from ? at : at + 1 > from + span ? at + 1 - span : from;
  // What is far away is put in the middle, what is at the edge is just brought in.
  const place = (from: number, at: number, span: number): number => {
    const moved = move(from, at, span);
    return Math.abs(moved - from) > span / 2 ? at + 0.5 - span / 2 : moved;
  };
  return keepInside(
    {
      ...next,
      row: place(next.row, row, room.height / next.height),
      column: place(next.column, column, room.width / next.width),
    },
    room,
  );
}

/** The elements that are on screen, cut ones included. */
export function visible(viewport: Viewport, room: Room): { rows: Range; columns: Range } {
  const cut = (at: number, range: Range, pixels: number, each: number): Range => ({
    from: clamp(Math.floor(at + 1e-9), range.from, range.to),
    to: clamp(Math.ceil(at + pixels / each - 1e-9), range.from, range.to),
  });
  return {
    rows: cut(viewport.row, room.rows, room.height, viewport.height),
    columns: cut(viewport.column, room.columns, room.width, viewport.width),
  };
}

/** The element under a point; null beside the data. */
export function elementAt(
  viewport: Viewport,
  room: Room,
  x: number,
  y: number,
): { row: number; column: number } | null {
  const row = Math.floor(viewport.row + y / viewport.height);
  const column = Math.floor(viewport.column + x / viewport.width);
  const isInside =
    row >= room.rows.from && row < room.rows.to && column >= room.columns.from && column < room.columns.to;
  return isInside && x >= 0 && y >= 0 && x < room.width && y < room.height ? { row, column } : null;
}

/** Every answered cell costs 9 bytes on its way here; no picture may want more than this many. */
export const mostCells = 400_000;

/** How many elements share a cell in each direction: powers of two, so that cells are at least a pixel. */
export function stepsFor(viewport: Viewport, room: Room): { rows: number; columns: number } {
  const step = (pixels: number): number => (pixels >= 0.999 ? 1 : 2 ** Math.ceil(Math.log2(0.999 / pixels)));
  const steps = { rows: step(viewport.height), columns: step(viewport.width) };
  const shown = visible(viewport, room);
  const cells = (): number => (count(shown.rows) / steps.rows) * (count(shown.columns) / steps.columns);
  while (cells() > mostCells) {
    if (viewport.height * steps.rows <= viewport.width * steps.columns) steps.rows *= 2;
    else steps.columns *= 2;
  }
  return steps;
}
