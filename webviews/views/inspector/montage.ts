// Many pictures side by side, such as of a batch or of all feature maps: a page of them at a time, each no finer than it is drawn.

import type { SliceAnswer, SliceAsk } from "../../../engine/inspection.js";
import { formatCount } from "../../chart/format.js";
import { make, prepareCanvas, tool } from "./dom.js";
import { channelSlices, colorizer } from "./image.js";
import type { Limits } from "./limits.js";
import { montageColumns, type Channels } from "./pictures.js";
import { drawCells } from "./plane.js";
import { clamp, extentOf } from "./slicing.js";
import type { Cells } from "./tiles.js";
import type { ViewContext, ViewHost } from "./view.js";

const perPage = 64;
/** Room below each picture for its index, in pixels. */
const labelHeight = 15;
const gap = 6;
/** Cells of a picture along its longer side; finer is for the single picture. */
const mostCells = 128;

export class Montage {
  readonly element: HTMLElement;
  readonly canvas = document.createElement("canvas");
  readonly pager = make("span", "pager");
  note: string | null = null;
  #host: ViewHost;
  #size = { width: 0, height: 0 };
  #first = 0;
  #dim = -1;
  #at: number | null = null;
  #columns = 1;
  #count = 0;
  #context: ViewContext | null = null;
  #which = make("span", "tool-label");
  #frame = make("div", "montage-frame");

