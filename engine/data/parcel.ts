// Objects packed to go to another thread: plain data is copied, tensors are handed over with their memory, instances of
// classes that a module exports are built again there.

import { types } from "node:util";
import { convert } from "../convert.js";
import { bytesOf, Generator } from "../generator.js";
import { native } from "../native.js";
import { Parameter } from "../nn/parameter.js";
import { adopt, Tensor } from "../tensor.js";
import { ArrayDataset } from "./dataset.js";
import { findExport, mainScript, type AnyFunction, type Locator, type Place } from "./place.js";

type Primitive = string | number | boolean | bigint | null | undefined;
/** A value that is itself, or the number of a node: equal numbers are the same object, so that loops are no trouble. */
type Packed = Primitive | { node: number } | { symbol: string };
type Fields = [Packed, Packed][];

type Node =
  | { kind: "record"; isNull: boolean; fields: Fields }
  | { kind: "instance"; place: Place; fields: Fields }
  | { kind: "arrayDataset"; fields: Fields }
  | { kind: "array"; items: Packed[] }
  | { kind: "map"; fields: Fields }
  | { kind: "set"; items: Packed[] }
  | { kind: "tensor"; token: number; label: string | null; requiresGrad: boolean; isParameter: boolean }
  | { kind: "function"; place: Place }
  | { kind: "url"; href: string }
  | { kind: "generator"; device: string; state: Uint8Array }
  | { kind: "bytes"; value: Uint8Array }
  | { kind: "clone"; value: unknown };

export interface Parcel {
  root: Packed;
  nodes: Node[];
}

/** Why an object cannot go to another thread: `what` has no place there, and `advice` says what to do. */
export class CannotSend extends Error {
  readonly what: string;
  readonly advice: string;

  constructor(what: string, advice: string) {
    super(`${what}; ${advice}`);
    this.what = what;
    this.advice = advice;
  }
}

const deepest = 500;

/** Packs `value`, which errors call `name`. Tensors wait for `unpack` under `group`. */
export function pack(value: unknown, name: string, group: number, locator: Locator): Parcel {
  const nodes: Node[] = [];
  const numbers = new Map<object, number>();
  let depth = 0;

  const packValue = (value: unknown, path: string): Packed => {
    if (typeof value === "symbol") return packSymbol(value, path);
    if ((typeof value !== "object" || value === null) && typeof value !== "function")
      return value as Primitive;
    const before = numbers.get(value);
    if (before !== undefined) return { node: before };
    if (depth >= deepest)
      throw new CannotSend(`${path.slice(0, 60)}... is nested more than ${deepest} deep`, "make it flatter");
    const number = nodes.length;
    numbers.set(value, number);
    nodes.push({ kind: "clone", value: null }); // its place, because what it holds may hold it
    depth += 1;
    nodes[number] = packObject(value, path);
    depth -= 1;
    return { node: number };
  };

  const packFields = (value: object, path: string): Fields =>
    Reflect.ownKeys(value).map((key) => {
      const field = typeof key === "symbol" ? String(key) : key;
      const descriptor = Object.getOwnPropertyDescriptor(value, key)!;
      const inner = path === "" ? field : `${path}.${field}`;
      if (!("value" in descriptor))
        throw new CannotSend(`${inner} is a getter of its own`, "make it a plain field");
      return [packValue(key, inner), packValue(descriptor.value, inner)];
    });

  const packObject = (value: object, path: string): Node => {
    if (typeof value === "function") return { kind: "function", place: placeOf(value, path, locator) };
    if (value instanceof Tensor) return packTensor(value, path, group);
    if (Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype) {
      return { kind: "array", items: value.map((item, k) => packValue(item, `${path}[${k}]`)) };
    }
    if (types.isMap(value) && Object.getPrototypeOf(value) === Map.prototype) {
      const fields = [...value].map(([key, item]): [Packed, Packed] => [
        packValue(key, `a key of ${path}`),
        packValue(item, `${path}.get(${String(key)})`),
      ]);
      return { kind: "map", fields };
    }
    if (types.isSet(value) && Object.getPrototypeOf(value) === Set.prototype) {
      return { kind: "set", items: [...value].map((item) => packValue(item, `an entry of ${path}`)) };
    }
    if (Buffer.isBuffer(value)) return { kind: "bytes", value };
    if (isCopied(value)) return { kind: "clone", value };
    if (value instanceof Generator) return { kind: "generator", device: value.device, state: bytesOf(value) };
    if (value instanceof URL) return { kind: "url", href: value.href };
    return packInstance(value, path);
  };

  const packInstance = (value: object, path: string): Node => {
    const prototype = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
    if (prototype === null || prototype === Object.prototype) {
      return { kind: "record", isNull: prototype === null, fields: packFields(value, path) };
    }
    if (prototype === ArrayDataset.prototype)
      return { kind: "arrayDataset", fields: packFields(value, path) };
    const constructor = prototype.constructor;
    if (typeof constructor !== "function" || constructor.prototype !== prototype) {
      throw new CannotSend(`${path} has a prototype that is no class's`, "use a class that a module exports");
    }
    const place = placeOf(constructor, path, locator);
    if (locator.hasPrivate(value)) {
      const what = `${path} is a ${constructor.name}, which has #private members`;
      throw new CannotSend(what, "they stay in their thread: declare them 'private' instead of '#'");
    }
    return { kind: "instance", place, fields: packFields(value, path) };
  };

  return { root: packValue(value, name), nodes };
}

