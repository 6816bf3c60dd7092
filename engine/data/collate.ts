// Collating: a list of items becomes one batch.

import { tensor } from "../create.js";
import { fail, show } from "../errors.js";
import { stack } from "../generated/ops.js";
import { Tensor } from "../tensor.js";

/** What items become in a batch: numbers and tensors become tensors with a batch dim in front, the rest keeps its form. */
export type Collated<Item> = Item extends Tensor | ArrayBufferView
  ? Tensor
  : Item extends number | boolean | bigint
    ? Tensor
    : Item extends string
      ? string[]
      : Item extends readonly unknown[]
        ? { -readonly [K in keyof Item]: Collated<Item[K]> }
        : Item extends object
          ? { [K in keyof Item]: Collated<Item[K]> }
          : Item[];

/** Stacks tensors, gathers numbers, and goes into arrays and records. Whole numbers become int64: they are class indices. */
export function defaultCollate<Item>(items: readonly Item[]): Collated<Item> {
  if (!Array.isArray(items) || items.length === 0) {
    fail("defaultCollate", `give an array of items, not ${show(items)}`);
  }
  return collate(items, "") as Collated<Item>;
}

function collate(items: readonly unknown[], path: string): unknown {
  const first = items[0];
  const where = path === "" ? "the items" : `${path} of the items`;
  if (first instanceof Tensor) {
    for (const item of items) {
      if (!(item instanceof Tensor) || item.shape.join() !== first.shape.join()) {
        const other = item instanceof Tensor ? `[${item.shape.join(", ")}]` : show(item);
        fail(
          "DataLoader",
          `${where} differ, [${first.shape.join(", ")}] and ${other}; make them equal or give collateFn`,
          { first: `[${first.shape.join(", ")}]`, other },
          "shape",
        );
      }
    }
    return stack(items as Tensor[]);
  }
  switch (typeof first) {
    case "number":
      return items.every(Number.isSafeInteger)
        ? tensor(items as number[], { dtype: "int64" })
        : tensor(items as number[]);
    case "boolean":
    case "bigint":
      return tensor(items as boolean[]);
    case "string":
      return [...items];
    case "object":
      break;
    default:
      return fail("DataLoader", `${where} are ${show(first)}, which no batch can hold; give collateFn`);
  }
  if (ArrayBuffer.isView(first)) return stackArrays(items);
  if (Array.isArray(first)) {
    const size = first.length;
    for (const item of items) {
      if (!Array.isArray(item) || item.length !== size) {
        fail("DataLoader", `${where} differ in length; make them equal or give collateFn`, {}, "shape");
      }
    }
    return first.map((_, k) =>
      collate(
        (items as unknown[][]).map((item) => item[k]),
        `${path}[${k}]`,
      ),
    );
  }
  if (first === null) return fail("DataLoader", `${where} are null; give collateFn`);
  return Object.fromEntries(
    Object.keys(first).map((key) => [
      key,
      collate(
        items.map((item) => (item as Record<string, unknown> | null)?.[key]),
        path === "" ? key : `${path}.${key}`,
      ),
    ]),
  );
}

/** Typed arrays of one type and length become the rows of one tensor. */
function stackArrays(items: readonly unknown[]): Tensor {
  const first = items[0] as Float32Array;
  const make = first.constructor as new (length: number) => Float32Array;
  const all = new make(items.length * first.length);
  for (const [k, item] of items.entries()) {
    if (!(item instanceof make) || item.length !== first.length) {
      fail(
        "DataLoader",
        "typed arrays differ in type or length; make them equal or give collateFn",
        {},
        "shape",
      );
    }
    all.set(item, k * first.length);
  }
  return tensor(all, { shape: [items.length, first.length] });
}
