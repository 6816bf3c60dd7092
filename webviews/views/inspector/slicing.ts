// Which rectangle of an N-dimensional tensor is looked at: two dims are shown, every other stands at an index. Pure arithmetic.

/** From `from` up to, and without, `to`. */
export interface Range {
  from: number;
  to: number;
}

export interface Slice {
  /** An index for every dim; those of the shown dims are kept for when they are no longer shown. */
  index: readonly number[];
  /** null: there is one row or one column. */
  rowDim: number | null;
  columnDim: number | null;
  /** Parts of the shown dims; null: all of them. */
  rowRange: Range | null;
  columnRange: Range | null;
}

/** What a dim stands for in a slice. */
export type Role = "rows" | "columns" | "index";

/** The last two dims are shown, or as for a picture: of [N, H, W, 3] the height and the width. */
export function defaultSlice(shape: readonly number[]): Slice {
  const index = shape.map(() => 0);
  const none = { rowRange: null, columnRange: null };
  if (shape.length === 0) return { index, rowDim: null, columnDim: null, ...none };
  if (shape.length === 1) return { index, rowDim: null, columnDim: 0, ...none };
  const image = guessImage(shape);
  if (image !== null) return { index, rowDim: image.height, columnDim: image.width, ...none };
  return { index, rowDim: shape.length - 2, columnDim: shape.length - 1, ...none };
}

/** The same slice of another shape as far as it fits; the default where it does not. */
export function fitSlice(slice: Slice, shape: readonly number[]): Slice {
  const { rowDim, columnDim } = slice;
  const isDim = (dim: number | null): boolean =>
    dim === null || (Number.isInteger(dim) && dim >= 0 && dim < shape.length);
  const isWhole =
    slice.index.length === shape.length &&
    isDim(rowDim) &&
    isDim(columnDim) &&
    (rowDim === null || rowDim !== columnDim) &&
    (shape.length === 0 || rowDim !== null || columnDim !== null);
  if (!isWhole) return defaultSlice(shape);
  return {
    index: slice.index.map((at, dim) => clamp(at, 0, Math.max(0, shape[dim]! - 1))),
    rowDim,
    columnDim,
    rowRange: fitRange(slice.rowRange, rowDim === null ? 1 : shape[rowDim]!),
    columnRange: fitRange(slice.columnRange, columnDim === null ? 1 : shape[columnDim]!),
  };
}

function fitRange(range: Range | null, size: number): Range | null {
  if (range === null) return null;
  const from = clamp(range.from, 0, Math.max(0, size - 1));
  const to = clamp(range.to, from + 1, size);
  return to <= from || (from === 0 && to === size) ? null : { from, to };
}

export function roleOf(slice: Slice, dim: number): Role {
  return dim === slice.rowDim ? "rows" : dim === slice.columnDim ? "columns" : "index";
}

/** Gives a dim a role. Whoever had it takes over the dim's old one, so that two dims stay shown. */
export function withRole(slice: Slice, dim: number, role: Role): Slice {
  const old = roleOf(slice, dim);
  if (old === role) return slice;
  const next = { ...slice };
  const set = (which: Role, to: number | null): void => {
    if (which === "rows") [next.rowDim, next.rowRange] = [to, null];
    if (which === "columns") [next.columnDim, next.columnRange] = [to, null];
  };
  const before = role === "rows" ? slice.rowDim : role === "columns" ? slice.columnDim : null;
  set(old, before);
  set(role, dim);
  // At least one dim is shown: the last that is shown cannot leave.
  return next.rowDim === null && next.columnDim === null ? slice : next;
}

/** Another index for a dim that is not shown, or a dim that is: kept within the shape. */
export function withIndex(slice: Slice, shape: readonly number[], dim: number, at: number): Slice {
  const size = shape[dim] ?? 0;
  const index = slice.index.map((old, k) =>
    k === dim ? clamp(Math.round(at), 0, Math.max(0, size - 1)) : old,
  );
  return { ...slice, index };
}

/** Rows or columns that can be scrolled to. */
export function extentOf(slice: Slice, shape: readonly number[]): { rows: Range; columns: Range } {
  return {
    rows: slice.rowRange ?? { from: 0, to: slice.rowDim === null ? 1 : shape[slice.rowDim]! },
    columns: slice.columnRange ?? { from: 0, to: slice.columnDim === null ? 1 : shape[slice.columnDim]! },
  };
}

