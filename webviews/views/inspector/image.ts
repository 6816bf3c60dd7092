// The image view: a slice as a picture of one, three or four channels, zoomed and panned like the heat map; or many side by side.

import { rgb } from "d3-color";
import type { ReadoutText } from "../../chart/readout.js";
import type { ImageChoices, Choices } from "./choices.js";
import { pack, rampOf } from "./colours.js";
import { choice, make, setOptions } from "./dom.js";
import { placeIn } from "./heatmap.js";
import { Montage } from "./montage.js";
import { exactText, roundText } from "./numbers.js";
import { channelsOf, pixels, rangeOf, type Channels } from "./pictures.js";
import { drawCells, drawPatterns, shades, type Colorize } from "./plane.js";
import { indexAt, roleOf, type Slice } from "./slicing.js";
import { Surface, type Frame, type SurfaceOwner } from "./surface.js";
import type { Cells } from "./tiles.js";
import type { View, ViewContext, ViewHost } from "./view.js";
import { stepsFor } from "./viewport.js";

const normaliseTexts = [
  { value: "guess", text: "Black to white: automatic" },
  { value: "range", text: "minimum to maximum" },
  { value: "unit", text: "0 to 1" },
  { value: "byte", text: "0 to 255" },
];

export class ImageView implements View, SurfaceOwner {
  readonly label = "Image";
  readonly element: HTMLElement;
  note: string | null = null;
  #surface: Surface;
  #montage: Montage;
  #channel: HTMLSelectElement;
  #normalise: HTMLSelectElement;
  #side: HTMLSelectElement;
  #place = make("div", "image-place");
  #context: ViewContext | null = null;
  #cells: Cells[] = [];
  #last: { cells: Cells[]; of: string } | null = null;

