// A dashboard without its panel: what it sends for a view, how it grows, and that it never floods the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DashboardModel, levelFor } from "../../extension/panels/dashboardModel.js";
import type { SeriesSource, SeriesSummary } from "../../extension/panels/series.js";
import { classify } from "../../extension/panels/views.js";
import type { FromDashboard, SeriesChunk, ToDashboard } from "../../webviews/protocol.js";
import { record, until } from "./records.js";

/** Series in memory whose value at step k is k; `written` is what reading would find. */
class Source implements SeriesSource {
  readonly written = new Map<string, number>();
  #known = new Map<string, number>();

  read(): Promise<boolean> {
    this.#known = new Map(this.written);
    return Promise.resolve(true);
  }
  list(): SeriesSummary[] {
    return [...this.#known].map(([tag, count]) => ({
      tag,
      count,
      last: count - 1,
      min: 0,
      max: count - 1,
      nonFinite: 0,
    }));
  }
  indexOf(tag: string, step: number): number {
    return Math.min(Math.max(0, Math.ceil(step)), this.#known.get(tag) ?? 0);
  }
  chunk(tag: string, level: number, from: number, to: number): SeriesChunk {
    const size = 2 ** level;
    const count = this.#known.get(tag) ?? 0;
    const last = Array.from({ length: to - from }, (_, k) => Math.min((from + k + 1) * size, count) - 1);
    const floats = () => Float32Array.from(last).buffer;
    const doubles = () => Float64Array.from(last).buffer;
    const flags = new Uint8Array(to - from).buffer;
    return {
      tag,
      level,
      start: from,
      step: doubles(),
      wall: doubles(),
      min: floats(),
      max: floats(),
      last: floats(),
      mean: floats(),
      flags,
    };
  }
}

/** A page that takes a message only when the test lets it. */
function open(counts: Record<string, number>, { holds = false } = {}) {
  const source = new Source();
  for (const [tag, count] of Object.entries(counts)) source.written.set(tag, count);
  const received: ToDashboard[] = [];
  const waiting: (() => void)[] = [];
  const acted: FromDashboard[] = [];
  const model = new DashboardModel({
    source,
    run: () => ({ folder: "/w/a", record: record() }),
    post: (message) => {
      received.push(message);
      if (!holds) return Promise.resolve(true);
      return new Promise((resolve) => {
        waiting.push(() => {
          resolve(true);
        });
      });
    },
    settings: () => ({ smoothing: 0.6 }),
    state: () => null,
    keepState: () => undefined,
    act: (message) => acted.push(message),
  });
  const chunks = (): SeriesChunk[] =>
    received.flatMap((message) => (message.type === "data" ? message.chunks : []));
  return {
    source,
    model,
    received,
    acted,
    chunks,
    release: () => {
      waiting.splice(0).forEach((take) => {
        take();
      });
    },
  };
}

const whole = { type: "view", view: 1, tags: ["loss"], from: null, to: null, buckets: 100 };
const stepsOf = (chunk: SeriesChunk): number[] => [...new Float64Array(chunk.step)];

test("ready is answered by a snapshot with the run and its series", async () => {
  const { model, received } = open({ loss: 10, "grad_norm/fc1.weight": 10 });
  model.receive({ type: "ready" });
  const first = await until(() => received[0]);
  assert.ok(first.type === "snapshot");
  assert.equal(first.run?.name, "train.ts");
  assert.deepEqual(
    first.series.map(({ tag, group, layer, count }) => [tag, group, layer, count]),
    [
      ["loss", "loss", null, 10],
      ["grad_norm/fc1.weight", "gradient", "fc1", 10],
    ],
  );
  model.dispose();
});

test("nothing is sent before the page is ready, nor to one that is hidden", async () => {
  const { model, received } = open({ loss: 10 });
  model.receive(whole);
  model.grown();
  model.runChanged();
  model.receive({ type: "ready" });
  await until(() => received.length > 0);
  assert.equal(received[0]?.type, "snapshot");
  model.suspend();
  const before = received.length;
  model.grown();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(received.length, before);
  model.dispose();
});

test("a view of a short run gets every point, of a long one as many buckets as asked for", async () => {
  for (const [count, level] of [
    [80, 0],
    [1000, 4],
    [100_000, 10],
  ] as const) {
    const { model, chunks } = open({ loss: count });
    model.receive({ type: "ready" });
    model.receive(whole);
    const chunk = await until(() => chunks()[0]);
    assert.equal(chunk.level, level);
    assert.equal(chunk.start, 0);
    assert.ok(stepsOf(chunk).length <= 100);
    assert.equal(stepsOf(chunk).at(-1), count - 1);
    model.dispose();
  }
});

