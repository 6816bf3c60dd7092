// The dims of a tensor as chips: each is shown as rows or columns, over a range, or stands at an index.

import { make, tool } from "./dom.js";
import { parseRange, roleOf, withIndex, withRole, type Range, type Role, type Slice } from "./slicing.js";

const roles: readonly { value: Role; text: string }[] = [
  { value: "rows", text: "rows" },
  { value: "columns", text: "columns" },
  { value: "index", text: "at" },
];

export class Dims {
  readonly element = make("div", "dims");
  #onChange: (slice: Slice) => void;
  #onProblem: (message: string) => void;
  #shape: readonly number[] = [];
  #slice: Slice | null = null;
  #chips: Chip[] = [];

  constructor(onChange: (slice: Slice) => void, onProblem: (message: string) => void) {
    this.#onChange = onChange;
    this.#onProblem = onProblem;
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Which dims are shown");
  }

  update(shape: readonly number[], slice: Slice): void {
    if (shape.join() !== this.#shape.join()) {
      this.#shape = shape;
      this.#chips = shape.map((size, dim) => this.#chip(dim, size));
      this.element.replaceChildren(...this.#chips.map(({ element }) => element));
    }
    this.#slice = slice;
    this.element.hidden = shape.length === 0;
    for (const chip of this.#chips) chip.update(slice);
  }

  /** Known at once: another change may come before the next frame. */
  #change(slice: Slice): void {
    this.#slice = slice;
    this.#onChange(slice);
  }

  #chip(dim: number, size: number): Chip {
    const current = (): Slice => this.#slice!;
    return new Chip(dim, size, {
      role: (role) => {
        const next = withRole(current(), dim, role);
        if (next !== current()) this.#change(next);
        else {
          this.#onProblem("At least one dim is shown as rows or as columns.");
          this.update(this.#shape, next); // the list of roles has already changed
        }
      },
      swap: (other) => {
        const role = roleOf(current(), other);
        this.#change(withRole(current(), dim, role));
      },
      index: (at) => {
        this.#change(withIndex(current(), this.#shape, dim, at));
      },
      range: (text) => {
        const range = parseRange(text, size);
        if (typeof range === "string") this.#onProblem(range);
        else this.#change(withRange(current(), dim, range));
      },
    });
  }
}

function withRange(slice: Slice, dim: number, range: Range | null): Slice {
  return roleOf(slice, dim) === "rows" ? { ...slice, rowRange: range } : { ...slice, columnRange: range };
}

interface ChipEvents {
  role(role: Role): void;
  /** Another chip was dropped onto this one: they exchange what they are. */
  swap(other: number): void;
  index(at: number): void;
  range(text: string): void;
}

class Chip {
  readonly element = make("div", "dim");
  #dim: number;
  #size: number;
  #role = make("select", "dim-role");
  #number = make("input", "dim-number");
  #slider = make("input", "dim-slider");
  #range = make("input", "dim-range");
  #index = make("span", "dim-index");

  constructor(dim: number, size: number, events: ChipEvents) {
    this.#dim = dim;
    this.#size = size;
    const name = make("span", "dim-name", `dim ${dim}`);
    const length = make("span", "dim-size", String(size));
    length.title = `${size} ${size === 1 ? "index" : "indices"}`;
    for (const { value, text } of roles) {
      const option = make("option", "", text);
      option.value = value;
      this.#role.append(option);
    }
    this.#role.setAttribute("aria-label", `Dim ${dim} is shown as`);
    this.#role.addEventListener("change", () => {
      events.role(this.#role.value as Role);
    });
    this.#number.type = "number";
    this.#number.min = "0";
    this.#number.max = String(Math.max(0, size - 1));
    this.#number.setAttribute("aria-label", `Index of dim ${dim}`);
    this.#number.addEventListener("input", () => {
      if (this.#number.value !== "") events.index(Number(this.#number.value));
    });
    this.#slider.type = "range";
    this.#slider.min = "0";
    this.#slider.max = String(Math.max(0, size - 1));
    this.#slider.setAttribute("aria-label", `Slider for the index of dim ${dim}`);
    this.#slider.addEventListener("input", () => {
      events.index(Number(this.#slider.value));
    });
    this.#range.type = "text";
    this.#range.placeholder = "all";
    this.#range.title = "A part of the dim, such as 10:20; empty: all of it";
    this.#range.setAttribute("aria-label", `Range of dim ${dim}`);
    this.#range.addEventListener("change", () => {
      events.range(this.#range.value);
    });
    const step = (by: number): HTMLButtonElement => {
      const button = tool({
        label: by > 0 ? `Next index of dim ${dim}` : `Index of dim ${dim} before`,
        title: by > 0 ? "Next ( ] )" : "Before ( [ )",
        content: by > 0 ? "+" : "−",
        onClick: () => {
          events.index(Number(this.#number.value) + by);
        },
      });
      button.classList.add("dim-step");
      return button;
    };
    this.#index.append(step(-1), this.#number, step(1), this.#slider);
    this.element.append(name, length, this.#role, this.#index, this.#range);
    this.element.addEventListener(
      "wheel",
      (event) => {
        if (this.#index.hidden) return;
        event.preventDefault();
        events.index(Number(this.#number.value) + Math.sign(event.deltaY || event.deltaX));
      },
      { passive: false },
    );
    this.#drag(name, events);
  }

  /** The name is the handle: dropped on another chip, they exchange what they are. */
  #drag(name: HTMLElement, events: ChipEvents): void {
    name.draggable = true;
    name.title = "Drag onto another dim to exchange the two";
    name.addEventListener("dragstart", (event) => {
      event.dataTransfer?.setData("text/descent-dim", String(this.#dim));
    });
    this.element.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("text/descent-dim") !== true) return;
      event.preventDefault();
      this.element.classList.add("target");
    });
    this.element.addEventListener("dragleave", () => {
      this.element.classList.remove("target");
    });
    this.element.addEventListener("drop", (event) => {
      this.element.classList.remove("target");
      const other = event.dataTransfer?.getData("text/descent-dim") ?? "";
      if (other === "" || Number(other) === this.#dim) return;
      event.preventDefault();
      events.swap(Number(other));
    });
  }

  update(slice: Slice): void {
    const role = roleOf(slice, this.#dim);
    this.element.dataset["role"] = role;
    this.#role.value = role;
    this.#index.hidden = role !== "index";
    this.#range.hidden = role === "index" || this.#size <= 1;
    this.#slider.hidden = this.#size <= 1;
    const at = String(slice.index[this.#dim] ?? 0);
    if (this.#number.value !== at) this.#number.value = at;
    if (this.#slider.value !== at) this.#slider.value = at;
    const range = role === "rows" ? slice.rowRange : slice.columnRange;
    const text = range === null ? "" : `${range.from}:${range.to}`;
    if (document.activeElement !== this.#range) this.#range.value = text;
  }
}
