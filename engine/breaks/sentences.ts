// Says of a NaN or an infinity who made it or brought it along, in one sentence.

import { memoryCategories } from "../protocol.js";

/** What the core reports from within the call (native/binding/watch.cpp). */
export interface NativeHit {
  what: "NaN" | "Inf" | "written" | "allocated" | "activation";
  phase: "forward" | "backward" | "step";
  created: boolean;
  /** As a number of the call, or among a new tensor's values. */
  given: boolean;
  op: string;
  /** The op that made it, where the one called is written in others; else empty. */
  inner: string;
  names: string[];
  /** Index of the input that brought it along, or -1. */
  culprit: number;
  /** For backward: the gradient that arrived had it. */
  cameIn: boolean;
  /** Of a written tensor: which of those that are watched. */
  watched: number;
  /** Call sites: of this call (for backward, of the forward one), and of what made the culprit. */
  site: number;
  madeAt: number;
  /** Of the culprit's memory, an index of memoryCategories, or -1. */
  category: number;
}

export interface Facts {
  /** "NaN" or "infinity" or "-infinity", as the outputs have it, and how many of how many elements. */
  count: number;
  elements: number;
  /** Names of the inputs as the user knows them: "fc1.weight". */
  labels: (string | null)[];
  /** Places as text; empty where they are not known. */
  site: string;
  madeAt: string;
}

export function sentenceOf(hit: NativeHit, facts: Facts): string {
  const thing = hit.what === "NaN" ? "NaN" : "infinity";
  const share =
    facts.elements > 1
      ? ` (${facts.count.toLocaleString("en")} of ${facts.elements.toLocaleString("en")} elements)`
      : "";
  if (hit.phase === "step") return stepSentence(hit, facts, thing, share);
  if (hit.phase === "backward") return backwardSentence(hit, facts, thing, share);
  if (hit.given) return `${hit.op} was given ${thing}${share}.`;
  if (hit.created) {
    const inner = hit.inner !== "" && spoken(hit.inner) !== hit.op ? `, in its ${spoken(hit.inner)}` : "";
    return `${hit.op} created ${thing}${share}${inner}: its inputs had none.`;
  }
  const name = facts.labels[hit.culprit] ?? null;
  const argument = hit.names[hit.culprit] ?? "";
  const input = `${argument === "" ? "an input" : `input '${argument}'`}${name === null ? "" : ` (${name})`}`;
  return `${hit.op} passed on ${thing} that came in with ${input}${origin(hit, facts)}.`;
}

function origin(hit: NativeHit, { madeAt }: Facts): string {
  const at = madeAt === "" ? "" : `, made at ${madeAt}`;
  const category = memoryCategories[hit.category];
  if (category === "input") return `, a batch of data${at}`;
  if (category === "parameter") return `, a parameter${at}`;
  return at;
}

function backwardSentence(hit: NativeHit, { site }: Facts, thing: string, share: string): string {
  const forward = site === "" ? "" : ` The forward call is at ${site}.`;
  return hit.cameIn
    ? `The gradient that arrived at ${hit.op} had ${thing} already, which it passed on.${forward}`
    : `${hit.op} created ${thing}${share}: the gradient that arrived had none.${forward}`;
}

function stepSentence(hit: NativeHit, { labels }: Facts, thing: string, share: string): string {
  const name = labels[0] ?? "a parameter";
  return hit.created
    ? `The step made ${name} ${thing}${share}: its gradient was finite, so the step was too large.`
    : `The step wrote ${thing}${share} into ${name}: its gradient was not finite.`;
}

/** Rows of the table that the user knows by another name. */
function spoken(op: string): string {
  const names: Record<string, string> = { trueDivide: "div", floorDivide: "div", truncDivide: "div" };
  return names[op] ?? op.replace(/Core$/, "");
}
