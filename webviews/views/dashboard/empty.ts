// What stands where the charts will be while there is nothing to draw.

import type { RunView } from "../../protocol.js";
import { button, progressRing } from "../../widgets/toolkit.js";

export interface EmptyText {
  title: string;
  text: string;
  /** A run is coming or under way. */
  waiting: boolean;
  /** Offers to start a training. */
  start: boolean;
}

/** @param ready whether the extension has said anything yet. */
export function emptyText(ready: boolean, run: RunView | null): EmptyText {
  if (!ready)
    return { title: "Connecting", text: "Asking the extension for the run.", waiting: true, start: false };
  if (run === null) {
    return {
      title: "No run yet",
      text: "Start a script that trains with descent: its loss, gradients and memory appear here while it runs.",
      waiting: false,
      start: true,
    };
  }
  if (run.live) {
    return {
      title: run.state === "starting" ? "The script is starting" : "Waiting for the first step",
      text: "The charts begin when the script calls backward() on a loss and step() on an optimizer.",
      waiting: run.state !== "paused",
      start: false,
    };
  }
  return {
    title: "This run recorded nothing",
    text: run.message ?? "It ended before the first optimizer step.",
    waiting: false,
    start: false,
  };
}

export class EmptyState {
  readonly element = document.createElement("section");
  #shown = "";
  #onStart: () => void;

  constructor(onStart: () => void) {
    this.#onStart = onStart;
    this.element.className = "empty";
  }

  update(content: EmptyText): void {
    const key = JSON.stringify(content);
    if (key === this.#shown) return;
    this.#shown = key;
    const title = document.createElement("h2");
    title.textContent = content.title;
    const text = document.createElement("p");
    text.textContent = content.text;
    this.element.replaceChildren(title, text);
    if (content.waiting) this.element.prepend(progressRing(content.title));
    if (content.start) {
      this.element.append(
        button({ label: "Start Training", icon: "play", appearance: "primary", onClick: this.#onStart }),
      );
    }
  }
}
