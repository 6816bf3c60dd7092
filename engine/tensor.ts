// Tensor: a plain object with plain fields over one tensor of the native core. Op methods come from generated/ops.ts.
/// <reference lib="esnext.disposable" preserve="true" />

import { arrayFor, dtypes, isFloating, type DataArray, type DType } from "./dtype.js";
import { parseDevice, type DeviceNumber } from "./device.js";
import { deviceName } from "./deviceNames.js";
import { fail, show } from "./errors.js";
import { description, descriptionStride, native } from "./native.js";
import { convert, type Conversion, type TransferOptions } from "./convert.js";
import { indexTensor, type Index } from "./indexing.js";
import { describeTensor, propertiesOf } from "./inspect/descriptions.js";
import { printTensor, type PrintOptions } from "./printing.js";
import { runBackward, type BackwardOptions } from "./backward.js";
import { registerHook, registerPostAccumulateGradHook, type GradientHook, type HookHandle } from "./hooks.js";
import { adoptIntoScope } from "./scope.js";
import type { TensorOps } from "./generated/ops.js";

export type { DType } from "./dtype.js";

/** The numbers of a tensor as nested arrays; int64 values beyond 2^53 come as bigint. */
export type NestedArray = number | boolean | bigint | NestedArray[];

/** An operation of the graph, as `gradFn` names it: "AddBackward0". */
export interface GradFn {
  readonly name: string;
  /** Where the gradients of its inputs flow to, and to which result there; null where none is wanted. A leaf's end is "AccumulateGrad". */
  readonly nextFunctions: [GradFn | null, number][];
}

/** The operation at `path`, edge by edge from the one that made `x`. */
class GradNode implements GradFn {
  readonly name: string;
  readonly #x: Tensor;
  readonly #path: readonly number[];

  constructor(x: Tensor, name: string, path: readonly number[]) {
    this.name = name;
    this.#x = x;
    this.#path = path;
  }

