// The window in steps that all charts share: follow the whole run, follow its last steps, or stand still.

export interface Extent {
  from: number;
  to: number;
}

/** `all` and `last` follow a growing run; `fixed` does not move. */
export type ViewWindow = { kind: "all" } | { kind: "last"; span: number } | ({ kind: "fixed" } & Extent);

/** Fewer steps than this are not worth a screen's width. */
const leastSpan = 4;

/** The steps on screen, given those that exist. */
export function resolveWindow(window: ViewWindow, extent: Extent): Extent {
  switch (window.kind) {
    case "all":
      return widened(extent);
    case "last":
      return widened({ from: Math.max(extent.from, extent.to - window.span), to: extent.to });
    case "fixed":
      return widened(window);
  }
}

/**
 * The window that results from a wish, kept within what exists. One that reaches the live edge goes on following;
 * one that holds everything is `all`.
 */
export function chooseWindow(wish: Extent, extent: Extent, live: boolean): ViewWindow {
  const whole = extent.to - extent.from;
  const span = Math.max(wish.to - wish.from, Math.min(leastSpan, whole));
  if (!Number.isFinite(span) || span >= whole) return { kind: "all" };
  const middle = (wish.from + wish.to) / 2;
  let from = wish.to - wish.from < span ? middle - span / 2 : wish.from;
  from = Math.min(Math.max(from, extent.from), extent.to - span);
  if (live && from + span >= extent.to - span * 1e-3) return { kind: "last", span };
  return { kind: "fixed", from, to: from + span };
}

export function follows(window: ViewWindow): boolean {
  return window.kind !== "fixed";
}

function widened({ from, to }: Extent): Extent {
  return to > from ? { from, to } : { from: from - 1, to: to + 1 };
}
