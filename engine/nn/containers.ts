// Sequential, ModuleList, ModuleDict: modules that hold modules.

import { checkNumber, fail, show } from "../errors.js";
import { requireTensor, type Tensor } from "../tensor.js";
import { Module, type Layer } from "./module.js";

function requireModule(op: string, name: string, value: unknown): void {
  if (!(value instanceof Module))
    fail(op, `${name} must be a module, it is ${show(value)}`, { [name]: show(value) });
}

/** The entries of a container are its fields "0", "1", ...: the same names that a saved state has. */
function setEntry(container: Module, key: string, value: Module): void {
  (container as unknown as Record<string, Module>)[key] = value;
}

/** What lists of modules share: order, length, iteration. */
abstract class ModuleArray<T extends Module> extends Module implements Iterable<T> {
  get length(): number {
    return this.namedChildren().length;
  }

  /** The module at a position; negative positions count from the end. */
  at(index: number): T {
    const all = this.children();
    const found = Number.isInteger(index) ? all.at(index) : undefined;
    if (found === undefined) {
      fail(this.constructor.name, `no module at ${show(index)}, there are ${all.length}`, {}, "index");
    }
    return found as T;
  }

  /** Adds a module at the end. */
  append(module: T): this {
    requireModule(this.constructor.name, "the module", module);
    setEntry(this, String(this.length), module);
    return this;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const child of this.children()) yield child as T;
  }
}

/** Layers one after the other: `new Sequential(a, b)`, or a record of names: `new Sequential({ first: a, then: b })`. */
export class Sequential extends ModuleArray<Layer> {
  constructor(...layers: Layer[] | [Record<string, Layer>]) {
    super();
    const [first] = layers;
    const isRecord = layers.length === 1 && isPlainRecord(first);
    for (const [key, layer] of Object.entries(isRecord ? (first as Record<string, Layer>) : layers)) {
      requireModule("Sequential", isRecord ? key : `layer ${key}`, layer);
      setEntry(this, key, layer as Layer);
    }
  }

  forward(x: Tensor): Tensor {
    let value = requireTensor("Sequential", "the input", x);
    for (const layer of this.children() as Layer[]) value = layer.forward(value);
    return value;
  }
}

function isPlainRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !(value instanceof Module) && !Array.isArray(value);
}

/** Modules in an array whose parameters are found; call them yourself. */
export class ModuleList<T extends Module = Layer> extends ModuleArray<T> {
  constructor(modules: Iterable<T> = []) {
    super();
    if (typeof modules !== "object" || (modules as object | null) === null || !(Symbol.iterator in modules)) {
      fail("ModuleList", `give an array of modules, not ${show(modules)}`);
    }
    for (const module of modules) this.append(module);
  }

  forward(): never {
    return fail("ModuleList", "it has no forward, call the modules in it one by one");
  }

  /** Adds modules at the end. */
  extend(modules: Iterable<T>): this {
    for (const module of modules) this.append(module);
    return this;
  }

  /** Puts `module` at `index` and moves those after it. */
  insert(index: number, module: T): this {
    checkNumber("ModuleList", "the index", index, { min: 0, max: this.length, integer: true });
    requireModule("ModuleList", "the module", module);
    const all = this.children();
    all.splice(index, 0, module);
    all.forEach((child, at) => {
      setEntry(this, String(at), child);
    });
    return this;
  }
}

/** Modules by name whose parameters are found; call them yourself. */
export class ModuleDict<T extends Module = Layer> extends Module {
  constructor(modules: Record<string, T> = {}) {
    super();
    if (!isPlainRecord(modules)) fail("ModuleDict", `give a record of modules, not ${show(modules)}`);
    for (const [key, module] of Object.entries(modules)) this.set(key, module);
  }

  forward(): never {
    return fail("ModuleDict", "it has no forward, call the modules in it by name");
  }

  get(key: string): T {
    const found = this.namedChildren().find(([name]) => name === key);
    if (found === undefined)
      fail("ModuleDict", `no module '${key}', there are ${this.keys().join(", ")}`, {}, "index");
    return found[1] as T;
  }

  /** Adds a module under a key, or replaces the one there. */
  set(key: string, module: T): this {
    requireModule("ModuleDict", `'${key}'`, module);
    if (key === "" || key.includes(".") || key in ModuleDict.prototype || key === "training") {
      fail("ModuleDict", `${show(key)} cannot name a module, take another word without a point`);
    }
    setEntry(this, key, module);
    return this;
  }

  /** Whether there is a module of this key. */
  has(key: string): boolean {
    return this.keys().includes(key);
  }

  /** Takes a module out; false where there is none. */
  delete(key: string): boolean {
    return this.has(key) && Reflect.deleteProperty(this, key);
  }

  /** The keys, in the order they were added. */
  keys(): string[] {
    return this.namedChildren().map(([name]) => name);
  }

  /** The modules, in the order they were added. */
  values(): T[] {
    return this.children() as T[];
  }

  /** `[key, module]` pairs, in the order they were added. */
  entries(): [string, T][] {
    return this.namedChildren() as [string, T][];
  }
}
