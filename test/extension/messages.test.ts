// A dashboard's messages are outside input: the right ones pass with their known fields, everything else is dropped.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessage, readState } from "../../extension/panels/messages.js";

const state = {
  smoothing: 0.5,
  logScale: { loss: true },
  logX: false,
  xAxis: "step",
  hidden: ["lr"],
  window: { from: 1, to: 9 },
  span: null,
  wide: [],
};

test("good messages pass as they are", () => {
  const messages = [
    { type: "ready" },
    { type: "startTraining" },
    { type: "view", view: 3, tags: ["loss"], from: null, to: 20.5, buckets: 400 },
    { type: "control", action: "stepBatch" },
    { type: "open", file: "/a.ts", line: 3, column: 0 },
    { type: "state", state },
  ];
  for (const message of messages) assert.deepEqual(readMessage(message), message);
});

test("fields nobody knows are left out", () => {
  assert.deepEqual(readMessage({ type: "ready", command: "rm" }), { type: "ready" });
});

test("bad messages are dropped", () => {
  const messages = [
    null,
    "ready",
    [],
    { type: "other" },
    { type: "view", view: 1, tags: "loss", from: null, to: null, buckets: 4 },
    { type: "view", view: -1, tags: [], from: null, to: null, buckets: 4 },
    { type: "view", view: 1, tags: [1], from: null, to: null, buckets: 4 },
    { type: "view", view: 1, tags: [], from: NaN, to: null, buckets: 4 },
    { type: "view", view: 1, tags: [], from: null, to: null, buckets: Infinity },
    { type: "control", action: "delete" },
    { type: "open", file: 1, line: 1, column: 1 },
    { type: "open", file: "/a", line: -1, column: 1 },
    { type: "state", state: { ...state, smoothing: 1 } },
    { type: "state", state: { ...state, xAxis: "time" } },
    { type: "state", state: { ...state, logScale: { loss: 1 } } },
  ];
  for (const message of messages) assert.equal(readMessage(message), null, JSON.stringify(message));
});

test("a view cannot ask for more buckets than any screen has", () => {
  const view = readMessage({ type: "view", view: 1, tags: [], from: null, to: null, buckets: 1e9 });
  assert.ok(view?.type === "view" && view.buckets <= 20_000);
});

test("a stored state of an older version gets what it lacks", () => {
  const { span: _span, wide: _wide, ...older } = state;
  assert.deepEqual(readState(older), { ...state, span: null, wide: [] });
  assert.equal(readState(undefined), null);
});
