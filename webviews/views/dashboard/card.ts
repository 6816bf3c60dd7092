// One card of the dashboard: title, tools, plot, legend, and the table that says the same in words.

import { margin } from "../../chart/axes.js";
import { firstStep, nearestIndex } from "../../chart/buckets.js";
import { attachInteraction, type PlotKey } from "../../chart/interaction.js";
import { Legend } from "../../chart/legend.js";
import { Plot, type ChartContext } from "../../chart/plot.js";
import { readoutAt, type ReadoutText } from "../../chart/readout.js";
import { describe, longestShown, neighbourStep, type ChartSeries } from "../../chart/series.js";
import type { Extent } from "../../chart/window.js";
import { icon, type IconName } from "../../widgets/icons.js";
import { seriesOf } from "./cardSeries.js";
import type { CardPlan } from "./cards.js";
import type { DashboardModel } from "./model.js";
import { seriesTable } from "./table.js";

/** What a card asks of the dashboard around it. */
export interface CardHost {
  readonly model: DashboardModel;
  context(): ChartContext;
  /** Moves the cursor of all cards; `at` is where the readout belongs, in viewport pixels. */
  setCursor(step: number | null, card: Card, at: { x: number; y: number } | null): void;
  setWindow(wish: Extent): void;
  resetWindow(): void;
  toggleSeries(tag: string): void;
  soloSeries(tag: string, among: readonly string[]): void;
  toggleLog(card: Card): void;
  toggleWide(card: Card): void;
  /** Whether the card shows parameters rather than layers; null where it has no such choice. */
  splits(card: Card): boolean | null;
  toggleSplit(card: Card): void;
  announce(text: string): void;
  /** Draws the card at the next frame. */
  redraw(card: Card): void;
}

const xNames = { step: "steps", relative: "elapsed time", wall: "time of day" };

