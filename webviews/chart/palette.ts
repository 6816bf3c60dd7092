// Colours and fonts of the charts, read from VS Code's theme variables, because a canvas knows no style sheet.

import { color as parseColor, type RGBColor } from "d3-color";
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
  ["--vscode-charts-orange", "#e2762b", "#c2570c"],
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
  const background = read("--vscode-editor-background", light ? "#ffffff" : "#1f1f1f");
  const foreground = read("--vscode-foreground", light ? "#3b3b3b" : "#cccccc");
  return {
    foreground,
    muted: read("--vscode-descriptionForeground", foreground),
    grid: read("--vscode-editorIndentGuide-background1", light ? "#d3d3d3" : "#404040"),
    background,
    error: read("--vscode-errorForeground", light ? "#a1260d" : "#f48771"),
    highContrast:
      body.classList.contains("vscode-high-contrast") ||
      body.classList.contains("vscode-high-contrast-light"),
    font: `11px ${read("--vscode-font-family", "system-ui, sans-serif")}`,
    categorical: categories.map(([name, dark, bright]) => {
      const known = light ? bright : dark;
      return legible(read(name, known), background, known);
    }),
  };
}

/** Less contrast than this with what is behind it, and a thin line is hardly seen. */
const leastContrast = 2.5;

/**
 * The theme's colour where a thin line of it is seen, else `instead`. Some themes have an orange that is nearly transparent, because
 * it also marks text that was found.
 */
export function legible(color: string, background: string, instead: string): string {
  const [over, under] = [parseColor(color)?.rgb(), parseColor(background)?.rgb()];
  if (over === undefined || under === undefined) return color;
  const mix = (a: number, b: number): number => a * over.opacity + b * (1 - over.opacity);
  const seen = [mix(over.r, under.r), mix(over.g, under.g), mix(over.b, under.b)];
  const [dark, bright] = [luminance(seen), luminance(channels(under))].sort((a, b) => a - b);
  return (bright! + 0.05) / (dark! + 0.05) >= leastContrast ? color : instead;
}

function channels({ r, g, b }: RGBColor): number[] {
  return [r, g, b];
}

/** Relative luminance, 0 to 1 (WCAG 2.2). */
function luminance(rgb: readonly number[]): number {
  const [r, g, b] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
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
