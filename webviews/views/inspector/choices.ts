// How the user looks at a tensor: what is kept over stops and reloads, and how what was kept is read back without trusting it.

import type { SliceAsk } from "../../../engine/inspection.js";
import { paletteNames, type PaletteName } from "./colours.js";
import type { Limits } from "./limits.js";
import { defaultSlice, fitSlice, type Range, type Slice } from "./slicing.js";
import type { Viewport } from "./viewport.js";

export const tabs = ["value", "grad", "graph"] as const;
export type Tab = (typeof tabs)[number];

export const views = ["heatmap", "table", "image", "line", "histogram", "channels"] as const;
export type ViewName = (typeof views)[number];

export const reductions = ["mean", "min", "max", "absmax", "first"] as const satisfies SliceAsk["by"][];
export const normalisations = ["range", "unit", "byte"] as const;

export interface ImageChoices {
  /** The dim of the channels; null: one channel. "guess" until the user has chosen. */
  channelDim: number | null | "guess";
  /** minimum to maximum, 0 to 1, or 0 to 255 is black to white. */
  normalise: (typeof normalisations)[number] | "guess";
  /** The dim whose pictures stand side by side; null: one picture. */
  montageDim: number | null;
}

export interface Choices {
  tab: Tab;
  /** null: whatever suits the shape. */
  view: ViewName | null;
  slice: Slice;
  by: SliceAsk["by"];
  /** null: all of the slice. */
  viewport: Viewport | null;
  /** null: elements are squares where that suits. */
  square: boolean | null;
  /** Limits of the colours that the user has set, of the value and of the gradient. */
  limits: { value: Limits | null; grad: Limits | null };
  robust: boolean;
  /** The cell that the keyboard is at, in elements of the shown dims. */
  cursor: { row: number; column: number } | null;
  /** Another tensor, or an earlier copy, that is taken away. */
  minus: string | null;
  bins: number;
  logCounts: boolean;
  /** The part of the values that the histogram shows; null: all. */
  binRange: { from: number; to: number } | null;
  channelDim: number | null;
  image: ImageChoices;
  /** How many rows a line plot shows. */
  lines: number;
}

/** What holds for all tensors. */
export interface SharedChoices {
  palette: PaletteName;
  /** Tensors of one shape share slice, view and viewport. */
  link: boolean;
}

export function defaultChoices(shape: readonly number[]): Choices {
  return {
    tab: "value",
    view: null,
    slice: defaultSlice(shape),
    by: "mean",
    viewport: null,
    square: null,
    limits: { value: null, grad: null },
    robust: false,
    cursor: null,
    minus: null,
    bins: 60,
    logCounts: false,
    binRange: null,
    channelDim: null,
    image: { channelDim: "guess", normalise: "guess", montageDim: null },
    lines: 1,
  };
}

/** The view that suits a shape best, unless another was chosen. */
export function viewOf(choices: Choices): ViewName {
  if (choices.view !== null) return choices.view;
  const { rowDim, columnDim } = choices.slice;
  return (rowDim === null) !== (columnDim === null) ? "line" : "heatmap";
}

/** What linked tensors share of their choices. */
export function linkedPart(choices: Choices): Partial<Choices> {
  const { slice, viewport, square, view, tab, cursor, by, image } = choices;
  return { slice, viewport, square, view, tab, cursor, by, image };
}

/** Choices for a shape from what was stored: every field that is not what it should be is left at its default. */
export function readChoices(stored: unknown, shape: readonly number[]): Choices {
  const result = defaultChoices(shape);
  if (!isRecord(stored)) return result;
  const has = <Value>(values: readonly Value[], value: unknown): value is Value =>
    values.includes(value as Value);
  if (has(tabs, stored["tab"])) result.tab = stored["tab"];
  if (has(views, stored["view"])) result.view = stored["view"];
  if (has(reductions, stored["by"])) result.by = stored["by"];
  if (isSlice(stored["slice"])) result.slice = fitSlice(stored["slice"], shape);
  if (hasNumbers(stored["viewport"], ["row", "column", "width", "height"])) {
    const viewport = stored["viewport"] as unknown as Viewport;
    if (viewport.width > 0 && viewport.height > 0) result.viewport = viewport;
  }
  if (typeof stored["square"] === "boolean") result.square = stored["square"];
  if (isRecord(stored["limits"])) {
    const { value, grad } = stored["limits"];
    result.limits = { value: readLimits(value), grad: readLimits(grad) };
  }
  result.robust = stored["robust"] === true;
  if (hasNumbers(stored["cursor"], ["row", "column"]))
    result.cursor = stored["cursor"] as unknown as Choices["cursor"];
  if (typeof stored["minus"] === "string") result.minus = stored["minus"];
  const { bins, lines } = stored;
  if (typeof bins === "number" && bins >= 2 && bins <= 1000) result.bins = Math.round(bins);
  if (typeof lines === "number" && lines >= 1 && lines <= 8) result.lines = Math.round(lines);
  result.logCounts = stored["logCounts"] === true;
  if (hasNumbers(stored["binRange"], ["from", "to"]))
    result.binRange = stored["binRange"] as unknown as Choices["binRange"];
  const isDim = (dim: unknown): dim is number => typeof dim === "number" && shape[dim] !== undefined;
  if (isDim(stored["channelDim"])) result.channelDim = stored["channelDim"];
  if (isRecord(stored["image"])) {
    const { channelDim, normalise, montageDim } = stored["image"];
    if (channelDim === null || isDim(channelDim)) result.image.channelDim = channelDim;
    if (has(normalisations, normalise)) result.image.normalise = normalise;
    if (isDim(montageDim)) result.image.montageDim = montageDim;
  }
  return result;
}

export function readShared(stored: unknown): SharedChoices {
  const shared: SharedChoices = { palette: "auto", link: true };
  if (!isRecord(stored)) return shared;
  if (paletteNames.includes(stored["palette"] as PaletteName))
    shared.palette = stored["palette"] as PaletteName;
  if (typeof stored["link"] === "boolean") shared.link = stored["link"];
  return shared;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasNumbers(value: unknown, names: readonly string[]): value is Record<string, number> {
  return isRecord(value) && names.every((name) => Number.isFinite(value[name]));
}

function readLimits(value: unknown): Limits | null {
  return hasNumbers(value, ["low", "high"]) ? (value as unknown as Limits) : null;
}

function isSlice(value: unknown): value is Slice {
  if (!isRecord(value) || !Array.isArray(value["index"])) return false;
  const isDim = (dim: unknown): boolean => dim === null || Number.isInteger(dim);
  const isRange = (range: unknown): range is Range | null =>
    range === null || hasNumbers(range, ["from", "to"]);
  return (
    value["index"].every((at) => Number.isInteger(at)) &&
    isDim(value["rowDim"]) &&
    isDim(value["columnDim"]) &&
    isRange(value["rowRange"]) &&
    isRange(value["columnRange"])
  );
}
