// The tensors that are inspected, as tabs: pin, keep a copy, close, and a box for one more expression.

import type { FromInspector, InspectedTensor } from "../../protocol.js";
import { icon } from "../../widgets/icons.js";
import { make, rebuild, tool } from "./dom.js";

export class TensorList {
  readonly element = make("nav", "tensors");
  #tabs = make("div", "tensor-tabs");
  #box = make("input", "add-expression");
  #link: HTMLButtonElement;
  #send: (message: FromInspector) => void;
  #tensors: readonly InspectedTensor[] = [];

  constructor(send: (message: FromInspector) => void, onLink: () => void) {
    this.#send = send;
    this.element.setAttribute("aria-label", "Inspected tensors");
    this.#tabs.addEventListener("keydown", (event) => {
      this.#key(event);
    });
    this.#link = tool({
      label: "Link",
      title: "Tensors of the same shape are looked at in the same place: pan, zoom and slice go together",
      onClick: onLink,
    });
    this.#box.type = "text";
    this.#box.placeholder = "Add an expression";
    this.#box.setAttribute("aria-label", "Expression to inspect");
    this.#box.spellcheck = false;
    this.#box.addEventListener("keydown", (event) => {
      const expression = this.#box.value.trim();
      if (event.key === "Escape") this.#box.value = "";
      if (event.key !== "Enter" || expression === "") return;
      send({ type: "add", expression });
      this.#box.value = "";
    });
    this.element.append(this.#tabs, this.#box, this.#link);
  }

  update(tensors: readonly InspectedTensor[], selected: string | null, link: boolean): void {
    this.#tensors = tensors;
    this.#tabs.hidden = tensors.length === 0;
    this.#link.hidden = tensors.length < 2;
    this.#link.setAttribute("aria-pressed", String(link));
    const key = JSON.stringify([
      selected,
      tensors.map(({ id, expression, facts, freshness, problem, pinned }) => [
        ...[id, expression, facts?.shape, freshness, problem, pinned],
      ]),
    ]);
    const hadFocus = this.#tabs.contains(document.activeElement);
    rebuild(this.#tabs, key, () => tensors.map((tensor) => this.#tab(tensor, tensor.id === selected)));
    const chosen = this.#tabs.querySelector<HTMLElement>("[aria-current]");
    if (hadFocus && !this.#tabs.contains(document.activeElement)) chosen?.focus();
    if (hadFocus) chosen?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #tab(tensor: InspectedTensor, isSelected: boolean): HTMLElement {
    const { id, expression, facts, freshness, problem, pinned } = tensor;
    const shape = facts === null ? "" : `[${facts.shape.join(", ")}]`;
    const select = make(
      "button",
      "tensor-name",
      make("span", "expression", expression),
      make("span", "tensor-shape", shape),
    );
    select.type = "button";
    if (isSelected) select.setAttribute("aria-current", "true");
    select.title = problem ?? `${expression} ${shape}`;
    select.dataset["id"] = id;
    select.addEventListener("click", () => {
      this.#send({ type: "select", id });
    });
    const pin = tool({
      label: pinned ? `Unpin ${expression}` : `Pin ${expression}`,
      title: pinned
        ? "Pinned: stays at every stop until it is closed"
        : "Not pinned: the next tensor that is inspected takes its place",
      content: icon("pin"),
      onClick: () => {
        this.#send({ type: "pin", id, pinned: !pinned });
      },
    });
    pin.classList.add("tensor-pin");
    pin.setAttribute("aria-pressed", String(pinned));
    const close = tool({
      label: `Close ${expression}`,
      title: "Close (Delete)",
      content: icon("kill"),
      onClick: () => {
        this.#send({ type: "close", id });
      },
    });
    close.classList.add("tensor-close");
    const tab = make("div", "tensor-tab", select, pin, close);
    tab.classList.toggle("selected", isSelected);
    tab.classList.toggle("old", freshness === "old");
    return tab;
  }

  #key(event: KeyboardEvent): void {
    const target = event.target;
    if (!(target instanceof HTMLElement) || target.dataset["id"] === undefined) return;
    const id = target.dataset["id"];
    const at = this.#tensors.findIndex((tensor) => tensor.id === id);
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (by !== undefined) {
      const next = this.#tensors.at((at + by) % this.#tensors.length);
      if (next !== undefined) this.#send({ type: "select", id: next.id });
    } else if (event.key === "Delete") this.#send({ type: "close", id });
    else return;
    event.preventDefault();
  }
}
