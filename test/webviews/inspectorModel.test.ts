// What the inspector knows, and what it asks, without a page.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Answer, TensorFacts } from "../../engine/inspection.js";
import type { FromInspector, InspectedTensor } from "../../webviews/protocol.js";
import { Answers } from "../../webviews/views/inspector/answers.js";
import { readChoices, readShared } from "../../webviews/views/inspector/choices.js";
import { fileName } from "../../webviews/views/inspector/exporting.js";
import { layOut } from "../../webviews/views/inspector/graphLayout.js";
import { InspectorModel, type Source } from "../../webviews/views/inspector/model.js";
import { channelsOf, montageColumns, rangeOf } from "../../webviews/views/inspector/pictures.js";
import { defaultSlice } from "../../webviews/views/inspector/slicing.js";
import { figures } from "../../webviews/views/inspector/statistics.js";

function tensor(id: string, shape: number[], part: Partial<InspectedTensor> = {}): InspectedTensor {
  const facts: TensorFacts = {
    ...{
      shape,
      dtype: "float32",
      device: "cpu",
      strides: [],
      offset: 0,
      contiguous: true,
      bytes: 0,
      storageBytes: 0,
    },
    ...{
      version: 0,
      storage: 1,
      requiresGrad: false,
      isLeaf: true,
      hasGrad: false,
      gradFn: null,
      label: null,
    },
    ...{ category: "temporary", madeAt: null },
  };
  return {
    id,
    expression: id,
    facts,
    stop: 1,
    freshness: "current",
    problem: null,
    pinned: true,
    earlier: [],
    ...part,
  };
}

function modelOf(...tensors: InspectedTensor[]): InspectorModel {
  const model = new InspectorModel(null);
  model.receive({ type: "snapshot", tensors, selected: null, session: "stopped", state: null });
  return model;
}

void describe("the model", () => {
  void test("closing the selected tensor selects its neighbour", () => {
    const model = modelOf(tensor("a", [2]), tensor("b", [2]), tensor("c", [2]));
    model.receive({ type: "select", id: "b" });
    model.receive({ type: "closed", id: "b" });
    assert.equal(model.selectedId, "c");
    model.receive({ type: "closed", id: "c" });
    assert.equal(model.selectedId, "a");
    model.receive({ type: "closed", id: "a" });
    assert.equal(model.selected, null);
  });

  void test("another shape at the next stop: what fits stays, the zoom does not", () => {
    const model = modelOf(tensor("a", [4, 8, 8]));
    const before = model.selected!;
    const slice = { ...defaultSlice([4, 8, 8]), index: [3, 0, 0] };
    model.choose(before, { slice, view: "table", viewport: { row: 1, column: 1, width: 9, height: 9 } });
    model.receive({ type: "tensor", tensor: tensor("a", [2, 8, 8], { stop: 2 }) });
    const after = model.choicesOf(model.selected!);
    assert.deepEqual([after.view, after.slice.index[0], after.viewport], ["table", 1, null]);
  });

  void test("the state survives, and a broken one is left aside piece by piece", () => {
    const model = modelOf(tensor("a", [4, 8]));
    model.choose(model.selected!, { view: "histogram", bins: 30 });
    const again = new InspectorModel(JSON.parse(JSON.stringify(model.state)));
    again.receive({
      type: "snapshot",
      tensors: [tensor("a", [4, 8])],
      selected: "a",
      session: "stopped",
      state: null,
    });
    assert.equal(again.choicesOf(again.selected!).view, "histogram");
    const broken = {
      view: "nonsense",
      slice: { index: ["x"] },
      bins: -1,
      viewport: { row: 0 },
      tab: "grad",
      limits: 7,
    };
    const choices = readChoices(broken, [4, 8]);
    assert.deepEqual([choices.view, choices.tab, choices.bins, choices.viewport], [null, "grad", 60, null]);
    assert.deepEqual(readShared("no"), { palette: "auto", link: true });
  });

  void test("an answer's key changes with the stop, the version and what is taken away", () => {
    const model = modelOf(tensor("a", [4]), tensor("b", [4]));
    const [a] = model.tensors as [InspectedTensor];
    const key = (): string => model.sourceOf(model.tensors[0]!, "value", model.tensors[0]!.facts!).key;
    const keys = [key()];
    model.choose(a, { minus: "b" });
    keys.push(key());
    model.receive({ type: "tensor", tensor: tensor("b", [4], { stop: 2 }) });
    keys.push(key());
    model.receive({ type: "tensor", tensor: tensor("a", [4], { stop: 2 }) });
    keys.push(key());
    assert.equal(new Set(keys).size, 4);
    model.receive({ type: "closed", id: "b" });
    assert.equal(model.sourceOf(model.tensors[0]!, "value", model.tensors[0]!.facts!).minus, null);
  });
});

