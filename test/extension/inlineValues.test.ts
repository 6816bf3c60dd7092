// Which expressions stand in code, and what is written behind the lines of a stopped training.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { InlineValueContext, Range, TextDocument } from "vscode";
import { expressionAt, namesIn } from "../../extension/editor/expressions.js";
import { HoveredExpression } from "../../extension/editor/hover.js";
import { inlineText, InlineTensors, mostNames } from "../../extension/editor/inlineValues.js";
import { FakeDebugger, FakeProcess, FakeSession } from "./fakeDebugger.js";

test("the expression under the mouse is the whole chain up to the word, and never one with a call", () => {
  // ^ is where the mouse is.
  const cases: [line: string, found: string | null][] = [
    ["const y = this.fc1.wei^ght.sum();", "this.fc1.weight"],
    ["const y = this.f^c1.weight.sum();", "this.fc1"],
    ["const y = th^is.fc1.weight;", "this"],
    ["x.gr^ad", "x.grad"],
    ["x.grad!.no^rm", "x.grad.norm"],
    ["layers[0].bi^as", "layers[0].bias"],
    ["layers[0].weight.gr^ad!", "layers[0].weight.grad"],
    ["layers[i^].bias", "i"],
    ["la^yers[0].bias", "layers"],
    ['params["fc1.weight"].gr^ad', 'params["fc1.weight"].grad'],
    ["a?.b?.[1].c^", "a?.b?.[1].c"],
    ["this.#wei^ght", "this.#weight"],
    ["[...lay^ers]", "layers"],
    ["model.forward(x).su^m", null],
    ["layers[next()].bi^as", null],
    ["(a).b^", null],
    ["ret^urn x", null],
    ["1^2", null],
    ["  ^", null],
  ];
  for (const [marked, text] of cases) {
    const found = expressionAt(marked.replace("^", ""), marked.indexOf("^"));
    assert.equal(found?.text ?? null, text, marked);
  }
});

test("the range of a hover is that of the expression", () => {
  const debug = new FakeDebugger(() => ({
    EvaluatableExpression: class {
      readonly range: unknown;
      readonly expression: string;
      constructor(range: unknown, expression: string) {
        this.range = range;
        this.expression = expression;
      }
    },
  }));
  const document = { lineAt: () => ({ text: "  y = x.grad!.norm;" }) } as unknown as TextDocument;
  const at = new debug.editor.Position(4, 15);
  const found = new HoveredExpression(debug.editor).provideEvaluatableExpression(document, at)!;
  assert.equal(found.expression, "x.grad.norm");
  assert.deepEqual(
    [found.range.start.character, found.range.end.character, found.range.start.line],
    [6, 18, 4],
  );
});

test("names are variables: no members, keywords, functions that are called, nor what stands in texts and comments", () => {
  const names = (line: string): string =>
    namesIn(line)
      .map(({ name }) => name)
      .join(" ");
  assert.equal(names("const y = this.fc1.forward(x).add(b[k]); // z"), "y x b k");
  assert.equal(names('const s = `a ${x} b`, t = \'u\', v = "w\\"q";'), "s x t v");
  assert.equal(names(" * a comment about x"), "");
  assert.equal(names("for (const [k, batch] of loader) total += batch.loss;"), "k batch loader total batch");
});

test("behind a line stands what matters first", () => {
  const cases: [description: string, text: string][] = [
    ["Tensor[32, 128] float32  µ 0.01 σ 0.99  [-3.1 … 3]  grad |g| 2e-3  ▁▃▇▅▂", "[32, 128] float32 µ 0.01"],
    [
      "Tensor[4] float32 cuda:0  ≈ µ 1.5 σ 0.5  [1 … 2]  1 NaN  1 Inf",
      "[4] float32 cuda:0 ≈ µ 1.5 1 NaN 1 Inf",
    ],
    ["Tensor[10] int64  [0 … 9]  █▅▅▅▅▅▅█", "[10] int64 [0 … 9]"],
    ["Tensor[] float32  0.3567", "[] float32 0.3567"],
    ["Tensor[2] float32  all NaN", "[2] float32 all NaN"],
    ["Parameter[2, 2] float32 fc1.weight  grad |g| 0.1", "[2, 2] float32"],
    ["Tensor[0, 4] float32  empty", "[0, 4] float32 empty"],
  ];
  for (const [description, text] of cases) assert.equal(inlineText("x", description), `x: ${text}`);
  assert.equal(inlineText("x".repeat(80), "Tensor[2] int64").length, 60);
});