  constructor(host: ViewHost) {
    this.#surface = new Surface(host, this);
    this.#montage = new Montage(host);
    const choose = (part: Partial<ImageChoices>): void => {
      host.choose({ image: { ...this.#choices.image, ...part } });
    };
    this.#channel = choice("Channels", [], (value) => {
      choose({ channelDim: value === "guess" ? "guess" : value === "" ? null : Number(value) });
    });
    this.#normalise = choice("What is black and what is white", normaliseTexts, (value) => {
      choose({ normalise: value as ImageChoices["normalise"] });
    });
    this.#side = choice("Side by side", [], (value) => {
      choose({ montageDim: value === "" ? null : Number(value) });
    });
    const tools = make("div", "view-tools", this.#channel, this.#normalise, this.#side, this.#montage.pager);
    this.element = make("div", "image-view", tools, this.#place);
  }

  get canvas(): HTMLCanvasElement {
    return this.#isMontage ? this.#montage.canvas : this.#surface.canvas;
  }

  get #choices(): Choices {
    return this.#context!.choices;
  }

  get #isMontage(): boolean {
    return this.#place.firstChild === this.#montage.element;
  }

  draw(context: ViewContext): void {
    this.#context = context;
    const { facts, choices } = context;
    const { slice, image } = choices;
    const channels = channelsOf(facts.shape, slice, image.channelDim);
    const free = facts.shape.flatMap((size, dim) => (roleOf(slice, dim) === "index" ? [{ size, dim }] : []));
    setOptions(this.#channel, [
      { value: "guess", text: "Channels: automatic" },
      { value: "", text: "one channel" },
      ...free
        .filter(({ size }) => size >= 3)
        .map(({ size, dim }) => ({ value: String(dim), text: `dim ${dim} (${size >= 4 ? "RGBA" : "RGB"})` })),
    ]);
    this.#channel.value = image.channelDim === null ? "" : String(image.channelDim);
    this.#channel.hidden = free.length === 0;
    this.#normalise.value = image.normalise;
    const sides = free.filter(({ size, dim }) => size > 1 && dim !== channels.dim);
    setOptions(this.#side, [
      { value: "", text: "One picture" },
      ...sides.map(({ size, dim }) => ({ value: String(dim), text: `all ${size} of dim ${dim}` })),
    ]);
    const side = sides.some(({ dim }) => dim === image.montageDim) ? image.montageDim : null;
    this.#side.value = side === null ? "" : String(side);
    this.#side.hidden = sides.length === 0;
    const view = side === null ? this.#surface.element : this.#montage.element;
    if (this.#place.firstChild !== view) this.#place.replaceChildren(view);
    const range = rangeOf(image.normalise, facts.dtype, context.statistics);
    if (side === null) {
      this.#montage.pager.hidden = true;
      this.#surface.draw(context);
    } else {
      this.#montage.draw(context, side, channels, range);
      this.note = this.#montage.note;
    }
  }

  paint(c: CanvasRenderingContext2D, frame: Frame): void {
    const { context, viewport, room, rows, columns } = frame;
    const { source, choices, layers, facts, paint } = context;
    const steps = stepsFor(viewport, room);
    const channels = channelsOf(facts.shape, choices.slice, choices.image.channelDim);
    const slices = channelSlices(choices.slice, channels);
    this.#cells = slices.map((slice) => {
      const layer = layers.of(source, slice, "mean");
      this.note = layer.problem;
      return layer.cells(rows, columns, steps);
    });
    const of = `${source.id} ${source.shape.join()} ${choices.slice.rowDim ?? ""} ${choices.slice.columnDim ?? ""} ${channels.count}`;
    const isLoading = this.#cells.some(({ knownCount, values }) => knownCount < values.length);
    const last = this.#last?.of === of ? this.#last.cells : null;
    if (isLoading && last !== null) drawCells(c, last[0]!, viewport, room, this.#colorize(last));
    drawCells(c, this.#cells[0]!, viewport, room, this.#colorize(this.#cells));
    if (channels.count === 1) drawPatterns(c, this.#cells[0]!, viewport, paint.odd);
    if (!isLoading) this.#last = { cells: this.#cells, of };
  }

  #colorize(cells: readonly Cells[]): Colorize {
    const { choices, facts, statistics, paint, theme } = this.#context!;
    const range = rangeOf(choices.image.normalise, facts.dtype, statistics);
    return colorizer(cells, range, paint.odd, theme.background);
  }

  describe(row: number, column: number): ReadoutText {
    const { choices, dtype } = this.#context!;
    const index = indexAt(choices.slice, row, column);
    const { dim } = channelsOf(this.#context!.facts.shape, choices.slice, choices.image.channelDim);
    const names = ["R", "G", "B", "A"];
    const colors = ["#e5484d", "#46a758", "#3e93f0", "#999999"];
    const rows = this.#cells.map((cells, k) => {
      const at = placeIn(cells, row, column);
      const isOne = cells.steps.rows === 1 && cells.steps.columns === 1;
      const value = cells.integers?.[at] ?? cells.values[at] ?? NaN;
      const text = cells.known[at] !== 1 ? "…" : isOne ? exactText(value, dtype) : roundText(Number(value));
      return this.#cells.length === 1
        ? { label: "", color: "transparent", text }
        : { label: names[k]!, color: colors[k]!, text };
    });
    return { title: `[${index.map((at, d) => (d === dim ? ":" : at)).join(", ")}]`, rows, more: "" };
  }
}

/** The slice of each channel. */
export function channelSlices(slice: Slice, { dim, count }: Channels): Slice[] {
  if (dim === null) return [slice];
  return Array.from({ length: count }, (_, k) => ({
    ...slice,
    index: slice.index.map((at, d) => (d === dim ? k : at)),
  }));
}

/** One channel is grey, black below and white above, in every theme: a picture does not turn with the editor's colours. */
export function colorizer(
  cells: readonly Cells[],
  range: { low: number; high: number },
  odd: ViewContext["paint"]["odd"],
  background: string,
): Colorize {
  if (cells.length === 1) return shades({ ramp: rampOf("greys", true), limits: range, odd });
  const { r, g, b } = rgb(background);
  const behind = pack(r, g, b);
  return (_, out) => {
    pixels(cells, range, odd, out, behind);
  };
}
