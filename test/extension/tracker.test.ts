// The state of each session of a training, told from what js-debug and the editor say to each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluateText, stringOf, within } from "../../extension/debug/evaluate.js";
import { DuringTraining } from "../../extension/debug/duringTraining.js";
import { Settings } from "../../extension/settings.js";
import { FakeDebugger, FakeProcess, FakeSession } from "./fakeDebugger.js";
import { until } from "./records.js";

/** A training's sessions: the one that was launched, its main thread, a worker thread. */
function sessions(name = "a", pid = 4242) {
  const root = new FakeSession(`${name}-root`, new FakeProcess(pid, null));
  const main = new FakeSession(`${name}-main`, new FakeProcess(pid, name), root);
  const worker = new FakeSession(`${name}-worker`, new FakeProcess(pid, name), main);
  worker.process.hasBridge = false;
  return { root, main, worker };
}

function states(debug: FakeDebugger) {
  return Object.fromEntries(debug.trainings.all().map(({ session, state }) => [session.name, state]));
}

test("a session that is no training is left alone", () => {
  const debug = new FakeDebugger();
  const other = new FakeSession("other", new FakeProcess(1, null));
  delete other.configuration["__descent"];
  debug.start(other);
  const variable = { name: "x", type: "Tensor" };
  debug.send(other, {
    type: "response",
    command: "variables",
    success: true,
    body: { variables: [variable] },
  });
  debug.stop(other);
  assert.deepEqual(debug.trainings.all(), []);
  assert.deepEqual(variable, { name: "x", type: "Tensor" });
  assert.deepEqual(other.process.evaluated, []);
});

