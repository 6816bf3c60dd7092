// Colours and fonts of the charts, read from VS Code's theme variables, because a canvas knows no style sheet.

import { interpolateRgbBasis } from "d3-interpolate";

export interface ChartTheme {
  foreground: string;
  /** For axis labels: legible, but behind the data. */
  muted: string;
  grid: string;
  background: string;
  error: string;
  highContrast: boolean;
  font: string;
  /** Told apart also by people who see no red or green: neighbours differ in lightness. */
  categorical: readonly string[];
}

/** Theme variable and what stands in for it, in the order series take them. */
const categories: readonly (readonly [string, string, string])[] = [
  // variable, dark, light
  ["--vscode-charts-blue", "#3794ff", "#1a85ff"],
  ["--vscode-charts-orange", "#d18616", "#d18616"],
  ["--vscode-charts-purple", "#b180d7", "#652d90"],
  ["--vscode-charts-green", "#89d185", "#388a34"],
  ["--vscode-charts-red", "#f14c4c", "#e51400"],
  ["--vscode-charts-yellow", "#cca700", "#bf8803"],
];

export function readTheme(body: HTMLElement): ChartTheme {
  const style = getComputedStyle(body);
  const light =
    body.classList.contains("vscode-light") || body.classList.contains("vscode-high-contrast-light");
  const read = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  const foreground = read("--vscode-foreground", light ? "#3b3b3b" : "#cccccc");
  return {
    foreground,
    muted: read("--vscode-descriptionForeground", foreground),
    grid: read("--vscode-editorIndentGuide-background1", light ? "#d3d3d3" : "#404040"),
    background: read("--vscode-editor-background", light ? "#ffffff" : "#1f1f1f"),
    error: read("--vscode-errorForeground", light ? "#a1260d" : "#f48771"),
    highContrast:
      body.classList.contains("vscode-high-contrast") ||
      body.classList.contains("vscode-high-contrast-light"),
    font: `11px ${read("--vscode-font-family", "system-ui, sans-serif")}`,
    categorical: categories.map(([name, dark, bright]) => read(name, light ? bright : dark)),
  };
}

/** Line patterns in pixels: drawn, skipped, ... The first is solid. */
const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [9, 3, 2, 3], [4, 2, 1, 2], [12, 4]];

export interface SeriesStyle {
  color: string;
  dash: readonly number[];
}

/** The style of the nth series: colours first, then the same colours with another pattern; in high contrast always a pattern. */
export function categoricalStyle(theme: ChartTheme, index: number): SeriesStyle {
  const colors = theme.categorical;
  const color = colors[index % colors.length]!;
  const round = Math.floor(index / colors.length);
  return { color, dash: dashes[(theme.highContrast ? index + round : round) % dashes.length]! };
}

/**
 * The style of item `index` of `count` that have an order, such as layers from input to output: one run of colour from
 * blue over purple to orange, so that a gradient that fades with depth is seen as a fan.
 */
export function orderedStyle(theme: ChartTheme, index: number, count: number): SeriesStyle {
  const [blue, orange, purple, , red] = theme.categorical;
  const ramp = interpolateRgbBasis([blue!, purple!, red!, orange!]);
  return {
    color: ramp(count > 1 ? index / (count - 1) : 0),
    dash: theme.highContrast ? dashes[index % dashes.length]! : [],
  };
}
