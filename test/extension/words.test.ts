// How a run reads: rows of what is known and what is shown.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RunProgress } from "../../engine/protocol.js";
import { contextWords } from "../../extension/runs/runsView.js";
import {
  describeRun,
  formatDuration,
  formatLoss,
  runMessage,
  formatStart,
  shortName,
  statusText,
  summarize,
  deviceText,
} from "../../extension/runs/words.js";
import { progress, record } from "./records.js";

test("losses", () => {
  const rows: [RunProgress["loss"], string][] = [
    [null, "–"],
    [0, "0"],
    [2.302585, "2.303"],
    [0.012345, "0.0123"],
    [12.3456, "12.35"],
    [123.456, "123.5"],
    [123456, "123456"],
    [1.5e7, "1.50e+7"],
    [0.0000012, "1.20e-6"],
    [-0.5, "-0.5000"],
    ["NaN", "NaN"],
    ["Infinity", "∞"],
    ["-Infinity", "−∞"],
  ];
  for (const [loss, text] of rows) assert.equal(formatLoss(loss), text);
});

test("durations round up, so that they never read zero while something is left", () => {
  const rows: [number, string][] = [
    [0, "0 s"],
    [0.2, "1 s"],
    [59, "59 s"],
    [60, "1 min"],
    [125, "2 min 5 s"],
    [3600, "1 h"],
    [4320, "1 h 12 min"],
  ];
  for (const [seconds, text] of rows) assert.equal(formatDuration(seconds), text);
});

describe("a run's row, status and sentence", () => {
  const running = record({ progress: progress({ step: 1240, loss: 0.1234, secondsLeft: 125 }) });

  test("while it runs", () => {
    assert.equal(summarize(running), "step 1,240 · loss 0.1234");
    assert.equal(statusText(running), "train.ts 1,240 · loss 0.1234 · 2 min 5 s left");
    assert.equal(describeRun(running), "train.ts, running, step 1,240, loss 0.1234, 2 min 5 s left");
    assert.equal(runMessage(running), null);
  });

  test("while it is paused, nobody can tell when it ends", () => {
    const paused = record({ ...running, state: "paused" });
    assert.equal(statusText(paused), "train.ts 1,240 · loss 0.1234 · paused");
    assert.equal(summarize(paused), "paused · step 1,240 · loss 0.1234");
  });

  test("on a device other than the CPU, it is said which", () => {
    const there = record({ ...running, device: "opencl:0", deviceDescription: "A card" });
    assert.equal(summarize(there), "step 1,240 · loss 0.1234 · opencl:0");
    assert.match(describeRun(there), /^train\.ts, running on opencl:0, step 1,240, /);
    assert.deepEqual([deviceText(running), deviceText(there)], ["cpu", "opencl:0, A card"]);
  });

  test("a long name leaves room for the numbers", () => {
    const named = record({ ...running, name: `${"word ".repeat(30)}end` });
    assert.match(statusText(named), /^word word .{20,25}… 1,240 · loss 0\.1234 · 2 min 5 s left$/);
    assert.equal(
      Array.from(shortName(record({ ...running, name: "𝛼".repeat(40) }))).length,
      32,
      "no character is halved",
    );
    assert.equal(shortName(running), "train.ts");
  });

  test("a run of today by its hour, an older one by its day", () => {
    const now = new Date(2026, 10, 23, 18, 0).getTime();
    assert.equal(formatStart(new Date(2026, 10, 23, 8, 5).getTime(), now), "08:05");
    assert.equal(formatStart(new Date(2026, 10, 22, 23, 59).getTime(), now), "Nov 22");
  });

  test("before the first step", () => {
    assert.equal(summarize(record({ state: "starting" })), "starting");
  });

  test("when it failed, the error's sentence; when it was lost, that its steps are kept", () => {
    const error = { name: "TypeError", message: "x is not a function", location: null, stack: "" };
    assert.equal(runMessage(record({ state: "failed", error })), "x is not a function");
    const location = { file: "/p/train.ts", line: 2, column: 11 };
    const syntax = { ...error, message: '/p/train.ts:2:11: Unexpected "="', location };
    assert.equal(runMessage(record({ state: "failed", error: syntax })), 'Unexpected "="');
    assert.equal(runMessage(record({ state: "failed", exitCode: 3 })), "The script ended with exit code 3.");
    const lost = record({ state: "lost", progress: progress({ step: 7 }) });
    assert.match(runMessage(lost) ?? "", /after step 7; every step up to there is kept/);
  });
});

test("the words that menus look for", () => {
  assert.equal(contextWords("running"), "run live pausable");
  assert.equal(contextWords("paused"), "run live paused");
  assert.equal(contextWords("stopping"), "run live");
  assert.equal(contextWords("lost"), "run ended");
});