function packSymbol(value: symbol, path: string): Packed {
  const symbol = Symbol.keyFor(value);
  if (symbol === undefined) throw new CannotSend(`${path} is a symbol of its own`, "use Symbol.for(...)");
  return { symbol };
}

function packTensor(x: Tensor, path: string, group: number): Node {
  if (!x.isLeaf) {
    throw new CannotSend(`${path} is the result of an operation that records gradients`, "send x.detach()");
  }
  const { label, requiresGrad } = x;
  return {
    kind: "tensor",
    // Workers compute on the CPU.
    token: native.share(x.device === "cpu" ? x : convert(x.detach(), { device: "cpu" }), group),
    label,
    requiresGrad,
    isParameter: x instanceof Parameter,
  };
}

/** What structured cloning copies as it should be. */
function isCopied(value: object): boolean {
  return (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value) ||
    types.isNativeError(value) ||
    types.isBoxedPrimitive(value)
  );
}

/** Where a function of an object is exported from, as far as this thread can tell. */
export function placeOf(value: AnyFunction, path: string, locator: Locator): Place {
  const isClass = /^class\b/.test(String(value));
  const name =
    value.name === "" ? `${path}, ${isClass ? "a class" : "a function"} without a name,` : value.name;
  const what = isClass ? `class ${name}` : `${path}, the function ${name},`;
  const place = locator.placeOf(value);
  if (place === null)
    throw new CannotSend(`${what} is declared in no module`, "declare it in a module and export it");
  if (place.url === mainScript()) {
    const advice = "put it in a module of its own and export it";
    throw new CannotSend(
      `${what} is declared in the script that trains, which a worker cannot import without training again`,
      advice,
    );
  }
  return place;
}

/** Imports what a parcel needs, once a thread. */
const imported = new Map<string, AnyFunction>();

function keyOf({ url, name, source }: Place): string {
  return `${url}\n${name}\n${source}`;
}

function placesOf(parcel: Parcel): Place[] {
  return parcel.nodes.flatMap((node) =>
    node.kind === "instance" || node.kind === "function" ? [node.place] : [],
  );
}

/** Whether `unpack` needs no import any more. */
export function isReady(parcel: Parcel): boolean {
  return placesOf(parcel).every((place) => imported.has(keyOf(place)));
}

/** Imports the modules whose classes and functions are in the parcel. */
export async function makeReady(parcel: Parcel): Promise<void> {
  for (const place of placesOf(parcel)) await importPlace(place);
}

export async function importPlace(place: Place): Promise<AnyFunction> {
  const before = imported.get(keyOf(place));
  if (before !== undefined) return before;
  const namespace = (await import(place.url)) as object;
  const found = findExport(namespace, place);
  if (found === null) {
    throw new CannotSend(
      `${place.name} of ${place.url.replace(/^file:\/\//, "")} is not exported`,
      "export it",
    );
  }
  imported.set(keyOf(place), found);
  return found;
}

/** The objects again. Every tensor of the parcel belongs to this thread from here on. */
export function unpack(parcel: Parcel): unknown {
  const objects: unknown[] = parcel.nodes.map(makeEmpty);
  const read = (packed: Packed): unknown => {
    if (typeof packed !== "object" || packed === null) return packed;
    return "node" in packed ? objects[packed.node] : Symbol.for(packed.symbol);
  };
  parcel.nodes.forEach((node, k) => {
    const object = objects[k];
    if (node.kind === "array") for (const item of node.items) (object as unknown[]).push(read(item));
    if (node.kind === "set") for (const item of node.items) (object as Set<unknown>).add(read(item));
    if (!("fields" in node)) return;
    for (const [key, value] of node.fields) {
      if (node.kind === "map") (object as Map<unknown, unknown>).set(read(key), read(value));
      else define(object as object, read(key) as PropertyKey, read(value));
    }
  });
  return read(parcel.root);
}

/** Lets go of a parcel that nobody wants any more. */
export function discard(parcel: Parcel): void {
  for (const node of parcel.nodes) if (node.kind === "tensor") takeTensor(node).dispose();
}

function makeEmpty(node: Node): unknown {
  switch (node.kind) {
    case "record":
      return node.isNull ? Object.create(null) : {};
    case "instance":
      return Object.create(imported.get(keyOf(node.place))!.prototype as object);
    case "arrayDataset":
      return Object.create(ArrayDataset.prototype);
    case "array":
      return [];
    case "map":
      return new Map();
    case "set":
      return new Set();
    case "tensor":
      return takeTensor(node);
    case "function":
      return imported.get(keyOf(node.place));
    case "url":
      return new URL(node.href);
    case "generator":
      return new Generator(node.device).setState(node.state);
    case "bytes":
      return Buffer.from(node.value.buffer, node.value.byteOffset, node.value.length);
    case "clone":
      return node.value;
  }
}

function takeTensor({ token, label, requiresGrad, isParameter }: Node & { kind: "tensor" }): Tensor {
  const x = new Tensor();
  if (isParameter) Object.setPrototypeOf(x, Parameter.prototype);
  native.adoptShared(x, token);
  adopt(x, 0);
  x.label = label;
  return requiresGrad ? x.requiresGrad_() : x;
}

function define(object: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
