// From values to colours: palettes for values of one sign and for values around zero, and what NaN and infinities look like.

import { rgb } from "d3-color";
import { interpolateRgbBasis } from "d3-interpolate";
import {
  interpolateCividis,
  interpolateGreys,
  interpolateInferno,
  interpolateViridis,
} from "d3-scale-chromatic";

export const paletteNames = [
  "auto",
  "viridis",
  "inferno",
  "cividis",
  "greys",
  "blueOrange",
  "greenPurple",
] as const;
export type PaletteName = (typeof paletteNames)[number];

export const paletteTexts: Readonly<Record<PaletteName, string>> = {
  auto: "Colours: automatic",
  viridis: "Viridis",
  inferno: "Inferno",
  cividis: "Cividis",
  greys: "Greys",
  blueOrange: "Blue to orange",
  greenPurple: "Purple to green",
};

/** Lightness alone tells the order in each of them, and none sets red against green. Middle colours are near the page's own, so that zeros are quiet. */
function interpolator(name: Exclude<PaletteName, "auto">, dark: boolean): (part: number) => string {
  switch (name) {
    case "viridis":
      return interpolateViridis;
    case "inferno":
      return interpolateInferno;
    case "cividis":
      return interpolateCividis;
    case "greys":
      return dark ? (part) => interpolateGreys(1 - part) : interpolateGreys;
    case "blueOrange":
      return interpolateRgbBasis(
        dark
          ? ["#a8dcff", "#4aa3f0", "#1d5c9e", "#242a33", "#8a4a10", "#ee8a2a", "#ffd9a0"]
          : ["#053f7a", "#2a7fc9", "#9dcaf0", "#f6f5f3", "#fdc588", "#dc6a12", "#7a2c04"],
      );
    case "greenPurple":
      return interpolateRgbBasis(
        dark
          ? ["#e3c1f5", "#b072d8", "#6a3593", "#2a262d", "#2c6b3c", "#62b872", "#c8f0c4"]
          : ["#45125e", "#8c4bb0", "#cfb0e0", "#f6f5f3", "#a8dba4", "#3f9a52", "#0c4a22"],
      );
  }
}

/** The palette that a name stands for: 'auto' looks at the sign of the values. */
export function choosePalette(name: PaletteName, signed: boolean): Exclude<PaletteName, "auto"> {
  return name !== "auto" ? name : signed ? "blueOrange" : "viridis";
}

export function isDiverging(name: Exclude<PaletteName, "auto">): boolean {
  return name === "blueOrange" || name === "greenPurple";
}

/** 256 colours as a canvas keeps them in memory, lowest value first. */
export interface Ramp {
  name: Exclude<PaletteName, "auto">;
  packed: Uint32Array;
  css: readonly string[];
  /** Whether black stands out on the nth colour better than white. */
  wantsDark: Uint8Array;
}

const ramps = new Map<string, Ramp>();

export function rampOf(name: Exclude<PaletteName, "auto">, dark: boolean): Ramp {
  const key = `${name} ${dark}`;
  const known = ramps.get(key);
  if (known !== undefined) return known;
  const colour = interpolator(name, dark);
  const colours = Array.from({ length: 256 }, (_, i) => rgb(colour(i / 255)));
  const ramp: Ramp = {
    name,
    packed: Uint32Array.from(colours, ({ r, g, b }) => pack(r, g, b)),
    css: colours.map((one) => one.formatRgb()),
    wantsDark: Uint8Array.from(colours, ({ r, g, b }) => (luminance(r, g, b) > 0.18 ? 1 : 0)),
  };
  ramps.set(key, ramp);
  return ramp;
}

/** As four bytes red, green, blue, alpha of little-endian memory. */
export function pack(r: number, g: number, b: number): number {
  return ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
}

/** Of WCAG, 0 to 1. */
function luminance(r: number, g: number, b: number): number {
  const part = (value: number): number =>
    value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

export const nanFlag = 1;
export const positiveInfinityFlag = 2;
export const negativeInfinityFlag = 4;

/** How a value that is no finite number is drawn: a colour of no palette, and where there is room a pattern. */
export interface OddStyle {
  flag: number;
  label: "NaN" | "+Inf" | "−Inf";
  color: string;
  packed: number;
  /** Lines across, up, or down. */
  pattern: "cross" | "up" | "down";
}

const odd = (
  flag: number,
  label: OddStyle["label"],
  color: string,
  pattern: OddStyle["pattern"],
): OddStyle => {
  const { r, g, b } = rgb(color);
  return { flag, label, color, packed: pack(r, g, b), pattern };
};

const oddDark = [
  odd(nanFlag, "NaN", "#ff3dbb", "cross"),
  odd(positiveInfinityFlag, "+Inf", "#9dff2e", "up"),
  odd(negativeInfinityFlag, "−Inf", "#2ee6ff", "down"),
];
const oddLight = [
  odd(nanFlag, "NaN", "#e0008f", "cross"),
  odd(positiveInfinityFlag, "+Inf", "#55b800", "up"),
  odd(negativeInfinityFlag, "−Inf", "#00a5c9", "down"),
];

export function oddStyles(dark: boolean): readonly OddStyle[] {
  return dark ? oddDark : oddLight;
}

/** What a cell with these flags is drawn as: a NaN is never hidden by what shares its cell. */
export function oddOf(flags: number, styles: readonly OddStyle[]): OddStyle | null {
  return flags === 0 ? null : (styles.find(({ flag }) => (flags & flag) !== 0) ?? null);
}

/** The place of a value among 256 colours. */
export function shadeOf(value: number, low: number, high: number): number {
  if (high <= low) return value < low ? 0 : value > high ? 255 : 128;
  const part = ((value - low) / (high - low)) * 255;
  return part <= 0 ? 0 : part >= 255 ? 255 : Math.round(part);
}
