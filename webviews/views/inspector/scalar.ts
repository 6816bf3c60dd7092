// The view of a tensor of no dims: its one number, large.

import type { SliceAsk } from "../../../engine/inspection.js";
import { make, setText } from "./dom.js";
import { exactText } from "./numbers.js";
import type { View, ViewContext } from "./view.js";

export class Scalar implements View {
  readonly element: HTMLElement;
  readonly canvas = null;
  note: string | null = null;
  #number = make("output", "scalar-number");

  constructor() {
    this.element = make("div", "scalar", this.#number);
    this.#number.setAttribute("aria-label", "Value");
  }

  draw({ source, answers, dtype }: ViewContext): void {
    const ask: SliceAsk & { kind: "slice" } = {
      kind: "slice",
      part: source.part,
      ...{ index: [], rowDim: null, columnDim: null, row: 0, column: 0, rows: 1, columns: 1 },
      ...{ mostRows: 1, mostColumns: 1, by: "first" },
    };
    const outcome = answers.want(source, ask);
    this.note = outcome !== null && "problem" in outcome ? outcome.problem : null;
    if (outcome === null || "problem" in outcome) return;
    const { values, number } = outcome.answer;
    const value = number === "int64" ? new BigInt64Array(values)[0] : new Float64Array(values)[0];
    setText(this.#number, value === undefined ? "–" : exactText(value, dtype));
  }
}
