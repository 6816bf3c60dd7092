// Records a training run from inside the main thread: a few numbers into shared memory at each step, and no more.
// Budget: 5 µs a step for a small model (test/engine/runtime-recorder measures it); anything dearer belongs into the monitor.

import type { MessagePort } from "node:worker_threads";
import type { BatchInfo, EngineServices, StepInfo, TrainingObserver } from "../observer.js";
import type { Tensor } from "../tensor.js";
import { NumberWatch } from "../breaks/numbers.js";
import { breaks } from "../breaks/slot.js";
import { deviceName } from "../deviceNames.js";
import { deviceMemoryNumbers, memoryCategories, tags } from "../protocol.js";
import type { ToMonitor } from "./messages.js";
import { control, recordHeader, RingWriter, type SharedMemory } from "./shared.js";
import { StopRun } from "./stop.js";

/** What the terminal shows. */
export interface StepView {
  step: number;
  epoch: number;
  epochs: number | null;
  batch: number;
  batches: number | null;
  loss: number;
  samplesPerSecond: number;
}

export interface RecorderOptions {
  id: string;
  dir: string;
  memory: SharedMemory;
  port: MessagePort;
  /** Called after every step; must be cheap. `now` is performance.now(). */
  onStep?: (recorder: Recorder, now: number) => void;
  /** Milliseconds the main thread waited because of a pause. */
  onPaused?: (milliseconds: number) => void;
}

interface LoaderState {
  epoch: number;
  batches: number | null;
}

/** Bits that choose among the layouts of a step. */
const has = { loss: 1, throughput: 2, time: 4, memory: 8 } as const;

/** Of a device other than the CPU, beside the categories. */
const totals = tags.memoryOfDevice.length;
/** More devices than this in one run show no memory. */
const mostDevices = 16;
/** Asking the driver takes about a millisecond. */
const sampleMilliseconds = 1000;

/** Times a script may swallow the stop and step on before the process is ended. */
const patience = 3;

export class Recorder implements TrainingObserver {
  readonly id: string;
  readonly dir: string;
  /** What the script did so far, for the sentence at the end of a run with nothing to show. */
  readonly seen = { engine: false, backward: false, log: false };
  steps = 0;
  private readonly options: RecorderOptions;
  private readonly flags: Int32Array;
  private readonly ring: RingWriter;
  private engine: EngineServices | null = null;
  /** Of each device that holds any, as `deviceMemory` fills it in. */
  private readonly memory = new Float64Array(deviceMemoryNumbers * mostDevices);
  private devices = 0;
  /** "0.0 1.1" names the devices; each set has a number, which layouts depend on. */
  private readonly deviceSets: string[] = [];
  private device = "";
  private sampled = -Infinity;
  /** What to stop at, where somebody asked for numbers. */
  private numbers: NumberWatch | null = null;

  private loss = 0;
  private losses = 0;
  /** Of a GPU, which is waited for once a step, at its end. */
  private readonly pending: Tensor[] = [];
  private waits = true;
  private samples = 0;
  /** performance.now() from which the current step's time counts. */
  private stepStart = NaN;
  private loader: LoaderState | null = null;
  private batchesDone = 0;
  private readonly loaders = new WeakMap<object, LoaderState>();
  private epochs: number | null = null;
  /** A run without a loader that said how many steps it will take: one epoch of them. */
  private planned: LoaderState | null = null;
  private stopsThrown = 0;

  private layouts = 0;
  /** By the identity of the names: layout numbers by `has` bits and number of learning rates. */
  private readonly stepLayouts = new WeakMap<readonly string[], Map<number, number>>();
  private readonly logLayouts = new Map<string, number>();
  private readonly view: StepView = {
    step: 0,
    epoch: 0,
    epochs: null,
    batch: 0,
    batches: null,
    loss: NaN,
    samplesPerSecond: NaN,
  };

  constructor(options: RecorderOptions) {
    this.options = options;
    this.id = options.id;
    this.dir = options.dir;
    this.flags = options.memory.control;
    this.ring = new RingWriter(options.memory);
  }

  /** How the last step went; the same object each time. */
  get lastStep(): Readonly<StepView> {
    return this.view;
  }

  /** What to stop at has changed: `breaks.conditions`. */
  watchNumbers(): void {
    const { conditions } = breaks;
    const watch = conditions === null ? null : new NumberWatch(conditions);
    this.numbers = watch?.isEmpty === false ? watch : null;
  }

