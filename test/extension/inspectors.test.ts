// The inspector's panel over a debugger and processes that the test holds in its hand: what it shows at each stop, and what it lets go.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, test } from "node:test";
import type { ExtensionContext, WebviewPanel } from "vscode";
import type { Answer, Ask } from "../../engine/inspection.js";
import { Inspectors } from "../../extension/panels/inspectors.js";
import { RunRegistry } from "../../extension/runs/registry.js";
import type { InspectedTensor, ToInspector } from "../../webviews/protocol.js";
import { facts, FakeDebugger, FakeProcess, FakeSession } from "./fakeDebugger.js";
import { Panel } from "./fakePanel.js";
import { record, until } from "./records.js";

const home = mkdtempSync(`${tmpdir()}/descent-inspectors-`);
after(() => {
  rmSync(home, { recursive: true });
});

const statistics: Ask = { kind: "statistics", part: "value" };
const slice: Ask = {
  ...{ kind: "slice", part: "value", index: [0, 0], rowDim: 0, columnDim: 1 },
  ...{ row: 0, column: 0, rows: 32, columns: 128, mostRows: 32, mostColumns: 128, by: "first" },
};

interface WindowOptions {
  memory?: Record<string, unknown>;
  /** What a run's monitor answers. */
  answer?: (pin: number, ask: Ask) => Promise<Answer>;
}

/** A window with two trainings, runs "a" (process 1) and "b" (process 2), both live. */
async function open({ memory = {}, answer }: WindowOptions = {}) {
  const asked: { run: string; pin: number; ask: Ask }[] = [];
  const released: number[] = [];
  const found: Answer = { kind: "find", index: null, value: null };
  const records = new Map(
    ["a", "b"].map((id, k) => [`${home}/.descent/runs/${id}`, record({ id, pid: k + 1 })]),
  );
  const unasked = () => Promise.reject(new Error("not asked for"));
  const runs = new RunRegistry({
    list: () => Promise.resolve([...records.keys()]),
    read: (folder) => Promise.resolve(records.get(folder) ?? null),
    connect: ({ id: run }) =>
      Promise.resolve({
        ...{ control: unasked, rename: unasked, breakWhen: unasked },
        inspect: (pin: number, ask: Ask) => {
          asked.push({ run, pin, ask });
          return answer?.(pin, ask) ?? Promise.resolve(found);
        },
        release: (pins: number[]) => Promise.resolve(void released.push(...pins)),
        onChanged: () => undefined,
        onFlushed: () => undefined,
        onClosed: () => undefined,
        dispose: () => undefined,
      }),
    kill: () => Promise.resolve(false),
    rename: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  });
  await runs.setRoots([home]);
  const panels: Panel[] = [];
  const copied: string[] = [];
  let restore: (panel: WebviewPanel) => Promise<void> = () => Promise.resolve();
  const debug = new FakeDebugger((api) => ({
    Uri: Object.assign(api.Uri, { joinPath: (_: unknown, path: string) => api.Uri.file(path) }),
    env: { clipboard: { writeText: (text: string) => Promise.resolve(void copied.push(text)) } },
    window: {
      ...api.window,
      createWebviewPanel: (_type: string, title: string) => {
        const panel = new Panel(title);
        panels.push(panel);
        return panel.api;
      },
      registerWebviewPanelSerializer: (
        _: string,
        serializer: { deserializeWebviewPanel: typeof restore },
      ) => {
        restore = serializer.deserializeWebviewPanel;
        return { dispose: () => undefined };
      },
    },
  }));
  const context = {
    extensionUri: debug.editor.Uri.file("/extension"),
    workspaceState: {
      get: (key: string) => memory[key],
      update: (key: string, value: unknown) => Promise.resolve((memory[key] = value)),
    },
  } as unknown as ExtensionContext;
  const reported: unknown[] = [];
  const { editor, trainings } = debug;
  const inspectors = new Inspectors({
    ...{ editor, context, runs, trainings, pages: "/extension/dist/webviews" },
    report: (error) => reported.push(error),
  });
  const session = (name: string, pid: number): FakeSession => {
    const made = new FakeSession(name, new FakeProcess(pid, name));
    made.process.tensors.set("x", facts()).set("y", facts({ shape: [32, 64] }));
    made.process.tensors.set("this.fc1.weight", facts({ shape: [128, 784], requiresGrad: true }));
    debug.start(made);
    return made;
  };
  return {
    ...{ debug, inspectors, panels, memory, asked, released, reported, copied, records, runs, session },
    restore: async () => {
      const panel = new Panel("restored");
      await restore(panel.api);
      panels.push(panel);
      return panel;
    },
    close: () => {
      inspectors.dispose();
      trainings.dispose();
      runs.dispose();
    },
  };
}

