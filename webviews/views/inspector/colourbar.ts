// The colour bar: which colour is which value, with limits to drag or to type, and the legend of NaN and infinities with their counts.

import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { formatCount, formatTick } from "../../chart/format.js";
import type { Svg } from "../../chart/axes.js";
import { shadeOf } from "./colours.js";
import { make, prepareCanvas, rebuild, tool } from "./dom.js";
import type { Limits } from "./limits.js";
import { roundText } from "./numbers.js";
import { drawPattern } from "./plane.js";
import type { ViewContext, ViewHost } from "./view.js";

const barWidth = 16;
/** Above and below the bar, for the handles at its ends. */
const margin = 8;

export class ColourBar {
  readonly element = make("aside", "colourbar");
  #bar = make("div", "colourbar-bar");
  #canvas = document.createElement("canvas");
  #axis: Svg;
  #handles: Record<keyof Limits, HTMLElement>;
  #fields: Record<keyof Limits, HTMLInputElement>;
  #legend = make("ul", "legend-odd");
  #robust: HTMLButtonElement;
  #reset: HTMLButtonElement;
  #host: ViewHost;
  #context: ViewContext | null = null;
  #height = 0;
  /** The values from end to end of the bar; stands still while a limit is dragged. */
  #domain: [number, number] = [0, 1];
  #dragged: keyof Limits | null = null;