void describe("asks", () => {
  const source: Source = { key: "k", id: "a", minus: null, part: "value", shape: [4], dtype: "float32" };
  const statistics = { kind: "statistics", part: "value" } as const;
  const make = (): { answers: Answers; sent: Extract<FromInspector, { type: "ask" }>[] } => {
    const sent: Extract<FromInspector, { type: "ask" }>[] = [];
    const answers = new Answers(
      (message) => {
        if (message.type === "ask") sent.push(message);
      },
      () => undefined,
    );
    answers.enabled = true;
    return { answers, sent };
  };
  const find: Answer = { kind: "find", index: null, value: null };

  void test("what is wanted again is asked once; what is no longer wanted is not asked", () => {
    const { answers, sent } = make();
    for (let frame = 0; frame < 3; frame++) {
      answers.begin();
      answers.want(source, statistics);
      for (let dim = 0; dim < 20; dim++) {
        answers.want(source, { kind: "channels", part: "value", dim: dim + frame * 100, first: 0, most: 1 });
      }
      answers.end();
    }
    assert.equal(sent.filter(({ ask }) => ask.kind === "statistics").length, 1);
    assert.equal(sent.length, 6);
    answers.begin();
    answers.end();
    answers.receive(sent[0]!.request, { problem: "no" });
    assert.equal(sent.length, 6);
  });

  void test("a problem is kept until the next stop, an answer of another kind is one", () => {
    const { answers, sent } = make();
    const want = (): unknown => {
      answers.begin();
      const outcome = answers.want(source, statistics);
      answers.end();
      return outcome;
    };
    assert.equal(want(), null);
    answers.receive(sent[0]!.request, { answer: find });
    assert.deepEqual(want(), { problem: "The answer was not what was asked for." });
    assert.equal(sent.length, 1);
    answers.reset(true);
    assert.equal(want(), null);
    assert.equal(sent.length, 2);
  });

  void test("nobody to ask: nothing is sent, and who called for it is told", () => {
    const { answers, sent } = make();
    answers.reset(false);
    const told: unknown[] = [];
    answers.begin();
    answers.want(source, statistics);
    answers.end();
    answers.now(source, { kind: "find", part: "value", what: "nan" }, (outcome) => told.push(outcome));
    assert.equal(sent.length, 0);
    assert.match(JSON.stringify(told), /only while the program is stopped/);
  });

  void test("the program goes on before it has answered", () => {
    const { answers, sent } = make();
    const told: unknown[] = [];
    answers.now(source, { kind: "find", part: "value", what: "nan" }, (outcome) => told.push(outcome));
    answers.reset(false);
    assert.match(JSON.stringify(told), /went on before it answered/);
    answers.receive(sent[0]!.request, { answer: find }); // too late: dropped
    assert.equal(told.length, 1);
  });
});

void describe("pictures, graphs, names", () => {
  void test("channels: guessed, chosen, or none", () => {
    const of = (shape: number[], chosen: number | null | "guess"): unknown =>
      channelsOf(shape, defaultSlice(shape), chosen);
    assert.deepEqual(of([3, 9, 9], "guess"), { dim: 0, count: 3 });
    assert.deepEqual(of([9, 9, 4], "guess"), { dim: 2, count: 4 });
    assert.deepEqual(of([12, 9, 9], "guess"), { dim: null, count: 1 });
    assert.deepEqual(of([12, 9, 9], 0), { dim: 0, count: 4 });
    assert.deepEqual(of([3, 9, 9], null), { dim: null, count: 1 });
  });

  void test("black and white: bytes, fractions, or the values' own range", () => {
    const between = (min: number, max: number): never => ({ min, max }) as never;
    assert.deepEqual(rangeOf("guess", "uint8", between(0, 1)), { low: 0, high: 255 });
    assert.deepEqual(rangeOf("guess", "float32", between(0, 200)), { low: 0, high: 255 });
    assert.deepEqual(rangeOf("guess", "float32", between(0, 0.9)), { low: 0, high: 1 });
    assert.deepEqual(rangeOf("guess", "float32", between(-2, 3)), { low: -2, high: 3 });
    assert.equal(montageColumns(64, 1, 800, 800, 0), 8);
    assert.equal(montageColumns(10, 1, 1000, 100, 0), 10);
  });

  void test("in a graph every line goes down, also around what is used twice", () => {
    const node = (id: number, next: number[]): never =>
      ({ id, name: `Op${id}`, shape: null, label: null, madeAt: null, next }) as never;
    const { nodes, lines } = layOut([
      node(1, [2, 4]),
      node(2, [3]),
      node(3, [4]),
      node(4, []),
      node(5, [99]),
    ]);
    assert.equal(nodes.length, 5);
    assert.equal(lines.length, 4);
    for (const { from, to } of lines) assert.ok(from.y < to.y, `${from.node.name} to ${to.node.name}`);
    assert.deepEqual(layOut([]).nodes, []);
    assert.equal(layOut([node(1, [2]), node(2, [1])]).nodes.length, 2); // a circle is survived
  });

  void test("file names that every file system takes; statistics with their marks", () => {
    assert.equal(fileName("this.fc1.weight", "grad"), "fc1.weight.grad");
    assert.equal(fileName("x[0] / y", "value"), "x-0-y");
    assert.equal(fileName("...", "value"), "tensor");
    const statistics = {
      ...{ count: 1000, nan: 2, positiveInfinity: 0, negativeInfinity: 0, zeros: 250 },
      ...{ min: -1, max: 1, mean: 0.5, std: 0.25, norm: 9, sampled: true },
    };
    const shown = Object.fromEntries(figures(statistics).map(({ name, text }) => [name, text]));
    assert.deepEqual(
      [shown["mean"], shown["zeros"], shown["NaN"], shown["+Inf"]],
      ["≈ 0.5", "≈ 25 %", "≈ 2", "0"],
    );
  });
});
