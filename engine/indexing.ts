// Tensor.at(): PyTorch's x[...] written as a call, because a Proxy would blind every debugger; and its way to write, indexPut_.

import { checkBoolean, fail, readOptions, show } from "./errors.js";
import { native } from "./native.js";
import { adopt, requireTensor, Tensor } from "./tensor.js";
import { tensor, type NestedValues } from "./create.js";
import { arange, type Operand } from "./generated/ops.js";

/** A cut through one dim: from `start` up to, not including, `end`, every `step`-th; negative ends count from the back. */
export interface Slice {
  readonly kind: "slice";
  readonly start: number | null;
  readonly end: number | null;
  readonly step: number;
}

/** Numbers or booleans, nested to any depth: an index tensor or a mask. */
export type IndexList = readonly (number | boolean | IndexList)[];

/** One entry of `x.at(...)`. */
export type Index = number | boolean | null | "..." | Slice | Tensor | IndexList;

/** `slice(1, 3)` is PyTorch's `1:3`; null or nothing means 'as far as it goes'. */
export function slice(
  start: number | null = null,
  end: number | null = null,
  step: number | null = null,
): Slice {
  for (const [name, value] of Object.entries({ start, end, step })) {
    if (value !== null && !Number.isSafeInteger(value)) {
      fail("slice", `${name} must be a whole number or null, it is ${show(value)}`, { [name]: show(value) });
    }
  }
  if (step !== null && step < 1)
    fail("slice", `step must be at least 1, it is ${step}`, { step: String(step) });
  return { kind: "slice", start, end, step: step ?? 1 };
}

/**
 * x[indices], by PyTorch's rules: integers drop their dim, slices cut, null adds a dim, "..." stands for the dims not named; these
 * give a view. Index tensors broadcast together and pick elements, a mask stands for as many dims as it has; these give a copy,
 * and where they stand apart their dims come first.
 */
export function indexTensor(x: Tensor, indices: readonly Index[]): Tensor {
  const { view, picks, places } = basicPart("at", x, indices);
  return picks.length === 0 ? view : pick(view, picks, places);
}

/** The method `index`: one list of tensors or other indices is what `at` takes one by one; a list of numbers is one index. */
export function index(x: Tensor, ...indices: (Index | readonly Index[])[]): Tensor {
  const [only] = indices;
  const isTuple = indices.length === 1 && Array.isArray(only) && !isIndexList(only);
  return indexTensor(requireTensor("index", "x", x), (isTuple ? only : indices) as readonly Index[]);
}

/**
 * x[indices] = values, in place. An array of indices is what `at` takes one by one.
 * Errors: values do not broadcast to what the indices name; an index tensor goes with values of another dtype.
 */
export function indexPut_(
  x: Tensor,
  indices: Index | readonly Index[],
  values: Operand,
  options?: { accumulate?: boolean },
): Tensor {
  const op = "indexPut_";
  requireTensor(op, "x", x);
  const given = readOptions(op, options, { accumulate: false });
  const accumulate = checkBoolean(op, "accumulate", given.accumulate);
  const list = (Array.isArray(indices) ? indices : [indices]) as readonly Index[];
  const { view, picks, places } = basicPart(op, x, list);
  const isNumber = !(values instanceof Tensor);
  if (isNumber && !["number", "bigint", "boolean"].includes(typeof values)) {
    fail(op, `values must be a tensor or a number, they are ${show(values)}`);
  }
  const source = isNumber ? tensor(values, { dtype: x.dtype, device: x.device }) : values;
  if (picks.length === 0) {
    requireBroadcast(op, source, view.shape);
    if (accumulate) view.add_(source);
    else view.copy_(source);
    return x;
  }
  const count = view.numel();
  const positions = pick(arange(count, { device: x.device }).view(view.shape), picks, places);
  requireBroadcast(op, source, positions.shape);
  const wanted = source.broadcastTo(positions.shape).reshape([-1]);
  const flat = view.reshape([-1]);
  const at = positions.reshape([-1]);
  const written = accumulate ? flat.scatterAdd(0, at, wanted) : flat.scatter(0, at, wanted);
  view.copy_(written.view(view.shape));
  return x;
}

function requireBroadcast(op: string, values: Tensor, shape: readonly number[]): void {
  const skipped = shape.length - values.shape.length;
  if (skipped >= 0 && values.shape.every((size, k) => size === 1 || size === shape[skipped + k])) return;
  const sizes = `[${values.shape.join(", ")}]`;
  fail(op, `values of ${sizes} do not broadcast to [${shape.join(", ")}]`, { values: sizes }, "shape");
}

