// The list of gestures and keys, behind a question mark.

import { icon } from "../../widgets/icons.js";
import { make } from "./dom.js";

const gestures: readonly (readonly [string, string])[] = [
  ["Wheel, or + and −", "zoom"],
  ["Drag, or Shift+arrows", "move what is on screen"],
  ["Shift+wheel, Alt+wheel", "move across, move down"],
  ["Double-click, or 0", "show the whole slice"],
  ["Arrow keys, Home, End", "go from cell to cell"],
  ["Ctrl+arrows, Page Up, Page Down", "go far"],
  ["[ and ]", "another index of the first dim that is not shown"],
  ["N, I", "the next NaN, the next infinity"],
  ["M, Shift+M", "the largest, the smallest element"],
  ["Shift+arrows, Ctrl+C in the table", "select and copy values"],
  ["Drag a dim's name onto another", "exchange what they are shown as"],
  ["Drag the ends of the colour bar", "change where the colours end"],
];

export function help(): HTMLElement {
  const summary = make("summary", "tool", icon("question"));
  summary.setAttribute("aria-label", "Mouse and keys");
  summary.title = "Mouse and keys";
  const list = make("dl", "");
  for (const [gesture, effect] of gestures) list.append(make("dt", "", gesture), make("dd", "", effect));
  const details = make("details", "inspector-help", summary, list);
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    summary.focus();
  });
  details.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && details.contains(event.relatedTarget))) details.open = false;
  });
  return details;
}
