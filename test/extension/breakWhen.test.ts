// The Break When view: what is checked and asked for is kept, told to trainings under the debugger, and shown.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Memento, TreeCheckboxChangeEvent } from "vscode";
import type { BreakConditions } from "../../engine/breaks/conditions.js";
import type { Editor } from "../../extension/app.js";
import { askCondition } from "../../extension/debug/askCondition.js";
import { BreakWhen } from "../../extension/debug/breakWhen.js";
import { BreakWhenView, whyStopped, type BreakNode } from "../../extension/debug/breakWhenView.js";
import type { Trainings } from "../../extension/debug/trainings.js";
import type { Run, RunRegistry } from "../../extension/runs/registry.js";
import { record } from "./records.js";

class TreeItem {
  label: string;
  checkboxState?: number;
  contextValue?: string;
  constructor(label: string) {
    this.label = label;
  }
}

/** An editor that answers questions from a list; null: the user leaves. */
function editorThatSays(answers: (string | null)[]): { editor: Editor; refused: string[] } {
  const refused: string[] = [];
  const window = {
    showQuickPick: (items: { label: string }[]) =>
      Promise.resolve(
        items.find(({ label }) => label === answers[0]) && items[labelled(items, answers.shift())],
      ),
    showInputBox: ({
      value,
      validateInput,
    }: {
      value: string;
      validateInput: (text: string) => string | null;
    }) => {
      const answer = answers.shift();
      if (answer === undefined) return Promise.resolve(value);
      if (answer === null) return Promise.resolve(undefined);
      const problem = validateInput(answer);
      if (problem !== null) refused.push(problem);
      return Promise.resolve(problem === null ? answer : undefined);
    },
  };
  const states = { Unchecked: 0, Checked: 1 };
  return { editor: { window, TreeItem, TreeItemCheckboxState: states } as unknown as Editor, refused };
}
const labelled = (items: { label: string }[], label: string | null | undefined): number =>
  items.findIndex((item) => item.label === label);

function open(live: Partial<Run["record"]>[] = []) {
  const stored = new Map<string, unknown>();
  const memory = {
    get: (key: string) => stored.get(key),
    update: (key: string, value: unknown) => Promise.resolve(void stored.set(key, structuredClone(value))),
  } as unknown as Memento;
  const told: [string, BreakConditions][] = [];
  const runs = {
    all: () => live.map((changes) => ({ folder: `/w/${changes.id!}`, record: record(changes) })),
    breakWhen: (run: Run, conditions: BreakConditions) => {
      told.push([run.record.id, conditions]);
      return Promise.resolve();
    },
  } as unknown as RunRegistry;
  const breakWhen = new BreakWhen(memory, runs);
  const { editor } = editorThatSays([]);
  const view = new BreakWhenView(editor, breakWhen);
  const rows = (): string[] =>
    view.getChildren().map((node) => {
      const item = view.getTreeItem(node) as unknown as TreeItem;
      return `${item.checkboxState === 1 ? "x" : "-"} ${item.label}`;
    });
  return { breakWhen, view, rows, told, memory, runs };
}

/** Of the user's, on check boxes: 1 is checked. */
const clicks = (items: [BreakNode, number][]) => ({ items }) as unknown as TreeCheckboxChangeEvent<BreakNode>;

test("check boxes are kept for the workspace and told to live trainings under the debugger alone", async () => {
  const { breakWhen, view, rows, told, memory, runs } = open([
    { id: "debugged", state: "running", debugged: true },
    { id: "plain", state: "running" },
    { id: "over", state: "finished", debugged: true },
  ]);
  assert.deepEqual(rows(), ["- First NaN", "- First infinity"]);
  const items: [BreakNode, number][] = [[{ what: "nan" }, 1]];
  await view.changed(clicks(items));
  await breakWhen.put({ kind: "lossAbove", value: 10 });
  assert.deepEqual(rows(), ["x First NaN", "- First infinity", "x Loss above 10"]);
  assert.deepEqual(told, [
    ["debugged", { nan: true, infinity: false, conditions: [] }],
    ["debugged", { nan: true, infinity: false, conditions: [{ kind: "lossAbove", value: 10 }] }],
  ]);

  const off: [BreakNode, number][] = [[{ what: "condition", at: 0 }, 0]];
  await view.changed(clicks(off));
  assert.deepEqual(breakWhen.conditions.conditions, []);
  const again = new BreakWhen(memory, runs);
  assert.deepEqual(again.kept, {
    ...{ nan: true, infinity: false },
    conditions: [{ condition: { kind: "lossAbove", value: 10 }, enabled: false }],
  });
  await breakWhen.remove(0);
  assert.deepEqual(rows(), ["x First NaN", "- First infinity"]);
});

test("a condition is asked for, checked as it is typed, and changed in its place", async () => {
  const memory = editorThatSays(["Memory above…", "cuda:0", "1.5 GiB"]);
  const condition = await askCondition(memory.editor);
  assert.deepEqual(condition, { kind: "memory", device: "cuda:0", bytes: 1.5 * 1024 ** 3 });
  const changed = await askCondition(editorThatSays(["cpu", "512 MiB"]).editor, condition);
  assert.deepEqual(changed, { kind: "memory", device: "cpu", bytes: 512 * 1024 ** 2 });
  // What it was is offered, and stays where nothing else is typed.
  assert.deepEqual(await askCondition(editorThatSays([]).editor, changed), changed);

  const wrong = editorThatSays(["Loss above…", "much"]);
  assert.equal(await askCondition(wrong.editor), undefined);
  assert.deepEqual(wrong.refused, ["Give a number, such as 0.5 or 1e3."]);
  assert.equal(await askCondition(editorThatSays(["Loss above…", null]).editor), undefined);
  const line = await askCondition(editorThatSays(["A line takes memory…", "src/train.ts:12"]).editor);
  assert.deepEqual(line, { kind: "allocation", file: "src/train.ts", line: 12 });
});

test("what was kept by another version is left out where it is none", () => {
  const kept = { nan: true, conditions: [{ condition: { kind: "gone" }, enabled: true }, 3] };
  const memory = { get: () => kept } as unknown as Memento;
  assert.deepEqual(new BreakWhen(memory, open().runs).conditions, {
    nan: true,
    infinity: false,
    conditions: [],
  });
});

test("why a training stands is the name of the frame in the file that stops", () => {
  const frame = (name: string, file: string) => ({ id: 1, name, file, line: 1, isDim: false });
  const standing = (file: string) =>
    ({
      all: () => [{ state: "stopped", frames: [frame("log created infinity.", file)] }],
    }) as unknown as Trainings;
  assert.equal(whyStopped(standing("/x/dist/engine/breakpoint.mjs")), "log created infinity.");
  assert.equal(whyStopped(standing("/project/train.ts")), undefined);
});
