// Asks and answers: what is drawn says in each frame what it wants; what is not known is asked for, what is no longer wanted is not.

import type { Answer, Ask, Asks } from "../../../engine/inspection.js";
import type { FromInspector } from "../../protocol.js";
import type { Source } from "./model.js";

/** More are not on their way at once: the newest wish is never behind a queue of old ones. */
const mostInFlight = 6;

/** Answers kept, the newest; cells are kept by their tiles instead. */
const mostKept = 600;

export type Send = (message: FromInspector) => void;
export type Outcome<Kind extends keyof Asks> = { answer: Asks[Kind][1] } | { problem: string };

interface Wish {
  source: Source;
  ask: Ask;
  key: string;
  done: (outcome: { answer: Answer } | { problem: string } | null) => void;
}

export class Answers {
  #send: Send;
  #onChange: () => void;
  #next = 1;
  #flying = new Map<number, Wish>();
  #wishes = new Map<string, Wish>();
  #kept = new Map<string, { answer: Answer } | { problem: string }>();
  /** Whether there is anybody to ask. */
  enabled = false;

  /** `onChange` is called when something has arrived. */
  constructor(send: Send, onChange: () => void) {
    this.#send = send;
    this.#onChange = onChange;
  }

  get busy(): boolean {
    return this.#flying.size > 0 || this.#wishes.size > 0;
  }

  /** Before everything that is on screen says what it wants: wishes that were not sent are dropped. */
  begin(): void {
    for (const wish of this.#wishes.values()) wish.done(null);
    this.#wishes.clear();
  }

  /** After it. */
  end(): void {
    this.#fly();
  }

  /** The answer where it is known; null while it is not, and then it is asked for. */
  want<Kind extends keyof Asks>(source: Source, ask: Asks[Kind][0] & { kind: Kind }): Outcome<Kind> | null {
    const key = keyOf(source, ask);
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    this.#wish(source, ask, key, (outcome) => {
      if (outcome === null) return;
      this.#kept.set(key, outcome);
      for (const old of this.#kept.keys()) {
        if (this.#kept.size <= mostKept) break;
        this.#kept.delete(old);
      }
    });
    return null;
  }

  /** As `want`, for what is kept elsewhere. `done` with null: it was never asked. */
  fetch(source: Source, ask: Ask, done: Wish["done"]): void {
    this.#wish(source, ask, keyOf(source, ask), done);
  }

  /** Asks at once whatever else is going on: for what the user has called for. */
  now<Kind extends keyof Asks>(
    source: Source,
    ask: Asks[Kind][0] & { kind: Kind },
    done: (outcome: Outcome<Kind>) => void,
  ): void {
    if (!this.enabled) {
      done({ problem: "Values can be read only while the program is stopped." });
      return;
    }
    this.#sendWish({
      source,
      ask,
      key: "",
      done: (outcome) => {
        done(outcome ?? { problem: "The program went on before it answered." });
      },
    });
  }

  /** Takes an answer or a problem. One that nobody waits for, or of another kind than was asked, is dropped. */
  receive(request: number, outcome: { answer: Answer } | { problem: string }): void {
    const wish = this.#flying.get(request);
    if (wish === undefined) return;
    this.#flying.delete(request);
    const fits = "problem" in outcome || outcome.answer.kind === wish.ask.kind;
    wish.done(fits ? outcome : { problem: "The answer was not what was asked for." });
    this.#fly();
    this.#onChange();
  }

  /** Forgets what is on its way: who should answer has gone on, or may have. Problems may be gone at the next stop. */
  reset(enabled: boolean): void {
    this.enabled = enabled;
    const waiting = [...this.#flying.values(), ...this.#wishes.values()];
    this.#flying.clear();
    this.#wishes.clear();
    for (const wish of waiting) wish.done(null);
    for (const [key, kept] of this.#kept) if ("problem" in kept) this.#kept.delete(key);
  }

  #wish(source: Source, ask: Ask, key: string, done: Wish["done"]): void {
    const isOnItsWay = [...this.#flying.values()].some((wish) => wish.key === key);
    if (!this.enabled || isOnItsWay || this.#wishes.has(key)) {
      if (!isOnItsWay) done(null);
      return;
    }
    this.#wishes.set(key, { source, ask, key, done });
  }

  #fly(): void {
    for (const [key, wish] of this.#wishes) {
      if (this.#flying.size >= mostInFlight) return;
      this.#wishes.delete(key);
      this.#sendWish(wish);
    }
  }

  #sendWish(wish: Wish): void {
    const request = this.#next++;
    this.#flying.set(request, wish);
    const { id, minus } = wish.source;
    this.#send({ type: "ask", request, id, minus, ask: wish.ask });
  }
}

function keyOf(source: Source, ask: Ask): string {
  return `${source.key}\n${JSON.stringify(ask)}`;
}