/** A stopped training, a document, and what the provider writes into it. */
function stopped(lines: string[], settings: Record<string, unknown> = {}) {
  const debug = new FakeDebugger((api) => ({
    InlineValueText: class {
      readonly text: string;
      readonly line: number;
      constructor(range: Range, text: string) {
        this.text = text;
        this.line = range.start.line;
      }
    },
    InlineValueVariableLookup: class {
      readonly text: string;
      readonly line: number;
      constructor(range: Range, name: string) {
        this.text = `lookup ${name}`;
        this.line = range.start.line;
      }
    },
    workspace: { ...api.workspace, getConfiguration: () => ({ get: (key: string) => settings[key] }) },
  }));
  const session = new FakeSession("a", new FakeProcess(1, "a"));
  debug.start(session);
  const document = {
    ...{ uri: debug.editor.Uri.file("/project/train.ts"), version: 1, lineCount: lines.length },
    lineAt: (line: number) => ({ text: lines[line]! }),
  } as unknown as TextDocument;
  const provider = new InlineTensors(debug.editor, debug.trainings);
  const values = async (
    frameId: number,
    line: number,
    from = 0,
    to = lines.length - 1,
  ): Promise<string[]> => {
    const stoppedLocation = new debug.editor.Range(line, 0, line, 0);
    const context: InlineValueContext = { frameId, stoppedLocation };
    const found = await provider.provideInlineValues(
      document,
      new debug.editor.Range(from, 0, to, 0),
      context,
    );
    return (found as unknown as { text: string; line: number }[]).map(
      (value) => `${value.line} ${value.text}`,
    );
  };
  const questions = () => session.process.evaluated.filter(({ frameId }) => frameId !== undefined).length;
  return { debug, session, values, questions };
}

const lines = ["const x = data;", "const y = x.add(step);", "y.backward();", "const later = y;"];

test("tensors above the stopped line are told, from one question a stop, whatever is scrolled", async () => {
  const { debug, session, values, questions } = stopped(lines);
  session.process.descriptions
    .set("x", "Tensor[2] float32  µ 1 σ 0  [1 … 1]")
    .set("y", "Tensor[] float32  3");
  const frame = debug.stopAndShow(session);
  assert.deepEqual(await values(frame, 2), [
    "0 x: [2] float32 µ 1",
    "1 y: [] float32 3",
    "1 x: [2] float32 µ 1",
    "2 y: [] float32 3",
  ]);
  assert.deepEqual(await values(frame, 2, 2, 3), ["2 y: [] float32 3"]);
  assert.equal(questions(), 1);
  debug.continue(session);
  assert.deepEqual(await values(frame, 2), [], "the process runs");
  session.process.descriptions.set("y", "Tensor[] float32  2");
  assert.deepEqual(await values(debug.stopAndShow(session), 2, 2), ["2 y: [] float32 2"]);
  assert.equal(questions(), 2);
});

test("who wants inline values of every variable gets those of the others too", async () => {
  const { debug, session, values } = stopped(lines, { inlineValues: "on" });
  session.process.descriptions.set("x", "Tensor[2] float32");
  const told = await values(debug.stopAndShow(session), 1);
  assert.deepEqual(told, [
    "0 x: [2] float32",
    "0 lookup data",
    "1 lookup y",
    "1 x: [2] float32",
    "1 lookup step",
  ]);
});

test("a long file asks about the nearest names alone, and a process that fails to answer writes nothing", async () => {
  const many = Array.from({ length: 250 }, (_, k) => `const v${k} = 0;`);
  const { debug, session, values } = stopped(many);
  session.process.descriptions.set("v200", "Tensor[2] float32").set("v9", "Tensor[2] float32");
  assert.deepEqual(await values(debug.stopAndShow(session), 240), ["200 v200: [2] float32"]);
  const asked = session.process.evaluated.at(-1)!.expression;
  assert.equal(asked.match(/\(\) => v/g)?.length, mostNames);
  session.hasEnded = true;
  assert.deepEqual(await values(debug.stopAndShow(session), 240), []);
});