  constructor(host: ViewHost) {
    this.#host = host;
    this.element.setAttribute("aria-label", "Colours");
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#bar.append(this.#canvas);
    this.#axis = select(this.#bar).append("svg").attr("class", "colourbar-axis").attr("aria-hidden", "true");
    this.#handles = { low: this.#handle("low"), high: this.#handle("high") };
    this.#fields = { low: this.#field("low"), high: this.#field("high") };
    this.#robust = tool({
      label: "1–99 %",
      title: "Colours between the 1st and the 99th percentile, so that a few outliers do not hide the rest",
      onClick: () => {
        const { choices } = this.#context!;
        host.choose({ robust: !choices.robust, ...this.#withLimits(null) });
      },
    });
    this.#reset = tool({
      label: "Reset",
      title: "Colours from the smallest to the largest value, around 0 where there are both signs",
      onClick: () => {
        host.choose({ robust: false, ...this.#withLimits(null) });
      },
    });
    this.#bar.append(this.#handles.high, this.#handles.low);
    const buttons = make("div", "colourbar-buttons", this.#robust, this.#reset);
    this.element.append(this.#fields.high, this.#bar, this.#fields.low, buttons, this.#legend);
    new ResizeObserver(([entry]) => {
      if (entry!.contentRect.height === this.#height) return;
      this.#height = entry!.contentRect.height;
      host.redraw();
    }).observe(this.#bar);
  }

  draw(context: ViewContext): void {
    this.#context = context;
    const { paint, statistics, choices, source, dtype } = context;
    const { low, high } = paint.limits;
    const own = choices.limits[source.part];
    if (this.#dragged === null) {
      const least = Math.min(low, statistics?.min ?? low);
      const most = Math.max(high, statistics?.max ?? high);
      this.#domain = least < most ? [least, most] : [least - 1, most + 1];
    }
    this.#robust.setAttribute("aria-pressed", String(choices.robust && own === null));
    this.#reset.disabled = own === null && !choices.robust;
    for (const which of ["low", "high"] as const) {
      const text = roundText(paint.limits[which]);
      const handle = this.#handles[which];
      handle.setAttribute("aria-valuenow", String(paint.limits[which]));
      handle.setAttribute("aria-valuetext", text);
      handle.setAttribute("aria-valuemin", String(this.#domain[0]));
      handle.setAttribute("aria-valuemax", String(this.#domain[1]));
      const field = this.#fields[which];
      if (document.activeElement !== field) field.value = text;
    }
    this.#drawBar(context);
    this.#drawLegend(context, dtype);
  }

  #drawBar({ paint }: ViewContext): void {
    const length = this.#height - 2 * margin;
    if (length <= 0) return;
    const scale = scaleLinear(this.#domain, [length + margin, margin]);
    const c = prepareCanvas(this.#canvas, barWidth, this.#height);
    if (c === null) return;
    for (let y = 0; y < length; y++) {
      const shade = shadeOf(scale.invert(margin + y + 0.5), paint.limits.low, paint.limits.high);
      c.fillStyle = paint.ramp.css[shade]!;
      c.fillRect(0, margin + y, barWidth, 1.5);
    }
    for (const which of ["low", "high"] as const) {
      this.#handles[which].style.translate = `0 ${scale(paint.limits[which])}px`;
    }
    const values = scale.ticks(Math.max(2, Math.floor(length / 40)));
    const distance = values.length > 1 ? values[1]! - values[0]! : 1;
    this.#axis.attr("width", 60).attr("height", this.#height);
    this.#axis
      .selectAll<SVGTextElement, number>("text")
      .data(values)
      .join("text")
      .attr("x", 6)
      .attr("y", (value) => scale(value) + 3.5)
      .text((value) => formatTick(value, distance, ""));
  }

  #drawLegend({ paint, statistics }: ViewContext, dtype: string): void {
    const counts = {
      NaN: statistics?.nan ?? null,
      "+Inf": statistics?.positiveInfinity ?? null,
      "−Inf": statistics?.negativeInfinity ?? null,
    };
    const key = JSON.stringify([counts, paint.odd[0]!.color, dtype]);
    rebuild(this.#legend, key, () =>
      paint.odd.map((style) => {
        const swatch = document.createElement("canvas");
        swatch.setAttribute("aria-hidden", "true");
        const c = prepareCanvas(swatch, 14, 14);
        if (c !== null) {
          c.fillStyle = style.color;
          c.fillRect(0, 0, 14, 14);
          drawPattern(c, style, 0, 0, 14, 14);
        }
        const count = counts[style.label];
        const text = `${statistics?.sampled === true && count !== 0 ? "≈ " : ""}${count === null ? "…" : formatCount(count)}`;
        const number = make("span", count === 0 ? "none" : "some", text);
        const item = make("li", "", swatch, make("span", "", style.label), number);
        item.dataset["odd"] = style.label;
        return item;
      }),
    );
  }

  #withLimits(limits: Limits | null): { limits: { value: Limits | null; grad: Limits | null } } {
    const { choices, source } = this.#context!;
    return { limits: { ...choices.limits, [source.part]: limits } };
  }

  /** A limit never passes the other. */
  #setLimit(which: keyof Limits, value: number): void {
    const { low, high } = this.#context!.paint.limits;
    if (!Number.isFinite(value)) return;
    const limits =
      which === "low"
        ? { low: value, high: Math.max(value, high) }
        : { low: Math.min(low, value), high: value };
    this.#host.choose(this.#withLimits(limits));
  }

  #handle(which: keyof Limits): HTMLElement {
    const handle = make("div", `limit ${which}`);
    handle.tabIndex = 0;
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-orientation", "vertical");
    handle.setAttribute(
      "aria-label",
      which === "low" ? "Lower limit of the colours" : "Upper limit of the colours",
    );
    handle.title = "Drag to change where the colours end";
    handle.addEventListener("pointerdown", (event) => {
      this.#dragged = which;
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (this.#dragged !== which) return;
      const box = this.#bar.getBoundingClientRect();
      const part = (event.clientY - box.top - margin) / Math.max(1, this.#height - 2 * margin);
      const [from, to] = this.#domain;
      this.#setLimit(which, to - Math.min(Math.max(part, 0), 1) * (to - from));
    });
    const end = (): void => {
      this.#dragged = null;
      this.#host.redraw();
    };
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[
        event.key
      ];
      if (step === undefined) return;
      event.preventDefault();
      const [from, to] = this.#domain;
      const value = this.#context!.paint.limits[which] + (step * (to - from)) / 100;
      this.#setLimit(which, Math.min(Math.max(value, from), to));
    });
    return handle;
  }

  #field(which: keyof Limits): HTMLInputElement {
    const field = make("input", "limit-field");
    field.type = "text";
    field.inputMode = "decimal";
    field.setAttribute("aria-label", which === "low" ? "Lowest colour at" : "Highest colour at");
    const take = (): void => {
      const value = Number(field.value.trim().replace("−", "-"));
      const shown = roundText(this.#context!.paint.limits[which]);
      if (field.value.trim() !== "" && field.value !== shown && !Number.isNaN(value))
        this.#setLimit(which, value);
      this.#host.redraw();
    };
    field.addEventListener("change", take);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") field.blur();
    });
    return field;
  }
}
