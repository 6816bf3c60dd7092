// Module: a tree of layers found by looking at plain fields, and what is done to the whole tree.

import { isFloating } from "../dtype.js";
import { checkBoolean, checkFunction, fail, readOptions, show } from "../errors.js";
import { convert, readConversion, type Conversion } from "../convert.js";
import { noGrad } from "../grad-mode.js";
import type { DType } from "../dtype.js";
import { describeModule } from "../inspect/objects.js";
import { leaveScope } from "../scope.js";
import { requireTensor, Tensor } from "../tensor.js";
import { Parameter, replaceData, setLabel } from "./parameter.js";
import { loadState, type LoadResult } from "./state.js";

/** A module that maps one tensor to one tensor, as the links of a Sequential do. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor;
}

/** Runs after `forward`; what it returns, if anything, takes the place of the output. */
export type ForwardHook = (module: Module, inputs: readonly unknown[], output: unknown) => unknown;

export interface HookHandle {
  remove(): void;
}

interface Hooked {
  hooks: Set<ForwardHook>;
  /** What `forward` was before the first hook: a field of the object, or nothing where the class has it. */
  ownForward: PropertyDescriptor | undefined;
}

// Kept beside the objects and not in them, so that a debugger shows only what the user declared.
const hooked = new WeakMap<Module, Hooked>();
const buffersOf = new WeakMap<Module, Map<string, { persistent: boolean }>>();

/** What `registerBuffer` was told of a module's own buffers, by field. */
export function declaredBuffers(module: Module): ReadonlyMap<string, { persistent: boolean }> {
  return buffersOf.get(module) ?? new Map<string, { persistent: boolean }>();
}

/**
 * The base of every layer and model. Assign parameters and other modules to plain fields, write `forward`, and call
 * `model.forward(x)`. Fields written `#name` cannot be seen from outside and are not found.
 */
export abstract class Module {
  /** Dropout and batch norm ask this; `train()` and `eval()` set it on the whole tree. */
  training = true;

  abstract forward(...inputs: never[]): unknown;

  /** Every parameter of the tree, once. Each is labelled with its path, so that charts and debuggers can name it. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** `["fc1.weight", parameter]` for every parameter of the tree, in the order of the fields. */
  namedParameters(prefix = ""): [string, Parameter][] {
    const found: [string, Parameter][] = [];
    const seen = new Set<Parameter>();
    for (const [path, module] of this.namedModules(prefix)) {
      for (const [field, value] of Object.entries(module)) {
        if (Array.isArray(value)) warnOfArray(module, field, value);
        if (!(value instanceof Parameter) || seen.has(value)) continue;
        seen.add(value);
        const name = join(path, module.stateKey(field));
        // A path seen from the root of the model is longer than one seen from a part of it.
        if (value.label === null || name.endsWith(`.${value.label}`)) setLabel(value, name);
        found.push([name, value]);
      }
    }
    return found;
  }

