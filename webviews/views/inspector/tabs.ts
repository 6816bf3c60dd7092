// The tabs below the header: the value, the gradient, the autograd graph.

import { tabs, type Tab } from "./choices.js";
import { make, tool } from "./dom.js";

const texts: Readonly<Record<Tab, string>> = { value: "Value", grad: "Gradient", graph: "Graph" };

export class Tabs {
  readonly element = make("div", "tabs");
  #buttons = new Map<Tab, HTMLButtonElement>();
  #shown: Tab = "value";

  constructor(onChoose: (tab: Tab) => void) {
    this.element.setAttribute("role", "tablist");
    this.element.setAttribute("aria-label", "What is shown of the tensor");
    for (const tab of tabs) {
      const button = tool({
        label: texts[tab],
        title: texts[tab],
        onClick: () => {
          onChoose(tab);
        },
      });
      button.setAttribute("role", "tab");
      button.dataset["tab"] = tab;
      this.#buttons.set(tab, button);
      this.element.append(button);
    }
    this.element.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      const tab = tabs.at((tabs.indexOf(this.#shown) + by) % tabs.length)!;
      onChoose(tab);
      this.#buttons.get(tab)?.focus();
    });
  }

  update(shown: Tab): void {
    this.#shown = shown;
    for (const [tab, button] of this.#buttons) {
      button.setAttribute("aria-selected", String(tab === shown));
      button.tabIndex = tab === shown ? 0 : -1;
    }
  }
}
