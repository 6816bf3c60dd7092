// The legend of a chart: one toggle a series, with its line pattern, its value at the cursor, and how much of it is not finite.

import { formatCount, formatWithUnit, type Unit } from "./format.js";
import { readAt, type ChartSeries } from "./series.js";

export interface LegendEvents {
  toggle(tag: string): void;
  /** Shows this series alone; when it is alone already, all of them. */
  solo(tag: string): void;
}

export class Legend {
  readonly element: HTMLElement;
  #items = new Map<string, Item>();
  #events: LegendEvents;

  constructor(title: string, events: LegendEvents) {
    this.#events = events;
    this.element = document.createElement("div");
    this.element.className = "legend";
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", `${title}: series`);
  }

  /** `step` is where the values are read; null: the last ones. */
  update(series: readonly ChartSeries[], unit: Unit, step: number | null, useLast: boolean): void {
    const known = new Set(series.map((one) => one.tag));
    for (const [tag, item] of this.#items) {
      if (known.has(tag)) continue;
      item.button.remove();
      this.#items.delete(tag);
    }
    series.forEach((one, index) => {
      let item = this.#items.get(one.tag);
      if (item === undefined) {
        item = createItem(one.tag, this.#events);
        this.#items.set(one.tag, item);
      }
      if (this.element.children[index] !== item.button) {
        this.element.insertBefore(item.button, this.element.children[index] ?? null);
      }
      updateItem(item, one, unit, step, useLast);
    });
  }
}

interface Item {
  button: HTMLButtonElement;
  line: SVGLineElement;
  name: HTMLElement;
  value: HTMLElement;
  odd: HTMLElement;
}

function createItem(tag: string, events: LegendEvents): Item {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "legend-item";
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("width", "18");
  svg.setAttribute("height", "10");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(namespace, "line");
  for (const [name, value] of [
    ["x1", "1"],
    ["x2", "17"],
    ["y1", "5"],
    ["y2", "5"],
  ] as const) {
    line.setAttribute(name, value);
  }
  svg.append(line);
  const [name, value, odd] = ["name", "value", "odd"].map((className) => {
    const span = document.createElement("span");
    span.className = className;
    return span;
  });
  button.append(svg, name!, value!, odd!);
  button.addEventListener("click", (event) => {
    if (event.altKey) events.solo(tag);
    else events.toggle(tag);
  });
  // The two clicks before have cancelled each other.
  button.addEventListener("dblclick", () => {
    events.solo(tag);
  });
  return { button, line, name: name!, value: value!, odd: odd! };
}

function updateItem(item: Item, one: ChartSeries, unit: Unit, step: number | null, useLast: boolean): void {
  const pressed = (!one.hidden).toString();
  if (item.button.getAttribute("aria-pressed") !== pressed) item.button.setAttribute("aria-pressed", pressed);
  item.line.style.stroke = one.style.color;
  item.line.style.strokeWidth = one.emphasis ? "3" : "2";
  item.line.style.strokeDasharray = one.style.dash.join(" ");
  setText(item.name, one.label);
  item.button.title = `${one.tag}\nClick: show or hide. Alt+click or double-click: show alone.`;
  const reading = step === null ? null : readAt(one.data.points, step, useLast);
  setText(item.value, formatWithUnit(step === null ? one.last : (reading?.value ?? null), unit));
  setText(item.odd, one.nonFinite > 0 ? `${formatCount(one.nonFinite)} not finite` : "");
  item.odd.hidden = one.nonFinite === 0;
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
