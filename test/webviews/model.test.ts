// The dashboard's state machine without a page: snapshots, deltas, views, stored choices, cards, requests.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SeriesInfo, ToDashboard } from "../../webviews/protocol.js";
import { parametersOf, planCards } from "../../webviews/views/dashboard/cards.js";
import { emptyText, progressOf } from "../../webviews/views/dashboard/status.js";
import { DashboardModel, readChoices } from "../../webviews/views/dashboard/model.js";
import { nextRequest, type Need } from "../../webviews/views/dashboard/requests.js";
import { chunkOf, createRun, infoOf, type SyntheticRun } from "./harness/run.js";

function snapshotOf(run: SyntheticRun | null, id = "run-1"): ToDashboard {
  return {
    type: "snapshot",
    run: run === null ? null : { ...run.view, id },
    series: run === null ? [] : run.series.map(infoOf),
    settings: { smoothing: 0.5 },
    state: null,
  };
}

const everything = { from: null, to: null };

void test("a snapshot, a view, its answer and a delta", () => {
  const run = createRun({ steps: 100 });
  const loss = run.series[0]!;
  const model = new DashboardModel(null);
  assert.equal(model.ready, false);
  assert.equal(model.receive(snapshotOf(run)).all, true);
  assert.equal(model.choices.smoothing, 0.5);
  const { view } = model.createView(["loss"], everything, 256);
  const change = model.receive({ type: "data", view, chunks: [chunkOf(loss, 0, 0)] });
  assert.deepEqual([...change.data], ["loss"]);
  assert.deepEqual(model.extent, { from: 1, to: 100 });
  model.receive({ type: "run", run: { ...run.view, step: 120 } });
  assert.equal(model.extent.to, 120);
});

void test("a second snapshot of the same run keeps its data; of another run it does not", () => {
  const run = createRun({ steps: 50 });
  const model = new DashboardModel(null);
  model.receive(snapshotOf(run));
  const { view } = model.createView(["loss"], everything, 256);
  model.receive({ type: "data", view, chunks: [chunkOf(run.series[0]!, 0, 0)] });
  model.choices = { ...model.choices, hidden: ["acc"] };
  model.receive(snapshotOf(run));
  assert.equal(model.dataOf("loss").points.length, 50);
  assert.deepEqual(model.choices.hidden, ["acc"]);
  model.receive(snapshotOf(run, "run-2"));
  assert.equal(model.dataOf("loss").points.length, 0);
  assert.deepEqual(model.choices.hidden, []);
});

void test("answers to older views, and to none, are left aside", () => {
  const run = createRun({ steps: 50 });
  const model = new DashboardModel(null);
  model.receive(snapshotOf(run));
  const loss = run.series[0]!;
  assert.equal(model.receive({ type: "data", view: 9, chunks: [chunkOf(loss, 0, 0)] }).data.size, 0);
  const first = model.createView(["loss"], { from: 10, to: 20 }, 256).view;
  const second = model.createView(["loss"], { from: 30, to: 40 }, 256).view;
  model.receive({ type: "data", view: second, chunks: [chunkOf(loss, 0, 30, 40)] });
  model.receive({ type: "data", view: first, chunks: [chunkOf(loss, 0, 10, 20)] });
  assert.equal(model.dataOf("loss").points.step[0], 31);
});

void test("a delta that does not join is reported, so that the window is asked for again", () => {
  const run = createRun({ steps: 50 });
  const model = new DashboardModel(null);
  model.receive(snapshotOf(run));
  const { view } = model.createView(["loss"], everything, 256);
  model.receive({ type: "data", view, chunks: [chunkOf(createRun({ steps: 20 }).series[0]!, 0, 0)] });
  assert.equal(model.receive({ type: "data", view, chunks: [chunkOf(run.series[0]!, 0, 30)] }).gap, true);
  assert.equal(model.dataOf("loss").points.length, 20);
});