test("growth is sent from the last bucket on, until the level must rise", async () => {
  const { model, source, chunks } = open({ loss: 100 });
  model.receive({ type: "ready" });
  model.receive(whole);
  await until(() => chunks().length === 1);
  source.written.set("loss", 130);
  model.grown();
  const second = await until(() => chunks()[1]);
  assert.deepEqual([second.level, second.start, stepsOf(second).length], [0, 99, 31]);
  source.written.set("loss", 201);
  model.grown();
  const third = await until(() => chunks()[2]);
  assert.deepEqual([third.level, third.start, stepsOf(third).length], [2, 0, 51]);
  model.dispose();
});

test("a window in the past is sent once, with a bucket more on each side, and does not grow", async () => {
  const { model, source, chunks, received } = open({ loss: 1000 });
  model.receive({ type: "ready" });
  model.receive({ ...whole, from: 100, to: 150 });
  const chunk = await until(() => chunks()[0]);
  assert.deepEqual([chunk.level, chunk.start, stepsOf(chunk).length], [0, 99, 52]);
  source.written.set("loss", 2000);
  model.grown();
  await until(() => received.some((message) => message.type === "series"));
  assert.equal(chunks().length, 1);
  model.dispose();
});

test("answers carry the number of the newest view", async () => {
  const { model, received } = open({ loss: 10, lr: 10 });
  model.receive({ type: "ready" });
  model.receive({ ...whole, view: 7, tags: ["loss", "lr", "no such series"] });
  const data = await until(() => received.find((message) => message.type === "data"));
  assert.deepEqual([data.view, data.chunks.map((chunk) => chunk.tag)], [7, ["loss", "lr"]]);
  model.dispose();
});

test("while the page has not taken a batch, no other is sent, however much happens", async () => {
  const { model, source, received, release } = open({ loss: 10 }, { holds: true });
  model.receive({ type: "ready" });
  await until(() => received.length === 1);
  release();
  model.receive(whole);
  const batch = (): number => received.filter((message) => message.type === "data").length;
  await until(() => batch() === 1);
  for (let count = 11; count < 400; count++) {
    source.written.set("loss", count);
    model.grown();
    model.runChanged();
  }
  await new Promise((resolve) => setTimeout(resolve, 120)); // longer than two batches would take
  assert.equal(batch(), 1);
  release();
  await until(() => batch() === 2);
  model.dispose();
});

test("at most 20 batches a second", async () => {
  const { model, source } = open({ loss: 1 });
  model.receive({ type: "ready" });
  model.receive(whole);
  const began = Date.now();
  await until(() => {
    source.written.set("loss", (source.written.get("loss") ?? 0) + 1);
    model.grown();
    return Date.now() - began > 500;
  });
  assert.ok(model.counts.batches <= 12, `${model.counts.batches} batches in half a second`);
  assert.ok(model.counts.batches >= 5, `${model.counts.batches} batches in half a second`);
  model.dispose();
});

test("controls are passed on, rubbish is not", () => {
  const { model, acted } = open({});
  model.receive({ type: "control", action: "pause" });
  model.receive({ type: "control", action: "format" });
  assert.deepEqual(acted, [{ type: "control", action: "pause" }]);
  model.dispose();
});

test("levels", () => {
  assert.deepEqual(
    [0, 1, 100, 101, 200, 201, 1_000_000].map((points) => levelFor(points, 100)),
    [0, 0, 0, 1, 1, 2, 14],
  );
});

test("tags and the charts they belong to", () => {
  const rows: [string, string, string, string | null, string][] = [
    ["loss", "loss", "loss", null, ""],
    ["valLoss", "loss", "valLoss", null, ""],
    ["test/loss", "loss", "test/loss", null, ""],
    ["floss", "user", "floss", null, ""],
    ["accuracy", "user", "accuracy", null, ""],
    ["lr", "learningRate", "lr", null, ""],
    ["grad_norm/total", "gradient", "total", null, ""],
    ["grad_norm/block.0.fc1.weight", "gradient", "block.0.fc1.weight", "block.0.fc1", ""],
    ["grad_norm/scale", "gradient", "scale", "model", ""],
    ["grad_norm.layer/block.0.fc1", "gradient", "block.0.fc1", "block.0.fc1", ""],
    ["memory/activation", "memory", "activation", null, "bytes"],
    ["throughput/samples_per_second", "throughput", "samples per second", null, "samples/s"],
    ["time/step_ms", "time", "step time", null, "ms"],
  ];
  for (const [tag, group, label, layer, unit] of rows) {
    assert.deepEqual(classify(tag), { group, label, layer, unit }, tag);
  }
  const ofDevice: [string, string, string, string][] = [
    ["memory/opencl:0/activation", "memory", "activation", "bytes"],
    ["memory/opencl:0/reserved", "memoryTotal", "reserved", "bytes"],
    ["device/opencl:0/utilisation", "device", "opencl:0", "%"],
    ["device/opencl:0/celsius", "device", "opencl:0", "°C"],
    ["device/opencl:0/watts", "device", "opencl:0", "W"],
  ];
  for (const [tag, group, label, unit] of ofDevice) {
    assert.deepEqual(classify(tag), { group, label, layer: null, unit, device: "opencl:0" }, tag);
  }
  assert.equal(classify("device/mine").group, "user");
});
