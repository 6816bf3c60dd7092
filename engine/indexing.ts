// Tensor.at(): PyTorch's x[...] written as a call, because a Proxy would blind every debugger.

import { fail, show } from "./errors.js";
import { native } from "./native.js";
import { adopt, requireTensor, Tensor } from "./tensor.js";
import { tensor } from "./create.js";

/** A cut through one dim: from `start` up to, not including, `end`, every `step`-th; negative ends count from the back. */
export interface Slice {
  readonly kind: "slice";
  readonly start: number | null;
  readonly end: number | null;
  readonly step: number;
}

/** One entry of `x.at(...)`. */
export type Index = number | null | "..." | Slice | Tensor | readonly number[];

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

const op = "at";

/** A view where PyTorch gives one (integers, slices, null, "..."), else a copy. */
export function indexTensor(x: Tensor, indices: readonly Index[]): Tensor {
  const used = indices.reduce<number>((count, index) => count + dimsUsed(index), 0);
  const named = indices.filter((index) => index === "...").length;
  if (named > 1) fail(op, `"..." may stand once, it stands ${named} times`);
  if (indices.filter(isAdvanced).length > 1) {
    fail(op, "only one index may be a tensor or an array, call at() once for each");
  }
  if (used > x.shape.length) {
    fail(op, `${used} indices for the ${x.shape.length} dims of [${x.shape.join(", ")}]`, {}, "index");
  }
  let result = x;
  let dim = 0;
  for (const index of indices) {
    if (index === "...") {
      dim += x.shape.length - used;
    } else if (index === null) {
      result = result.unsqueeze(dim);
      dim += 1;
    } else if (typeof index === "number") {
      result = result.select(dim, positionIn(index, result, dim));
    } else if (isSlice(index)) {
      result = cut(result, dim, index);
      dim += 1;
    } else {
      const picked = index instanceof Tensor ? index : tensor([...index], { dtype: "int64" });
      result = picked.dtype === "bool" ? pickByMask(result, dim, picked) : pickByIndex(result, dim, picked);
      dim += picked.dtype === "bool" ? 1 : picked.shape.length;
    }
  }
  return result;
}

/** Dims of `x` that an index stands for; refuses what is no index at all. */
function dimsUsed(index: unknown): number {
  if (index === null || index === "...") return 0;
  if (typeof index === "number" || isSlice(index)) return 1;
  if (index instanceof Tensor) return index.dtype === "bool" ? index.shape.length : 1;
  if (Array.isArray(index) && index.every((item) => typeof item === "number")) return 1;
  return fail(op, `an index is a whole number, slice(), null, "..." or a tensor, not ${show(index)}`, {
    index: show(index),
  });
}

function isAdvanced(index: Index): boolean {
  return index instanceof Tensor || Array.isArray(index);
}

function isSlice(index: unknown): index is Slice {
  return typeof index === "object" && index !== null && (index as { kind?: unknown }).kind === "slice";
}

/** A whole number within the dim, counted from the front. */
function positionIn(index: number, x: Tensor, dim: number): number {
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

/** Entries of `dim` by number; the dims of `index` take its place. */
function pickByIndex(x: Tensor, dim: number, index: Tensor): Tensor {
  if (index.dtype !== "int64" && index.dtype !== "int32") {
    fail(op, `an index tensor is int64, int32 or bool, not ${index.dtype}`, { dtype: index.dtype }, "dtype");
  }
  const positions = Array.from(index.data() as ArrayLike<number | bigint>, (value) =>
    positionIn(Number(value), x, dim),
  );
  const flat = tensor(positions, { dtype: "int64", device: x.device });
  return x
    .indexSelect(dim, flat)
    .reshape([...x.shape.slice(0, dim), ...index.shape, ...x.shape.slice(dim + 1)]);
}

/** Entries where the mask is true; the dims the mask covers become one. */
function pickByMask(x: Tensor, dim: number, mask: Tensor): Tensor {
  requireTensor(op, "the mask", mask);
  const covered = x.shape.slice(dim, dim + mask.shape.length);
  if (covered.join() !== mask.shape.join()) {
    fail(
      op,
      `the mask [${mask.shape.join(", ")}] does not fit [${x.shape.join(", ")}] at dim ${dim}`,
      {},
      "index",
    );
  }
  const positions: number[] = [];
  (mask.data() as Uint8Array).forEach((value, at) => {
    if (value !== 0) positions.push(at);
  });
  const count = covered.reduce((product, size) => product * size, 1);
  return x
    .reshape([...x.shape.slice(0, dim), count, ...x.shape.slice(dim + covered.length)])
    .indexSelect(dim, tensor(positions, { dtype: "int64", device: x.device }));
}