/** What a page has by now, put together as a page would. */
function page(panel: Panel) {
  const tensors = new Map<string, InspectedTensor>();
  let session = "";
  let selected: string | null = null;
  const answers = new Map<number, ToInspector>();
  for (const message of panel.posted as unknown as ToInspector[]) {
    if (message.type === "snapshot") {
      tensors.clear();
      for (const tensor of message.tensors) tensors.set(tensor.id, tensor);
      ({ session, selected } = message);
    } else if (message.type === "tensor") tensors.set(message.tensor.id, message.tensor);
    else if (message.type === "session") session = message.session;
    else if (message.type === "select") selected = message.id;
    else if (message.type === "closed") tensors.delete(message.id);
    else answers.set(message.request, message);
  }
  return { tensors: [...tensors.values()], session, selected, answers };
}

let lastRequest = 0;
/** Asks as the page does, and waits for the answer. */
async function ask(panel: Panel, id: string, what: Ask, minus: string | null = null): Promise<ToInspector> {
  const request = ++lastRequest;
  panel.send({ type: "ask", request, id, minus, ask: what });
  return until(() => page(panel).answers.get(request), "an answer");
}

test("a tensor is shown in a panel of its own, asked about through its run, and evaluated anew at each stop", async () => {
  const window = await open();
  const a = window.session("a", 1);
  const frame = window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  let shown = page(panel);
  assert.deepEqual([shown.session, shown.selected, shown.tensors.length], ["stopped", "t1", 1]);
  assert.deepEqual([shown.tensors[0]!.freshness, shown.tensors[0]!.problem], ["current", null]);
  assert.deepEqual(shown.tensors[0]!.facts, facts());
  assert.equal(a.process.evaluated.at(-1)!.frameId, frame);
  assert.equal((await ask(panel, "t1", slice)).type, "answer");
  assert.deepEqual(window.asked, [{ run: "a", pin: 1, ask: slice }]);

  window.debug.continue(a);
  shown = page(panel);
  assert.deepEqual([shown.session, shown.tensors[0]!.freshness], ["running", "old"]);
  await until(() => window.released.length === 1);
  assert.deepEqual(window.released, [1], "let go through the socket: the process runs");
  const refused = await ask(panel, "t1", slice);
  assert.match((refused as { message: string }).message, /while the process stands/);

  a.process.tensors.set("x", facts({ shape: [16, 128], version: 3 }));
  window.debug.stopAndShow(a);
  await until(() => page(panel).tensors[0]!.freshness === "current");
  assert.deepEqual(page(panel).tensors[0]!.facts?.shape, [16, 128]);
  assert.ok(page(panel).tensors[0]!.stop > shown.tensors[0]!.stop);
  window.close();
});

test("another frame at the same stop gives other values, and lets the first ones go", async () => {
  const window = await open();
  const a = window.session("a", 1);
  const [inner, outer] = window.debug.stop(a, [{}, {}]);
  window.debug.focus(a, inner);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  a.process.tensors.delete("x");
  window.debug.focus(a, outer);
  const [tensor] = await until(() => (page(panel).tensors[0]!.problem === null ? null : page(panel).tensors));
  assert.equal(tensor!.problem, "There is no 'x' in this frame.");
  assert.deepEqual([tensor!.freshness, tensor!.facts?.shape], ["old", [32, 128]]);
  await until(() => a.process.pinned.size === 0);
  window.close();
});

test("what is not pinned is replaced by the next; what is pinned stays, and the same is not shown twice", async () => {
  const window = await open();
  const a = window.session("a", 1);
  window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  panel.send({ type: "pin", id: "t1", pinned: true });
  await window.inspectors.inspect("y");
  panel.send({ type: "add", expression: " this.fc1.weight " });
  await until(() => page(panel).tensors.some(({ expression }) => expression === "this.fc1.weight"));
  await window.inspectors.inspect("x");
  const shown = page(panel);
  assert.deepEqual(
    shown.tensors.map(({ expression, pinned }) => [expression, pinned]),
    [
      ["x", true],
      ["this.fc1.weight", false],
    ],
  );
  assert.equal(shown.selected, "t1");
  assert.deepEqual(
    [...a.process.pinned.values()].map(({ expression }) => expression),
    ["x", "this.fc1.weight"],
  );
  panel.send({ type: "close", id: "t1" });
  assert.equal(page(panel).tensors.length, 1);
  window.close();
  await until(() => a.process.pinned.size === 0, "nothing stays pinned");
});