  attach(engine: EngineServices, addon?: string): void {
    this.seen.engine = true;
    this.engine = engine;
    engine.attachControl(this.flags);
    if (addon !== undefined) this.post({ type: "addon", file: addon });
  }

  backward(loss: Tensor): void {
    this.seen.backward = true;
    if (Number.isNaN(this.stepStart)) this.stepStart = performance.now();
    if (loss.device !== this.device) this.moved(loss.device);
    if (!loss.shape.every((size) => size === 1)) return;
    this.numbers?.backward(Number(loss.item<number | bigint>()));
    if (this.waits && loss.device !== "cpu") this.pending.push(loss);
    else this.add(loss);
  }

  private add(loss: Tensor): void {
    this.loss += Number(loss.item<number | bigint>());
    this.losses++;
  }

  /** The losses that were left to the end of the step; a script that disposes of them before it has them read at once from then on. */
  private readPending(): void {
    for (const loss of this.pending.splice(0)) {
      if (loss.isDisposed) this.waits = false;
      else this.add(loss);
    }
  }

  private moved(device: string): void {
    this.device = device;
    const found = device === "cpu" ? undefined : this.engine?.devices().find(({ name }) => name === device);
    this.post({ type: "device", name: device, description: found?.description ?? null });
  }

  /** Several backward() calls before one step add their gradients, so their losses are added too. */
  step(info: StepInfo): void {
    if (this.pending.length > 0) this.readPending();
    const now = performance.now();
    const milliseconds = now - this.stepStart; // NaN without a beginning
    const { learningRates: rates, squaredNorms: norms, names } = info;
    const step = ++this.steps;
    const loader = this.loader ?? this.planned;
    if (this.loader === null && this.planned !== null) this.batchesDone = step;

    let bits = 0;
    if (this.losses > 0) bits |= has.loss;
    if (milliseconds > 0) bits |= this.samples > 0 ? has.time | has.throughput : has.time;
    if (this.engine !== null) {
      bits |= has.memory;
      this.devices = this.engine.deviceMemory(this.memory);
    }
    const layout = this.stepLayout(names, bits, rates.length);
    const namesInRing = names.length <= this.ring.largestRecord - 64 ? names.length : 0;
    const values =
      rates.length +
      (bits & has.loss) +
      ((bits & has.throughput) >> 1) +
      ((bits & has.time) >> 2) +
      (bits & has.memory ? this.memoryValues() : 0) +
      namesInRing;

    const at = this.ring.claim(values);
    if (at >= 0) {
      const ring = this.ring.ring;
      ring[at + recordHeader.layout] = layout;
      ring[at + recordHeader.step] = step;
      ring[at + recordHeader.wall] = (performance.timeOrigin + now) / 1000;
      ring[at + recordHeader.epoch] = loader === null ? 0 : loader.epoch;
      ring[at + recordHeader.batch] = this.batchesDone;
      ring[at + recordHeader.batches] = loader?.batches ?? -1;
      let k = at + recordHeader.values;
      if (bits & has.loss) ring[k++] = this.loss;
      for (const rate of rates) ring[k++] = rate;
      if (bits & has.throughput) ring[k++] = (this.samples * 1000) / milliseconds;
      if (bits & has.time) ring[k++] = milliseconds;
      if (bits & has.memory) k = this.writeMemory(ring, k);
      for (let p = 0; p < namesInRing; p++) ring[k++] = norms[p]!;
      this.ring.publish(recordHeader.values + values);
    }

    if (this.options.onStep !== undefined) {
      this.describe(step, loader, milliseconds);
      this.options.onStep(this, now);
    }
    this.loss = this.losses = this.samples = 0;
    this.stepStart = now;
    if (this.numbers !== null) {
      this.numbers.step(names, norms, this.memory, this.devices);
      breaks.step?.();
      this.stepStart = performance.now(); // whoever stopped there is no part of a step
    }
    if (this.devices > 1 && now - this.sampled > sampleMilliseconds) this.sample(now);
    if (this.flags[control.pause] !== 0 || this.flags[control.stopAsked] !== 0) this.obey();
  }

  epoch(loader: object, batches: number | null): void {
    const state = this.loaders.get(loader);
    if (state === undefined) this.loaders.set(loader, { epoch: 1, batches });
    else {
      state.epoch++;
      state.batches = batches;
    }
    // What lies between two epochs (a test of the model, say) is no part of a step.
    this.stepStart = performance.now();
    this.samples = 0;
  }

