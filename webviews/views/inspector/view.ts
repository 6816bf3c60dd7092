// What every way of looking at a tensor gets, and what it may do.

import type { Statistics, TensorFacts } from "../../../engine/inspection.js";
import type { ChartTheme } from "../../chart/palette.js";
import type { Readout } from "../../chart/readout.js";
import type { InspectedTensor } from "../../protocol.js";
import type { Answers } from "./answers.js";
import type { Choices, ViewName } from "./choices.js";
import type { Layers } from "./layers.js";
import type { Source } from "./model.js";
import type { Paint } from "./plane.js";

export interface InspectorTheme extends ChartTheme {
  dark: boolean;
}

export interface ViewContext {
  tensor: InspectedTensor;
  facts: TensorFacts;
  choices: Choices;
  source: Source;
  /** What elements are printed as: of a difference of bools the numbers. */
  dtype: string;
  theme: InspectorTheme;
  /** Of all elements; null until they have come. */
  statistics: Statistics | null;
  paint: Paint;
  answers: Answers;
  layers: Layers;
  /** An element to bring on screen, once for each number. */
  reveal: { number: number; row: number; column: number } | null;
}

export interface ViewHost {
  readonly readout: Readout;
  /** As they are now: two events may come between two frames. */
  readonly choices: Choices;
  choose(part: Partial<Choices>): void;
  /** Says something to those who cannot see it. */
  announce(text: string): void;
  /** Says something to everybody: what cannot be done, and why. */
  tell(text: string): void;
  /** Puts text on the clipboard. */
  copy(text: string): void;
  /** Something the view measured has changed. */
  redraw(): void;
  /** Shows the element, in the view it is in or in another. */
  goTo(index: readonly number[], view?: ViewName): void;
}

export interface View {
  readonly element: HTMLElement;
  draw(context: ViewContext): void;
  /** Why there is nothing to see, as a sentence; null where there is. */
  readonly note: string | null;
  /** The picture, for saving; null where the view has none. */
  readonly canvas: HTMLCanvasElement | null;
}
