// The slices that have been looked at: each a layer of tiles, filled by asking for what is on screen.

import type { SliceAsk } from "../../../engine/inspection.js";
import type { Answers } from "./answers.js";
import type { Source } from "./model.js";
import type { Range, Slice } from "./slicing.js";
import { Tiles, type Cells, type Steps } from "./tiles.js";

/** Slices kept: going back to one shows it at once. */
const mostLayers = 12;

export class Layer {
  /** Why cells cannot be had, as a sentence. */
  problem: string | null = null;
  /** Whether some cell is of a part of its elements. */
  sampled = false;
  #tiles = new Tiles();
  #answers: Answers;
  #source: Source;
  #slice: Slice;
  #by: SliceAsk["by"];

  constructor(answers: Answers, source: Source, slice: Slice, by: SliceAsk["by"]) {
    this.#answers = answers;
    this.#source = source;
    this.#slice = slice;
    this.#by = by;
  }

  /** The cells of these elements as far as they are known; what is missing is asked for. */
  cells(rows: Range, columns: Range, steps: Steps): Cells {
    if (this.problem === null) {
      for (const rectangle of this.#tiles.missing(rows, columns, steps)) {
        this.#tiles.setPending(rectangle, true);
        const ask: SliceAsk = {
          kind: "slice",
          part: this.#source.part,
          index: [...this.#slice.index],
          rowDim: this.#slice.rowDim,
          columnDim: this.#slice.columnDim,
          by: this.#by,
          ...rectangle,
        };
        this.#answers.fetch(this.#source, ask, (outcome) => {
          this.#tiles.setPending(rectangle, false);
          if (outcome === null) return;
          if ("problem" in outcome) this.problem = outcome.problem;
          else if (outcome.answer.kind === "slice") {
            this.#tiles.add(rectangle, outcome.answer);
            this.sampled ||= outcome.answer.sampled;
          }
        });
      }
    }
    return this.#tiles.cells(rows, columns, steps);
  }
}

export class Layers {
  #answers: Answers;
  #layers = new Map<string, Layer>();

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  of(source: Source, slice: Slice, by: SliceAsk["by"]): Layer {
    const { rowDim, columnDim } = slice;
    const index = slice.index.map((at, dim) => (dim === rowDim || dim === columnDim ? 0 : at));
    const key = [source.key, rowDim, columnDim, index.join(), by].join("|");
    const layer = this.#layers.get(key) ?? new Layer(this.#answers, source, { ...slice, index }, by);
    this.#layers.delete(key);
    this.#layers.set(key, layer);
    for (const old of this.#layers.keys()) {
      if (this.#layers.size <= mostLayers) break;
      this.#layers.delete(old);
    }
    return layer;
  }

  /** Another stop: what could not be had may be there now. */
  forgetProblems(): void {
    for (const layer of this.#layers.values()) layer.problem = null;
  }
}
