// A synthetic training run, and what the extension would make of it: infos, and chunks of buckets for any window.

import type { RunView, SeriesChunk, SeriesInfo } from "../../../webviews/protocol.js";

export interface Series {
  tag: string;
  group: SeriesInfo["group"];
  label: string;
  layer: string | null;
  unit: SeriesInfo["unit"];
  device?: string;
  step: number[];
  wall: number[];
  value: number[];
}

export interface SyntheticRun {
  view: RunView;
  series: Series[];
}

const start = Date.UTC(2026, 0, 15, 9, 30, 0) / 1000;
const secondsPerStep = 0.05;

export interface RunOptions {
  steps: number;
  layers?: number;
  /** Steps at which the loss is "NaN", "Infinity" or "-Infinity": as strings, because JSON has no such numbers. */
  odd?: Readonly<Record<number, number | string>>;
  state?: string;
  message?: string | null;
  /** How long the whole run is to be, for its progress. */
  of?: number;
  /** A GPU it runs on. */
  gpu?: string;
}

/** A network that learns, seen by the recorder: the same numbers each time. */
export function createRun({
  steps,
  layers = 8,
  odd = {},
  state = "running",
  message = null,
  of = 4000,
  gpu,
}: RunOptions): SyntheticRun {
  const live = ["starting", "running", "paused", "stopping"].includes(state);
  const series = createSeries(layers, gpu);
  const run: SyntheticRun = {
    series,
    view: {
      id: "run-1",
      name: "digits",
      script: "/home/ada/digits/train.ts",
      state,
      live,
      startTime: start * 1000,
      endTime: live ? null : (start + steps * secondsPerStep) * 1000,
      step: 0,
      epoch: 0,
      epochs: 10,
      batch: 0,
      batches: Math.max(1, Math.round(of / 10)),
      loss: "–",
      secondsLeft: null,
      device: gpu === undefined ? "cpu" : `${gpu}, NVIDIA H200`,
      message,
      location: message === null ? null : { file: "/home/ada/digits/train.ts", line: 42, column: 7 },
      config: { epochs: 10, batchSize: 64, optimizer: "Adam" },
      summary: {},
    },
  };
  advance(run, steps, odd, of);
  return run;
}

function createSeries(layers: number, gpu: string | undefined): Series[] {
  const make = (tag: string, group: Series["group"], rest: Partial<Series> = {}): Series => ({
    ...{ tag, group, label: tag, layer: null, unit: "", step: [], wall: [], value: [] },
    ...rest,
  });
  const ofGpu = (
    device: string,
    tag: string,
    group: Series["group"],
    label: string,
    unit: Series["unit"],
  ): Series => make(tag, group, { label, unit, device });
  const names = Array.from({ length: layers }, (_, i) => `fc${i + 1}`);
  const categories = ["parameter", "gradient", "optimizerState", "activation", "input", "temporary"];
  return [
    make("loss", "loss"),
    make("lr", "learningRate"),
    make("grad_norm/total", "gradient", { label: "total" }),
    ...names.flatMap((layer) =>
      ["weight", "bias"].map((parameter) => {
        const label = `${layer}.${parameter}`;
        return make(`grad_norm/${label}`, "gradient", { label, layer });
      }),
    ),
    make("throughput/samples_per_second", "throughput", { label: "samples/s", unit: "samples/s" }),
    ...categories.map((label) => make(`memory/${label}`, "memory", { label, unit: "bytes" })),
    ...(gpu === undefined
      ? []
      : [
          ...categories.map((label) => ofGpu(gpu, `memory/${gpu}/${label}`, "memory", label, "bytes")),
          ...["allocated", "peak", "reserved", "limit"].map((label) =>
            ofGpu(gpu, `memory/${gpu}/${label}`, "memoryTotal", label, "bytes"),
          ),
          ofGpu(gpu, `device/${gpu}/utilisation`, "device", gpu, "%"),
          ofGpu(gpu, `device/${gpu}/celsius`, "device", gpu, "°C"),
          ofGpu(gpu, `device/${gpu}/watts`, "device", gpu, "W"),
        ]),
    make("time/step_ms", "time", { label: "step", unit: "ms" }),
    make("acc", "user"),
    make("val/loss", "user"),
    make("val/acc", "user"),
  ];
}

/** Trains for some more steps. */
export function advance(run: SyntheticRun, steps: number, odd: RunOptions["odd"] = {}, of = 4000): void {
  const { view, series } = run;
  const layers = series.filter((one) => one.layer !== null).length / 2;
  for (let k = 0; k < steps; k++) {
    const step = ++view.step;
    const wall = start + step * secondsPerStep;
    for (const one of series) {
      if (one.tag.startsWith("val/") && step % 100 !== 0) continue;
      one.step.push(step);
      one.wall.push(wall);
      const strange = one.tag === "loss" ? odd[step] : undefined;
      one.value.push(strange === undefined ? valueOf(one, step, layers, of) : Number(strange));
    }
  }
  const batches = view.batches ?? 1;
  view.epoch = Math.floor(Math.max(0, view.step - 1) / batches) + 1;
  view.batch = view.step === 0 ? 0 : ((view.step - 1) % batches) + 1;
  view.loss = series[0]!.value.at(-1)?.toPrecision(3) ?? "–";
  view.secondsLeft = Math.max(0, (of - view.step) * secondsPerStep);
}