/** What the indices that give views make of x, and the others with the dim of the view that each begins at. */
function basicPart(
  op: string,
  x: Tensor,
  given: readonly Index[],
): { view: Tensor; picks: Tensor[]; places: number[] } {
  const indices = given.map((index) => readIndex(op, index));
  const used = indices.reduce<number>((count, index) => count + dimsUsed(index), 0);
  const named = indices.filter((index) => index === "...").length;
  if (named > 1) fail(op, `"..." may stand once, it stands ${named} times`);
  if (used > x.shape.length) {
    fail(op, `${used} indices for the ${x.shape.length} dims of [${x.shape.join(", ")}]`, {}, "index");
  }
  let view = x;
  let dim = 0;
  const picks: Tensor[] = [];
  const places: number[] = [];
  for (const index of indices) {
    if (index === "...") {
      dim += x.shape.length - used;
    } else if (index === null) {
      view = view.unsqueeze(dim);
      dim += 1;
    } else if (typeof index === "number") {
      view = view.select(dim, positionIn(op, index, view, dim));
    } else if (index instanceof Tensor) {
      const isFlag = index.shape.length === 0 && index.dtype === "bool";
      if (isFlag) view = view.unsqueeze(dim);
      picks.push(onDeviceOf(x, isFlag ? index.reshape([1]) : index));
      places.push(dim);
      dim += isFlag ? 1 : dimsUsed(index);
    } else {
      view = cut(view, dim, index);
      dim += 1;
    }
  }
  return { view, picks, places };
}

/** Indices of the CPU go with tensors of every device; those of another device are refused by the op. */
function onDeviceOf(x: Tensor, index: Tensor): Tensor {
  return index.device === "cpu" ? index.to(x.device) : index;
}

/** An index as one of four: lists and booleans become tensors, an integral tensor without dims its number. */
function readIndex(op: string, index: unknown): number | null | "..." | Slice | Tensor {
  if (index === null || index === "..." || typeof index === "number" || isSlice(index)) return index;
  if (typeof index === "boolean") return tensor(index, { device: "cpu" });
  if (isIndexList(index)) {
    const leaves = (index as unknown[]).flat(Infinity);
    const isMask = typeof leaves[0] === "boolean";
    if (!leaves.every((leaf) => (isMask ? typeof leaf === "boolean" : Number.isSafeInteger(leaf)))) {
      fail(op, `a list of indices has whole numbers or booleans alone, not ${show(index)}`, {}, "index");
    }
    return tensor(index as NestedValues, { dtype: isMask ? "bool" : "int64", device: "cpu" });
  }
  if (!(index instanceof Tensor)) {
    return fail(op, `an index is a whole number, slice(), null, "..." or a tensor, not ${show(index)}`, {
      index: show(index),
    });
  }
  if (index.dtype !== "int64" && index.dtype !== "int32" && index.dtype !== "bool") {
    fail(op, `an index tensor is int64, int32 or bool, not ${index.dtype}`, { dtype: index.dtype }, "dtype");
  }
  return index.shape.length === 0 && index.dtype !== "bool"
    ? Number(index.item<number | bigint | boolean>())
    : index;
}

function isIndexList(index: unknown): boolean {
  return (
    Array.isArray(index) &&
    index.every((item) => typeof item === "number" || typeof item === "boolean" || isIndexList(item))
  );
}

/** Dims that an index stands for. */
function dimsUsed(index: number | null | "..." | Slice | Tensor): number {
  if (index === null || index === "...") return 0;
  return index instanceof Tensor && index.dtype === "bool" ? index.shape.length : 1;
}

function isSlice(index: unknown): index is Slice {
  return typeof index === "object" && index !== null && (index as { kind?: unknown }).kind === "slice";
}

/** A whole number within the dim, counted from the front. */
function positionIn(op: string, index: number, x: Tensor, dim: number): number {
  const size = x.shape[dim]!;
  if (!Number.isInteger(index) || index < -size || index >= size) {
    fail(
      op,
      `index ${index} is outside dim ${dim} of [${x.shape.join(", ")}]`,
      { index: String(index) },
      "index",
    );
  }
  return index < 0 ? index + size : index;
}

function cut(x: Tensor, dim: number, { start, end, step }: Slice): Tensor {
  const size = x.shape[dim]!;
  const clamp = (value: number) => Math.min(size, Math.max(0, value < 0 ? value + size : value));
  const from = clamp(start ?? 0);
  const to = Math.max(from, clamp(end ?? size));
  if (step === 1) return from === 0 && to === size ? x : x.narrow(dim, from, to - from);
  const out = new Tensor();
  native.ops["slice"]!(out, x, dim, from, to, step);
  return adopt(out, 0);
}

/** The elements that index tensors and masks name; each stands for the dims of x from its place on. */
function pick(x: Tensor, picks: readonly Tensor[], places: readonly number[]): Tensor {
  const out = new Tensor();
  native.ops["at"]!(out, x, picks, places);
  return adopt(out, 0);
}