  constructor(host: ViewHost) {
    this.#host = host;
    this.canvas.setAttribute("aria-hidden", "true");
    this.element = make("div", "montage", this.canvas, this.#frame);
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "application");
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      this.#size = { width, height };
      host.redraw();
    }).observe(this.element);
    const page = (label: string, title: string, by: number): HTMLButtonElement =>
      tool({
        label: title,
        title,
        content: label,
        onClick: () => {
          this.#first = Math.max(0, this.#first + by * perPage);
          this.#at = null;
          host.redraw();
        },
      });
    this.pager.append(page("‹", "The pictures before", -1), this.#which, page("›", "The next pictures", 1));
    this.#attach();
  }

  draw(context: ViewContext, dim: number, channels: Channels, range: Limits): void {
    this.#context = context;
    const { facts, choices, theme, paint } = context;
    const size = facts.shape[dim]!;
    if (dim !== this.#dim) [this.#dim, this.#first, this.#at] = [dim, 0, null];
    if (this.#first >= size) this.#first = 0;
    this.#count = Math.min(perPage, size - this.#first);
    this.pager.hidden = size <= perPage;
    this.#which.textContent = `${formatCount(this.#first)}–${formatCount(this.#first + this.#count - 1)} of ${formatCount(size)}`;
    this.element.ariaLabel = `${this.#count} pictures, indices of dim ${dim} from ${this.#first}. Arrow keys move, Enter shows one alone.`;
    const { width, height } = this.#size;
    const c = width <= 0 || height <= 0 ? null : prepareCanvas(this.canvas, width, height);
    if (c === null) return;
    const { rows, columns } = extentOf(choices.slice, facts.shape);
    const [high, wide] = [rows.to - rows.from, columns.to - columns.from];
    this.#columns = montageColumns(this.#count, wide / high, width, height, labelHeight + gap);
    c.font = theme.font;
    c.textAlign = "center";
    this.note = null;
    for (let k = 0; k < this.#count; k++) {
      const place = this.#placeOf(k, wide / high);
      const at = this.#first + k;
      c.fillStyle = theme.muted;
      c.fillText(String(at), place.x + place.width / 2, place.y + place.height + 12);
      const cells = this.#cellsOf(context, dim, at, channels, Math.max(place.width, place.height));
      if (cells === null) {
        c.fillStyle = theme.grid;
        c.fillRect(place.x, place.y, place.width, place.height);
        continue;
      }
      c.save();
      c.translate(place.x, place.y);
      const room = {
        rows: { from: 0, to: high },
        columns: { from: 0, to: wide },
        width: place.width,
        height: place.height,
      };
      const viewport = { row: 0, column: 0, width: place.width / wide, height: place.height / high };
      drawCells(c, cells[0]!, viewport, room, colorizer(cells, range, paint.odd, theme.background));
      c.restore();
    }
    this.#showFrame(wide / high);
  }

  #placeOf(k: number, aspect: number): { x: number; y: number; width: number; height: number } {
    const lines = Math.ceil(this.#count / this.#columns);
    const [cellWidth, cellHeight] = [this.#size.width / this.#columns, this.#size.height / lines];
    const width = Math.max(4, Math.min(cellWidth - gap, (cellHeight - labelHeight - gap) * aspect));
    const height = width / aspect;
    const [column, line] = [k % this.#columns, Math.floor(k / this.#columns)];
    // Packed to the left, so that a few small pictures stand together.
    return {
      x: column * Math.min(cellWidth, width + gap) + gap / 2,
      y: line * Math.min(cellHeight, height + labelHeight + gap),
      ...{ width, height },
    };
  }

  /** The cells of each channel; null until all have come. */
  #cellsOf(
    context: ViewContext,
    dim: number,
    at: number,
    channels: Channels,
    pixels: number,
  ): Cells[] | null {
    const { choices, facts, source, answers } = context;
    const { rows, columns } = extentOf(choices.slice, facts.shape);
    const most = clamp(2 ** Math.ceil(Math.log2(Math.max(8, pixels))), 8, mostCells);
    const own = { ...choices.slice, index: choices.slice.index.map((old, d) => (d === dim ? at : old)) };
    const found: Cells[] = [];
    for (const slice of channelSlices(own, channels)) {
      const ask: SliceAsk & { kind: "slice" } = {
        ...{ kind: "slice", part: source.part, index: [...slice.index], by: "mean" },
        ...{ rowDim: slice.rowDim, columnDim: slice.columnDim, row: rows.from, column: columns.from },
        ...{
          rows: rows.to - rows.from,
          columns: columns.to - columns.from,
          mostRows: most,
          mostColumns: most,
        },
      };
      const outcome = answers.want(source, ask);
      if (outcome !== null && "problem" in outcome) this.note = outcome.problem;
      if (outcome !== null && "answer" in outcome) found.push(asCells(outcome.answer, ask));
    }
    return found.length === (channels.dim === null ? 1 : channels.count) ? found : null;
  }

  #showFrame(aspect: number): void {
    const k = this.#at === null ? -1 : this.#at - this.#first;
    this.#frame.hidden = k < 0 || k >= this.#count;
    if (this.#frame.hidden) return;
    const { x, y, width, height } = this.#placeOf(k, aspect);
    this.#frame.style.translate = `${x - 2}px ${y - 2}px`;
    this.#frame.style.width = `${width + 4}px`;
    this.#frame.style.height = `${height + 4}px`;
  }

  #open(at: number): void {
    const { choices } = this.#context!;
    const slice = {
      ...choices.slice,
      index: choices.slice.index.map((old, d) => (d === this.#dim ? at : old)),
    };
    this.#host.choose({ slice, image: { ...choices.image, montageDim: null }, viewport: null });
  }

  #attach(): void {
    const aspect = (): number => {
      const { choices, facts } = this.#context!;
      const { rows, columns } = extentOf(choices.slice, facts.shape);
      return (columns.to - columns.from) / (rows.to - rows.from);
    };
    const under = (event: MouseEvent): number | null => {
      const box = this.element.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      for (let k = 0; k < this.#count; k++) {
        const place = this.#placeOf(k, aspect());
        if (x >= place.x && x < place.x + place.width && y >= place.y && y < place.y + place.height)
          return this.#first + k;
      }
      return null;
    };
    this.element.addEventListener("pointermove", (event) => {
      if (this.#context === null) return;
      this.#at = under(event);
      this.element.style.cursor = this.#at === null ? "default" : "pointer";
      this.#showFrame(aspect());
    });
    this.element.addEventListener("click", (event) => {
      const at = this.#context === null ? null : under(event);
      if (at !== null) this.#open(at);
    });
    this.element.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#columns, ArrowDown: this.#columns }[
        event.key
      ];
      if (event.key === "Enter" && this.#at !== null) this.#open(this.#at);
      else if (by !== undefined) {
        this.#at = clamp((this.#at ?? this.#first - by) + by, this.#first, this.#first + this.#count - 1);
        this.#host.announce(`Picture ${this.#at}`);
        this.#showFrame(aspect());
      } else return;
      event.preventDefault();
    });
  }
}

function asCells(answer: SliceAnswer, ask: SliceAsk): Cells {
  const { rows, columns } = answer;
  const values =
    answer.number === "int64"
      ? Float64Array.from(new BigInt64Array(answer.values), Number)
      : new Float64Array(answer.values);
  const steps = {
    rows: Math.ceil(ask.rows / ask.mostRows),
    columns: Math.ceil(ask.columns / ask.mostColumns),
  };
  return {
    ...{ rows, columns, row: 0, column: 0, steps, values, integers: null },
    ...{ flags: new Uint8Array(answer.flags), known: new Uint8Array(values.length).fill(1) },
    ...{ knownCount: values.length, min: answer.min ?? NaN, max: answer.max ?? NaN },
  };
}
