// One drawing: axes in SVG below, data on a canvas, cursor and selection in SVG above.

import { select } from "d3-selection";
import { drawAxes, margin, type Svg } from "./axes.js";
import { nearestIndex } from "./buckets.js";
import type { Clock } from "./clock.js";
import { drawBand, drawLine, drawMarks, drawStack } from "./draw.js";
import type { ChartTheme } from "./palette.js";
import { makeXScale, makeYScale, type XKind, type XScale, type YScale } from "./scales.js";
import {
  hasBackground,
  lineWidth,
  smoothed,
  union,
  valueRange,
  visibleRange,
  type ChartSeries,
  type ChartSpec,
  type ValueRange,
} from "./series.js";
import { stackSeries, type Stack } from "./stack.js";
import type { Extent } from "./window.js";

/** What all charts of a dashboard share. */
export interface ChartContext {
  theme: ChartTheme;
  clock: Clock;
  /** In steps. */
  window: Extent;
  xKind: XKind;
  logX: boolean;
  smoothing: number;
}

export class Plot {
  readonly element: HTMLElement;
  x: XScale | null = null;
  y: YScale | null = null;
  width = 0;
  height = 0;
  /** What the drawing leaves out or cannot show, as a sentence; empty where there is nothing to say. */
  note = "";
  /** Whether there is data beside the note. */
  hasData = false;
  #axes: Svg;
  #overlay: Svg;
  #canvas = document.createElement("canvas");
  #stack: Stack | null = null;

