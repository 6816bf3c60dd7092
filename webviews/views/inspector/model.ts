// What the inspector knows: the tensors, which is selected, what the debugger does, and how each is looked at. No DOM.

import type { TensorFacts } from "../../../engine/inspection.js";
import type { InspectedTensor, InspectorState, ToInspector } from "../../protocol.js";
import {
  defaultChoices,
  isRecord,
  linkedPart,
  readChoices,
  readShared,
  type Choices,
  type SharedChoices,
} from "./choices.js";

/** Choices for so many tensors that are gone are remembered, should they come back. */
const mostRemembered = 40;

/** What is asked about: one part of one tensor at one stop, perhaps less another. Equal keys mean equal numbers. */
export interface Source {
  key: string;
  id: string;
  minus: string | null;
  part: "value" | "grad";
  shape: readonly number[];
  dtype: string;
}

export class InspectorModel {
  tensors: InspectedTensor[] = [];
  selectedId: string | null = null;
  session: "none" | "running" | "stopped" = "none";
  shared: SharedChoices;
  /** Until the first snapshot there is nothing to say. */
  ready = false;
  /** As they were stored, or as they are: by the tensor's id. */
  #choices = new Map<string, { shape: string; choices: Choices }>();
  #stored = new Map<string, unknown>();

  constructor(stored: unknown) {
    this.shared = readShared(null);
    this.restore(stored);
  }

  restore(stored: unknown): void {
    if (!isRecord(stored)) return;
    this.shared = readShared(stored["shared"]);
    const tensors = stored["tensors"];
    if (isRecord(tensors)) this.#stored = new Map(Object.entries(tensors));
    this.#choices.clear();
  }

  /** What a reload must not lose. */
  get state(): InspectorState {
    const tensors = new Map(this.#stored);
    for (const [id, { choices }] of this.#choices) {
      tensors.delete(id);
      tensors.set(id, choices);
    }
    return { shared: this.shared, tensors: Object.fromEntries([...tensors].slice(-mostRemembered)) };
  }

  get selected(): InspectedTensor | null {
    return this.tensors.find(({ id }) => id === this.selectedId) ?? null;
  }

  /** Whether numbers can be asked for. */
  get canAsk(): boolean {
    return this.session === "stopped";
  }

  /** Takes a message; answers and problems are not the model's. */
  receive(message: ToInspector): void {
    switch (message.type) {
      case "snapshot":
        if (!this.ready && this.#stored.size === 0 && message.state !== null) this.restore(message.state);
        this.ready = true;
        this.tensors = message.tensors;
        this.session = message.session;
        this.selectedId = message.selected ?? message.tensors[0]?.id ?? null;
        break;
      case "tensor": {
        const at = this.tensors.findIndex(({ id }) => id === message.tensor.id);
        if (at === -1) this.tensors = [...this.tensors, message.tensor];
        else this.tensors = this.tensors.with(at, message.tensor);
        this.selectedId ??= message.tensor.id;
        break;
      }
      case "session":
        this.session = message.session;
        break;
      case "select":
        this.selectedId = message.id;
        break;
      case "closed":
        this.#close(message.id);
        break;
      case "answer":
      case "problem":
    }
  }

  #close(id: string): void {
    const at = this.tensors.findIndex((tensor) => tensor.id === id);
    if (at === -1) return;
    this.tensors = this.tensors.filter((tensor) => tensor.id !== id);
    if (this.selectedId === id)
      this.selectedId = this.tensors[Math.min(at, this.tensors.length - 1)]?.id ?? null;
  }

  choicesOf(tensor: InspectedTensor): Choices {
    const shape = tensor.facts?.shape ?? [];
    const key = shape.join();
    const known = this.#choices.get(tensor.id);
    if (known?.shape === key) return known.choices;
    // Another shape at this stop: what still fits stays.
    const before: unknown = known?.choices ?? this.#stored.get(tensor.id);
    const choices = before === undefined ? this.#linkedDefault(tensor, shape) : readChoices(before, shape);
    if (known !== undefined && known.shape !== key) Object.assign(choices, { viewport: null, cursor: null });
    if (tensor.facts !== null) this.#choices.set(tensor.id, { shape: key, choices });
    return choices;
  }

  /** A tensor that comes to others of its shape is looked at as they are. */
  #linkedDefault(tensor: InspectedTensor, shape: readonly number[]): Choices {
    const choices = defaultChoices(shape);
    if (!this.shared.link) return choices;
    const other = this.#sameShape(tensor).find(({ id }) => this.#choices.has(id));
    return other === undefined ? choices : { ...choices, ...linkedPart(this.choicesOf(other)) };
  }

  /** Takes a choice for a tensor, and where they are linked for all of its shape. */
  choose(tensor: InspectedTensor, part: Partial<Choices>): void {
    const shape = (tensor.facts?.shape ?? []).join();
    const choices = { ...this.choicesOf(tensor), ...part };
    this.#choices.set(tensor.id, { shape, choices });
    if (!this.shared.link) return;
    for (const other of this.#sameShape(tensor)) {
      this.#choices.set(other.id, { shape, choices: { ...this.choicesOf(other), ...linkedPart(choices) } });
    }
  }

  #sameShape(tensor: InspectedTensor): InspectedTensor[] {
    const shape = tensor.facts?.shape.join();
    return this.tensors.filter(
      ({ id, facts }) => id !== tensor.id && facts !== null && facts.shape.join() === shape,
    );
  }

  /** What may be taken away from a tensor: others of its shape, and its own copies of earlier stops. */
  comparable(tensor: InspectedTensor): { id: string; label: string }[] {
    const others = this.#sameShape(tensor).map(({ id, expression }) => ({ id, label: expression }));
    return [...others, ...tensor.earlier];
  }

  /** What is asked about for a tab of a tensor. */
  sourceOf(tensor: InspectedTensor, part: "value" | "grad", facts: TensorFacts): Source {
    const { minus } = this.choicesOf(tensor);
    const other = minus === null ? undefined : this.tensors.find(({ id }) => id === minus);
    const isThere = minus !== null && this.comparable(tensor).some(({ id }) => id === minus);
    const stamp = `${tensor.id} ${tensor.stop} ${facts.version} ${part}`;
    return {
      key: isThere ? `${stamp} less ${minus} ${other?.stop ?? 0} ${other?.facts?.version ?? 0}` : stamp,
      id: tensor.id,
      minus: isThere ? minus : null,
      part,
      shape: facts.shape,
      dtype: facts.dtype,
    };
  }
}
