// The table that says in figures what a chart draws.

import { formatCount, formatWithUnit, type Unit } from "../../chart/format.js";
import type { ChartSeries } from "../../chart/series.js";

export function seriesTable(title: string, series: readonly ChartSeries[], unit: Unit): HTMLTableElement {
  const table = document.createElement("table");
  table.createCaption().textContent = `${title}: each series in figures`;
  table.createTHead().append(row("th", ["Series", "Last", "Least", "Greatest", "Points", "Not finite"]));
  const body = table.createTBody();
  for (const one of series) {
    const values = [one.last, one.min, one.max].map((value) => formatWithUnit(value, unit));
    body.append(row("td", [one.label, ...values, formatCount(one.count), formatCount(one.nonFinite)]));
  }
  return table;
}

function row(kind: "th" | "td", texts: readonly string[]): HTMLTableRowElement {
  const line = document.createElement("tr");
  texts.forEach((text, index) => {
    const cell = document.createElement(index === 0 ? "th" : kind);
    cell.scope = kind === "th" ? "col" : index === 0 ? "row" : "";
    cell.textContent = text;
    line.append(cell);
  });
  return line;
}
