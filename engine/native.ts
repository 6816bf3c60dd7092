// The addon, looked for and loaded here (the monitor of a run opens the same file), and what it promises. `native/binding` is the other
// side of this contract.

import type { SliceAnswer } from "./inspection.js";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { existsSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { observer } from "./observer.js";

/**
 * A JS object that the core has wrapped a tensor into: an instance of Tensor. The core attaches its half with a
 * finalizer that runs inside the collector, and reports the geometry of what it made through `description`.
 */
export type Wrapped = object;

/** Where an op's outputs are described: output k begins at k * descriptionStride. */
export const descriptionStride = 20;
/** Offsets inside a description. Sizes follow `sizes`, `dims` of them. */
export const description = {
  dims: 0,
  dtype: 1,
  deviceKind: 2,
  deviceIndex: 3,
  requiresGrad: 4,
  /** A number of its own among all tensors of the thread that live; -1: the one that it was. */
  slot: 5,
  sizes: 6,
} as const;

/** One argument of an op, as the table has it. */
export interface OpArgument {
  name: string;
  /** operand: a tensor or a number (number | bigint | boolean). */
  kind:
    | "tensor"
    | "operand"
    | "tensors"
    | "number"
    | "integer"
    | "boolean"
    | "integers"
    | "dtype"
    | "string"
    | "optionalTensor"
    /** integers, or a word such as "same" */
    | "padding"
    /** integers, null among them */
    | "sizes"
    | "numbers"
    | "generator";
  /** TypeScript text of the default; null: the argument is required. "null" is passed on as null. */
  default: string | null;
  /** Positional arguments come first, the others are keys of one options object. */
  positional: boolean;
  /** What it is. A string argument's words in double quotes are all that it may be. */
  sentence: string;
}

export interface OpDescription {
  name: string;
  family: string;
  arguments: OpArgument[];
  /** How many `out` objects the op takes; with two and an optional `dim`, the second stays as it was where no dim is given. */
  outputs: number;
  /** Also a method of Tensor, with the first tensor argument as `this`. */
  method: boolean;
  /** name_ writes its result into the first argument. */
  inPlace: boolean;
  /** There is name_ and no name. */
  inPlaceOnly: boolean;
  /** Belongs to nn.functional and not to the package's top level. */
  functionalOnly: boolean;
  sentence: string;
  /** "(..., M, K) x (..., K, N) → (..., M, N)" */
  shapes: string;
  errors: string;
  differentiable: boolean;
}

export interface NativeDevice {
  name: string;
  /** "cpu", "cuda", "opencl": what its back end registered. */
  kind: string;
  index: number;
  description: string;
  backend: string;
  memoryBytes: number;
  /** Of one tensor; 0 where it is not known. */
  maxAllocationBytes: number;
  hasFloat64: boolean;
  /** The CPU itself, or a driver that computes on it, as some of OpenCL do. */
  isProcessor: boolean;
  /** What else there is to know, in a few words each: "matrix products by cuBLASLt 13.1". */
  abilities: string[];
  usable: boolean;
  /** Why it cannot be used; null where it can. */
  reason: string | null;
}

/** What is asked about pins: all that the monitor of a run calls. A pin keeps a tensor's memory; `isGrad` is its gradient when it was pinned. */
export interface NativePins {
  noteOfPin(pin: number): string;
  /** False where there was none. */
  hasPin(pin: number): boolean;
  releasePin(pin: number): boolean;
  /** Null for a gradient that is not there; `dtype` is a number of native/tensor/dtype.h. */
  describePin(pin: number, isGrad: boolean): { shape: number[]; dtype: number } | null;
  /** `minus`: a pin, or 0. `rectangle`: rowDim and columnDim (-1: none), row, column, rows, columns, mostRows, mostColumns, by. */
  sliceOfPin(
    pin: number,
    isGrad: boolean,
    minus: number,
    index: Float64Array,
    rectangle: Float64Array,
  ): SliceAnswer;
  /** As `summarize`; beyond `most` elements of a sample. */
  statisticsOfPin(pin: number, isGrad: boolean, minus: number, most: number): number[];
  /** Minimum and maximum of the finite elements, of all of them; NaN where there is none. */
  extremesOfPin(pin: number, isGrad: boolean, minus: number): [min: number, max: number];
  /** As `bins`. */
  histogramOfPin(
    pin: number,
    isGrad: boolean,
    minus: number,
    from: number,
    to: number,
    bins: number,
    most: number,
  ): number[];
  /** 11 numbers, as of `summarize`, for each index from `first` on, as far as there are any. */
  channelsOfPin(
    pin: number,
    isGrad: boolean,
    minus: number,
    dim: number,
    first: number,
    count: number,
    most: number,
  ): number[];
  /** `what`: 0 NaN, 1 infinite, 2 either, 3 equal to `number`. The row-major place of the first from `first` on; -1 for none. */
  findInPin(pin: number, isGrad: boolean, minus: number, what: number, first: number, number: number): number;
  /** Elements in order, all or those of rowDim, columnDim (-1: none), row, column, rows, columns. Throws beyond `most` bytes. */
  elementsOfPin(
    pin: number,
    isGrad: boolean,
    minus: number,
    index: Float64Array | null,
    rectangle: Float64Array | null,
    most: number,
  ): { dtype: number; bytes: ArrayBuffer };
  /** Who unpacks Brotli for this thread: the CUDA modules beside the addon are packed so. */
  setUnpacker(unpack: (packed: Uint8Array) => Uint8Array): void;
}

/** A node of the autograd graph; `next` are places in the list it is in. */
export interface NativeGraphNode {
  name: string;
  shape: number[] | null;
  label: string | null;
  site: number;
  next: number[];
}

/** What a device is doing now, by NVML; null: not known. Memory is that of all processes, in bytes. */
export interface NativeDeviceSample {
  name: string;
  /** 0..1 */
  utilisation: number | null;
  celsius: number | null;
  watts: number | null;
  mostWatts: number | null;
  memoryUsed: number | null;
}

/** What a kernel of a device has found wrong; `line` where it is known. */
export interface NativeFault {
  device: string;
  code: string;
  op: string;
  message: string;
  line?: string;
}

export interface NativeLook {
  /** What rows that are up to date say in their first column. */
  stop: number;
  /** Tensors that have numbers now, and those that could have. */
  described: number;
  left: number;
  /** They are told again where they would have been. */
  faults: NativeFault[];
  /** Why some numbers are missing. */
  problem?: string;
  /** Names of gradient functions; a row has a name's number, from 1. */
  gradFns: string[];
}

export interface Native extends NativePins {
  /** Float64Array that every op call fills, for each output, with what `description` says. */
  readonly description: Float64Array;
  /** By op name: (out0, ..., outN-1, arg0, arg1, ...) in the table's order, undefined for 'not given'. name_ is in place: no outs, arg0 is described. */
  readonly ops: Record<string, (...values: unknown[]) => void>;
  describeOps(): OpDescription[];

  /** `new ErrorClass(code, op, message, facts)` is what every failing call throws. */
  setErrorClass(
    errorClass: new (code: string, op: string, message: string, facts: Record<string, string>) => Error,
  ): void;

  /** Copies in. `dtype` is a number of native/tensor/dtype.h; the array's own element type may differ (it is converted). */
  fromArray(out: Wrapped, values: ArrayBufferView, shape: readonly number[], dtype: number): void;
  /** Copies out, in logical order; `into` has the element type of the dtype and exactly numel elements. */
  toArray(x: Wrapped, into: ArrayBufferView): void;
  /** The value of a one-element tensor. */
  item(x: Wrapped): number | bigint | boolean;
  /** Fills `description` again (after an in-place op of somebody else's, for example). */
  describe(x: Wrapped): void;
  strides(x: Wrapped): number[];
  storageOffset(x: Wrapped): number;
  isContiguous(x: Wrapped): boolean;
  sharesStorage(x: Wrapped, y: Wrapped): boolean;
  version(x: Wrapped): number;
  /** Frees this handle now; later use throws DescentError 'disposed'. Twice is fine. */
  dispose(x: Wrapped): void;
  isDisposed(x: Wrapped): boolean;
  /** Replaces the storage, shape and dtype of `x` by those of `y` (Module.to, `param.data = `). */
  setData(x: Wrapped, y: Wrapped): void;
  toDevice(out: Wrapped, x: Wrapped, kind: number, index: number): void;
  /** From the CPU to another device, of pinned memory without waiting for it; unknown to autograd. */
  toDeviceAhead(out: Wrapped, x: Wrapped, kind: number, index: number): void;
  /** In memory that a GPU copies from beside its kernels: a copy, `x` itself where it lies there. */
  pinMemory(out: Wrapped, x: Wrapped): void;
  isPinned(x: Wrapped): boolean;

  /** A new tensor on the CPU, for writeBytes to fill. */
  allocate(out: Wrapped, shape: readonly number[], dtype: number): void;
  /** Bytes of the elements of a contiguous `x`, from byte `offset` on, into `into`. */
  readBytes(x: Wrapped, offset: number, into: Uint8Array): void;
  /** `from` becomes the bytes of the elements of a contiguous `x` from byte `offset` on. */
  writeBytes(x: Wrapped, offset: number, from: Uint8Array): void;
  /** A file as a uint8 tensor whose pages are read when they are touched; what is written stays in this process. */
  mapFile(out: Wrapped, path: string): void;
  /** The elements that lie in the uint8 tensor `bytes` from `offset` on, without a copy. */
  fromBytes(out: Wrapped, bytes: Wrapped, offset: number, shape: readonly number[], dtype: number): void;

  /** A number under which another thread may adopt the memory of `x`, once. */
  share(x: Wrapped, group: number): number;
  adoptShared(out: Wrapped, token: number): void;
  /** Lets go of what nobody adopted of a group; returns how many tensors that were. */
  dropShared(group: number): number;
  /** From now on this thread has random numbers of its own, and kernels it calls run on it alone. */
  becomeWorker(seed: bigint): void;

  isLeaf(x: Wrapped): boolean;
  gradFnName(x: Wrapped): string | null;
  /** What the node at `path`, edge by edge from gradFn, passes gradients to: [name or null, input, name or null, input, ...] */
  nextFunctions(x: Wrapped, path: readonly number[]): (string | number | null)[];
  /** The call site that made it; 0 where it is not known. */
  siteOf(x: Wrapped): number;
  setRequiresGrad(x: Wrapped, value: boolean): void;
  /** False when there is no gradient; `out` stays untouched then. */
  getGrad(out: Wrapped, x: Wrapped): boolean;
  setGrad(x: Wrapped, grad: Wrapped | null): void;
  retainGrad(x: Wrapped): void;
  detachInPlace(x: Wrapped): void;
  /** `inputs`, where given: only to their grads. */
  backward(
    tensors: Wrapped[],
    grads: (Wrapped | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    inputs?: Wrapped[],
  ): void;
  /** Gradients of `outputs` with respect to `inputs` into `outs`; false at k: input k was not reached (only with allowUnused). */
  grad(
    outs: Wrapped[],
    outputs: Wrapped[],
    inputs: Wrapped[],
    grads: (Wrapped | null)[],
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): boolean[];
  /** Returns what it was before. */
  setGradEnabled(enabled: boolean): boolean;
  isGradEnabled(): boolean;
  /** Returns what it was before. */
  setInferenceMode(infers: boolean): boolean;
  isInference(x: Wrapped): boolean;
  /** `read` gives 1 (records) + 2 (infers); it is asked before every call from `readModes(true)` on. */
  setModeReader(read: () => number): void;
  readModes(reads: boolean): void;
  /** A gradient would flow to or through it. */
  wantsGradient(x: Wrapped): boolean;

  /** What the core makes new tensors with where it calls JavaScript. */
  setTensorFactory(make: () => Wrapped): void;
  /** `run` gets a Tensor whose fields are not read yet. `after`: when a leaf's grad is complete. Held weakly where no graph is in use. */
  addHook(x: Wrapped, run: (given: never) => Wrapped | undefined, after: boolean): number;
  removeHook(hook: number): void;
  /** A user's function is called with these arguments, null for those that are no tensors. */
  beginFunction(name: string, inputs: (Wrapped | null)[]): number;
  /** `kinds`: 0 differentiable, 1 not, 2 an argument changed in place. True at k: result k is a new tensor, in outs[k]. */
  finishFunction(
    call: number,
    object: object,
    inputs: Wrapped[],
    results: (Wrapped | null)[],
    kinds: number[],
    saved: (Wrapped | null)[],
    materializes: boolean,
    outs: Wrapped[],
  ): boolean[];
  /** Forgets a call that was begun; finished ones are forgotten already. */
  abandonFunction(call: number): void;
  /** In backward: new Tensors over what was saved, fields not read yet. */
  savedOfFunction(): (Wrapped | null)[];
  setAnomaly(isOn: boolean, checksNaN: boolean): void;

  /** `report` gets what engine/breaks/watch.ts says, within the call that it is about; null: `control.breaks` was set. */
  setWatcher(report: (hit: never) => void): void;
  /** Looks for NaN and infinities in what ops, backward passes and steps make; for writes to the memory of tensors and pins; and at what
   *  activations make (`looks`). */
  armWatch(nan: boolean, infinity: boolean, written: Wrapped[], pins: number[], looks: boolean): void;
  /** Reports memory that is taken at a call site. */
  watchLine(site: number): void;
  /** `read` gives the number of the user's line that is running, `text` its text. */
  setCallSiteFunctions(read: () => number, text: (site: number) => string): void;
  /** 0 never, 1 as long as it costs little, 2 at every call; returns what it was before. */
  setCallSites(when: number): number;

  /** One step of an optimizer ("sgd": native/ops/optimize.cpp) over all parameters with a gradient, with the numbers that KERNELS.md
   *  lists. `states[s][k]` is state s of parameter k (an unwrapped `new Tensor()` the first time, which it then becomes). Squared
   *  gradient norms into `squaredNorms` (-1 where a parameter has no gradient): at once on the CPU, where `wantsNorms` by `readNorms()`
   *  on other devices. */
  optimizerStep(
    optimizer: string,
    params: Wrapped[],
    states: Wrapped[][],
    numbers: Float64Array,
    squaredNorms: Float64Array,
    wantsNorms: boolean,
  ): void;
  /** The norms alone, as above. */
  gradientNorms(params: Wrapped[], squaredNorms: Float64Array): void;
  /** Waits for the norms that devices still work out: they go into the arrays that were given for them. */
  readNorms(): void;
  /** The norm of all tensors as one vector into `out`; they are of one device, and all float32 or all float64. */
  totalNorm(tensors: Wrapped[], out: Wrapped): void;
  /** All tensors, as above and contiguous, times min(1, most / (norm + 1e-6)), in place. */
  clipByNorm(tensors: Wrapped[], norm: Wrapped, most: number): void;
  /** Drops (or zeroes) the gradients of all of them. */
  zeroGrad(params: Wrapped[], setToNone: boolean): void;

  /** Keeps the memory of `x` and of its gradient, or copies of both as they are, with a note that noteOfPin gives back. */
  pinTensor(x: Wrapped, copies: boolean, note: string): number;
  /** The graph that made `x`, breadth first. */
  graphOf(x: Wrapped, most: number): { nodes: NativeGraphNode[]; truncated: boolean };
  /** Bytes of the storage, a number for it, whether there is a gradient, category and call site of `x`. */
  storageOf(x: Wrapped): [bytes: number, id: number, hasGrad: number, category: number, site: number];
  /** The name of a parameter where the graph is shown. */
  setLabel(x: Wrapped, label: string): void;

  manualSeed(seed: bigint): void;
  initialSeed(): bigint;
  getRandomState(): Uint8Array;
  setRandomState(state: Uint8Array): void;

  /** Blocks allocated from now on (on this thread) carry this category, an index of protocol's memoryCategories; returns the one before. */
  setCategory(category: number): number;
  /** Changes the category of the block below `x`. */
  retag(x: Wrapped, category: number): void;
  /** Bytes now allocated, by category, on all devices of a kind with it. Cheap: called once a step. */
  memoryByCategory(into: Float64Array): void;
  /**
   * Fills in `deviceMemoryNumbers` numbers (engine/protocol.ts) for each device that holds memory, the CPU first, as far as there is room:
   * kind, index, bytes in use by category, the most ever in use, bytes held from the device, the most there can be. Returns how many devices. Cheap.
   */
  deviceMemory(into: Float64Array): number;
  /** PyTorch's memory_stats names ("allocated_bytes.all.current") → value. */
  memoryStats(deviceKind: number, deviceIndex: number): Record<string, number>;
  /** 9 numbers a block: segment, address, bytes, bytes asked for, state (0 free, 1 in use, 2 awaiting free), category, of the small pool, call site, step. */
  memorySnapshot(deviceKind: number, deviceIndex: number): Float64Array;
  /** Blocks allocated from now on (on this thread) were born in this step: the optimizer steps that are done. */
  setStep(step: number): void;
  resetPeak(deviceKind: number, deviceIndex: number): void;
  emptyCache(): void;
  /** 0: no limit. */
  setMemoryLimit(deviceKind: number, deviceIndex: number, bytes: number): void;
  /** Called (rarely) when live bytes have grown a lot since the last time: asks for a minor (false) or full (true) collection. */
  setCollector(collect: (full: boolean) => void): void;

  /** Element 0 of `control` (shared): 0 go on; 1 stop: the next op throws DescentError 'stop' and writes 2, so that ops in `finally` blocks run. */
  attachControl(control: Int32Array): void;

  /**
   * 11 numbers for each tensor: elements looked at, NaN, +Inf, -Inf, zeros; of the finite elements minimum, maximum, mean, standard
   * deviation (NaN where there is none), L2 norm; 1 where `most` elements are an even sample. Changes nothing that the program could notice.
   */
  summarize(xs: Wrapped[], most?: number): number[];
  /** Finite elements of each of `bins` bins of equal width from `from` to `to`, those below and above, 1 where they are a sample. */
  bins(x: Wrapped, from: number, to: number, bins: number, most?: number): number[];

  /**
   * Writes what is known of every tensor of this thread into `rows` (engine/inspect/facts.ts says what stands where), numbers for as many as
   * take about so many milliseconds. Where nothing was called since the last time, only what was left out then. A number: `rows` must be as
   * long as that.
   */
  lookAtAll(rows: Float64Array, milliseconds: number): NativeLook | number;
  /** Another Tensor over what the one with this number is; false where there is none, or a disposed one. */
  tensorAt(out: Wrapped, slot: number): boolean;

  setNumThreads(count: number): void;
  getNumThreads(): number;
  /** The name of each kind of devices in the place of its number, 'cpu' first. Looks for no driver. */
  deviceKinds(): string[];
  devices(): NativeDevice[];
  /** Of the devices that are in use; figures of NVIDIA cards take about a millisecond. */
  deviceSamples(): NativeDeviceSample[];
  /** Where new tensors go on this thread that are not told where. */
  setDefaultDevice(deviceKind: number, deviceIndex: number): void;
  /** "AVX-512", "AVX2", "portable": the kernels in use; `setCpuCapability` picks a lower one (tests). */
  cpuCapability(): string;
  setCpuCapability(name: "AVX-512" | "AVX2" | "portable"): void;
  synchronize(): void;
  /** Waits for every device, and gives what its kernels found wrong since the last time, in place of throwing it; `line` where it is known. */
  pendingFaults(): NativeFault[];
}

function load(): { native: Native; file: string } {
  // dist/engine/index.mjs, dist/runtime/*.mjs, dist/test/**: the addon is found by walking up to the folder that holds native/.
  let folder = new URL(".", import.meta.url);
  for (let up = 0; up < 6; up++) {
    for (const candidate of ["native/descent.node", "dist/native/descent.node"]) {
      const file = fileURLToPath(new URL(candidate, folder));
      if (existsSync(file)) return { native: createRequire(import.meta.url)(file) as Native, file };
    }
    folder = new URL("..", folder);
  }
  throw new Error(
    "descent: the native part is missing (dist/native/descent.node). In the repository run 'npm run build'; " +
      "in an installed extension, reinstall the one made for this platform.",
  );
}

const loaded = load();
export const native: Native = loaded.native;
native.setUnpacker((packed) => brotliDecompressSync(packed));
observer.current?.attach(native, loaded.file);