test("a copy outlives the stop, is what a later value is compared with, and goes with the session", async () => {
  const window = await open();
  const a = window.session("a", 1);
  window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  panel.send({ type: "keep", id: "t1" });
  const copy = await until(() => page(panel).tensors[0]!.earlier[0]);
  assert.match(copy.label, /^stop 1, \d\d:\d\d:\d\d$/);
  assert.deepEqual(a.process.pinned.get(2), { expression: "x", copy: true });
  window.debug.continue(a);
  window.debug.stopAndShow(a);
  await until(() => page(panel).tensors[0]!.freshness === "current");
  await ask(panel, "t1", statistics, copy.id);
  assert.deepEqual(window.asked.at(-1), { run: "a", pin: 3, ask: { ...statistics, minus: 2 } });
  a.process.tensors.set("x", facts({ shape: [2] }));
  window.debug.continue(a);
  window.debug.stopAndShow(a);
  await until(() => page(panel).tensors[0]!.facts?.shape.length === 1);
  const unequal = (await ask(panel, "t1", statistics, copy.id)) as { message: string };
  assert.equal(unequal.message, "A difference wants equal shapes: these are [2] and [32, 128].");
  window.debug.end(a);
  assert.deepEqual(page(panel).tensors[0]!.earlier, []);
  await until(() => window.released.includes(2), "a detached process lets go too");
  assert.equal(page(panel).session, "none");
  window.close();
});

test("two sessions: values are those of the one that is looked at, asks go to its run, and neither mixes with the other", async () => {
  const window = await open();
  const [a, b] = [window.session("a", 1), window.session("b", 2)];
  b.process.tensors.set("x", facts({ shape: [9, 9] }));
  const ofA = window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  panel.send({ type: "keep", id: "t1" });
  const copy = await until(() => page(panel).tensors[0]!.earlier[0]);
  window.debug.stopAndShow(b);
  await until(() => page(panel).tensors[0]!.facts?.shape[0] === 9);
  await ask(panel, "t1", statistics);
  assert.equal(window.asked.at(-1)!.run, "b");
  const mixed = (await ask(panel, "t1", statistics, copy.id)) as { message: string };
  assert.match(mixed.message, /another process/);
  window.debug.end(b);
  assert.equal(page(panel).session, "stopped", "the other one still stands");
  window.debug.focus(a, ofA);
  await until(() => page(panel).tensors[0]!.facts?.shape[0] === 32);
  window.close();
});