function valueOf(one: Series, step: number, layers: number, of: number): number {
  const noise = randomAt(step, one.tag);
  const decay = 2.3 * Math.exp((-4.5 * step) / of) + 0.04;
  switch (one.group) {
    case "loss":
      return decay * (1 + 0.22 * noise);
    case "learningRate":
      return step < 200
        ? (0.003 * step) / 200
        : 0.003 * 0.5 * (1 + Math.cos((Math.PI * Math.min(step, of)) / of)) + 1e-5;
    case "gradient": {
      const norm = 2.2 * Math.exp((-1.6 * step) / of) * (1 + 0.25 * noise);
      if (one.layer === null) return norm;
      const depth = layers - Number(one.layer.slice(2));
      return norm * (one.label.endsWith("bias") ? 0.15 : 0.6) * 0.55 ** depth;
    }
    case "throughput":
      return 41_000 + 2500 * noise - (step % 400 < 12 ? 9000 : 0);
    case "time":
      return 1.55 + 0.12 * noise + (step % 400 < 12 ? 0.5 : 0);
    case "memory":
      return memoryOf(one.label, step, noise);
    case "memoryTotal":
      return { allocated: 93, peak: 108, reserved: 120, limit: 80_000 }[one.label]! * 2 ** 20;
    case "device":
      return { "%": 87 + 4 * noise, "°C": 64 + noise, W: 410 + 15 * noise }[one.unit as "W"];
    case "user":
      return one.tag.endsWith("loss")
        ? decay * 1.15 * (1 + 0.05 * noise)
        : 1 - 0.9 * Math.exp((-5 * step) / of) * (1 + 0.08 * noise);
  }
}

function memoryOf(category: string, step: number, noise: number): number {
  const mebibytes: Record<string, number> = {
    parameter: 12.4,
    gradient: 12.4,
    optimizerState: step > 1 ? 24.8 : 0,
    activation: 31 + 2 * noise,
    input: 4,
    temporary: 6 + 3 * Math.abs(noise),
  };
  return (mebibytes[category] ?? 0) * 1024 * 1024;
}

/** About normal, from the step and the tag alone. */
function randomAt(step: number, tag: string): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) {
    let hash = (step * 2654435761 + tag.length * 40503 + i * 97) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
    sum += ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
  }
  return (sum - 2) * 1.7;
}

export function infoOf(one: Series): SeriesInfo {
  const finite = one.value.filter((value) => Number.isFinite(value));
  const last = one.value.at(-1);
  return {
    ...{ tag: one.tag, group: one.group, label: one.label, layer: one.layer, unit: one.unit },
    ...(one.device === undefined ? {} : { device: one.device }),
    count: one.value.length,
    last: last !== undefined && Number.isFinite(last) ? last : null,
    min: finite.length > 0 ? finite.reduce((a, b) => Math.min(a, b)) : null,
    max: finite.length > 0 ? finite.reduce((a, b) => Math.max(a, b)) : null,
    nonFinite: one.value.length - finite.length,
  };
}

/** The lowest level at which the steps from `from` to `to` fit into `buckets`. */
export function levelFor(one: Series, from: number | null, to: number | null, buckets: number): number {
  const points = one.step.filter((step) => step >= (from ?? -Infinity) && step <= (to ?? Infinity)).length;
  let level = 0;
  while (points / 2 ** level > buckets) level++;
  return level;
}

/** Buckets of a level, from bucket `first` to the one that holds the step `to`. */
export function chunkOf(one: Series, level: number, first: number, to: number | null = null): SeriesChunk {
  const size = 2 ** level;
  const end = to === null ? one.value.length : one.step.filter((step) => step <= to).length;
  const length = Math.max(0, Math.ceil(end / size) - first);
  const chunk = {
    step: new Float64Array(length),
    wall: new Float64Array(length),
    min: new Float32Array(length),
    max: new Float32Array(length),
    last: new Float32Array(length),
    mean: new Float32Array(length),
    flags: new Uint8Array(length),
  };
  for (let k = 0; k < length; k++) {
    const at = (first + k) * size;
    const values = one.value.slice(at, at + size);
    const finite = values.filter((value) => Number.isFinite(value));
    const final = Math.min(at + size, one.value.length) - 1;
    chunk.step[k] = one.step[final]!;
    chunk.wall[k] = one.wall[final]!;
    chunk.min[k] = finite.length > 0 ? Math.min(...finite) : NaN;
    chunk.max[k] = finite.length > 0 ? Math.max(...finite) : NaN;
    chunk.last[k] = finite.at(-1) ?? NaN;
    chunk.mean[k] = finite.length > 0 ? finite.reduce((a, b) => a + b, 0) / finite.length : NaN;
    chunk.flags[k] =
      (values.some((value) => Number.isNaN(value)) ? 1 : 0) |
      (values.includes(Infinity) ? 2 : 0) |
      (values.includes(-Infinity) ? 4 : 0);
  }
  return {
    tag: one.tag,
    level,
    start: first,
    step: chunk.step.buffer,
    wall: chunk.wall.buffer,
    min: chunk.min.buffer,
    max: chunk.max.buffer,
    last: chunk.last.buffer,
    mean: chunk.mean.buffer,
    flags: chunk.flags.buffer,
  };
}