void test("a run of another id, and a message of an unknown type, change nothing", () => {
  const model = new DashboardModel(null);
  const run = createRun({ steps: 5 });
  model.receive(snapshotOf(run));
  assert.equal(model.receive({ type: "run", run: { ...run.view, id: "other", step: 99 } }).run, false);
  assert.equal(model.run?.step, 5);
  assert.equal(model.receive({ type: "later" } as unknown as ToDashboard).all, false);
});

void test("stored choices come back; what is damaged falls to its default", () => {
  const stored = {
    smoothing: 0.9,
    logX: true,
    xAxis: "wall",
    hidden: ["a"],
    window: { from: 1, to: 9 },
    span: 5,
  };
  const model = new DashboardModel(stored);
  model.receive(snapshotOf(createRun({ steps: 20 })));
  assert.equal(model.choices.smoothing, 0.9);
  assert.deepEqual(model.window, { kind: "fixed", from: 1, to: 9 });
  assert.equal(readChoices("nonsense"), null);
  const damaged = readChoices({
    smoothing: 7,
    hidden: [1, "b"],
    window: { from: 9, to: 1 },
    logScale: { loss: 1 },
  });
  assert.ok(damaged);
  assert.equal(damaged.smoothing, 0.999);
  assert.deepEqual(damaged.hidden, ["b"]);
  assert.equal(damaged.window, null);
  assert.deepEqual(damaged.logScale, {});
});

void test("each series finds its card", () => {
  const plans = planCards(createRun({ steps: 100, layers: 3 }).series.map(infoOf));
  assert.deepEqual(
    plans.map((plan) => [plan.spec.id, plan.series.map((one) => one.label)]),
    [
      ["loss", ["loss"]],
      ["gradient", ["total", "fc1", "fc2", "fc3"]],
      ["user/acc", ["acc"]],
      ["user/val", ["val/loss", "val/acc"]],
      ["learningRate", ["lr"]],
      ["throughput", ["samples/s"]],
      ["memory", ["parameter", "gradient", "optimizer state", "activation", "input", "temporary"]],
      ["time", ["step"]],
    ],
  );
  assert.deepEqual(plans[1]!.series[1]!.parts, ["grad_norm/fc1.weight", "grad_norm/fc1.bias"]);
});

void test("each GPU has cards for its memory and for what its driver tells", () => {
  const info = (
    tag: string,
    group: SeriesInfo["group"],
    unit: SeriesInfo["unit"],
    device?: string,
  ): SeriesInfo => ({
    ...{ tag, group, label: group === "device" ? device! : tag.split("/").at(-1)!, layer: null, unit },
    ...{ count: 1, last: 1, min: 1, max: 1, nonFinite: 0, ...(device === undefined ? {} : { device }) },
  });
  const plans = planCards([
    info("memory/parameter", "memory", "bytes"),
    ...["cuda:0", "cuda:1"].flatMap((device) => [
      info(`memory/${device}/optimizerState`, "memory", "bytes", device),
      info(`memory/${device}/reserved`, "memoryTotal", "bytes", device),
      info(`device/${device}/watts`, "device", "W", device),
    ]),
    info("device/cuda:1/utilisation", "device", "%", "cuda:1"),
  ]);
  assert.deepEqual(
    plans.map(({ spec, series }) => [spec.id, spec.title, series.map(({ label }) => label)]),
    [
      ["memory/cuda:0", "Memory of cuda:0 by category", ["optimizer state"]],
      ["memoryTotal/cuda:0", "Memory of cuda:0, in use and free", ["taken from the device"]],
      ["memory/cuda:1", "Memory of cuda:1 by category", ["optimizer state"]],
      ["memoryTotal/cuda:1", "Memory of cuda:1, in use and free", ["taken from the device"]],
      ["memory", "Memory of the CPU by category", ["parameter"]],
      ["utilisation", "GPU utilisation", ["cuda:1"]],
      ["watts", "GPU power", ["cuda:0", "cuda:1"]],
    ],
  );
});