export class Card {
  readonly element = document.createElement("section");
  readonly id: string;
  plan: CardPlan;
  /** On screen, as the dashboard's observer says. */
  visible = false;
  series: ChartSeries[] = [];
  #host: CardHost;
  #plot = new Plot();
  #legend: Legend;
  #note = document.createElement("p");
  #table = document.createElement("div");
  #logButton: HTMLButtonElement;
  #tableButton: HTMLButtonElement;
  #wideButton: HTMLButtonElement;
  #splitButton: HTMLButtonElement;
  /** Where the arrow keys have moved to. */
  #cursor: number | null = null;
  #hintTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(plan: CardPlan, host: CardHost) {
    this.plan = plan;
    this.id = plan.spec.id;
    this.#host = host;
    const { title } = plan.spec;
    this.element.className = "card";
    this.element.dataset["card"] = this.id;
    this.element.setAttribute("aria-label", title);
    const heading = document.createElement("h2");
    heading.textContent = title;
    heading.title = title;
    this.#logButton = tool("log", `log y axis: ${title}`, "Logarithmic y axis (L)", () => {
      host.toggleLog(this);
    });
    this.#tableButton = tool(
      "table",
      `Table instead of the chart: ${title}`,
      "Table instead of the chart (T)",
      () => {
        this.#toggleTable();
      },
    );
    this.#wideButton = tool("widen", `Full width: ${title}`, "Full width", () => {
      host.toggleWide(this);
    });
    this.#splitButton = tool(
      "params",
      `params: each parameter instead of each layer, ${title}`,
      "Each parameter instead of each layer",
      () => {
        host.toggleSplit(this);
      },
    );
    const header = document.createElement("header");
    header.append(heading, this.#splitButton, this.#logButton, this.#tableButton, this.#wideButton);
    this.#note.className = "plot-note";
    this.#table.className = "table";
    this.#table.hidden = true;
    this.#table.tabIndex = 0;
    this.#legend = new Legend(title, {
      toggle: (tag) => {
        host.toggleSeries(tag);
      },
      solo: (tag) => {
        host.soloSeries(
          tag,
          this.series.map((one) => one.tag),
        );
      },
    });
    this.#setUpPlot();
    this.element.append(header, this.#plot.element, this.#table, this.#legend.element);
  }

  get isLog(): boolean {
    return this.#host.model.choices.logScale[this.id] ?? this.plan.spec.logByDefault;
  }

  get plotWidth(): number {
    return this.#plot.innerWidth;
  }

  /** The element whose size `resize` wants, as an observer reports it: asking for it while drawing costs a layout. */
  get sized(): HTMLElement {
    return this.#plot.element;
  }

  resize(width: number, height: number): void {
    this.#plot.resize(width, height);
  }

  /** Tags whose data this card shows. */
  get tags(): string[] {
    const hidden = new Set(this.#host.model.choices.hidden);
    return this.plan.series.filter((one) => !hidden.has(one.tag)).flatMap((one) => one.parts);
  }

  /** Takes the series' facts from the model. */
  refresh(): void {
    const { model } = this.#host;
    const { theme } = this.#host.context();
    this.series = seriesOf(this.plan, model, theme);
    const split = this.#host.splits(this);
    this.#splitButton.hidden = split === null;
    this.#splitButton.setAttribute("aria-pressed", (split === true).toString());
    this.#logButton.setAttribute("aria-pressed", this.isLog.toString());
    this.#logButton.hidden = this.plan.spec.kind === "stack";
    const wide = model.choices.wide.includes(this.id);
    this.#wideButton.setAttribute("aria-pressed", wide.toString());
    this.element.classList.toggle("wide", wide);
  }

  /** Draws everything. Called inside an animation frame, and only while visible. */
  draw(cursor: number | null): void {
    const context = this.#host.context();
    const { spec } = this.plan;
    this.#plot.draw(spec, this.series, this.isLog && spec.kind === "lines", context);
    this.#showNote();
    this.#plot.element.setAttribute("aria-label", describe(spec, this.series, xNames[context.xKind]));
    this.#sayWhatIsDrawn();
    if (!this.#table.hidden) this.#fillTable();
    this.drawCursor(cursor);
  }

  /** A canvas cannot be asked what it shows, so the steps drawn stand beside it: tests of a real editor read them. */
  #sayWhatIsDrawn(): void {
    const points = longestShown(this.series);
    if (points === null) return;
    const { dataset } = this.#plot.element;
    dataset["firstStep"] = String(firstStep(points));
    dataset["lastStep"] = String(points.step[points.length - 1]);
  }

  /** The line, the dots and the legend's values; nothing on the canvas. */
  drawCursor(cursor: number | null): void {
    const { spec } = this.plan;
    this.#plot.drawCursor(cursor, this.series, this.#host.context());
    this.#legend.update(this.series, spec.unit, cursor, spec.kind === "stack");
  }

  readout(step: number): ReadoutText {
    const { unit, kind } = this.plan.spec;
    return readoutAt(this.series, step, unit, kind === "stack", this.#host.context().clock.start);
  }

  #setUpPlot(): void {
    const { element } = this.#plot;
    const host = this.#host;
    element.tabIndex = 0;
    element.setAttribute("role", "application");
    element.setAttribute("aria-roledescription", "chart");
    element.append(this.#note);
    attachInteraction(element, () => this.#plot.innerWidth, {
      hover: (pixel, pointer) => {
        const step = pixel === null ? null : (this.#plot.x?.stepAt(pixel) ?? null);
        host.setCursor(step === null ? null : this.#snap(step), this, pointer);
      },
      selecting: (pixels) => {
        this.#plot.drawSelection(pixels);
      },
      window: (from, to) => {
        const { x } = this.#plot;
        if (x !== null) host.setWindow({ from: x.stepAt(from), to: x.stepAt(to) });
      },
      reset: () => {
        host.resetWindow();
      },
      key: (key) => {
        this.#key(key);
      },
      wheelHint: () => {
        this.#hint("Click the chart, or hold Ctrl, to zoom with the wheel.");
      },
    });
    element.addEventListener("blur", () => {
      host.setCursor(null, this, null);
    });
  }

  #key(key: PlotKey): void {
    const host = this.#host;
    const { x } = this.#plot;
    if (x === null) return;
    const width = this.#plot.innerWidth;
    const cursor = this.#cursor;
    const at = cursor === null ? width / 2 : Math.min(Math.max(x.placeStep(cursor), 0), width);
    const zoom = (factor: number): void => {
      host.setWindow({ from: x.stepAt(at - at * factor), to: x.stepAt(at + (width - at) * factor) });
    };
    const pan = (pixels: number): void => {
      host.setWindow({ from: x.stepAt(pixels), to: x.stepAt(pixels + width) });
    };
    const { from, to } = host.context().window;
    const actions: Record<PlotKey, () => void> = {
      left: () => {
        this.#moveCursor(cursor === null ? to : this.#neighbour(cursor, -1));
      },
      right: () => {
        this.#moveCursor(cursor === null ? from : this.#neighbour(cursor, 1));
      },
      first: () => {
        this.#moveCursor(from);
      },
      last: () => {
        this.#moveCursor(to);
      },
      panLeft: () => {
        pan(-width / 4);
      },
      panRight: () => {
        pan(width / 4);
      },
      zoomIn: () => {
        zoom(1 / 1.5);
      },
      zoomOut: () => {
        zoom(1.5);
      },
      reset: () => {
        host.resetWindow();
      },
      log: () => {
        if (this.plan.spec.kind === "lines") host.toggleLog(this);
      },
      table: () => {
        this.#toggleTable();
      },
      escape: () => {
        host.setCursor(null, this, null);
        this.#cursor = null;
      },
    };
    actions[key]();
  }

  #moveCursor(step: number): void {
    const { x } = this.#plot;
    const snapped = this.#snap(step);
    if (x === null || snapped === null) return;
    this.#cursor = snapped;
    const box = this.#plot.element.getBoundingClientRect();
    this.#host.setCursor(snapped, this, {
      x: box.left + margin.left + x.placeStep(snapped),
      y: box.top + margin.top,
    });
    const { title, rows, more } = this.readout(snapped);
    this.#host.announce([title, ...rows.map((row) => `${row.label} ${row.text}`), more].join(", "));
  }

  #neighbour(step: number, direction: 1 | -1): number {
    const points = longestShown(this.series);
    const { x } = this.#plot;
    return points === null || x === null ? step : neighbourStep(points, x, step, direction);
  }

  /** The nearest step at which the card has a value. */
  #snap(step: number): number | null {
    const points = longestShown(this.series);
    return points === null ? null : (points.step[nearestIndex(points, step)] ?? null);
  }

  #toggleTable(): void {
    const shown = this.#table.hidden;
    this.#table.hidden = !shown;
    this.#plot.element.hidden = shown;
    this.#tableButton.setAttribute("aria-pressed", shown.toString());
    if (shown) this.#fillTable();
    (shown ? this.#table : this.#plot.element).focus({ preventScroll: true });
    this.#host.redraw(this);
  }

  #fillTable(): void {
    const { unit, title } = this.plan.spec;
    this.#table.setAttribute("aria-label", `${title}: table`);
    this.#table.replaceChildren(seriesTable(title, this.series, unit));
  }

  #hint(text: string): void {
    clearTimeout(this.#hintTimer);
    this.#note.textContent = text;
    this.#note.classList.remove("aside");
    this.#note.hidden = false;
    this.#hintTimer = setTimeout(() => {
      this.#hintTimer = undefined;
      this.#showNote();
    }, 1500);
  }

  #showNote(): void {
    if (this.#hintTimer !== undefined) return;
    const hiddenAll = this.series.length > 0 && this.series.every((one) => one.hidden);
    const text = hiddenAll ? "Every series is switched off in the legend." : this.#plot.note;
    if (this.#note.textContent !== text) this.#note.textContent = text;
    this.#note.classList.toggle("aside", this.#plot.hasData && !hiddenAll);
    this.#note.hidden = text === "";
  }
}

function tool(
  face: IconName | "log" | "params",
  label: string,
  title: string,
  onClick: () => void,
): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tool";
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-pressed", "false");
  button.title = title;
  button.append(face === "log" || face === "params" ? face : icon(face));
  button.addEventListener("click", onClick);
  return button;
}
