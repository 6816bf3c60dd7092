// Jump to: the next NaN, the next infinity, the largest, the smallest, or an index that is typed.

import type { FindAsk } from "../../../engine/inspection.js";
import type { Answers } from "./answers.js";
import type { Choices } from "./choices.js";
import { make, tool } from "./dom.js";
import type { Source } from "./model.js";
import { exactText } from "./numbers.js";
import { indexAt, parseIndex } from "./slicing.js";
import type { ViewHost } from "./view.js";

type What = FindAsk["what"];

const targets: readonly { what: What; label: string; title: string; none: string }[] = [
  { what: "nan", label: "NaN", title: "The first NaN, then the next (N)", none: "There is no NaN." },
  {
    what: "infinity",
    label: "Inf",
    title: "The first infinity, then the next (I)",
    none: "There is no infinity.",
  },
  { what: "max", label: "Max", title: "The largest element (M)", none: "No element is finite." },
  { what: "min", label: "Min", title: "The smallest element (Shift+M)", none: "No element is finite." },
];

export class Jump {
  readonly element = make("div", "jump");
  #buttons: HTMLButtonElement[];
  #field = make("input", "jump-index");
  #host: ViewHost;
  #answers: Answers;
  #at: { source: Source; choices: Choices } | null = null;

  constructor(host: ViewHost, answers: Answers) {
    this.#host = host;
    this.#answers = answers;
    this.#buttons = targets.map(({ what, label, title }) =>
      tool({
        label,
        title,
        onClick: () => {
          this.find(what);
        },
      }),
    );
    this.#field.type = "text";
    this.#field.spellcheck = false;
    this.#field.setAttribute("aria-label", "Index to jump to");
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || this.#at === null) return;
      const index = parseIndex(this.#field.value, this.#at.source.shape);
      if (typeof index === "string") {
        this.#field.setAttribute("aria-invalid", "true");
        host.tell(index);
        return;
      }
      this.#field.removeAttribute("aria-invalid");
      host.tell("");
      host.goTo(index);
    });
    const label = make("span", "tool-label", "Go to");
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Go to an element");
    this.element.append(label, ...this.#buttons, this.#field);
  }

  update(source: Source, choices: Choices, enabled: boolean): void {
    this.#at = { source, choices };
    for (const button of this.#buttons) button.disabled = !enabled;
    this.#field.placeholder =
      source.shape.length === 0 ? "index" : source.shape.map((size) => Math.max(0, size - 1)).join(", ");
    this.#field.title = `An index of ${source.shape.length} numbers, then Enter`;
  }

  /** N, I, M and Shift+M anywhere but where one types. Whether the key was one of them. */
  key(event: KeyboardEvent): boolean {
    const { target, key } = event;
    const types = target instanceof Element && target.closest("input, select, textarea") !== null;
    const what = { n: "nan", i: "infinity", m: "max", M: "min" }[key] as What | undefined;
    if (types || event.ctrlKey || event.metaKey || event.altKey || what === undefined) return false;
    if (this.element.closest("[hidden]") !== null || this.#buttons[0]!.disabled) return false;
    this.find(what);
    return true;
  }

  /** Goes to the next of these after the cursor, from the start again where there is none after it. */
  find(what: What): void {
    if (this.#at === null) return;
    const { source, choices } = this.#at;
    const isExtreme = what === "max" || what === "min";
    const { cursor } = choices;
    const after = isExtreme || cursor === null ? null : indexAt(choices.slice, cursor.row, cursor.column);
    this.#ask(source, what, after);
  }

  #ask(source: Source, what: What, after: number[] | null): void {
    const ask: FindAsk = { kind: "find", part: source.part, what, ...(after === null ? {} : { after }) };
    this.#answers.now(source, ask, (outcome) => {
      if ("problem" in outcome) {
        this.#host.tell(outcome.problem);
        return;
      }
      const { index, value } = outcome.answer;
      if (index === null) {
        if (after !== null) this.#ask(source, what, null);
        else this.#host.tell(targets.find((target) => target.what === what)?.none ?? "There is none.");
        return;
      }
      this.#host.tell("");
      this.#host.goTo(index);
      const name = {
        nan: "NaN",
        infinity: "Infinity",
        nonFinite: "Not finite",
        max: "Maximum",
        min: "Minimum",
      }[what];
      const shown = what === "nan" || value === null ? "" : ` ${exactText(value, source.dtype)}`;
      this.#host.announce(`${name}${shown} at ${index.join(", ")}`);
    });
  }
}
