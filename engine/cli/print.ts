// Text for terminals: tables, colours where they are wanted, numbers and times as people read them.

import { formatBytes } from "../format.js";
import { formatDuration, formatNumber } from "../runtime/estimate.js";
import type { RunRecord, RunState } from "../protocol.js";

const useColours = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const codes = { red: 31, green: 32, yellow: 33, blue: 34, dim: 2, bold: 1 } as const;

export function coloured(text: string, colour: keyof typeof codes): string {
  return useColours ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text;
}

export function stateText(state: RunState): string {
  const colour: Partial<Record<RunState, keyof typeof codes>> = {
    failed: "red",
    lost: "red",
    finished: "green",
    running: "blue",
    paused: "yellow",
    stopped: "yellow",
  };
  const chosen = colour[state];
  return chosen === undefined ? state : coloured(state, chosen);
}

/** At most so many characters, for a table; the rest is three dots. */
export function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most
    ? text
    : `${characters
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`;
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Columns as wide as their widest cell; numbers (given as right: true) at the right. */
export function printTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): void {
  const widths = header.map((title, k) =>
    Math.max(title.length, ...rows.map((row) => visibleLength(row[k]!))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, k) => {
        const space = " ".repeat(widths[k]! - visibleLength(cell));
        return right.includes(k) ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  process.stdout.write(`${coloured(line(header), "bold")}\n`);
  for (const row of rows) process.stdout.write(`${line(row)}\n`);
}

export function lossText({ progress }: RunRecord): string {
  return progress.loss === null ? "–" : formatNumber(Number(progress.loss));
}

export function durationText({ startTime, endTime }: RunRecord): string {
  return formatDuration(((endTime ?? Date.now()) - startTime) / 1000);
}

export function timeText(milliseconds: number): string {
  const date = new Date(milliseconds - new Date(milliseconds).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16).replace("T", " ");
}

export { formatBytes, formatNumber };

function visibleLength(text: string): number {
  // eslint-disable-next-line no-control-regex -- the control character is what is looked for
  return text.replace(/\x1b\[\d+m/g, "").length;
}
