// The histogram: how many elements have which size, linear or logarithmic, with a part of it to look into.

import { scaleLinear, scaleSymlog, type ScaleLinear } from "d3-scale";
import type { HistogramAnswer, HistogramAsk, Statistics } from "../../../engine/inspection.js";
import { formatCount, formatTick } from "../../chart/format.js";
import { choice, make, tool } from "./dom.js";
import { roundText } from "./numbers.js";
import { PlotFrame } from "./plotFrame.js";
import { clamp } from "./slicing.js";
import type { View, ViewContext, ViewHost } from "./view.js";

const binChoices = [10, 30, 60, 120, 240];

export class Histogram implements View {
  readonly element: HTMLElement;
  note: string | null = null;
  #frame: PlotFrame;
  #bins: HTMLSelectElement;
  #log: HTMLButtonElement;
  #closer: HTMLButtonElement;
  #all: HTMLButtonElement;
  #said = make("output", "histogram-said");
  #odd = make("span", "histogram-odd");
  #host: ViewHost;
  #context: ViewContext | null = null;
  #answer: HistogramAnswer | null = null;
  #x: ScaleLinear<number, number> = scaleLinear();
  /** The bar that the pointer or the keyboard is at, and the one that was chosen. */
  #at: number | null = null;
  #chosen: { from: number; to: number } | null = null;

