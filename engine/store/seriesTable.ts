// All curves of one folder of event files, by tag, with the layers' gradient norms derived as the points come in.

import { tags } from "../protocol.js";
import { Moments, Series } from "./series.js";

/** Gradient norms of one layer's parameters in the event being read. */
interface Layer {
  series: Series;
  sumOfSquares: number;
  seen: boolean;
}

/** A tag as the reader meets it: its series, and the layer its values also count for. */
export interface TagEntry {
  series: Series;
  layer: Layer | null;
  /** The file that wrote the newest point. */
  file: number;
}

export class SeriesTable {
  readonly series = new Map<string, Series>();
  private readonly moments = new Moments();
  private readonly entries = new Map<string, TagEntry>();
  private readonly layers = new Map<string, Layer>();
  private readonly layersSeen: Layer[] = [];
  private moment = -1;
  private step = 0;
  private wall = 0;
  private file = 0;

  entry(tag: string): TagEntry {
    let entry = this.entries.get(tag);
    if (entry === undefined) {
      entry = { series: this.make(tag), layer: this.layerOf(tag), file: this.file };
      this.entries.set(tag, entry);
    }
    return entry;
  }

  /** `file` is the number of the event file, in the order they are read. */
  beginEvent(step: number, wall: number, file: number): void {
    this.moment = -1;
    this.step = step;
    this.wall = wall;
    this.file = file;
  }

  add(entry: TagEntry, value: number): void {
    if (this.moment < 0) this.moment = this.moments.add(this.step, this.wall);
    if (entry.file !== this.file) this.changeFile(entry);
    entry.series.add(value, this.moment);
    const { layer } = entry;
    if (layer === null) return;
    if (!layer.seen) {
      layer.seen = true;
      layer.sumOfSquares = 0;
      this.layersSeen.push(layer);
    }
    layer.sumOfSquares += value * value;
  }

  endEvent(): void {
    for (const layer of this.layersSeen) {
      layer.series.add(Math.sqrt(layer.sumOfSquares), this.moment);
      layer.seen = false;
    }
    this.layersSeen.length = 0;
  }

  /** A restart says from which step on it writes anew. */
  truncateFrom(step: number): void {
    for (const series of this.series.values()) series.truncateFrom(step);
  }

  /** A later file that goes back to an earlier step is a restart from a checkpoint: its points replace the older ones. */
  private changeFile(entry: TagEntry): void {
    if (this.file > entry.file) {
      entry.series.truncateFrom(this.step);
      entry.layer?.series.truncateFrom(this.step);
    }
    entry.file = this.file;
  }

  private layerOf(tag: string): Layer | null {
    if (!tag.startsWith(tags.gradNormPrefix) || tag === tags.gradNorm) return null;
    const parameter = tag.slice(tags.gradNormPrefix.length);
    const name = layerOfParameter(parameter);
    let layer = this.layers.get(name);
    if (layer === undefined) {
      layer = { series: this.make(tags.layerGradNormPrefix + name), sumOfSquares: 0, seen: false };
      this.layers.set(name, layer);
    }
    return layer;
  }

  private make(tag: string): Series {
    const series = new Series(tag, this.moments);
    this.series.set(tag, series);
    return series;
  }
}

/** "fc1" for "fc1.weight"; "model" for a parameter that is not in a layer of a module. */
export function layerOfParameter(parameter: string): string {
  const dot = parameter.lastIndexOf(".");
  return dot > 0 ? parameter.slice(0, dot) : "model";
}
