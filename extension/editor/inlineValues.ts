// `x: [32, 128] float32 µ 0.01` behind the lines of a stopped training, from one question to the process at each stop.

import type { InlineValue, InlineValueContext, InlineValuesProvider, Range, TextDocument } from "vscode";
import type { Editor } from "../app.js";
import { evaluateText } from "../debug/evaluate.js";
import type { Trainings } from "../debug/trainings.js";
import { namesIn } from "./expressions.js";

/** Names asked about at a stop: the nearest above the line. */
export const mostNames = 100;
/** Lines above the stop that are looked at. */
const mostLines = 300;
const patience = 2000;
const longest = 60;

export class InlineTensors implements InlineValuesProvider {
  readonly #editor: Editor;
  readonly #trainings: Trainings;
  #asked: { key: string; texts: Promise<ReadonlyMap<string, string>> } | null = null;

  constructor(editor: Editor, trainings: Trainings) {
    this.#editor = editor;
    this.#trainings = trainings;
  }

  async provideInlineValues(
    document: TextDocument,
    viewport: Range,
    context: InlineValueContext,
  ): Promise<InlineValue[]> {
    const last = context.stoppedLocation.end.line;
    const texts = await this.#texts(document, last, context.frameId);
    const all = this.#showsAll(document);
    const values: InlineValue[] = [];
    for (
      let line = Math.max(viewport.start.line, last - mostLines, 0);
      line <= Math.min(viewport.end.line, last);
      line++
    ) {
      const told = new Set<string>();
      for (const { name, start } of namesIn(document.lineAt(line).text)) {
        if (told.has(name)) continue;
        told.add(name);
        const text = texts.get(name);
        const range = new this.#editor.Range(line, start, line, start + name.length);
        if (text !== undefined) values.push(new this.#editor.InlineValueText(range, text));
        else if (all) values.push(new this.#editor.InlineValueVariableLookup(range, name, true));
      }
    }
    return values;
  }

  /** Who wants inline values in every session gets them here too; by default the editor shows those of providers alone. */
  #showsAll(document: TextDocument): boolean {
    const wish = this.#editor.workspace.getConfiguration("debug", document.uri).get<unknown>("inlineValues");
    return wish === "on" || wish === true;
  }

  #texts(document: TextDocument, last: number, frameId: number): Promise<ReadonlyMap<string, string>> {
    const training = this.#trainings
      .all()
      .find(({ state, frames }) => state === "stopped" && frames.some(({ id }) => id === frameId));
    if (!training) return Promise.resolve(new Map());
    const { session, stops } = training;
    const key = [session.id, stops, frameId, document.uri.toString(), document.version].join(" ");
    if (this.#asked?.key !== key) {
      const names = namesAbove(document, last);
      const texts = training.answered
        .then(() => evaluateText(session, describeExpression(names), { frameId, milliseconds: patience }))
        .then((text) => readDescriptions(names, text))
        .catch(() => new Map<string, string>()); // it went on, or does not answer: no values
      this.#asked = { key, texts };
    }
    return this.#asked.texts;
  }
}

function namesAbove(document: TextDocument, last: number): string[] {
  const names = new Set<string>();
  for (let line = Math.min(last, document.lineCount - 1); line >= Math.max(0, last - mostLines); line--) {
    for (const { name } of namesIn(document.lineAt(line).text)) {
      if (names.size < mostNames) names.add(name);
    }
  }
  return [...names];
}

/** A variable that is not there, or has no value yet, is none; a description of ours has no side effect. */
function describeExpression(names: readonly string[]): string {
  const getters = names.map((name) => `() => ${name}`).join(", ");
  return `JSON.stringify([${getters}].map((get) => { try { const value = get(); return typeof value?.dtype === "string" ? value[Symbol.for("debug.description")]() : null; } catch { return null; } }))`;
}

function readDescriptions(names: readonly string[], text: string | null): Map<string, string> {
  const texts = new Map<string, string>();
  const descriptions: unknown = text === null ? [] : JSON.parse(text);
  if (!Array.isArray(descriptions)) return texts;
  names.forEach((name, k) => {
    const description = (descriptions as unknown[])[k];
    if (typeof description === "string") texts.set(name, inlineText(name, description));
  });
  return texts;
}

/** "x: [32, 128] float32 µ 0.01 4 NaN" of a tensor's whole description, whose parts stand two blanks apart. */
export function inlineText(name: string, description: string): string {
  const [title = "", ...parts] = description.split("  ");
  const head = /^\w*(\[[^\]]*\] \w+(?: \w+:\d+)?)/.exec(title)?.[1] ?? title;
  const [values = ""] = parts;
  const mean = /^(≈ )?µ \S+/.exec(values)?.[0];
  const isValue = !/^(grad|requiresGrad|[▁-█])/.test(values);
  const odd = parts.slice(1).filter((part) => /^\S+ -?(NaN|Inf)$/.test(part));
  return cut(
    `${name}: ${[head, mean ?? (isValue ? values : ""), ...odd].filter((part) => part !== "").join(" ")}`,
  );
}

function cut(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