  batch(loader: object, info: BatchInfo): void {
    // A batch that no step follows, of a test set, is overwritten by the next one before it counts.
    let state = this.loaders.get(loader);
    if (state === undefined) this.loaders.set(loader, (state = { epoch: 1, batches: info.batches }));
    this.loader = state;
    this.batchesDone = info.index + 1;
    this.samples += info.samples;
    if (this.flags[control.stopAsked] !== 0 && this.stopsThrown === 0) this.throwStop();
  }

  log(values: Record<string, number>, step = this.steps): void {
    this.seen.log = true;
    this.write(values, step);
  }

  private write(values: Record<string, number>, step: number): void {
    const names = Object.keys(values);
    if (names.length === 0) return;
    const key = names.join("\n");
    let layout = this.logLayouts.get(key);
    if (layout === undefined) {
      layout = this.announce(names, "log", []);
      this.logLayouts.set(key, layout);
    }
    const at = this.ring.claim(names.length);
    if (at < 0) return;
    const ring = this.ring.ring;
    ring[at + recordHeader.layout] = layout;
    ring[at + recordHeader.step] = step;
    ring[at + recordHeader.wall] = wallNow();
    for (let k = 0; k < names.length; k++) ring[at + recordHeader.values + k] = Number(values[names[k]!]);
    this.ring.publish(recordHeader.values + names.length);
  }

  config(values: Record<string, unknown>): void {
    const epochs = values["epochs"];
    if (typeof epochs === "number" && epochs > 0) this.epochs = epochs;
    const { steps } = values;
    if (Number.isInteger(steps) && Number(steps) > 0) this.planned = { epoch: 1, batches: Number(steps) };
    this.post({ type: "config", values: plain(values) });
  }

  summary(values: Record<string, unknown>): void {
    this.post({ type: "summary", values: plain(values) });
  }

  text(tag: string, text: string, step = this.steps): void {
    this.post({ type: "text", tag, text, step, wall: wallNow() });
  }

  image(tag: string, image: Tensor, step = this.steps): void {
    const values = numbersOf(image);
    this.post({ type: "image", tag, step, wall: wallNow(), shape: [...image.shape], values });
  }

  histogram(tag: string, values: Tensor, step = this.steps): void {
    const copied = numbersOf(values);
    this.post({ type: "histogram", tag, step, wall: wallNow(), values: copied });
  }

  checkpoint(path: string): void {
    this.post({ type: "checkpoint", path, step: this.steps });
  }

  private describe(step: number, loader: LoaderState | null, milliseconds: number): void {
    const { view } = this;
    view.step = step;
    view.epoch = loader?.epoch ?? 0;
    view.epochs = this.epochs;
    view.batch = this.batchesDone;
    view.batches = loader?.batches ?? null;
    if (this.losses > 0) view.loss = this.loss;
    view.samplesPerSecond = this.samples > 0 ? (this.samples * 1000) / milliseconds : NaN;
  }

  /** Pause and stop, at the end of a step. */
  private obey(): void {
    const { flags } = this;
    if (Atomics.load(flags, control.stopAsked) !== 0) this.throwStop();
    if (Atomics.load(flags, control.pause) === 0) return;
    const began = performance.now();
    Atomics.store(flags, control.waiting, 1);
    while (true) {
      const wake = Atomics.load(flags, control.wake);
      if (Atomics.load(flags, control.stopAsked) !== 0 || Atomics.load(flags, control.pause) === 0) break;
      if (Atomics.load(flags, control.allowance) > 0) {
        Atomics.sub(flags, control.allowance, 1);
        break;
      }
      Atomics.wait(flags, control.wake, wake);
    }
    Atomics.store(flags, control.waiting, 0);
    this.stepStart = performance.now();
    this.options.onPaused?.(this.stepStart - began);
    if (Atomics.load(flags, control.stopAsked) !== 0) this.throwStop();
  }

  private throwStop(): never {
    if (++this.stopsThrown > patience) process.exit(this.flags[control.stopCode]); // the script catches it and goes on
    Atomics.store(this.flags, control.stop, 2);
    throw new StopRun();
  }