/** The full index of a cell of the slice. */
export function indexAt(slice: Slice, row: number, column: number): number[] {
  return slice.index.map((at, dim) => (dim === slice.rowDim ? row : dim === slice.columnDim ? column : at));
}

/** The slice that shows an element, and where in it: shown dims stay, the others go to the element's index. */
export function sliceWith(
  slice: Slice,
  index: readonly number[],
): { slice: Slice; row: number; column: number } {
  const row = slice.rowDim === null ? 0 : index[slice.rowDim]!;
  const column = slice.columnDim === null ? 0 : index[slice.columnDim]!;
  const holds = (range: Range | null, at: number): boolean =>
    range === null || (at >= range.from && at < range.to);
  return {
    slice: {
      ...slice,
      index: [...index],
      rowRange: holds(slice.rowRange, row) ? slice.rowRange : null,
      columnRange: holds(slice.columnRange, column) ? slice.columnRange : null,
    },
    row,
    column,
  };
}

/** "[3, 17, :, 2:8]": the slice as one would write it. */
export function sliceText(slice: Slice, shape: readonly number[]): string {
  const parts = shape.map((_, dim) => {
    const role = roleOf(slice, dim);
    if (role === "index") return String(slice.index[dim]);
    const range = role === "rows" ? slice.rowRange : slice.columnRange;
    return range === null ? ":" : `${range.from}:${range.to}`;
  });
  return `[${parts.join(", ")}]`;
}

export interface ImageGuess {
  height: number;
  width: number;
  /** null: one channel, which is no dim of its own. */
  channel: number | null;
}

/** What shapes of pictures look like: channels of 1, 3 or 4 last ([H, W, C]) or before two larger dims ([C, H, W]); null for others. */
export function guessImage(shape: readonly number[]): ImageGuess | null {
  const rank = shape.length;
  if (rank < 3) return null;
  const isChannels = (size: number): boolean => size === 1 || size === 3 || size === 4;
  const [c, h, w] = shape.slice(-3) as [number, number, number];
  if (isChannels(c) && h > 4 && w > 4) return { channel: rank - 3, height: rank - 2, width: rank - 1 };
  if (isChannels(w) && c > 4 && h > 4) return { height: rank - 3, width: rank - 2, channel: rank - 1 };
  return null;
}

/** "3, 17, 2", "[3,17,2]", "-1 0": an index of this shape; or what is wrong with it, as a sentence. */
export function parseIndex(text: string, shape: readonly number[]): number[] | string {
  const parts = text
    .replace(/[[\]()]/g, " ")
    .split(/[\s,]+/)
    .filter((part) => part !== "");
  if (parts.length === 0) return "Type an index, such as " + shape.map(() => "0").join(", ") + ".";
  if (parts.some((part) => !/^[-−+]?\d+$/.test(part))) return "An index has whole numbers, such as 3, 17, 2.";
  if (parts.length !== shape.length) {
    const wanted = `${shape.length} ${shape.length === 1 ? "number" : "numbers"}`;
    return `An index of this tensor has ${wanted}, not ${parts.length}.`;
  }
  const index = parts.map((part) => Number(part.replace("−", "-")));
  for (const [dim, at] of index.entries()) {
    const size = shape[dim]!;
    const from0 = at < 0 ? at + size : at;
    if (from0 < 0 || from0 >= size) {
      return `Dim ${dim} has ${size} ${size === 1 ? "index" : "indices"}: ${at} is outside.`;
    }
    index[dim] = from0;
  }
  return index;
}

/** "10:20", ":5", "8:", "3": a part of a dim; null: all of it, or a sentence on what is wrong. */
export function parseRange(text: string, size: number): Range | null | string {
  const plain = text.trim();
  if (plain === "" || plain === ":") return null;
  const match = /^(-?\d*)\s*(:?)\s*(-?\d*)$/.exec(plain);
  if (match === null) return "A range is written as 10:20, from the first up to, and without, the last.";
  const place = (part: string, otherwise: number): number => {
    const at = part === "" ? otherwise : Number(part);
    return at < 0 ? at + size : at;
  };
  const from = place(match[1]!, 0);
  const to = match[2] === "" ? from + 1 : place(match[3]!, size);
  if (from < 0 || from >= size || to <= from || to > size) return `A range lies within 0:${size}.`;
  return from === 0 && to === size ? null : { from, to };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
