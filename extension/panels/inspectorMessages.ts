// Checks what an inspector's page sends: a webview's messages are outside input. Anything of another shape is dropped.

import type { Ask, FindAsk, Place, SliceAsk, Subject } from "../../engine/inspection.js";
import type { FromInspector, InspectorState } from "../../webviews/protocol.js";
import type { KeptInspector } from "./inspectorModel.js";

type Fields = Record<string, unknown>;

/** Limits that no real page reaches. */
const most = {
  text: 4096,
  dims: 64,
  /** Characters of the page's state as JSON. */
  state: 1 << 18,
  copied: 64 << 20,
  saved: 256 << 20,
};

const aggregations = ["first", "mean", "min", "max", "absmax"] as const;
const searches = ["nan", "infinity", "nonFinite", "min", "max"] as const;
const formats = ["npy", "csv", "typescript"] as const;

/** The message, rebuilt from its known fields; null when it is none. */
export function readInspectorMessage(message: unknown): FromInspector | null {
  if (!isFields(message)) return null;
  const { type, id } = message;
  switch (type) {
    case "ready":
      return { type };
    case "ask": {
      const { request, minus } = message;
      const ask = readAsk(message["ask"]);
      if (!isCount(request) || !isText(id) || !ask || (minus !== null && !isText(minus))) return null;
      return { type, request, id, minus, ask };
    }
    case "add": {
      const expression = typeof message["expression"] === "string" ? message["expression"].trim() : "";
      return isText(expression) && expression !== "" ? { type, expression } : null;
    }
    case "select":
    case "keep":
    case "close":
      return isText(id) ? { type, id } : null;
    case "pin": {
      const { pinned } = message;
      return isText(id) && typeof pinned === "boolean" ? { type, id, pinned } : null;
    }
    case "open": {
      const place = readPlace(message["place"]);
      return place ? { type, place } : null;
    }
    case "copy": {
      const { text } = message;
      return typeof text === "string" && text.length <= most.copied ? { type, text } : null;
    }
    case "save": {
      const { name, bytes } = message;
      if (!isText(name) || !(bytes instanceof ArrayBuffer) || bytes.byteLength > most.saved) return null;
      return { type, name: plainName(name), bytes };
    }
    case "state": {
      const state = readInspectorState(message["state"]);
      return state ? { type, state } : null;
    }
    default:
      return null;
  }
}

/** What an earlier window left in the editor's storage; null when it is nothing of ours. */
export function readKept(value: unknown): KeptInspector | null {
  if (!isFields(value) || !Array.isArray(value["tensors"])) return null;
  const tensors = (value["tensors"] as unknown[]).flatMap((item) => {
    if (!isFields(item) || !isText(item["id"]) || !isText(item["expression"])) return [];
    return [{ id: item["id"], expression: item["expression"], pinned: item["pinned"] === true }];
  });
  return {
    tensors,
    selected: isText(value["selected"]) ? value["selected"] : null,
    state: readInspectorState(value["state"]),
  };
}

function readInspectorState(value: unknown): InspectorState | null {
  return isFields(value) && JSON.stringify(value).length <= most.state ? value : null;
}

function readAsk(value: unknown): Ask | null {
  if (!isFields(value)) return null;
  const { kind } = value;
  if (kind === "graph") return isCount(value["most"]) ? { kind, most: value["most"] } : null;
  const { part } = value;
  if (part !== "value" && part !== "grad") return null;
  const subject: Subject = { part };
  switch (kind) {
    case "slice": {
      const rectangle = readRectangle(value);
      const { mostRows, mostColumns } = value;
      const by = aggregations.find((name) => name === value["by"]);
      if (!rectangle || !isSize(mostRows) || !isSize(mostColumns) || !by) return null;
      return { kind, ...subject, ...rectangle, mostRows, mostColumns, by };
    }
    case "statistics":
      return { kind, ...subject };
    case "histogram": {
      const { bins, from, to } = value;
      if (!isSize(bins) || !isNumberOrAbsent(from) || !isNumberOrAbsent(to)) return null;
      return {
        ...{ kind, ...subject, bins },
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      };
    }
    case "channels": {
      const { dim, first, most: wanted } = value;
      if (!isCount(dim) || !isCount(first) || !isSize(wanted)) return null;
      return { kind, ...subject, dim, first, most: wanted };
    }
    case "find":
      return readFind(subject, value);
    case "export": {
      const format = formats.find((name) => name === value["format"]);
      const slice = value["slice"] === undefined ? undefined : readRectangle(value["slice"]);
      if (!format || slice === null) return null;
      return { kind, ...subject, format, ...(slice === undefined ? {} : { slice }) };
    }
    default:
      return null;
  }
}

function readFind(subject: Subject, value: Fields): FindAsk | null {
  const what = searches.find((name) => name === value["what"]);
  const { after } = value;
  if (!what || (after !== undefined && !isIndex(after))) return null;
  return { kind: "find", ...subject, what, ...(after === undefined ? {} : { after }) };
}

type Rectangle = Pick<SliceAsk, "index" | "rowDim" | "columnDim" | "row" | "column" | "rows" | "columns">;

function readRectangle(value: unknown): Rectangle | null {
  if (!isFields(value)) return null;
  const { index, rowDim, columnDim, row, column, rows, columns } = value;
  if (!isIndex(index) || !isDim(rowDim) || !isDim(columnDim)) return null;
  if (!isCount(row) || !isCount(column) || !isCount(rows) || !isCount(columns)) return null;
  return { index, rowDim, columnDim, row, column, rows, columns };
}

function readPlace(value: unknown): Place | null {
  if (!isFields(value)) return null;
  const { file, line, column } = value;
  return isText(file) && isCount(line) && isCount(column) ? { file, line, column } : null;
}

/** A file's name without folders, and without what some file system refuses. */
function plainName(name: string): string {
  const plain = name.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, "_").slice(-100); // eslint-disable-line no-control-regex -- control characters are what is refused
  return plain === "" || /^\.+$/.test(plain) ? "tensor" : plain;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= most.text;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSize(value: unknown): value is number {
  return isCount(value) && value > 0;
}

function isDim(value: unknown): value is number | null {
  return value === null || isCount(value);
}

function isIndex(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= most.dims && value.every(isCount);
}

function isNumberOrAbsent(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === "number" && Number.isFinite(value));
}
