// Statistics of each index of one dim, such as of each channel: a table with bars, and a way to each of them.

import type { ChannelsAsk, Statistics } from "../../../engine/inspection.js";
import { formatCount, formatValue } from "../../chart/format.js";
import { choice, make, rebuild, setOptions, tool } from "./dom.js";
import type { View, ViewContext, ViewHost } from "./view.js";

/** Indices on a page. */
const perPage = 100;

export class Channels implements View {
  readonly element: HTMLElement;
  readonly canvas = null;
  note: string | null = null;
  #dim: HTMLSelectElement;
  #before: HTMLButtonElement;
  #after: HTMLButtonElement;
  #which = make("span", "tool-label");
  #table = make("div", "channel-table");
  #host: ViewHost;
  #first = 0;
  #shown = "";
  #index: readonly number[] = [];

  constructor(host: ViewHost) {
    this.#host = host;
    this.#dim = choice("Statistics of each index of", [], (value) => {
      this.#first = 0;
      host.choose({ channelDim: Number(value) });
    });
    const page = (label: string, title: string, by: number): HTMLButtonElement =>
      tool({
        label,
        title,
        onClick: () => {
          this.#first += by * perPage;
          host.redraw();
        },
      });
    this.#before = page("‹", "The indices before", -1);
    this.#before.setAttribute("aria-label", "The indices before");
    this.#after = page("›", "The next indices", 1);
    this.#after.setAttribute("aria-label", "The next indices");
    this.#table.tabIndex = 0;
    this.#table.setAttribute("role", "region");
    this.#table.setAttribute("aria-label", "Statistics of each index");
    const tools = make("div", "view-tools", this.#dim, this.#before, this.#which, this.#after);
    this.element = make("div", "channels", tools, this.#table);
  }

  draw({ choices, facts, source, answers }: ViewContext): void {
    this.#index = choices.slice.index;
    const dim = choices.channelDim ?? defaultDim(facts.shape);
    const size = facts.shape[dim]!;
    const options = facts.shape.map((count, k) => ({
      value: String(k),
      text: `each index of dim ${k} (${count})`,
    }));
    setOptions(this.#dim, options);
    this.#dim.value = String(dim);
    if (this.#first >= size || this.#first < 0) this.#first = 0;
    const last = Math.min(size, this.#first + perPage);
    this.#which.textContent = `${formatCount(this.#first)}–${formatCount(last - 1)} of ${formatCount(size)}`;
    this.#before.disabled = this.#first === 0;
    this.#after.disabled = last >= size;
    for (const part of [this.#before, this.#after, this.#which]) part.hidden = size <= perPage;
    const ask: ChannelsAsk & { kind: "channels" } = {
      ...{ kind: "channels", part: source.part, dim, first: this.#first, most: perPage },
    };
    const outcome = answers.want(source, ask);
    this.note = outcome !== null && "problem" in outcome ? outcome.problem : null;
    this.element.classList.toggle("waiting", outcome === null);
    if (outcome === null || "problem" in outcome) return;
    const key = `${source.key} ${dim} ${this.#first} ${facts.shape.length}`;
    if (key === this.#shown) return;
    this.#shown = key;
    rebuild(this.#table, key, () => [this.#rows(outcome.answer.channels, dim, facts.shape.length)]);
  }

  #rows(channels: readonly Statistics[], dim: number, rank: number): HTMLElement {
    const finite = (values: (number | null)[]): number[] => values.filter((value) => value !== null);
    const reach = Math.max(0, ...finite(channels.map(({ mean }) => mean)).map(Math.abs)) || 1;
    const spread = Math.max(0, ...finite(channels.map(({ std }) => std))) || 1;
    const names = [`dim ${dim}`, "mean", "", "std", "", "min", "max", "zeros", "NaN", "Inf"];
    const head = make("tr", "");
    for (const name of names) {
      const cell = make(name === "" ? "td" : "th", "", name);
      if (name !== "") cell.setAttribute("scope", "col");
      head.append(cell);
    }
    const body = channels.map((one, k) => {
      const at = this.#first + k;
      const go = make("button", "link", String(at));
      go.type = "button";
      go.title = `Show index ${at} of dim ${dim}`;
      go.addEventListener("click", () => {
        const index = this.#index.map((old, d) => (d === dim ? at : old));
        this.#host.goTo(index, rank === 1 ? "line" : "heatmap");
      });
      const name = make("th", "", go);
      name.setAttribute("scope", "row");
      const odd = one.positiveInfinity + one.negativeInfinity;
      const share = one.count === 0 ? 0 : (one.zeros / one.count) * 100;
      return make(
        "tr",
        "",
        name,
        number(one.mean),
        bar(one.mean ?? 0, reach, true),
        number(one.std),
        bar(one.std ?? 0, spread, false),
        number(one.min),
        number(one.max),
        make(
          "td",
          "",
          `${share === 0 ? "0" : share < 0.1 ? "< 0.1" : String(Math.round(share * 10) / 10)} %`,
        ),
        make("td", one.nan > 0 ? "odd" : "", formatCount(one.nan)),
        make("td", odd > 0 ? "odd" : "", formatCount(odd)),
      );
    });
    return make("table", "", make("thead", "", head), make("tbody", "", ...body));
  }
}

/** Channels of pictures and feature maps are the third last dim; rows of a matrix the first. */
function defaultDim(shape: readonly number[]): number {
  return shape.length >= 3 ? shape.length - 3 : 0;
}

function number(value: number | null): HTMLElement {
  return make("td", "", formatValue(value));
}

/** A bar from the middle, or from the left where values have no sign. */
function bar(value: number, most: number, signed: boolean): HTMLElement {
  const part = Math.min(1, Math.abs(value) / most) * (signed ? 50 : 100);
  const fill = make("i", value < 0 ? "below" : "");
  fill.style.width = `${part}%`;
  fill.style.insetInlineStart = signed ? `${value < 0 ? 50 - part : 50}%` : "0";
  const track = make("span", signed ? "channel-bar signed" : "channel-bar", fill);
  track.setAttribute("aria-hidden", "true");
  return make("td", "", track);
}