  private stepLayout(names: readonly string[], bits: number, rates: number): number {
    let known = this.stepLayouts.get(names);
    if (known === undefined) this.stepLayouts.set(names, (known = new Map<number, number>()));
    const key = bits | (rates << 4) | (this.deviceSet() << 20);
    let layout = known.get(key);
    if (layout === undefined) known.set(key, (layout = this.announceStep(names, bits, rates)));
    return layout;
  }

  /** The same order as `step` writes the values in. */
  private announceStep(names: readonly string[], bits: number, rates: number): number {
    const list: string[] = [];
    if (bits & has.loss) list.push(tags.loss);
    for (let g = 0; g < rates; g++) list.push(g === 0 ? tags.learningRate : `${tags.learningRate}/${g}`);
    if (bits & has.throughput) list.push(tags.throughput);
    if (bits & has.time) list.push(tags.stepMilliseconds);
    if (bits & has.memory) list.push(...this.memoryTags());
    const tooMany = names.length > this.ring.largestRecord - 64;
    if (tooMany) {
      const note = `The model has ${names.length} parameters, too many for a gradient norm of each at every step.`;
      this.post({ type: "note", note });
    }
    return this.announce(list, "step", tooMany ? [] : [...names]);
  }

  /** The CPU has its categories; another device what it holds, and the most it may hold, too. */
  private memoryValues(): number {
    return this.devices === 0 ? 0 : this.devices * (memoryCategories.length + totals) - totals;
  }

  private writeMemory(ring: Float64Array, to: number): number {
    let k = to;
    for (let d = 0; d < this.devices; d++) {
      const from = d * deviceMemoryNumbers + 2;
      let sum = 0;
      for (let n = 0; n < memoryCategories.length; n++) sum += ring[k++] = this.memory[from + n]!;
      if (d === 0) continue;
      ring[k++] = sum;
      for (let n = 0; n < totals - 1; n++) ring[k++] = this.memory[from + memoryCategories.length + n]!;
    }
    return k;
  }

  private memoryTags(): string[] {
    return Array.from({ length: this.devices }, (_, d) => {
      if (d === 0) return memoryCategories.map((category) => tags.memoryPrefix + category);
      const at = d * deviceMemoryNumbers;
      const name = deviceName(this.memory[at]!, this.memory[at + 1]!);
      return [...memoryCategories, ...tags.memoryOfDevice].map((key) => `${tags.memoryPrefix}${name}/${key}`);
    }).flat();
  }

  /** A number for which devices hold memory; 0 for the CPU alone. */
  private deviceSet(): number {
    if (this.devices <= 1) return 0;
    let key = "";
    for (let d = 1; d < this.devices; d++) {
      const at = d * deviceMemoryNumbers;
      key += `${this.memory[at]!}.${this.memory[at + 1]!} `;
    }
    const known = this.deviceSets.indexOf(key);
    return 1 + (known < 0 ? this.deviceSets.push(key) - 1 : known);
  }

  /** What the devices are doing, where their driver tells. */
  private sample(now: number): void {
    this.sampled = now;
    const values: Record<string, number> = {};
    for (const { name, utilisation, celsius, watts } of this.engine!.deviceSamples()) {
      const prefix = `${tags.devicePrefix}${name}/`;
      if (utilisation !== null) values[`${prefix}utilisation`] = 100 * utilisation;
      if (celsius !== null) values[`${prefix}celsius`] = celsius;
      if (watts !== null) values[`${prefix}watts`] = watts;
    }
    this.write(values, this.steps);
  }

  private announce(list: string[], kind: "step" | "log", squared: string[]): number {
    const layout = this.layouts++;
    this.post({ type: "layout", layout, tags: list, kind, squared });
    return layout;
  }

  private post(message: ToMonitor): void {
    this.options.port.postMessage(message);
  }
}

function numbersOf(tensor: Tensor): Float64Array {
  return Float64Array.from(tensor.data() as ArrayLike<number | bigint>, Number);
}

function wallNow(): number {
  return (performance.timeOrigin + performance.now()) / 1000;
}

/** What JSON can carry of the user's values: anything else as its text. */
function plain(values: Record<string, unknown>): Record<string, unknown> {
  const seen = new WeakSet();
  const text = JSON.stringify(values, (_key, value: unknown) => {
    if (typeof value === "number" && !Number.isFinite(value)) return String(value);
    if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol")
      return String(value);
    if (typeof value === "object" && value !== null) {
      if (seen.has(value)) return "[repeated]";
      seen.add(value);
    }
    return value;
  });
  return JSON.parse(text) as Record<string, unknown>;
}
