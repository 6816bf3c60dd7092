// The line of statistics below a tensor: over all its elements, with a mark where only a sample was looked at.

import type { Statistics } from "../../../engine/inspection.js";
import { formatCount, formatValue } from "../../chart/format.js";
import { make, rebuild } from "./dom.js";

export interface Figure {
  name: string;
  text: string;
  title: string;
  isOdd?: boolean;
}

/** What the line says. */
export function figures(statistics: Statistics): Figure[] {
  const { count, nan, positiveInfinity, negativeInfinity, zeros, sampled } = statistics;
  const about = sampled ? "≈ " : "";
  const share = (part: number): string => (count === 0 ? "–" : `${about}${percent(part / count)}`);
  const value = (name: string, number: number | null, title: string): Figure => ({
    name,
    text: number === null ? "–" : about + formatValue(number),
    title,
  });
  const odd = (name: string, number: number): Figure => ({
    name,
    text: (number > 0 ? about : "") + formatCount(number),
    title: `Elements that are ${name}`,
    isOdd: number > 0,
  });
  return [
    { name: "count", text: formatCount(count), title: sampled ? "Elements looked at" : "Elements" },
    value("mean", statistics.mean, "Mean of the finite elements"),
    value("std", statistics.std, "Standard deviation of the finite elements"),
    value("min", statistics.min, "Smallest finite element"),
    value("max", statistics.max, "Largest finite element"),
    value("norm", statistics.norm, "L2 norm of the finite elements"),
    { name: "zeros", text: share(zeros), title: `${formatCount(zeros)} elements are zero` },
    odd("NaN", nan),
    odd("+Inf", positiveInfinity),
    odd("−Inf", negativeInfinity),
  ];
}

function percent(part: number): string {
  if (part === 0) return "0 %";
  if (part < 0.001) return "< 0.1 %";
  return `${String(Math.round(part * 1000) / 10)} %`;
}

export class StatisticsLine {
  readonly element = make("dl", "statistics");

  constructor() {
    this.element.setAttribute("aria-label", "Statistics");
  }

  /** null: they have not come yet; those of before stay, dimmed. */
  update(statistics: Statistics | null, problem: string | null): void {
    this.element.classList.toggle("waiting", statistics === null);
    if (statistics === null) {
      if (problem !== null)
        rebuild(this.element, problem, () => [make("div", "problem", make("dd", "", problem))]);
      return;
    }
    rebuild(this.element, JSON.stringify(statistics), () => [
      ...figures(statistics).map(({ name, text, title, isOdd }) => {
        const group = make("div", isOdd === true ? "odd" : "", make("dt", "", name), make("dd", "", text));
        group.title = title;
        return group;
      }),
      ...(statistics.sampled ? [make("div", "sampled", make("dd", "", "≈ from an even sample"))] : []),
    ]);
  }
}