  /** Direct submodules. */
  children(): Module[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** The modules directly below this one, by the names they have in saved states. */
  namedChildren(): [string, Module][] {
    const modules = Object.entries(this).filter(([, value]) => value instanceof Module);
    return modules.map(([field, module]) => [this.stateKey(field), module as Module]);
  }

  /** This module and all below it, each once, depth first. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** `["", this]`, then `["fc1", module]` and so on. */
  namedModules(prefix = ""): [string, Module][] {
    if (typeof prefix !== "string")
      fail("namedModules", `the prefix must be a string, it is ${show(prefix)}`);
    const found: [string, Module][] = [];
    const seen = new Set<Module>();
    const pending: [string, Module][] = [[prefix, this]];
    while (pending.length > 0) {
      const [path, module] = pending.pop()!;
      if (seen.has(module)) continue;
      seen.add(module);
      found.push([path, module]);
      const below = module
        .namedChildren()
        .map(([name, child]): [string, Module] => [join(path, name), child]);
      pending.push(...below.reverse());
    }
    return found;
  }

  /** All buffers of the tree: tensors that are saved and moved, but not trained. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** The buffers with their paths, as `[path, buffer]`. */
  namedBuffers(prefix = ""): [string, Tensor][] {
    const found: [string, Tensor][] = [];
    const seen = new Set<Tensor>();
    for (const [path, module] of this.namedModules(prefix)) {
      for (const field of buffersOf.get(module)?.keys() ?? []) {
        const value = (module as unknown as Record<string, unknown>)[field];
        if (!(value instanceof Tensor) || seen.has(value)) continue;
        seen.add(value);
        found.push([join(path, module.stateKey(field)), value]);
      }
    }
    return found;
  }

  /** Makes a tensor part of the state that no optimizer changes, as the field `name`; not saved where not persistent. */
  registerBuffer(name: string, value: Tensor | null, options?: { persistent?: boolean }): void {
    const op = "registerBuffer";
    if (typeof name !== "string" || name === "" || name.includes(".")) {
      fail(op, `the name must be a field's name without a point, it is ${show(name)}`);
    }
    if (value !== null) leaveScope(requireTensor(op, name, value));
    const given = readOptions(op, options, { persistent: true });
    let buffers = buffersOf.get(this);
    if (buffers === undefined) {
      buffers = new Map<string, { persistent: boolean }>();
      buffersOf.set(this, buffers);
    }
    buffers.set(name, { persistent: checkBoolean(op, "persistent", given.persistent) });
    (this as unknown as Record<string, unknown>)[name] = value;
  }

  /** Makes `value` a parameter; the same as assigning it to the field. */
  registerParameter(name: string, value: Parameter | null): void {
    if (value !== null && !(value instanceof Parameter)) {
      fail("registerParameter", `${name} must be a Parameter, it is ${show(value)}`);
    }
    (this as unknown as Record<string, unknown>)[name] = value;
  }

  /**
   * Parameters and persistent buffers by path, with PyTorch's keys ("fc1.weight", "bn.running_mean"). The tensors share the
   * memory of the model: clone what must not follow it.
   */
  stateDict(prefix = ""): Record<string, Tensor> {
    const state: Record<string, Tensor> = {};
    this.collectState(prefix, state, new Set());
    return state;
  }

  /** A module that stands in two places is saved under both names, as PyTorch does; `above` ends a circle. */
  private collectState(path: string, state: Record<string, Tensor>, above: Set<Module>): void {
    if (above.has(this)) return;
    above.add(this);
    const fields = Object.entries(this) as [string, unknown][];
    const parameters = fields.filter(([, value]) => value instanceof Parameter);
    const buffers = fields.filter(([field, value]) => this.isPersistentBuffer(field, value));
    for (const [field, value] of [...parameters, ...buffers]) {
      state[join(path, this.stateKey(field))] = (value as Tensor).detach();
    }
    for (const [name, child] of this.namedChildren()) child.collectState(join(path, name), state, above);
    above.delete(this);
  }

  /**
   * Copies a saved state into this model. Every key and every shape must fit; with `strict: false` keys may be missing or
   * extra, and are returned. Nothing is changed where it throws.
   */
  loadStateDict(state: Record<string, Tensor>, options?: { strict?: boolean }): LoadResult {
    const given = readOptions("loadStateDict", options, { strict: true });
    const strict = checkBoolean("loadStateDict", "strict", given.strict);
    return loadState(this.constructor.name, this.stateDict(), state, strict);
  }

  /** Sets training mode on the whole tree. */
  train(mode = true): this {
    checkBoolean("train", "the mode", mode);
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Sets evaluation mode on the whole tree: dropout off, batch norm by its running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Moves or converts all parameters and buffers, in place; only floating ones change their dtype. */
  to(target: DType | (string & {}) | Tensor | Conversion): this {
    const { dtype, device } = readConversion("to", target);
    if (dtype !== null && !isFloating(dtype)) {
      fail("to", `a module takes floating dtypes, not ${dtype}`, { dtype }, "dtype");
    }
    noGrad(() => {
      for (const value of [...this.parameters(), ...this.buffers()]) {
        const conversion: Conversion = {};
        if (dtype !== null && isFloating(value.dtype)) conversion.dtype = dtype;
        if (device !== null) conversion.device = device;
        const grad = value.grad;
        const converted = convert(value, conversion);
        if (converted === value) continue;
        value.grad = null;
        replaceData(value, converted);
        if (grad !== null) value.grad = convert(grad, conversion);
      }
    });
    return this;
  }

  /** Converts all floating parameters and buffers to float32. */
  float(): this {
    return this.to("float32");
  }

  /** Converts all floating parameters and buffers to float64. */
  double(): this {
    return this.to("float64");
  }

  /** All floating parameters and buffers as float16. */
  half(): this {
    return this.to("float16");
  }

  /** All floating parameters and buffers as bfloat16. */
  bfloat16(): this {
    return this.to("bfloat16");
  }

  /** Moves all parameters and buffers to the CPU. */
  cpu(): this {
    return this.to("cpu");
  }

  /** Starts or stops wanting gradients of all parameters: `model.requiresGrad_(false)` freezes it. */
  requiresGrad_(value = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(value);
    return this;
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Calls `visit` with every module of the tree, children first. */
  apply(visit: (module: Module) => void): this {
    checkFunction("apply", "the visitor", visit);
    for (const child of this.children()) child.apply(visit);
    visit(this);
    return this;
  }

  /** Calls `hook` after every `forward` of this module. */
  registerForwardHook(hook: ForwardHook): HookHandle {
    checkFunction("registerForwardHook", "the hook", hook);
    const { hooks } = hooked.get(this) ?? this.wrapForward();
    const entry: ForwardHook = (...values) => hook(...values);
    hooks.add(entry);
    return {
      remove: () => {
        hooks.delete(entry);
        if (hooks.size === 0 && hooked.get(this)?.hooks === hooks) this.unwrapForward();
      },
    };
  }

  /** Until the last hook is gone this object has a `forward` of its own; modules without hooks pay nothing. */
  private wrapForward(): Hooked {
    const state: Hooked = { hooks: new Set(), ownForward: Object.getOwnPropertyDescriptor(this, "forward") };
    const inner = (this as unknown as { forward: (...inputs: unknown[]) => unknown }).forward;
    const forward = function (this: Module, ...inputs: unknown[]): unknown {
      let output = inner.apply(this, inputs);
      for (const hook of state.hooks) {
        const replacement = hook(this, inputs, output);
        if (replacement !== undefined && replacement !== null) output = replacement;
      }
      return output;
    };
    Object.defineProperty(this, "forward", {
      value: forward,
      configurable: true,
      writable: true,
      enumerable: false,
    });
    hooked.set(this, state);
    return state;
  }

  private unwrapForward(): void {
    const own = hooked.get(this)?.ownForward;
    hooked.delete(this);
    if (own === undefined) Reflect.deleteProperty(this, "forward");
    else Object.defineProperty(this, "forward", own);
  }

  private isPersistentBuffer(field: string, value: unknown): boolean {
    return value instanceof Tensor && buffersOf.get(this)?.get(field)?.persistent === true;
  }

  /** The name a field has in saved states; a layer whose fields are spelled otherwise in PyTorch says so here. */
  protected stateKey(field: string): string {
    return field;
  }

  /** What stands in the parentheses of `toString()`: "784, 10, bias=true". */
  protected extraRepr(): string {
    return "";
  }

  /** The tree, one module a line, as PyTorch prints it. */
  toString(): string {
    const name = this.constructor.name;
    const children = this.namedChildren();
    if (children.length === 0) return `${name}(${this.extraRepr()})`;
    const lines = children.map(([key, child]) => `  (${key}): ${child.toString().replaceAll("\n", "\n  ")}`);
    const own = this.extraRepr();
    return `${name}(\n${own === "" ? "" : `  ${own}\n`}${lines.join("\n")}\n)`;
  }

  /** What a debugger shows on one line. */
  [Symbol.for("debug.description")](): string {
    return describeModule(this, kinds);
  }

  /** The tree, for console.log. */
  [Symbol.for("nodejs.util.inspect.custom")](_depth?: number, options?: object): string {
    return options === undefined ? describeModule(this, kinds) : this.toString();
  }
}

const kinds = {
  isModule: (x: unknown): x is Module => x instanceof Module,
  isParameter: (x: unknown): x is Parameter => x instanceof Parameter,
};

// A class written in plain JavaScript may lack what the compiler would have asked for.
Object.defineProperty(Module.prototype, "forward", {
  configurable: true,
  writable: true,
  value(this: Module): never {
    const name = this.constructor.name;
    return fail(name, "it has no forward method, write forward(x) { ... }", { module: name });
  },
});

const warned = new Set<string>();

/** Layers in a plain array are not found, so they would silently not be trained. */
function warnOfArray(module: Module, field: string, items: unknown[]): void {
  if (!items.some((item) => item instanceof Module || item instanceof Parameter)) return;
  const name = `${module.constructor.name}.${field}`;
  if (warned.has(name)) return;
  warned.add(name);
  process.emitWarning(
    `${name} is a plain array, the parameters in it are not found; make it a nn.ModuleList`,
    {
      type: "DescentWarning",
    },
  );
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
