// What the dashboard is shown of a run and of its series, from the run's record and the tags the recorder writes.

import { isLive, tags } from "../../engine/protocol.js";
import { layerOfParameter } from "../../engine/store/seriesTable.js";
import type { RunView, SeriesInfo } from "../../webviews/protocol.js";
import type { Run } from "../runs/registry.js";
import { deviceText, formatLoss, runMessage } from "../runs/words.js";

export function toRunView({ folder, record }: Run): RunView {
  const { progress } = record;
  return {
    id: folder,
    name: record.name,
    script: record.script,
    state: record.state,
    live: isLive(record.state),
    startTime: record.startTime,
    endTime: record.endTime,
    step: progress.step,
    epoch: progress.epoch,
    epochs: progress.epochs,
    batch: progress.batch,
    batches: progress.batches,
    loss: formatLoss(progress.loss),
    secondsLeft: progress.secondsLeft,
    device: deviceText(record),
    message: runMessage(record),
    location: record.error?.location ?? null,
    config: record.config,
    summary: record.summary,
  };
}

type Kind = Pick<SeriesInfo, "group" | "label" | "layer" | "unit" | "device">;

/** Of what a GPU's driver tells. */
const units = { utilisation: "%", celsius: "°C", watts: "W" } as const;

/** Which chart a tag belongs to and what its legend says. */
export function classify(tag: string): Kind {
  if (tag.startsWith(tags.layerGradNormPrefix)) {
    const layer = tag.slice(tags.layerGradNormPrefix.length);
    return { group: "gradient", label: layer, layer, unit: "" };
  }
  if (tag.startsWith(tags.gradNormPrefix)) {
    const label = tag.slice(tags.gradNormPrefix.length);
    return {
      group: "gradient",
      label,
      layer: tag === tags.gradNorm ? null : layerOfParameter(label),
      unit: "",
    };
  }
  if (tag.startsWith(tags.memoryPrefix)) {
    const [label = "", device] = tag.slice(tags.memoryPrefix.length).split("/").reverse();
    const known = { label, layer: null, unit: "bytes" } as const;
    if (device === undefined) return { ...known, group: "memory" };
    const isTotal = tags.memoryOfDevice.some((total) => total === label);
    return { ...known, group: isTotal ? "memoryTotal" : "memory", device };
  }
  const figure = tag.startsWith(tags.devicePrefix) ? (tag.split("/")[2] ?? "") : "";
  const unit = (units as Record<string, SeriesInfo["unit"]>)[figure];
  if (unit !== undefined) {
    const device = tag.split("/")[1]!;
    return { group: "device", label: device, layer: null, unit, device };
  }
  const plain = { label: tag, layer: null };
  if (tag === tags.throughput)
    return { ...plain, group: "throughput", label: "samples per second", unit: "samples/s" };
  if (tag === tags.stepMilliseconds) return { ...plain, group: "time", label: "step time", unit: "ms" };
  if (tag === tags.learningRate || tag.startsWith(`${tags.learningRate}/`)) {
    return { ...plain, group: "learningRate", unit: "" };
  }
  // A loss that the script logs itself (valLoss, test/loss) is drawn beside the training loss.
  return { ...plain, group: /(?:^|[^a-z])loss$|Loss$/.test(tag) ? "loss" : "user", unit: "" };
}

/** JSON has no NaN and no infinities. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
