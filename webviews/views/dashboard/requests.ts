// Decides when the extension must be asked for data: which series, which steps, how finely.

import type { Extent, ViewWindow } from "../../chart/window.js";

export interface Request {
  tags: readonly string[];
  from: number | null;
  to: number | null;
  buckets: number;
}

export interface Need {
  /** Series on screen. */
  tags: readonly string[];
  window: ViewWindow;
  /** The steps on screen, and those there are. */
  visible: Extent;
  extent: Extent;
  /** Width of the widest chart in device pixels. */
  pixels: number;
}

const mostBuckets = 4096;

/** The request that the need calls for; null where the last one still serves. */
export function nextRequest(need: Need, last: Request | null): Request | null {
  if (need.tags.length === 0) return null;
  const tags = [...new Set(need.tags)].sort();
  const buckets = Math.min(2048, Math.max(256, Math.ceil(need.pixels / 256) * 256));
  const serves =
    last !== null &&
    last.tags.length === tags.length &&
    tags.every((tag, index) => last.tags[index] === tag) &&
    windowServes(need, last) &&
    bucketsServe(need.window, last.buckets, buckets);
  if (serves) return null;
  const { from, to } = need.visible;
  const span = to - from;
  // A window's neighbourhood comes along, so that moving it shows data at once.
  switch (need.window.kind) {
    case "all":
      return { tags, from: null, to: null, buckets };
    case "last":
      return { tags, from: from - span, to: null, buckets: Math.min(mostBuckets, 3 * buckets) };
    case "fixed":
      return { tags, from: from - span, to: to + span, buckets: Math.min(mostBuckets, 3 * buckets) };
  }
}

function windowServes({ window, visible, extent }: Need, last: Request): boolean {
  const span = visible.to - visible.from;
  switch (window.kind) {
    case "all":
      return last.from === null && last.to === null;
    case "last":
      return (
        last.from !== null &&
        last.to === null &&
        last.from <= visible.from &&
        last.from >= visible.from - 4 * span
      );
    case "fixed": {
      if (last.from === null || last.to === null) return false;
      const holds =
        last.from <= Math.max(visible.from, extent.from) && last.to >= Math.min(visible.to, extent.to);
      return holds && last.to - last.from <= 5 * span;
    }
  }
}

/** A chart made narrower keeps its buckets; one made wider asks for more. */
function bucketsServe(window: ViewWindow, had: number, wanted: number): boolean {
  return had >= Math.min(mostBuckets, window.kind === "all" ? wanted : 3 * wanted);
}