  get nextFunctions(): [GradFn | null, number][] {
    const flat = native.nextFunctions(this.#x, this.#path);
    return Array.from({ length: flat.length / 2 }, (_, k): [GradFn | null, number] => {
      const next = flat[2 * k] as string | null;
      const node = next === null ? null : new GradNode(this.#x, next, [...this.#path, k]);
      return [node, flat[2 * k + 1] as number];
    });
  }

  /** What a debugger shows on one line. */
  [Symbol.for("debug.description")](): string {
    return typeof this.name === "string" ? this.name : "GradNode";
  }
}

const noSizes: number[] = [];

// The op methods of the table are declared by merging, so that the class itself stays readable.
/** Writes the copy of the core's flag; the class sets it, because only there the field can be seen. */
let setRequiresGradField: (tensor: Tensor, value: boolean) => void;
let setSlot: (tensor: Tensor, slot: number) => void;
/** The number of a tensor among all that live; -1 of a prototype, and of an object that no op has filled yet. Reads a field alone. */
export let slotOf: (value: object) => number;

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type
export interface Tensor extends TensorOps {}

/**
 * A strided array of numbers on one device that records what was done to it where a gradient is wanted.
 *
 * The fields are copies of what the core knows, because a debugger may read fields but must not call native code
 * while it describes a paused program. Make tensors with `tensor`, `zeros`, `randn` and the like, not with `new`.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class Tensor {
  /** Sizes, outermost first; [] for a scalar. */
  readonly shape: number[] = noSizes;
  readonly dtype: DType = "float32";
  /** "cpu", "cuda:0", "opencl:0" */
  readonly device: string = "cpu";
  /** What `requiresGrad` says, as a plain field. */
  private wantsGrad = false;
  /** Its number among all tensors that live: where the table of facts has its row. Not a field that comparing two tensors would see. */
  #slot = -1;
  /** The path of a parameter in its module tree ("fc1.weight"), or a name of your own. */
  label: string | null = null;

  static {
    setRequiresGradField = (tensor, value) => {
      tensor.wantsGrad = value;
    };
    setSlot = (tensor, slot) => {
      tensor.#slot = slot;
    };
    slotOf = (value) => (#slot in value ? value.#slot : -1);
  }

  /** Whether gradients flow to this tensor. Setting it is `requiresGrad_`, so a layer is frozen either way. */
  get requiresGrad(): boolean {
    return this.wantsGrad;
  }

  set requiresGrad(value: boolean) {
    this.requiresGrad_(value);
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of dimensions. */
  dim(): number {
    return this.shape.length;
  }

  /** Sizes, or one size; negative dims count from the end. */
  size(): number[];
  size(dim: number): number;
  size(dim?: number): number | number[] {
    if (dim === undefined) return [...this.shape];
    const size = Number.isInteger(dim) ? this.shape.at(dim) : undefined;
    if (size === undefined || dim < -this.shape.length) {
      return fail("size", `no dim ${show(dim)} in [${this.shape.join(", ")}]`, { dim: show(dim) }, "index");
    }
    return size;
  }

  /** Number of elements. */
  numel(): number {
    return countElements(this.shape);
  }

  /** Elements to step over in memory for one step of each dim. */
  stride(): number[] {
    return native.strides(this);
  }

  /** Elements of the memory before the first of this tensor. */
  storageOffset(): number {
    return native.storageOffset(this);
  }

  /** Whether the elements lie in memory one after another, in order. */
  isContiguous(): boolean {
    return native.isContiguous(this);
  }

  /** Whether the dtype is a floating one. */
  isFloatingPoint(): boolean {
    return isFloating(this.dtype);
  }

  /**
   * The value of a tensor of one element: a number; a boolean for bool; a bigint for an int64 beyond 2^53. A type parameter names the
   * last two: `mask.item<boolean>()`.
   */
  item(): number;
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it names the caller's expectation
  item<T extends number | boolean | bigint>(): T;
  item(): number | boolean | bigint {
    return plainValue(native.item(this));
  }

  /** A copy of the elements in logical order, in the typed array of the dtype (bool as bytes 0 and 1). */
  data(): DataArray {
    const into = arrayFor(this.dtype, this.numel());
    native.toArray(this, into);
    return into;
  }

  /** The elements as nested arrays; the plain value for a scalar. */
  tolist(): NestedArray {
    const flat = this.data();
    const isBool = this.dtype === "bool";
    let next = 0;
    const read = (dim: number): NestedArray => {
      if (dim === this.shape.length) {
        const value = flat[next++]!;
        return isBool ? value !== 0 : plainValue(value);
      }
      return Array.from({ length: this.shape[dim]! }, () => read(dim + 1));
    };
    return read(0);
  }

  /**
   * Part of the tensor, as `x[...]` in PyTorch: an integer picks and drops a dim, `slice(start, end, step)` cuts,
   * null adds a dim, "..." stands for all dims not named, tensors and lists pick by index or by mask.
   * To write there: `x.at(0, slice(1, 3)).fill_(7)` or `.copy_(values)` where numbers, slices, null and "..." give a view;
   * `x.indexPut_([mask], 7)` anywhere.
   */
  at(...indices: Index[]): Tensor {
    return indexTensor(this, indices);
  }

  /**
   * The gradient, after `backward()`; null before it, and after `zeroGrad()`. Each read gives a new Tensor over the same memory.
   */
  get grad(): Tensor | null {
    const out = new Tensor();
    return native.getGrad(out, this) ? adopt(out, 0) : null;
  }

  set grad(value: Tensor | null) {
    if (value !== null) requireTensor("grad", "the gradient", value);
    native.setGrad(this, value);
  }

  /** The operation that made this tensor, where a gradient would flow through it; null for a leaf. */
  get gradFn(): GradFn | null {
    const name = native.gradFnName(this);
    return name === null ? null : new GradNode(this, name, []);
  }

  /** Made by the user rather than by an operation that records: its `grad` is filled by `backward()`. */
  get isLeaf(): boolean {
    return native.isLeaf(this);
  }

  /**
   * Adds the gradient of this tensor to `grad` of every leaf that it depends on. A tensor of more than one element
   * needs `gradient`, of the same shape. Errors: no graph, a graph already freed (use `retainGraph`), a saved value
   * changed in place.
   */
  backward(gradient?: Tensor | BackwardOptions | null, options?: BackwardOptions): void {
    runBackward(this, gradient, options);
  }

  /** Keeps `grad` of a tensor that is not a leaf. */
  retainGrad(): void {
    native.retainGrad(this);
  }

  /** Cuts this tensor itself off from the graph: it becomes a leaf that requires no gradient. Errors: it is a view. */
  detach_(): this {
    native.detachInPlace(this);
    refresh(this);
    return this;
  }

  /**
   * Runs `hook` each time the gradient of this tensor is computed, leaf or not; a tensor that it returns takes the gradient's place.
   * Hooks run in the order they were registered; what one throws comes out of backward() as it is.
   * Errors: the tensor does not require a gradient; a returned gradient has another shape, dtype or device.
   */
  registerHook(hook: GradientHook): HookHandle {
    return registerHook(this, hook);
  }

  /** Runs `hook` with this leaf after a backward has added to its `grad`. */
  registerPostAccumulateGradHook(hook: (x: this) => void): HookHandle {
    return registerPostAccumulateGradHook(this, hook);
  }

  /** Made in inference mode: it can never be part of a graph. */
  isInference(): boolean {
    return native.isInference(this);
  }

  /** Starts or stops wanting a gradient; only for leaves of a floating dtype. Returns this tensor. */
  requiresGrad_(value = true): this {
    if (typeof value !== "boolean") fail("requiresGrad_", `give true or false, not ${show(value)}`);
    native.setRequiresGrad(this, value);
    this.wantsGrad = value;
    return this;
  }

  /**
   * Of another dtype, on another device, or both; this tensor itself where nothing changes. `nonBlocking`: pinned memory (`pinMemory`)
   * is copied to a GPU while the program goes on, and must not be changed until then. Copies to the CPU are always waited for.
   */
  to(target: DType | (string & {}) | Tensor | Conversion, options?: TransferOptions): Tensor {
    return convert(this, target, options);
  }

  /** A copy in memory that a GPU copies from faster and while it computes; this tensor itself where it lies there. */
  pinMemory(): Tensor {
    const out = new Tensor();
    native.pinMemory(out, this);
    return adopt(out, 0);
  }

  /** Whether it lies in pinned memory. */
  isPinned(): boolean {
    return native.isPinned(this);
  }

  /** On the CPU; this tensor itself where it is there. */
  cpu(): Tensor {
    return convert(this, { device: "cpu" });
  }

  /** As float32. */
  float(): Tensor {
    return convert(this, { dtype: "float32" });
  }

  /** As float64. */
  double(): Tensor {
    return convert(this, { dtype: "float64" });
  }

  /** As float16: 11 binary digits, at most 65504. Ops compute in float32 and round their result. */
  half(): Tensor {
    return convert(this, { dtype: "float16" });
  }

  /** As bfloat16: 8 binary digits, the range of float32. Ops compute in float32 and round their result. */
  bfloat16(): Tensor {
    return convert(this, { dtype: "bfloat16" });
  }

  /** As int32, fractions cut off. */
  int(): Tensor {
    return convert(this, { dtype: "int32" });
  }

  /** As int64, fractions cut off. */
  long(): Tensor {
    return convert(this, { dtype: "int64" });
  }

  /** As bool: whether each element is not zero. */
  bool(): Tensor {
    return convert(this, { dtype: "bool" });
  }

  /** Frees the memory now, unless a graph or a view still needs it; later use throws. Twice is fine. Never required. */
  dispose(): void {
    native.dispose(this);
  }

  get isDisposed(): boolean {
    return native.isDisposed(this);
  }

  [Symbol.dispose](): void {
    native.dispose(this);
  }

  /** The values as PyTorch prints them: four digits, three items from each end beyond 1,000 elements. */
  toString(options?: PrintOptions): string {
    return printTensor(this, options);
  }

  /** What a debugger shows on one line: engine/inspect/descriptions.ts. */
  [Symbol.for("debug.description")](): string {
    return describeTensor(this);
  }

  /** What a debugger shows where it is unfolded. */
  [Symbol.for("debug.properties")](): object {
    return propertiesOf(this);
  }

  /** console.log prints the values. Called by a debugger, without options, it only reads. */
  [Symbol.for("nodejs.util.inspect.custom")](_depth?: number, options?: object): string {
    return options === undefined ? describeTensor(this) : printTensor(this);
  }
}

const described = native.description;

/** The fields an op may fill; readonly for everybody else. */
interface Fields {
  shape: number[];
  dtype: DType;
  device: string;
}

/** Copies what the core says about its output number `outputIndex` into the fields of the object it was wrapped into. */
export function adopt<T extends Tensor>(tensor: T, outputIndex: number): T {
  readDescription(tensor, outputIndex * descriptionStride);
  adoptIntoScope(tensor);
  return tensor;
}

/** Reads the fields again after a change from outside (`Module.to`, `setData`). */
export function refresh(tensor: Tensor): void {
  native.describe(tensor);
  readDescription(tensor, 0);
}

function readDescription(tensor: Tensor, begin: number): void {
  const fields: Fields = tensor;
  const dims = described[begin + description.dims]!;
  const shape = new Array<number>(dims);
  const first = begin + description.sizes;
  for (let k = 0; k < dims; k++) shape[k] = described[first + k]!;
  fields.shape = shape;
  const slot = described[begin + description.slot]! | 0;
  if (slot >= 0) setSlot(tensor, slot);
  fields.dtype = dtypes[described[begin + description.dtype]!]!;
  fields.device = deviceName(
    described[begin + description.deviceKind]!,
    described[begin + description.deviceIndex]!,
  );
  setRequiresGradField(tensor, described[begin + description.requiresGrad] === 1);
}

/** The tensor itself, or a sentence about what came instead. */
export function requireTensor(op: string, name: string, value: unknown): Tensor {
  if (value instanceof Tensor) return value;
  return fail(op, `${name} must be a tensor, it is ${show(value)}`, { [name]: show(value) });
}

export function countElements(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** A copy of `x` on a device; `ahead`: pinned memory is not waited for. */
export function copyToDevice(x: Tensor, device: DeviceNumber, ahead = false): Tensor {
  const out = new Tensor();
  if (ahead && device.kind !== 0 && x.device === "cpu" && !x.requiresGrad)
    native.toDeviceAhead(out, x, device.kind, device.index);
  else native.toDevice(out, x, device.kind, device.index);
  return adopt(out, 0);
}

/** Whether `x` lies on the device that the user named so. */
export function isOnDevice(op: string, x: Tensor, name: string): boolean {
  const device = parseDevice(op, name);
  return x.device === deviceName(device.kind, device.index);
}

function plainValue(value: number | boolean | bigint): number | boolean | bigint {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