  constructor() {
    this.element = document.createElement("div");
    this.element.className = "plot";
    this.#axes = select(this.element).append("svg").attr("class", "axes").attr("aria-hidden", "true");
    this.#canvas.setAttribute("aria-hidden", "true");
    this.element.append(this.#canvas);
    this.#overlay = select(this.element).append("svg").attr("class", "overlay").attr("aria-hidden", "true");
    this.#overlay.append("rect").attr("class", "selection").attr("visibility", "hidden");
    this.#overlay.append("line").attr("class", "cursor").attr("visibility", "hidden");
  }

  get innerWidth(): number {
    return Math.max(10, this.width - margin.left - margin.right);
  }
  get #bottom(): number {
    return Math.max(margin.top + 10, this.height - margin.bottom);
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    for (const svg of [this.#axes, this.#overlay]) svg.attr("width", width).attr("height", height);
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
  }

  draw(spec: ChartSpec, series: readonly ChartSeries[], log: boolean, context: ChartContext): void {
    if (this.width <= 0 || this.height <= 0) return;
    const shown = series.filter((one) => !one.hidden && one.data.points.length > 0);
    const x = makeXScale({
      kind: context.xKind,
      log: context.logX,
      window: context.window,
      clock: context.clock,
      width: this.innerWidth,
    });
    this.#stack =
      spec.kind === "stack"
        ? stackSeries(
            shown.map((one) => one.data.points),
            x,
          )
        : null;
    const { range, hasHidden } = this.#values(shown, log, context);
    const y = makeYScale({
      range,
      log,
      includeZero: spec.includeZero && !log,
      top: margin.top + 2,
      bottom: this.#bottom - 1,
      unit: spec.unit,
    });
    this.x = x;
    this.y = y;
    this.hasData = range !== null;
    this.note = noteFor(shown, range, log, hasHidden, context.window);
    drawAxes(this.#axes, { x, y, yLabel: spec.yLabel, width: this.width, bottom: this.#bottom });
    this.#drawData(spec, shown, x, y, context);
  }

  /** The line at a step, with a dot on each series; null hides it. */
  drawCursor(step: number | null, series: readonly ChartSeries[], context: ChartContext): void {
    const { x, y } = this;
    const line = this.#overlay.select<SVGLineElement>("line.cursor");
    const at = step === null || x === null ? NaN : x.placeStep(step);
    const inside = at >= -0.5 && at <= this.innerWidth + 0.5;
    line.attr("visibility", inside ? "visible" : "hidden");
    const dots: { x: number; y: number; color: string }[] = [];
    if (inside && step !== null && x !== null && y !== null) {
      line
        .attr("x1", margin.left + at)
        .attr("x2", margin.left + at)
        .attr("y1", margin.top)
        .attr("y2", this.#bottom);
      const shown = series.filter((one) => !one.hidden && one.data.points.length > 0);
      shown.slice(0, 40).forEach((one, k) => {
        const points = one.data.points;
        const index = nearestIndex(points, step);
        const value = this.#valueOf(one, index, k, context, step);
        const px = x.place(x.values(points)[index]!);
        const py = y.place(value);
        if (Math.abs(px - at) < 12 && !Number.isNaN(py)) dots.push({ x: px, y: py, color: one.style.color });
      });
    }
    this.#overlay
      .selectAll<SVGCircleElement, (typeof dots)[number]>("circle")
      .data(dots)
      .join("circle")
      .attr("r", 3)
      .attr("cx", (dot) => margin.left + dot.x)
      .attr("cy", (dot) => dot.y)
      .attr("fill", (dot) => dot.color);
  }

  /** The stretch being selected, in pixels from the left of the data; null hides it. */
  drawSelection(pixels: readonly [number, number] | null): void {
    const rect = this.#overlay
      .select("rect.selection")
      .attr("visibility", pixels === null ? "hidden" : "visible");
    if (pixels === null) return;
    rect
      .attr("x", margin.left + Math.min(...pixels))
      .attr("width", Math.abs(pixels[1] - pixels[0]))
      .attr("y", margin.top)
      .attr("height", this.#bottom - margin.top);
  }

  #valueOf(one: ChartSeries, index: number, k: number, context: ChartContext, step: number): number {
    if (this.#stack !== null) {
      const at = this.#stack.step.findLastIndex((value) => value <= step);
      return this.#stack.upper[k]?.[at] ?? NaN;
    }
    return context.smoothing > 0
      ? smoothed(one.data, context.smoothing)[index]!
      : one.data.points.mean[index]!;
  }

  #values(
    shown: readonly ChartSeries[],
    log: boolean,
    context: ChartContext,
  ): { range: ValueRange | null; hasHidden: boolean } {
    const stack = this.#stack;
    if (stack !== null) {
      const top = stack.upper.at(-1);
      if (top === undefined) return { range: null, hasHidden: false };
      let max = 0;
      for (let i = 0; i < stack.length; i++) {
        if (stack.step[i]! >= context.window.from && stack.step[i]! <= context.window.to)
          max = Math.max(max, top[i]!);
      }
      return { range: { min: 0, max }, hasHidden: false };
    }
    let range: ValueRange | null = null;
    let hasHidden = false;
    for (const { data } of shown) {
      const own = valueRange(data.points, visibleRange(data.points, context.window), log);
      range = union(range, own.range);
      hasHidden ||= own.hasHidden;
    }
    return { range, hasHidden };
  }

  #drawData(
    spec: ChartSpec,
    shown: readonly ChartSeries[],
    x: XScale,
    y: YScale,
    context: ChartContext,
  ): void {
    const { theme, window, smoothing } = context;
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const c = this.#canvas.getContext("2d");
    if (c === null) return;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.save();
    c.beginPath();
    c.rect(margin.left, 0, this.innerWidth, this.height);
    c.clip();
    c.translate(margin.left, 0);
    if (this.#stack !== null) {
      const { step, length } = this.#stack;
      const range = {
        from: Math.max(0, step.findIndex((value) => value >= window.from) - 1),
        to: Math.min(length, step.findLastIndex((value) => value <= window.to) + 2),
      };
      drawStack(
        c,
        this.#stack,
        range,
        x,
        y,
        shown.map((one) => one.style),
      );
    } else {
      const soft = spec.smoothable && smoothing > 0;
      // The emphasised last, over the others.
      for (const one of [...shown.filter((s) => !s.emphasis), ...shown.filter((s) => s.emphasis)]) {
        const { points } = one.data;
        const range = visibleRange(points, window);
        const xs = x.values(points);
        const width = lineWidth(one, shown);
        const plain = { style: { ...one.style, dash: [] }, width: 1, alpha: 0.4 };
        if (hasBackground(one, shown)) {
          if (points.weight[range.from]! > 1) drawBand(c, points, range, x, y, one.style);
          if (soft) drawLine(c, xs, points.mean, range, x, y, plain);
        }
        const values = soft ? smoothed(one.data, smoothing) : points.mean;
        drawLine(c, xs, values, range, x, y, { style: one.style, width, alpha: 1 });
      }
    }
    for (const one of shown) {
      const range = visibleRange(one.data.points, window);
      drawMarks(c, one.data.points, range, x, { top: margin.top, bottom: this.#bottom }, one.style, theme);
    }
    c.restore();
  }
}

function noteFor(
  shown: readonly ChartSeries[],
  range: ValueRange | null,
  log: boolean,
  hasHidden: boolean,
  window: Extent,
): string {
  if (shown.length === 0) return "";
  if (range !== null) return hasHidden ? "Values at or below zero are not shown on a log scale." : "";
  if (hasHidden) return "No value is above zero: a log scale has nothing to show.";
  const inWindow = shown.some(({ data }) => {
    const { from, to } = visibleRange(data.points, window);
    return data.points.step.subarray(from, to).some((step) => step >= window.from && step <= window.to);
  });
  if (!inWindow) return "No points in this window.";
  return log
    ? "No value is above zero: a log scale has nothing to show."
    : "Every value here is NaN or infinite.";
}
