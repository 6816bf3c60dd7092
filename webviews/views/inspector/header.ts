// What tensor this is: expression, shape, dtype, device, label, the line that made it, and of which stop its values are.

import type { FromInspector, InspectedTensor } from "../../protocol.js";
import { formatBytes } from "../../chart/format.js";
import { icon } from "../../widgets/icons.js";
import { choice, make, rebuild, setOptions, setText, tool } from "./dom.js";

export interface HeaderEvents {
  send(message: FromInspector): void;
  minus(id: string | null): void;
}

/** What stands around the selected tensor. */
export interface HeaderState {
  tensor: InspectedTensor;
  /** What may be taken away, and what is. */
  comparable: readonly { id: string; label: string }[];
  minus: string | null;
  session: "none" | "running" | "stopped";
  /** Whether it is to be said that the values are old. */
  isStale: boolean;
}

/** Of which stop the values are, as one sentence; null where they are of this one. */
export function staleText(tensor: InspectedTensor, session: HeaderState["session"]): string | null {
  if (tensor.problem !== null) return tensor.problem;
  if (session === "running")
    return "The program runs. What was read at its last stop is shown; it is read anew when it stops.";
  if (session === "none") return "The program has ended. What was read at its last stop is shown.";
  return tensor.freshness === "old" ? "These values are of an earlier stop." : null;
}

export class Header {
  readonly element = make("header", "tensor-header");
  /** What can be done with the tensor. */
  readonly tools = make("div", "header-tools");
  #name = make("h1", "");
  #facts = make("span", "facts-text");
  #label = make("span", "tensor-label");
  #place = make("button", "link place");
  #more = make("span", "facts-more");
  #stale = make("p", "stale");
  #minus: HTMLSelectElement;
  #keep: HTMLButtonElement;
  #tensor: InspectedTensor | null = null;

  constructor(events: HeaderEvents) {
    this.#place.type = "button";
    this.#place.addEventListener("click", () => {
      const place = this.#tensor?.facts?.madeAt;
      if (place !== undefined && place !== null) events.send({ type: "open", place });
    });
    this.#minus = choice("Subtract another tensor, or an earlier copy", [], (id) => {
      events.minus(id === "" ? null : id);
    });
    this.#keep = tool({
      label: "Keep a copy",
      title: "Keeps the values as they are now, to compare with at later stops",
      onClick: () => {
        if (this.#tensor !== null) events.send({ type: "keep", id: this.#tensor.id });
      },
    });
    this.#stale.setAttribute("role", "status");
    this.tools.append(this.#more, this.#minus, this.#keep);
    const line = make("div", "header-line", this.#name, this.#facts, this.#label, this.#place);
    this.element.append(line, this.tools, this.#stale);
  }

  update({ tensor, comparable, minus, session, isStale }: HeaderState): void {
    this.#tensor = tensor;
    const { facts, expression } = tensor;
    const other = comparable.find(({ id }) => id === minus);
    setText(this.#name, other === undefined ? expression : `${expression} − ${other.label}`);
    this.#name.title = this.#name.textContent;
    setText(this.#facts, facts === null ? "" : `[${facts.shape.join(", ")}] ${facts.dtype} ${facts.device}`);
    const label = facts?.label ?? "";
    setText(this.#label, label);
    this.#label.hidden = label === "" || label === expression;
    this.#label.title = facts === null ? "" : `Label; it is of the category ${facts.category}`;
    const place = facts?.madeAt ?? null;
    this.#place.hidden = place === null;
    if (place !== null) {
      setText(this.#place, `${place.file.split(/[\\/]/).at(-1) ?? place.file}:${place.line}`);
      this.#place.title = `Made at ${place.file}, line ${place.line}: open it`;
    }
    this.#showMore(tensor);
    const options = [
      { value: "", text: "Compare with…" },
      ...comparable.map((one) => ({ value: one.id, text: `− ${one.label}` })),
    ];
    setOptions(this.#minus, options);
    this.#minus.value = other === undefined ? "" : other.id;
    this.#minus.hidden = comparable.length === 0;
    this.#keep.disabled = session !== "stopped" || tensor.freshness === "old" || facts === null;
    const stale = isStale || tensor.problem !== null ? staleText(tensor, session) : null;
    this.#stale.hidden = stale === null || facts === null;
    rebuild(this.#stale, stale ?? "", () => [icon("info"), make("span", "", stale ?? "")]);
  }

  #showMore({ facts }: InspectedTensor): void {
    if (facts === null) {
      setText(this.#more, "");
      return;
    }
    const strides = `strides [${facts.strides.join(", ")}]${facts.offset === 0 ? "" : ` from ${facts.offset}`}`;
    const parts = [
      formatBytes(facts.bytes) +
        (facts.storageBytes > facts.bytes ? ` of ${formatBytes(facts.storageBytes)}` : ""),
      facts.contiguous ? "contiguous" : strides,
      ...(facts.gradFn !== null ? [facts.gradFn] : facts.requiresGrad ? ["requires grad"] : []),
      `version ${facts.version}`,
    ];
    setText(this.#more, parts.join(" · "));
    this.#more.title = `${strides}; ${facts.category}; storage ${facts.storage}`;
  }
}
