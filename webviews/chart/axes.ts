// The axes of a plot, in SVG by d3: grid lines, ticks and labels around the room for the data.

import type { Selection } from "d3-selection";
import type { Tick, XScale, YScale } from "./scales.js";

export type Svg = Selection<SVGSVGElement, unknown, null, undefined>;

/** Room for labels around the data, in pixels. The same for all charts, so that they line up. */
export const margin = { left: 58, right: 14, top: 24, bottom: 24 };

export interface AxesOptions {
  x: XScale;
  y: YScale;
  yLabel: string;
  /** Of the whole plot, labels included. */
  width: number;
  /** Where the data end below. */
  bottom: number;
}

export function drawAxes(svg: Svg, { x, y, yLabel, width, bottom }: AxesOptions): void {
  const right = width - margin.right;
  const yTicks = y.ticks(Math.max(2, Math.floor((bottom - margin.top) / 36)));
  svg
    .selectAll<SVGLineElement, Tick>("line.grid")
    .data(yTicks)
    .join("line")
    .attr("class", "grid")
    .attr("x1", margin.left)
    .attr("x2", right)
    .attr("y1", (tick) => Math.round(tick.at) + 0.5)
    .attr("y2", (tick) => Math.round(tick.at) + 0.5);
  svg
    .selectAll<SVGTextElement, Tick>("text.y")
    .data(yTicks)
    .join("text")
    .attr("class", "y")
    .attr("x", margin.left - 7)
    .attr("y", (tick) => tick.at + 3.5)
    .text((tick) => tick.text);
  const label = y.log ? `${yLabel} (log)` : yLabel;
  const corner = [
    { text: label, x: 2, y: 12, anchor: "start" },
    { text: x.log ? `${x.label} (log)` : x.label, x: 2, y: bottom + 17, anchor: "start" },
  ];
  svg
    .selectAll<SVGTextElement, (typeof corner)[number]>("text.label")
    .data(corner)
    .join("text")
    .attr("class", "label")
    .attr("x", (item) => item.x)
    .attr("y", (item) => item.y)
    .attr("text-anchor", (item) => item.anchor)
    .text((item) => item.text);
  // A label that would run into its neighbour or off the edge is left out.
  let free = 12 + 6.2 * corner[1]!.text.length;
  const xTicks = x.ticks(Math.max(2, Math.floor((right - margin.left) / 84))).filter((tick) => {
    const half = (6.2 * tick.text.length) / 2;
    const at = margin.left + tick.at;
    if (at - half < free || at + half > width) return false;
    free = at + half + 8;
    return true;
  });
  svg
    .selectAll<SVGTextElement, Tick>("text.x")
    .data(xTicks)
    .join("text")
    .attr("class", "x")
    .attr("x", (tick) => margin.left + tick.at)
    .attr("y", bottom + 17)
    .text((tick) => tick.text);
  svg
    .selectAll<SVGLineElement, Tick>("line.tick")
    .data([{ at: NaN, text: "" }, ...xTicks])
    .join("line")
    .attr("class", (tick) => (Number.isNaN(tick.at) ? "tick base" : "tick"))
    .attr("x1", (tick) => (Number.isNaN(tick.at) ? margin.left : margin.left + tick.at))
    .attr("x2", (tick) => (Number.isNaN(tick.at) ? right : margin.left + tick.at))
    .attr("y1", bottom + 0.5)
    .attr("y2", (tick) => (Number.isNaN(tick.at) ? bottom + 0.5 : bottom + 4));
}