  constructor(host: ViewHost) {
    this.#host = host;
    this.#frame = new PlotFrame(() => {
      host.redraw();
    });
    this.#bins = choice(
      "Bins",
      binChoices.map((bins) => ({ value: String(bins), text: `${bins} bins` })),
      (value) => {
        this.#chosen = null;
        host.choose({ bins: Number(value) });
      },
    );
    this.#log = tool({
      label: "Log counts",
      title: "A logarithmic scale of counts: rare values are seen beside frequent ones",
      onClick: () => {
        host.choose({ logCounts: !this.#context!.choices.logCounts });
      },
    });
    this.#closer = tool({
      label: "Look closer",
      title: "Only the values of the chosen bar and its neighbours (Enter)",
      onClick: () => {
        this.#lookCloser();
      },
    });
    this.#all = tool({
      label: "All values",
      title: "From the smallest to the largest value (0)",
      onClick: () => {
        this.#chosen = null;
        host.choose({ binRange: null });
      },
    });
    this.#frame.element.setAttribute("role", "application");
    const tools = make(
      "div",
      "view-tools",
      this.#bins,
      this.#log,
      this.#closer,
      this.#all,
      this.#odd,
      this.#said,
    );
    this.element = make("div", "line-view", tools, this.#frame.element);
    this.#attach();
  }

  get canvas(): HTMLCanvasElement {
    return this.#frame.canvas;
  }

  draw(context: ViewContext): void {
    this.#context = context;
    const { choices, source, answers, statistics } = context;
    this.#bins.value = String(choices.bins);
    this.#log.setAttribute("aria-pressed", String(choices.logCounts));
    this.#all.disabled = choices.binRange === null;
    const ask: HistogramAsk & { kind: "histogram" } = {
      ...{ kind: "histogram", part: source.part, bins: choices.bins },
      ...choices.binRange,
    };
    const outcome = answers.want(source, ask);
    this.note = outcome !== null && "problem" in outcome ? outcome.problem : null;
    if (outcome !== null && "answer" in outcome) this.#answer = outcome.answer;
    this.element.classList.toggle("waiting", outcome === null);
    this.#odd.textContent = oddText(statistics, this.#answer);
    this.#drawBars();
    this.#say();
  }

  #drawBars(): void {
    const c = this.#frame.begin();
    const answer = this.#answer;
    if (c === null || answer === null) return;
    const { theme, choices, paint } = this.#context!;
    const { left, right, top, bottom } = this.#frame.inner;
    const { counts } = answer;
    const [from, to] =
      answer.from < answer.to ? [answer.from, answer.to] : [answer.from - 0.5, answer.from + 0.5];
    this.#x = scaleLinear([from, to], [left, right]);
    const most = Math.max(1, ...counts);
    const y = choices.logCounts
      ? scaleSymlog([0, most], [bottom, top + 4]).constant(1)
      : scaleLinear([0, most], [bottom, top + 4]);
    const width = (right - left) / counts.length;
    const gap = width > 4 ? 1 : 0;
    for (const [k, count] of counts.entries()) {
      if (count === 0) continue;
      const x = left + k * width;
      // Never so low that a single element is not seen.
      const height = Math.max(1.5, bottom - y(count));
      const isAt = k === this.#at || this.#isChosen(k);
      c.fillStyle = isAt ? theme.foreground : theme.categorical[0]!;
      c.fillRect(x + gap / 2, bottom - height, Math.max(0.6, width - gap), height);
      if (isAt) continue;
      c.fillStyle = paint.ramp.css[0]!;
    }
    const xTicks = this.#x.ticks(Math.max(2, Math.floor((right - left) / 90)));
    const distance = xTicks.length > 1 ? xTicks[1]! - xTicks[0]! : 1;
    const yTicks = choices.logCounts ? powers(most) : y.ticks(Math.max(2, Math.floor((bottom - top) / 44)));
    this.#frame.drawAxes(
      xTicks.map((value) => ({ at: this.#x(value), text: formatTick(value, distance, "") })),
      yTicks.filter(Number.isInteger).map((value) => ({ at: y(value), text: formatCount(value) })),
    );
  }

  #isChosen(bin: number): boolean {
    const range = this.#rangeOf(bin);
    return this.#chosen !== null && range !== null && range.from === this.#chosen.from;
  }

  #rangeOf(bin: number): { from: number; to: number } | null {
    const answer = this.#answer;
    if (answer === null || bin < 0 || bin >= answer.counts.length) return null;
    const width = (answer.to - answer.from) / answer.counts.length;
    return { from: answer.from + bin * width, to: answer.from + (bin + 1) * width };
  }

  /** The range of the bar at hand, and what is in it. */
  #say(): void {
    const answer = this.#answer;
    const bin = this.#at ?? answer?.counts.findIndex((_, k) => this.#isChosen(k)) ?? -1;
    const range = this.#rangeOf(bin);
    this.#closer.disabled = this.#chosen === null;
    if (answer === null || range === null) {
      this.#said.textContent = "";
      return;
    }
    const count = answer.counts[bin]!;
    const all = answer.counts.reduce((sum, one) => sum + one, answer.below + answer.above);
    const isLast = bin === answer.counts.length - 1;
    const share = all === 0 ? 0 : Math.round((count / all) * 1000) / 10;
    this.#said.textContent = `[${roundText(range.from)}, ${roundText(range.to)}${isLast ? "]" : ")"}: ${formatCount(count)} ${count === 1 ? "element" : "elements"}, ${share} %`;
  }

  #lookCloser(): void {
    const chosen = this.#chosen;
    if (chosen === null) return;
    const width = chosen.to - chosen.from;
    this.#chosen = null;
    this.#host.choose({ binRange: { from: chosen.from - width, to: chosen.to + width } });
  }

  #attach(): void {
    const { element } = this.#frame;
    const binAt = (event: MouseEvent): number | null => {
      const answer = this.#answer;
      if (answer === null) return null;
      const { left, right } = this.#frame.inner;
      const x = event.clientX - element.getBoundingClientRect().left;
      if (x < left || x > right) return null;
      return clamp(
        Math.floor(((x - left) / (right - left)) * answer.counts.length),
        0,
        answer.counts.length - 1,
      );
    };
    element.addEventListener("pointermove", (event) => {
      const bin = binAt(event);
      if (bin === this.#at) return;
      this.#at = bin;
      this.#host.redraw();
    });
    element.addEventListener("pointerleave", () => {
      this.#at = null;
      this.#host.redraw();
    });
    element.addEventListener("click", (event) => {
      const bin = binAt(event);
      if (bin !== null) this.#chosen = this.#rangeOf(bin);
      this.#host.redraw();
    });
    element.addEventListener("dblclick", () => {
      this.#lookCloser();
    });
    element.addEventListener("keydown", (event) => {
      const answer = this.#answer;
      if (answer === null) return;
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by !== undefined) {
        const now = answer.counts.findIndex((_, k) => this.#isChosen(k));
        const next =
          now === -1 ? (by > 0 ? 0 : answer.counts.length - 1) : clamp(now + by, 0, answer.counts.length - 1);
        this.#chosen = this.#rangeOf(next);
        this.#at = null;
        this.#say();
        this.#host.announce(this.#said.textContent);
        this.#host.redraw();
      } else if (event.key === "Enter") this.#lookCloser();
      else if (event.key === "0") this.#host.choose({ binRange: null });
      else if (event.key.toLowerCase() === "l")
        this.#host.choose({ logCounts: !this.#context!.choices.logCounts });
      else return;
      event.preventDefault();
    });
  }
}

/** What the bars leave out. */
function oddText(statistics: Statistics | null, answer: HistogramAnswer | null): string {
  const counts: [number, string][] = [
    [answer?.below ?? 0, "below"],
    [answer?.above ?? 0, "above"],
    [statistics?.nan ?? 0, "NaN"],
    [statistics?.positiveInfinity ?? 0, "+Inf"],
    [statistics?.negativeInfinity ?? 0, "−Inf"],
  ];
  const text = counts.filter(([count]) => count > 0).map(([count, name]) => `${formatCount(count)} ${name}`);
  const sampled = answer?.sampled === true ? "≈ from a sample" : "";
  return [text.length === 0 ? "" : `Not shown: ${text.join(", ")}`, sampled]
    .filter((one) => one !== "")
    .join(" · ");
}

function powers(most: number): number[] {
  const found = [0, 1];
  for (let value = 10; value <= most; value *= 10) found.push(value);
  return found;
}
