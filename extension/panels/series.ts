// A run's series as the dashboard reads them, whatever file they come from.

import type { SeriesChunk } from "../../webviews/protocol.js";

/** What is known of one series without looking at its points. */
export interface SeriesSummary {
  tag: string;
  count: number;
  /** NaN and infinities as they are; NaN when there is no point. */
  last: number;
  min: number;
  max: number;
  nonFinite: number;
}

export interface SeriesSource {
  /** Reads what was written since the last time; true when there was something. */
  read(): Promise<boolean>;
  /** In the order in which they first appeared. */
  list(): SeriesSummary[];
  /** Number of points with a step below `step`. */
  indexOf(tag: string, step: number): number;
  /** Buckets `from` (included) to `to` (excluded) of a level, each of 2^level points, in fresh buffers. */
  chunk(tag: string, level: number, from: number, to: number): SeriesChunk;
}
