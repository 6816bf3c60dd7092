// The box beside the cursor: step and time, and the value of each series there.

import { nanFlag, negativeInfinityFlag, positiveInfinityFlag } from "./buckets.js";
import { formatClock, formatCount, formatDuration, formatWithUnit, type Unit } from "./format.js";
import { readAt, type ChartSeries, type Reading } from "./series.js";

const mostRows = 14;

export interface ReadoutRow {
  label: string;
  color: string;
  text: string;
}

export interface ReadoutText {
  title: string;
  rows: ReadoutRow[];
  /** "and 8 more", or empty. */
  more: string;
}

/** Largest value first, the emphasised before all. `start` is the wall time of the run's first point, in seconds. */
export function readoutAt(
  series: readonly ChartSeries[],
  step: number,
  unit: Unit,
  useLast: boolean,
  start: number,
): ReadoutText {
  const found = series
    .filter((one) => !one.hidden)
    .flatMap((one) => {
      const reading = readAt(one.data.points, step, useLast);
      return reading === null ? [] : [{ one, reading }];
    });
  if (!useLast) found.sort((a, b) => rank(b) - rank(a));
  const nearest = found.toSorted(
    (a, b) => Math.abs(a.reading.step - step) - Math.abs(b.reading.step - step),
  )[0];
  const when =
    nearest === undefined
      ? ""
      : ` · ${formatClock(nearest.reading.wall)} · ${formatDuration(nearest.reading.wall - start)}`;
  const rows = found.map(({ one, reading }) => ({
    label: one.label,
    color: one.style.color,
    text:
      textOf(reading, unit) +
      (reading.step === nearest?.reading.step ? "" : ` (step ${formatCount(reading.step)})`),
  }));
  return {
    title: `step ${formatCount(nearest?.reading.step ?? step)}${when}`,
    rows: rows.slice(0, mostRows),
    more: rows.length > mostRows ? `and ${rows.length - mostRows} more` : "",
  };
}

function rank({ one, reading }: { one: ChartSeries; reading: Reading }): number {
  if (one.emphasis) return Infinity;
  return Number.isNaN(reading.value) ? -Infinity : reading.value;
}

function textOf(reading: Reading, unit: Unit): string {
  const odd = [
    (reading.flags & nanFlag) !== 0 ? "NaN" : "",
    (reading.flags & positiveInfinityFlag) !== 0 ? "+∞" : "",
    (reading.flags & negativeInfinityFlag) !== 0 ? "−∞" : "",
  ].filter((text) => text !== "");
  if (Number.isNaN(reading.value)) return odd.join(", ") || "–";
  const value = formatWithUnit(reading.value, unit);
  const band =
    reading.band !== null && reading.band.min !== reading.band.max
      ? ` (${formatWithUnit(reading.band.min, unit)} to ${formatWithUnit(reading.band.max, unit)})`
      : "";
  return [`${value}${band}`, ...odd].join(", ");
}

export class Readout {
  readonly element: HTMLElement;

  constructor() {
    this.element = document.createElement("div");
    this.element.className = "readout";
    this.element.hidden = true;
    this.element.setAttribute("aria-hidden", "true"); // the live region says it
  }

  hide(): void {
    this.element.hidden = true;
  }

  /** `at` in viewport pixels; the box keeps clear of it and within the window. */
  show(text: ReadoutText, at: { x: number; y: number }): void {
    const { element } = this;
    const title = document.createElement("div");
    title.className = "readout-title";
    title.textContent = text.title;
    const rows = text.rows.map((row) => {
      const line = document.createElement("div");
      line.className = "readout-row";
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.backgroundColor = row.color;
      const label = document.createElement("span");
      label.className = "readout-label";
      label.textContent = row.label;
      const value = document.createElement("span");
      value.className = "readout-value";
      value.textContent = row.text;
      line.append(swatch, label, value);
      return line;
    });
    const more = document.createElement("div");
    more.className = "readout-more";
    more.textContent = text.more;
    element.replaceChildren(title, ...rows, ...(text.more === "" ? [] : [more]));
    element.hidden = false;
    const { width, height } = element.getBoundingClientRect();
    const left = at.x + 16 + width > window.innerWidth ? at.x - 16 - width : at.x + 16;
    element.style.left = `${Math.max(4, left)}px`;
    element.style.top = `${Math.max(4, Math.min(at.y + 12, window.innerHeight - height - 4))}px`;
  }
}
