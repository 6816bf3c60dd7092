// Which chart each series belongs to, and the order of the charts.

import type { ChartSpec } from "../../chart/series.js";
import type { SeriesInfo } from "../../protocol.js";

/** A series of a chart: one that was recorded, or one made of several. */
export interface PlannedSeries {
  /** Of the recorded series; for one made of several, a name that no recorded one has. */
  tag: string;
  label: string;
  /** Tags of the recorded series it is made of: one, or those whose norm it is. */
  parts: readonly string[];
}

export interface CardPlan {
  spec: ChartSpec;
  /** In the order of the legend. */
  series: PlannedSeries[];
  /** Tag of the series drawn over the others. */
  emphasis: string | null;
  /** `ordered`: the series run from input to output, and their colours with them. */
  colors: "categorical" | "ordered";
}

const base = {
  unit: "",
  kind: "lines",
  includeZero: false,
  smoothable: true,
  logByDefault: false,
} as const satisfies Partial<ChartSpec>;

/** More series than this in one chart start out hidden; the legend can show them. */
export const mostShown = 40;

/** @param perParameter shows gradients a parameter rather than a layer. */
export function planCards(series: readonly SeriesInfo[], perParameter = false): CardPlan[] {
  const grouped = (group: SeriesInfo["group"]): SeriesInfo[] => series.filter((info) => info.group === group);
  const of = (group: SeriesInfo["group"]): PlannedSeries[] => grouped(group).map(asItIs);
  const plain = { emphasis: null, colors: "categorical" } as const;
  const plans: CardPlan[] = [
    { ...plain, spec: { ...base, id: "loss", title: "Loss", yLabel: "loss" }, series: of("loss") },
    gradientPlan(grouped("gradient"), perParameter),
    ...userPlans(grouped("user")),
    {
      ...plain,
      spec: {
        ...base,
        id: "learningRate",
        title: "Learning rate",
        yLabel: "rate",
        includeZero: true,
        smoothable: false,
      },
      series: of("learningRate"),
    },
    {
      ...plain,
      spec: {
        ...base,
        id: "throughput",
        title: "Throughput",
        yLabel: "samples/s",
        unit: "samples/s",
        includeZero: true,
      },
      series: of("throughput"),
    },
    ...memoryPlans([...grouped("memory"), ...grouped("memoryTotal")]),
    ...figures.map(([unit, id, title]): CardPlan => {
      const series = grouped("device").filter((info) => info.unit === unit);
      const spec = { ...base, id, title, yLabel: unit, unit, includeZero: true };
      return { ...plain, spec, series: series.map(asItIs) };
    }),
    {
      ...plain,
      spec: { ...base, id: "time", title: "Step time", yLabel: "ms", unit: "ms", includeZero: true },
      series: of("time"),
    },
  ];
  return plans.filter((plan) => plan.series.length > 0);
}

/** What a GPU's driver tells. */
const figures = [
  ["%", "utilisation", "GPU utilisation"],
  ["°C", "celsius", "GPU temperature"],
  ["W", "watts", "GPU power"],
] as const;

/** For each GPU what its memory is used for and how full it is, then the CPU's. */
function memoryPlans(series: readonly SeriesInfo[]): CardPlan[] {
  const gpus = [...new Set(series.flatMap((info) => info.device ?? []))].sort();
  const plan = (
    device: string | undefined,
    group: SeriesInfo["group"],
    id: string,
    title: string,
  ): CardPlan => ({
    spec: {
      ...{
        ...base,
        id: device === undefined ? id : `${id}/${device}`,
        title,
        yLabel: "bytes",
        unit: "bytes",
      },
      ...(group === "memory" ? { kind: "stack", includeZero: true } : { logByDefault: true }),
      smoothable: false,
    },
    series: series
      .filter((info) => info.group === group && info.device === device)
      .map((info) => ({ ...asItIs(info), label: inWords(totals[info.label] ?? info.label) })),
    emphasis: null,
    colors: "categorical",
  });
  return [
    ...gpus.flatMap((gpu) => [
      plan(gpu, "memory", "memory", `Memory of ${gpu} by category`),
      plan(gpu, "memoryTotal", "memoryTotal", `Memory of ${gpu}, in use and free`),
    ]),
    plan(
      undefined,
      "memory",
      "memory",
      gpus.length > 0 ? "Memory of the CPU by category" : "Memory by category",
    ),
  ];
}

/** As PyTorch's names for them are meant. */
const totals: Record<string, string> = {
  allocated: "in use by tensors",
  peak: "peak in use",
  reserved: "taken from the device",
  limit: "at most",
};

/** optimizerState → optimizer state */
function inWords(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`);
}

function asItIs({ tag, label }: SeriesInfo): PlannedSeries {
  return { tag, label, parts: [tag] };
}

/** The total, and each layer or parameter, in the order of the network. */
function gradientPlan(series: readonly SeriesInfo[], perParameter: boolean): CardPlan {
  const total = series.filter((info) => info.layer === null);
  return {
    spec: { ...base, id: "gradient", title: "Gradient norm", yLabel: "L2 norm", logByDefault: true },
    series: [...total.map(asItIs), ...(perParameter ? parametersOf(series).map(asItIs) : layersOf(series))],
    emphasis: total[0]?.tag ?? null,
    colors: "ordered",
  };
}

/** Series of parameters: those of layers, if recorded at all, carry the layer's own name. */
export function parametersOf(series: readonly SeriesInfo[]): SeriesInfo[] {
  return series.filter(
    (info) => info.group === "gradient" && info.layer !== null && info.label !== info.layer,
  );
}

/** A layer's own series where there is one, else the norm over its parameters. */
function layersOf(series: readonly SeriesInfo[]): PlannedSeries[] {
  const layers = new Map<string, PlannedSeries>();
  for (const info of series) {
    if (info.layer === null) continue;
    if (info.label === info.layer) layers.set(info.layer, asItIs(info));
    const known = layers.get(info.layer);
    const isMade = known === undefined || known.tag !== known.parts[0];
    if (info.label === info.layer || !isMade) continue;
    layers.set(info.layer, {
      tag: `layer of ${info.layer}`,
      label: info.layer,
      parts: [...(known?.parts ?? []), info.tag],
    });
  }
  return [...layers.values()];
}

/** `val/loss` and `val/acc` share a chart; a tag without a prefix has one of its own. */
function userPlans(series: readonly SeriesInfo[]): CardPlan[] {
  const groups = new Map<string, SeriesInfo[]>();
  for (const info of series) {
    const slash = info.tag.lastIndexOf("/");
    const name = slash > 0 ? info.tag.slice(0, slash) : info.tag;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [info]);
    else group.push(info);
  }
  return [...groups].map(([name, members]) => ({
    spec: { ...base, id: `user/${name}`, title: name, yLabel: "value" },
    series: members.map(asItIs),
    emphasis: null,
    colors: "categorical",
  }));
}
