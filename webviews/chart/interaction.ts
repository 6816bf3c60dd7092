// Mouse, wheel and keys on a plot, turned into wishes in pixels from the left edge of the data.

import { margin } from "./axes.js";

export interface PlotEvents {
  /** The pointer is over this pixel, or has left: null. */
  hover(pixel: number | null, pointer: { x: number; y: number } | null): void;
  /** Shows a selection being dragged; null: it is over. */
  selecting(pixels: readonly [number, number] | null): void;
  /** Shows exactly these pixels from now on. Beyond the edges is allowed: that is zooming out or panning. */
  window(from: number, to: number): void;
  reset(): void;
  key(key: PlotKey): void;
  /** The wheel was turned without what would make it zoom. */
  wheelHint(): void;
}

export type PlotKey =
  | "left"
  | "right"
  | "panLeft"
  | "panRight"
  | "zoomIn"
  | "zoomOut"
  | "reset"
  | "first"
  | "last"
  | "log"
  | "table"
  | "escape";

const keys: Readonly<Record<string, PlotKey>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  "+": "zoomIn",
  "=": "zoomIn",
  "-": "zoomOut",
  "0": "reset",
  Home: "first",
  End: "last",
  l: "log",
  L: "log",
  t: "table",
  T: "table",
  Escape: "escape",
};

/** Less than this many pixels is a click, not a drag. */
const dragFrom = 4;

export function attachInteraction(element: HTMLElement, width: () => number, events: PlotEvents): void {
  let drag: { start: number; pans: boolean; moved: boolean; at: number } | null = null;
  const pixelOf = (event: MouseEvent): number =>
    event.clientX - element.getBoundingClientRect().left - margin.left;
  const inside = (pixel: number): number => Math.min(Math.max(pixel, 0), width());

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 1) return;
    const below = event.clientY > element.getBoundingClientRect().bottom - margin.bottom;
    const start = pixelOf(event);
    drag = { start, at: start, pans: event.shiftKey || event.button === 1 || below, moved: false };
    element.setPointerCapture(event.pointerId);
    if (event.button === 1) event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => {
    const pixel = pixelOf(event);
    if (drag === null) {
      events.hover(inside(pixel), { x: event.clientX, y: event.clientY });
      return;
    }
    if (!drag.moved && Math.abs(pixel - drag.start) < dragFrom) return;
    drag.moved = true;
    if (drag.pans) {
      events.window(drag.at - pixel, drag.at - pixel + width());
      drag.at = pixel;
    } else {
      events.hover(inside(pixel), { x: event.clientX, y: event.clientY });
      events.selecting([inside(drag.start), inside(pixel)]);
    }
  });
  const end = (event: PointerEvent, take: boolean): void => {
    if (drag === null) return;
    const { start, pans, moved } = drag;
    drag = null;
    if (pans || !moved) return;
    events.selecting(null);
    const [a, b] = [inside(start), inside(pixelOf(event))];
    if (take && Math.abs(a - b) >= dragFrom) events.window(Math.min(a, b), Math.max(a, b));
  };
  element.addEventListener("pointerup", (event) => {
    end(event, true);
  });
  element.addEventListener("pointercancel", (event) => {
    end(event, false);
  });
  element.addEventListener("pointerleave", () => {
    if (drag === null) events.hover(null, null);
  });
  element.addEventListener("dblclick", () => {
    events.reset();
  });

  element.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (Math.abs(sideways) > Math.abs(event.deltaY) || (event.shiftKey && sideways !== 0)) {
        event.preventDefault();
        const distance = event.deltaMode === 0 ? sideways : sideways * 16;
        events.window(distance, distance + width());
        return;
      }
      // An unfocused chart lets the page scroll under the wheel.
      if (!event.ctrlKey && !event.metaKey && !element.contains(document.activeElement)) {
        events.wheelHint();
        return;
      }
      event.preventDefault();
      const turn = Math.max(-300, Math.min(300, event.deltaMode === 0 ? event.deltaY : event.deltaY * 16));
      const factor = Math.exp(turn * (event.ctrlKey ? 0.006 : 0.002));
      const at = inside(pixelOf(event));
      events.window(at - at * factor, at + (width() - at) * factor);
    },
    { passive: false },
  );

  element.addEventListener("keydown", (event) => {
    if (event.target !== element || event.altKey || event.ctrlKey || event.metaKey) return;
    let key = keys[event.key];
    if (key === undefined) return;
    if (event.shiftKey && key === "left") key = "panLeft";
    if (event.shiftKey && key === "right") key = "panRight";
    event.preventDefault();
    events.key(key);
  });
}
