// The row above the picture: which view, and what can be chosen for it.

import type { SliceAsk } from "../../../engine/inspection.js";
import { reductions, type Choices, type SharedChoices, type ViewName } from "./choices.js";
import { paletteNames, paletteTexts, type PaletteName } from "./colours.js";
import { choice, make, tool } from "./dom.js";
import { sliceText } from "./slicing.js";

const viewTexts: Readonly<Record<ViewName, string>> = {
  heatmap: "Heat map",
  table: "Table",
  image: "Image",
  line: "Line",
  histogram: "Histogram",
  channels: "Channels",
};

const reductionTexts: Readonly<Record<SliceAsk["by"], string>> = {
  mean: "mean",
  min: "minimum",
  max: "maximum",
  absmax: "largest size",
  first: "first",
};

export interface ViewBarEvents {
  choose(part: Partial<Choices>): void;
  share(part: Partial<SharedChoices>): void;
}

export class ViewBar {
  readonly element = make("div", "view-bar");
  #tabs = new Map<ViewName, HTMLButtonElement>();
  #group = make("div", "view-tabs");
  #options = make("div", "view-options");
  #palette: HTMLSelectElement;
  #by: HTMLSelectElement;
  #byLabel: HTMLElement;
  #square: HTMLButtonElement;
  #fit: HTMLButtonElement;
  #note = make("span", "overview-note");

  constructor(events: ViewBarEvents) {
    this.#group.setAttribute("role", "radiogroup");
    this.#group.setAttribute("aria-label", "View");
    for (const [name, text] of Object.entries(viewTexts) as [ViewName, string][]) {
      const button = tool({
        label: text,
        title: text,
        onClick: () => {
          events.choose({ view: name });
        },
      });
      button.setAttribute("role", "radio");
      button.dataset["view"] = name;
      this.#tabs.set(name, button);
      this.#group.append(button);
    }
    this.#group.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      const shown = [...this.#tabs].filter(([, button]) => !button.hidden);
      const at = shown.findIndex(([, button]) => button === document.activeElement);
      const [name, button] = shown.at((at + by) % shown.length)!;
      events.choose({ view: name });
      button.focus();
    });
    this.#palette = choice(
      "Colours",
      paletteNames.map((value) => ({ value, text: paletteTexts[value] })),
      (value) => {
        events.share({ palette: value as PaletteName });
      },
    );
    this.#by = choice(
      "What a cell of many elements shows",
      reductions.map((value) => ({ value, text: reductionTexts[value] })),
      (value) => {
        events.choose({ by: value as SliceAsk["by"] });
      },
    );
    this.#byLabel = make("label", "tool-label", "From afar ", this.#by);
    this.#square = tool({
      label: "Square",
      title: "Elements are squares, instead of filling the room",
      onClick: () => {
        events.choose({ square: this.#square.getAttribute("aria-pressed") !== "true", viewport: null });
      },
    });
    this.#fit = tool({
      label: "Fit",
      title: "Show the whole slice (0, or double-click)",
      onClick: () => {
        events.choose({ viewport: null });
      },
    });
    this.#options.append(this.#palette, this.#byLabel, this.#square, this.#fit, this.#note);
    this.element.append(this.#group, this.#options);
  }

  /** `view`: what is shown; `available`: what may be. `square`: whether elements are squares now. */
  update(
    view: ViewName,
    available: readonly ViewName[],
    choices: Choices,
    shared: SharedChoices,
    shape: readonly number[],
    square: boolean,
    note: string,
  ): void {
    for (const [name, button] of this.#tabs) {
      button.hidden = !available.includes(name);
      button.setAttribute("aria-checked", String(name === view));
      button.tabIndex = name === view ? 0 : -1;
    }
    this.#group.hidden = available.length < 2;
    this.#palette.hidden = view !== "heatmap";
    this.#palette.value = shared.palette;
    this.#byLabel.hidden = view !== "heatmap";
    this.#by.value = choices.by;
    this.#square.hidden = view !== "heatmap";
    this.#square.setAttribute("aria-pressed", String(square));
    this.#fit.hidden = !["heatmap", "image", "line"].includes(view);
    this.#fit.disabled = choices.viewport === null;
    const isWhole = view === "histogram" || view === "channels";
    this.#note.textContent = [isWhole ? "all elements" : sliceText(choices.slice, shape), note]
      .filter((text) => text !== "")
      .join(" · ");
  }
}
