// A plot's room: a canvas for data, axes in SVG around it, and its size.

import { select } from "d3-selection";
import type { Svg } from "../../chart/axes.js";
import type { Tick } from "../../chart/scales.js";
import { make, prepareCanvas } from "./dom.js";

/** Pixels around the data. */
export const plotMargin = { left: 66, right: 14, top: 12, bottom: 24 };

export class PlotFrame {
  readonly element = make("div", "plot value-plot");
  readonly canvas = document.createElement("canvas");
  width = 0;
  height = 0;
  #axes: Svg;

  constructor(redraw: () => void) {
    this.#axes = select(this.element).append("svg").attr("aria-hidden", "true");
    this.canvas.setAttribute("aria-hidden", "true");
    this.element.append(this.canvas);
    this.element.tabIndex = 0;
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      if (width === this.width && height === this.height) return;
      [this.width, this.height] = [width, height];
      redraw();
    }).observe(this.element);
  }

  /** Where the data are. */
  get inner(): { left: number; right: number; top: number; bottom: number } {
    return {
      left: plotMargin.left,
      right: Math.max(plotMargin.left + 1, this.width - plotMargin.right),
      top: plotMargin.top,
      bottom: Math.max(plotMargin.top + 1, this.height - plotMargin.bottom),
    };
  }

  /** An empty canvas, and null while there is no room. */
  begin(): CanvasRenderingContext2D | null {
    return this.width <= plotMargin.left + 20 || this.height <= 40
      ? null
      : prepareCanvas(this.canvas, this.width, this.height);
  }

  drawAxes(x: readonly Tick[], y: readonly Tick[]): void {
    const { left, right, top, bottom } = this.inner;
    const svg = this.#axes.attr("width", this.width).attr("height", this.height);
    const across = y.filter(({ at }) => at >= top - 1 && at <= bottom + 1);
    svg
      .selectAll<SVGLineElement, Tick>("line.grid")
      .data(across)
      .join("line")
      .attr("class", "grid")
      .attr("x1", left)
      .attr("x2", right)
      .attr("y1", ({ at }) => Math.round(at) + 0.5)
      .attr("y2", ({ at }) => Math.round(at) + 0.5);
    svg
      .selectAll<SVGTextElement, Tick>("text.y")
      .data(across)
      .join("text")
      .attr("class", "y")
      .attr("x", left - 7)
      .attr("y", ({ at }) => at + 3.5)
      .text(({ text }) => text);
    // A label that would run into its neighbour is left out.
    let free = 0;
    const below = x.filter(({ at, text }) => {
      const half = 3.3 * text.length;
      if (at < left - 1 || at > right + 1 || at - half < free) return false;
      free = at + half + 8;
      return true;
    });
    svg
      .selectAll<SVGTextElement, Tick>("text.x")
      .data(below)
      .join("text")
      .attr("class", "x")
      .attr("x", ({ at }) => at)
      .attr("y", bottom + 16)
      .text(({ text }) => text);
    svg
      .selectAll<SVGLineElement, Tick>("line.tick")
      .data([{ at: NaN, text: "" }, ...below])
      .join("line")
      .attr("class", "tick")
      .attr("x1", ({ at }) => (Number.isNaN(at) ? left : at))
      .attr("x2", ({ at }) => (Number.isNaN(at) ? right : at))
      .attr("y1", bottom + 0.5)
      .attr("y2", ({ at }) => (Number.isNaN(at) ? bottom + 0.5 : bottom + 4));
  }
}