void test("a layer recorded by itself is shown as it is; parameters are shown when asked for", () => {
  const info = (label: string, layer: string | null): SeriesInfo => ({
    ...{ tag: `grad_norm/${label}`, group: "gradient", label, layer, unit: "" },
    ...{ count: 1, last: 1, min: 1, max: 1, nonFinite: 0 },
  });
  const series = [
    info("total", null),
    info("fc1.weight", "fc1"),
    info("fc1", "fc1"),
    info("fc1.bias", "fc1"),
  ];
  const [plan] = planCards(series);
  assert.deepEqual(plan!.series[1], { tag: "grad_norm/fc1", label: "fc1", parts: ["grad_norm/fc1"] });
  assert.deepEqual(
    planCards(series, true)[0]!.series.map((one) => one.label),
    ["total", "fc1.weight", "fc1.bias"],
  );
  assert.equal(parametersOf(series).length, 2);
});

const need: Need = {
  tags: ["loss", "acc"],
  window: { kind: "all" },
  visible: { from: 1, to: 1000 },
  extent: { from: 1, to: 1000 },
  pixels: 300,
};

void test("the whole run is asked for once, and again when a chart gets wider or another is seen", () => {
  const first = nextRequest(need, null);
  assert.deepEqual(first, { tags: ["acc", "loss"], from: null, to: null, buckets: 512 });
  assert.equal(nextRequest({ ...need, visible: { from: 1, to: 2000 } }, first), null);
  assert.equal(nextRequest({ ...need, pixels: 200 }, first), null);
  assert.equal(nextRequest({ ...need, pixels: 900 }, first)?.buckets, 1024);
  assert.deepEqual(nextRequest({ ...need, tags: ["loss"] }, first)?.tags, ["loss"]);
  assert.equal(nextRequest({ ...need, tags: [] }, null), null);
});

void test("a window comes with its neighbourhood, so that small moves need no request", () => {
  const zoomed: Need = {
    ...need,
    window: { kind: "fixed", from: 400, to: 500 },
    visible: { from: 400, to: 500 },
  };
  const request = nextRequest(zoomed, nextRequest(need, null));
  assert.deepEqual([request?.from, request?.to], [300, 600]);
  assert.equal(nextRequest({ ...zoomed, visible: { from: 420, to: 520 } }, request), null);
  assert.notEqual(nextRequest({ ...zoomed, visible: { from: 550, to: 650 } }, request), null);
  assert.notEqual(nextRequest({ ...zoomed, visible: { from: 440, to: 450 } }, request), null);
});

void test("a window that follows asks again only when it has gone far", () => {
  const last: Need = { ...need, window: { kind: "last", span: 100 }, visible: { from: 900, to: 1000 } };
  const request = nextRequest(last, null);
  assert.deepEqual([request?.from, request?.to], [800, null]);
  assert.equal(nextRequest({ ...last, visible: { from: 1100, to: 1200 } }, request), null);
  assert.notEqual(nextRequest({ ...last, visible: { from: 1300, to: 1400 } }, request), null);
});

void test("progress: over epochs, within an epoch, unknown, finished", () => {
  const { view } = createRun({ steps: 1000, of: 4000 });
  assert.equal(progressOf({ ...view, epoch: 3, epochs: 10, batch: 50, batches: 100 }), 0.25);
  assert.equal(progressOf({ ...view, epoch: 3, epochs: null, batch: 50, batches: 100 }), 0.5);
  assert.equal(progressOf({ ...view, epochs: null, batches: null }), null);
  assert.equal(progressOf({ ...view, state: "finished", epochs: null }), 1);
});

void test("an empty dashboard says what is the matter", () => {
  const { view } = createRun({ steps: 0 });
  assert.equal(emptyText(false, null).waiting, true);
  assert.equal(emptyText(true, null).start, true);
  assert.equal(emptyText(true, { ...view, state: "starting" }).title, "The script is starting");
  assert.equal(
    emptyText(true, { ...view, state: "finished", live: false, message: "It never called backward." }).text,
    "It ended before the first optimizer step.",
    "why it ended, the header says",
  );
});
