// What stands where the charts will be while there is nothing to draw.

import { button, progressRing } from "../../widgets/toolkit.js";
import type { EmptyText } from "./status.js";

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