test("the process is asked before the editor has heard of the stop, once each, and says which run it is", async () => {
  const debug = new FakeDebugger();
  const { root, main } = sessions();
  debug.start(root);
  debug.start(main);
  debug.send(main, { type: "event", event: "stopped", body: { reason: "breakpoint", threadId: 7 } });
  assert.equal(main.process.evaluated.length, 1);
  assert.match(
    main.process.evaluated[0]!.expression,
    /\["?Symbol|Symbol\.for\("descent\.debug"\)\]\?\.stopped\(\)/,
  );
  assert.equal(main.process.evaluated[0]!.frameId, undefined);
  const training = debug.trainings.all().find(({ session }) => session.id === "a-main")!;
  await training.answered;
  assert.deepEqual(training.process, { pid: 4242, run: "a", hasTensors: true, said: { looked: 3 } });
  assert.deepEqual(
    [training.state, training.stops, training.threadId, training.reason],
    ["stopped", 1, 7, "breakpoint"],
  );
  debug.continue(main);
  debug.stop(main);
  assert.equal(main.process.evaluated.length, 2);
});

test("two sessions at once, one of them with a worker that stops: each has its own state", async () => {
  const debug = new FakeDebugger();
  const [a, b] = [sessions("a", 1), sessions("b", 2)];
  for (const session of [a.root, a.main, a.worker, b.root, b.main]) debug.start(session);
  debug.stop(a.worker, [{}], "exception");
  debug.stop(b.main);
  const running = { "a-root": "running", "a-main": "running", "b-root": "running" };
  assert.deepEqual(states(debug), { ...running, "a-worker": "stopped", "b-main": "stopped" });
  const worker = debug.trainings.all().find(({ session }) => session.id === "a-worker")!;
  await worker.answered;
  assert.equal(worker.process?.hasTensors, false);
  debug.continue(a.worker);
  assert.deepEqual(states(debug), { ...running, "a-worker": "running", "b-main": "stopped" });
});

test("stop, detach and restart leave nothing", () => {
  const debug = new FakeDebugger();
  const { root, main } = sessions();
  debug.start(root);
  debug.start(main);
  debug.stopAndShow(main);
  assert.ok(debug.trainings.chosen());
  debug.end(main);
  assert.equal(debug.trainings.chosen(), null);
  // A restart is another session below the same root.
  const again = new FakeSession("again", new FakeProcess(5, "b"), root);
  debug.start(again);
  assert.deepEqual(states(debug), { "a-root": "running", again: "running" });
  debug.send(again, { type: "event", event: "terminated" });
  debug.end(root);
  assert.deepEqual(debug.trainings.all(), []);
  debug.continue(again); // whatever comes late
  assert.deepEqual(debug.trainings.all(), []);
});

test("the chosen frame is one of this stop: what the editor still shows of the last is none", () => {
  const debug = new FakeDebugger();
  const { main } = sessions();
  debug.start(main);
  const first = debug.stopAndShow(main);
  assert.equal(debug.trainings.chosen()?.frame.id, first);
  debug.continue(main);
  assert.equal(debug.trainings.chosen(), null);
  const ids = debug.stop(main, [{ name: "inner" }, { name: "outer" }]);
  assert.equal(debug.trainings.chosen(), null, "the editor has the frame of the last stop");
  debug.focus(main, ids[1]);
  assert.equal(debug.trainings.chosen()?.frame.name, "outer");
  debug.focus(main);
  assert.equal(debug.trainings.chosen()?.frame.name, "inner", "a thread stands for its innermost frame");
});

test("a process that never answers is waited for only so long, and one that goes on meanwhile is not mistaken", async () => {
  const debug = new FakeDebugger();
  const { main } = sessions();
  main.process.isSilent = true;
  debug.start(main);
  debug.stop(main);
  await assert.rejects(evaluateText(main.api, "1", { milliseconds: 10 }), /did not answer in time/);
  const training = debug.trainings.all()[0]!;
  assert.ok(training.process === null);
  debug.continue(main);
  main.process.isSilent = false;
  debug.stop(main);
  await training.answered;
  assert.equal(debug.trainings.all()[0]!.process?.run, "a");
});

test("rows of tensors are marked for the menu, and our own frame gives way to the user's", () => {
  const debug = new FakeDebugger();
  const { main } = sessions();
  debug.start(main);
  const own = { type: "Mine", value: "Mine[2, 3] float32  all 1" };
  const variables = [{ type: "_Tensor" }, { type: "Parameter" }, { type: "Array" }, {}, own, null, 3];
  debug.send(main, { type: "response", command: "variables", success: true, body: { variables } });
  assert.deepEqual(variables.slice(0, 5), [
    { type: "_Tensor", __vscodeVariableMenuContext: "descentTensor" },
    { type: "Parameter", __vscodeVariableMenuContext: "descentTensor" },
    { type: "Array" },
    {},
    { ...own, __vscodeVariableMenuContext: "descentTensor" },
  ]);
  assert.equal(typeof debug.trainings.all()[0]!.describedAfter, "number");
  const source = { path: "/x/dist/engine/breakpoint.mjs" };
  debug.stop(main, [{ name: "stop", source }, { name: "train" }]);
  assert.deepEqual(source, { path: "/x/dist/engine/breakpoint.mjs", presentationHint: "deemphasize" });
  debug.focus(main);
  assert.equal(debug.trainings.chosen()?.frame.name, "train");
});

test("a frame of a method has the name of its class, not the whole description of its object", () => {
  const debug = new FakeDebugger();
  const { main } = sessions();
  debug.start(main);
  const names = [
    "Net  101,770 params in 2 layers.forward",
    "Linear(784 → 128)  100,480 params.forward",
    "Tensor[2, 3] float32  µ 1.5 σ 0.5.backward",
    "Net.forward",
    "<anonymous>",
  ];
  debug.stop(
    main,
    names.map((name) => ({ name })),
  );
  assert.deepEqual(
    debug.trainings.all()[0]!.frames.map(({ name }) => name),
    ["Net.forward", "Linear.forward", "Tensor.backward", "Net.forward", "<anonymous>"],
  );
});

test("messages of any other shape pass", () => {
  const debug = new FakeDebugger();
  const { main } = sessions();
  debug.start(main);
  for (const body of [undefined, {}, { variables: 3 }, { stackFrames: [null, { id: "x" }, {}] }]) {
    debug.send(main, { type: "response", command: "variables", success: true, body });
    debug.send(main, { type: "response", command: "stackTrace", success: true, body });
    debug.send(main, { type: "response", command: "stackTrace", success: false, body });
    debug.send(main, { type: "event", event: "stopped", body });
  }
});

test("strings are read as js-debug quotes them", () => {
  const cases = [
    [`'{"a":"b"}'`, '{"a":"b"}'],
    [String.raw`'it\'s \\ "so"'`, `it's \\ "so"`],
    ['`it\'s "so"`', `it's "so"`],
    ["undefined", null],
    ["'", null],
  ] as const;
  for (const [result, text] of cases) assert.equal(stringOf({ result }), text);
  assert.equal(stringOf(undefined), null);
});

test("what is late is an error, and what is in time is not", async () => {
  await assert.rejects(within(new Promise(() => undefined), 1, "Too late."), /Too late/);
  assert.equal(await within(Promise.resolve(3), 1000, "Too late."), 3);
});

test("hovers and inline values are ours only while a training is debugged, and values not where they are switched off", async () => {
  const debug = new FakeDebugger();
  const during = new DuringTraining(debug.editor, new Settings(debug.editor), debug.trainings);
  const { root, main } = sessions();
  assert.deepEqual(debug.registered, { hovers: 0, inlineValues: 0 });
  debug.start(root);
  debug.start(main);
  assert.deepEqual(debug.registered, { hovers: 1, inlineValues: 1 });
  debug.stop(main);
  debug.continue(main);
  debug.fake.settings["descent.debug.inlineValues"] = false;
  debug.stop(main);
  assert.deepEqual(debug.registered, { hovers: 1, inlineValues: 0 });
  debug.end(main);
  debug.end(root);
  assert.deepEqual(debug.registered, { hovers: 0, inlineValues: 0 });
  const keys = debug.fake.executed.filter(([command]) => command === "setContext").map((call) => call[2]);
  await until(() => keys.length === 4);
  assert.deepEqual(keys, [true, false, true, false]);
  during.dispose();
});
