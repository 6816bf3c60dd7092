// The controls that all charts share: axis, smoothing, window, filter, and the list of gestures and keys.

import { formatCount } from "../../chart/format.js";
import type { Extent, ViewWindow } from "../../chart/window.js";
import type { DashboardState } from "../../protocol.js";
import { icon, type IconName } from "../../widgets/icons.js";
import { checkbox, dropdown, textField } from "../../widgets/toolkit.js";

export interface ToolbarEvents {
  xAxis(axis: DashboardState["xAxis"]): void;
  logX(log: boolean): void;
  smoothing(smoothing: number): void;
  /** Keeps the width of the window and goes to the live edge. */
  follow(): void;
  showAll(): void;
  filter(text: string): void;
}

const gestures: readonly (readonly [string, string])[] = [
  ["Drag", "zoom into a stretch"],
  ["Shift+drag, or drag the x axis", "move the window"],
  ["Ctrl+wheel, or wheel on a clicked chart", "zoom"],
  ["Shift+wheel", "move the window"],
  ["Double-click", "show the whole run"],
  ["← →, Home, End", "move the cursor"],
  ["Shift+← →", "move the window"],
  ["+ − 0", "zoom in, zoom out, show the whole run"],
  ["L", "logarithmic or linear y axis"],
  ["T", "table instead of the chart"],
  ["Click in the legend", "show or hide a series"],
  ["Alt+click or double-click there", "show a series alone, or all again"],
];

export class Toolbar {
  readonly element = document.createElement("div");
  #xAxis;
  #logX;
  #slider = document.createElement("input");
  #amount = document.createElement("output");
  #windowText = document.createElement("span");
  #follow: HTMLElement;
  #all: HTMLElement;

  constructor(events: ToolbarEvents) {
    this.element.className = "toolbar";
    this.element.setAttribute("role", "toolbar");
    this.element.setAttribute("aria-label", "All charts");
    this.#xAxis = dropdown(
      "x axis",
      [
        { value: "step", text: "Step" },
        { value: "relative", text: "Elapsed time" },
        { value: "wall", text: "Time of day" },
      ],
      (value) => {
        if (value === "step" || value === "relative" || value === "wall") events.xAxis(value);
      },
    );
    this.#logX = checkbox("Log x", "Logarithmic x axis", events.logX.bind(events));
    this.#slider.type = "range";
    this.#slider.min = "0";
    this.#slider.max = "0.999";
    this.#slider.step = "0.001";
    this.#slider.id = "smoothing";
    this.#slider.addEventListener("input", () => {
      events.smoothing(smoothingAt(Number(this.#slider.value)));
    });
    this.#windowText.className = "window-text";
    this.#follow = small("Follow", "follow", "Move with the newest steps again", () => {
      events.follow();
    });
    this.#all = small("Show all", "widen", "Show the whole run (0, or double-click a chart)", () => {
      events.showAll();
    });
    const filter = textField("Filter charts by name", "Filter charts", events.filter.bind(events));
    filter.classList.add("filter");
    const smoothing = group(label("Smoothing", "smoothing"), this.#slider, this.#amount);
    const axisLabel = label("x axis");
    axisLabel.classList.add("axis-label"); // the dropdown carries it too, for those who hear it
    const axis = group(axisLabel, this.#xAxis.element, this.#logX.element);
    const view = group(this.#windowText, this.#follow, this.#all, help());
    view.classList.add("view");
    this.element.append(axis, smoothing, filter, view);
  }

  update(choices: DashboardState, window: ViewWindow, visible: Extent, live: boolean): void {
    this.#xAxis.set(choices.xAxis);
    this.#logX.set(choices.logX, choices.xAxis !== "wall");
    const value = sliderAt(choices.smoothing).toString();
    if (this.#slider.value !== value && document.activeElement !== this.#slider) this.#slider.value = value;
    const amount =
      choices.smoothing === 0 ? "off" : choices.smoothing.toFixed(choices.smoothing > 0.99 ? 3 : 2);
    this.#amount.textContent = amount;
    this.#slider.setAttribute("aria-valuetext", amount);
    const text = windowText(window, visible);
    if (this.#windowText.textContent !== text) this.#windowText.textContent = text;
    // Their room is kept, so that nothing moves under the pointer while zooming.
    this.#follow.classList.toggle("absent", !live || window.kind !== "fixed");
    this.#all.classList.toggle("absent", window.kind === "all");
  }
}

function windowText(window: ViewWindow, visible: Extent): string {
  if (window.kind === "all") return "Whole run";
  if (window.kind === "last") return `Last ${formatCount(window.span)} steps`;
  return `Steps ${formatCount(Math.ceil(visible.from))} to ${formatCount(Math.floor(visible.to))}`;
}

// The slider is stretched towards 1, where smoothing changes fastest: its middle is 0.9.
function smoothingAt(position: number): number {
  return position <= 0 ? 0 : Math.round(Math.min(0.999, 1 - (1 - position) ** 3.3) * 1000) / 1000;
}

function sliderAt(smoothing: number): number {
  return Math.round((1 - (1 - smoothing) ** (1 / 3.3)) * 1000) / 1000;
}

function help(): HTMLElement {
  const details = document.createElement("details");
  details.className = "help";
  const summary = document.createElement("summary");
  summary.append(icon("question"));
  summary.setAttribute("aria-label", "Mouse and keys");
  summary.title = "Mouse and keys";
  const list = document.createElement("dl");
  for (const [gesture, effect] of gestures) {
    const [term, definition] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = gesture;
    definition.textContent = effect;
    list.append(term, definition);
  }
  details.append(summary, list);
  details.addEventListener("keydown", (event) => {
    if (event.key === "Escape") details.open = false;
  });
  details.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && details.contains(event.relatedTarget))) details.open = false;
  });
  return details;
}

/** A button whose words give way to its icon where there is little room. */
function small(label: string, name: IconName, title: string, onClick: () => void): HTMLElement {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "tool";
  element.title = title;
  element.setAttribute("aria-label", label);
  const words = document.createElement("span");
  words.textContent = label;
  element.append(icon(name), words);
  element.addEventListener("click", onClick);
  return element;
}

function group(...children: HTMLElement[]): HTMLElement {
  const element = document.createElement("div");
  element.className = "tool-group";
  element.append(...children);
  return element;
}

function label(text: string, target?: string): HTMLElement {
  const element = document.createElement(target === undefined ? "span" : "label");
  element.className = "tool-label";
  if (target !== undefined) element.setAttribute("for", target);
  element.textContent = text;
  return element;
}
