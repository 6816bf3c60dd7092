// What comes over the socket as an ask, believed only after a look at every field: a wrong one is refused with one sentence.

import type { Ask, ExportAsk, SliceAsk } from "../inspection.js";

/** Cells of one answer: 9 bytes each leave the process. */
export const mostCells = 1 << 21;
export const mostBins = 2048;
export const mostChannels = 4096;
const mostNodes = 100_000;
/** Tensors have fewer elements. */
const mostElements = 2 ** 53;

type Fields = Record<string, unknown>;
type Rectangle = NonNullable<ExportAsk["slice"]>;

function refuse(sentence: string): never {
  throw new Error(`A tensor cannot be asked like that: ${sentence}.`);
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(`${what} is no object`);
  return value as Fields;
}

function integer(fields: Fields, name: string, least: number, most: number): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    refuse(`'${name}' must be a whole number from ${least} to ${most}`);
  return value;
}

function oneOf<T extends string>(fields: Fields, name: string, words: readonly T[]): T {
  const value = fields[name];
  if (!words.includes(value as T)) refuse(`'${name}' must be one of ${words.join(", ")}`);
  return value as T;
}

function integers(fields: Fields, name: string): number[] {
  const value = fields[name];
  const isRight = (item: unknown): boolean =>
    typeof item === "number" && Number.isInteger(item) && item >= 0 && item < mostElements;
  if (!Array.isArray(value) || value.length > 12 || !value.every(isRight))
    refuse(`'${name}' must be a list of at most 12 whole numbers, none negative`);
  return [...(value as number[])];
}

function optionalNumber(fields: Fields, name: string): Record<string, number> {
  const value = fields[name];
  if (value === undefined || value === null) return {};
  if (typeof value !== "number" || !Number.isFinite(value)) refuse(`'${name}' must be a finite number`);
  return { [name]: value };
}

/** A dim, or null for none. */
function dimOrNull(fields: Fields, name: string): number | null {
  return fields[name] === null ? null : integer(fields, name, 0, 11);
}

function rectangleOf(fields: Fields): Rectangle {
  const rectangle = {
    index: integers(fields, "index"),
    rowDim: dimOrNull(fields, "rowDim"),
    columnDim: dimOrNull(fields, "columnDim"),
    row: integer(fields, "row", 0, mostElements),
    column: integer(fields, "column", 0, mostElements),
    rows: integer(fields, "rows", 0, mostElements),
    columns: integer(fields, "columns", 0, mostElements),
  };
  if (rectangle.rowDim !== null && rectangle.rowDim === rectangle.columnDim)
    refuse("'rowDim' and 'columnDim' must be two dims");
  return rectangle;
}

/** The ways in which elements share a cell, in the order of native/inspect/cells.h. */
export const cellKinds = ["first", "mean", "min", "max", "absmax"] as const satisfies SliceAsk["by"][];

/** @throws Error with one sentence. */
export function checkPin(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1)
    throw new Error(`'${String(value)}' is no pinned tensor: pins are whole numbers from 1 on.`);
  return value;
}

/** @throws Error with one sentence. */
export function checkAsk(value: unknown): Ask {
  const fields = fieldsOf(value, "it");
  const kinds = ["slice", "statistics", "histogram", "channels", "find", "graph", "export"] as const;
  const kind = oneOf(fields, "kind", kinds);
  if (kind === "graph") return { kind, most: integer(fields, "most", 1, mostNodes) };
  const subject = {
    part: oneOf(fields, "part", ["value", "grad"]),
    ...(fields["minus"] === undefined || fields["minus"] === null
      ? {}
      : { minus: checkPin(fields["minus"]) }),
  };
  switch (kind) {
    case "slice": {
      const rectangle = rectangleOf(fields);
      const [mostRows, mostColumns] = ["mostRows", "mostColumns"].map((name) =>
        integer(fields, name, 1, mostElements),
      ) as [number, number];
      const cells = Math.min(rectangle.rows, mostRows) * Math.min(rectangle.columns, mostColumns);
      if (cells > mostCells) refuse(`${cells} cells are more than the ${mostCells} of one answer`);
      return { kind, ...subject, ...rectangle, mostRows, mostColumns, by: oneOf(fields, "by", cellKinds) };
    }
    case "statistics":
      return { kind, ...subject };
    case "histogram": {
      const limits = { ...optionalNumber(fields, "from"), ...optionalNumber(fields, "to") };
      return { kind, ...subject, bins: integer(fields, "bins", 1, mostBins), ...limits };
    }
    case "channels":
      return {
        kind,
        ...subject,
        dim: integer(fields, "dim", 0, 11),
        first: integer(fields, "first", 0, mostElements),
        most: integer(fields, "most", 1, mostChannels),
      };
    case "find": {
      const what = oneOf(fields, "what", ["nan", "infinity", "nonFinite", "min", "max"]);
      const after =
        fields["after"] === undefined || fields["after"] === null ? {} : { after: integers(fields, "after") };
      return { kind, ...subject, what, ...after };
    }
    case "export": {
      const format = oneOf(fields, "format", ["npy", "csv", "typescript"]);
      if (fields["slice"] === undefined || fields["slice"] === null) return { kind, ...subject, format };
      return { kind, ...subject, format, slice: rectangleOf(fieldsOf(fields["slice"], "'slice'")) };
    }
  }
}
