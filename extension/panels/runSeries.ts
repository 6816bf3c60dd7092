// The series of a run's folder, read from its event files and summarised by the run store's pyramid.

import { EventFolder } from "../../engine/store/eventFolder.js";
import type { SeriesSource } from "./series.js";

export function openRunSeries(folder: string): SeriesSource {
  const events = new EventFolder(folder);
  return {
    read: () => events.poll(),
    list: () =>
      [...events.series.values()].map(({ tag, count, last, min, max, nonFinite }) => ({
        ...{ tag, count, last, min, max, nonFinite },
      })),
    indexOf: (tag, step) => events.series.get(tag)?.indexOfStep(step) ?? 0,
    chunk(tag, level, from, to) {
      const series = events.series.get(tag);
      if (!series) throw new Error(`no series '${tag}'`);
      const buckets = series.buckets(level, from, to);
      const { start, step, wall, min, max, last, mean, flags } = buckets;
      return {
        ...{ tag, level, start },
        step: step.buffer,
        wall: wall.buffer,
        min: min.buffer,
        max: max.buffer,
        last: last.buffer,
        mean: mean.buffer,
        flags: flags.buffer,
      };
    },
  };
}