test("a frame of a worker thread has no tensors, and the sentence says where they are", async () => {
  const window = await open();
  const a = window.session("a", 1);
  const worker = new FakeSession("worker", new FakeProcess(1, "a"), a);
  worker.process.hasBridge = false;
  window.debug.start(worker);
  window.debug.stopAndShow(worker);
  await window.inspectors.inspect("x");
  window.panels[0]!.send({ type: "ready" });
  assert.match(page(window.panels[0]!).tensors[0]!.problem!, /choose a frame of the training's main thread/);
  window.close();
});

test("a process that dies in the middle of an ask, and one that goes on: both end in a sentence", async () => {
  const pending: ((error: Error) => void)[] = [];
  const window = await open({ answer: () => new Promise((_, reject) => pending.push(reject)) });
  const a = window.session("a", 1);
  window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  panel.send({ type: "ask", request: 900, id: "t1", minus: null, ask: statistics });
  await until(() => pending.length === 1);
  window.debug.end(a);
  pending[0]!(new Error("Run a ended before it answered 'inspect'."));
  const answer = await until(() => page(panel).answers.get(900));
  assert.deepEqual(answer, {
    type: "problem",
    request: 900,
    message: "Run a ended before it answered 'inspect'.",
  });
  assert.deepEqual([page(panel).session, page(panel).tensors[0]!.freshness], ["none", "old"]);
  assert.deepEqual(window.reported, []);
  window.close();
});

test("an expression that never comes back does not hold up the others, nor the next stop", async () => {
  const window = await open();
  const a = window.session("a", 1);
  window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  window.debug.continue(a);
  a.process.isSilent = true;
  window.debug.stopAndShow(a);
  assert.equal(page(panel).tensors[0]!.freshness, "old");
  window.debug.continue(a);
  a.process.isSilent = false;
  window.debug.stopAndShow(a);
  await until(() => page(panel).tensors[0]!.freshness === "current");
  assert.equal(page(panel).tensors[0]!.stop, 3);
  window.close();
});

test("asks that no tensor could answer, and messages of another shape, reach no process", async () => {
  const window = await open();
  const a = window.session("a", 1);
  window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  const wrong: [Ask, RegExp][] = [
    [{ ...slice, index: [0] }, /has 2 numbers, not 1/],
    [{ ...slice, rowDim: 5 }, /no dim 5/],
    [{ ...slice, rowDim: 1 }, /two different dims/],
    [{ ...slice, rowDim: null, index: [32, 0] }, /beyond dim 0, which has 32/],
    [{ ...slice, mostRows: 1 << 12, mostColumns: 1 << 12 }, /More cells/],
    [{ kind: "channels", part: "value", dim: 2, first: 0, most: 10 }, /no dim 2/],
    [{ kind: "histogram", part: "value", bins: 1e9 }, /bins/],
    [{ kind: "find", part: "value", what: "nan", after: [1] }, /2 numbers/],
  ];
  for (const [what, message] of wrong) {
    const answer = await ask(panel, "t1", what);
    assert.match((answer as { message: string }).message, message);
  }
  assert.match(((await ask(panel, "t9", slice)) as { message: string }).message, /stands at a breakpoint/);
  const before = panel.posted.length;
  for (const nonsense of [
    null,
    "ready",
    { type: "add", expression: "" },
    { type: "add", expression: "x".repeat(5000) },
    { type: "ask", request: -1, id: "t1", minus: null, ask: slice },
    { type: "ask", request: 1, id: "t1", minus: null, ask: { ...slice, by: "__proto__" } },
    { type: "ask", request: 1, id: "t1", minus: null, ask: { ...slice, part: "all" } },
    { type: "ask", request: 1, id: "t1", minus: null, ask: { kind: "pin" } },
    { type: "save", name: "../x", bytes: [1] },
    { type: "open", place: { file: 3, line: 1, column: 1 } },
  ]) {
    panel.send(nonsense);
  }
  assert.equal(panel.posted.length, before);
  assert.deepEqual(window.asked, []);
  window.close();
});

test("after a reload the expressions are there, and their values at the next stop; a second panel is closed", async () => {
  const first = await open();
  const a = first.session("a", 1);
  first.debug.stopAndShow(a);
  await first.inspectors.inspect("x");
  first.panels[0]!.send({ type: "ready" });
  first.panels[0]!.send({ type: "pin", id: "t1", pinned: true });
  first.panels[0]!.send({ type: "state", state: { t1: { view: "table" } } });
  const second = await open({ memory: first.memory });
  const panel = await second.restore();
  panel.send({ type: "ready" });
  const snapshot = panel.posted[0] as unknown as Extract<ToInspector, { type: "snapshot" }>;
  assert.deepEqual(
    [snapshot.session, snapshot.selected, snapshot.state],
    ["none", "t1", { t1: { view: "table" } }],
  );
  assert.deepEqual(snapshot.tensors[0]!.facts, null);
  assert.match(snapshot.tensors[0]!.problem!, /stands at a breakpoint/);
  assert.equal((await second.restore()).isDisposed, true);
  const again = second.session("a", 1);
  second.debug.stopAndShow(again);
  await until(() => page(panel).tensors[0]!.freshness === "current");
  panel.api.dispose();
  await until(() => again.process.pinned.size === 0, "a closed panel keeps nothing");
  assert.equal(second.inspectors.describe(), null);
  first.close();
  second.close();
});

test("what the page wants copied and opened is, and no file that nothing named", async () => {
  const window = await open();
  const a = window.session("a", 1);
  a.process.tensors.set("x", facts({ madeAt: { file: "/elsewhere/model.ts", line: 7, column: 3 } }));
  window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "copy", text: "1,2" });
  for (const file of ["/elsewhere/model.ts", "/project/train.ts", "/etc/passwd"]) {
    panel.send({ type: "open", place: { file, line: 7, column: 3 } });
  }
  await until(() => window.debug.fake.opened.length === 2);
  assert.deepEqual(window.copied, ["1,2"]);
  assert.deepEqual(
    window.debug.fake.opened.map(({ file }) => file),
    ["/elsewhere/model.ts", "/project/train.ts"],
  );
  window.close();
});

test("of a tensor of a gigabyte only the visible cells pass: the heap stays as it is", async () => {
  const cells = 512 * 1024;
  const window = await open({
    answer: () =>
      Promise.resolve({
        ...{ kind: "slice", rows: 512, columns: 1024, number: "float64", min: 0, max: 0, sampled: true },
        ...{ values: new ArrayBuffer(cells * 8), flags: new ArrayBuffer(cells) },
      }),
  });
  const a = window.session("a", 1);
  a.process.tensors.set("x", facts({ shape: [16384, 16384], bytes: 2 ** 30 }));
  window.debug.stopAndShow(a);
  await window.inspectors.inspect("x");
  const panel = window.panels[0]!;
  panel.send({ type: "ready" });
  const whole: Ask = { ...slice, rows: 16384, columns: 16384, mostRows: 512, mostColumns: 1024, by: "mean" };
  const before = process.memoryUsage().heapUsed;
  for (let k = 0; k < 20; k++) {
    const answer = await ask(panel, "t1", whole);
    assert.equal(answer.type, "answer");
    panel.posted.splice(1); // the editor has sent it on
  }
  assert.ok(process.memoryUsage().heapUsed - before < 20 * 2 ** 20);
  window.close();
});
