// Plays the extension's part inside the page: answers the dashboard's messages from a synthetic run, and lets tests drive it.

import type { FromDashboard, SeriesInfo, ToDashboard } from "../../../webviews/protocol.js";
import { advance, chunkOf, createRun, infoOf, levelFor, type RunOptions, type SyntheticRun } from "./run.js";

type View = Extract<FromDashboard, { type: "view" }>;

export interface FakeExtension {
  /** Everything the dashboard has said. */
  sent: FromDashboard[];
  run: SyntheticRun | null;
  send(message: ToDashboard): void;
  /** Shows another run, or none. */
  show(options: RunOptions | null): void;
  snapshot(): void;
  /** Trains for some steps and sends what the extension would. */
  advance(steps: number, odd?: RunOptions["odd"]): void;
  setState(state: string, message?: string | null): void;
  /** Adds to the run a series with these values at steps 1, 2, ... */
  addSeries(info: Partial<SeriesInfo> & { tag: string }, values: number[]): void;
}

export interface HarnessOptions {
  run: RunOptions | null;
  /** What the page stored before it was reloaded. */
  stored?: unknown;
  smoothing?: number;
}

/** Called by the page before the dashboard's script, with options from the test. */
export function install(options: HarnessOptions): void {
  let stored = options.stored ?? null;
  let view: View | null = null;
  /** By tag: the level sent, and the number of points sent. */
  let levels = new Map<string, { level: number; points: number }>();
  const fake: FakeExtension = {
    sent: [],
    run: options.run === null ? null : createRun(options.run),
    send: (message) => {
      globalThis.dispatchEvent(new MessageEvent("message", { data: message }));
    },
    show: (run) => {
      fake.run = run === null ? null : createRun(run);
      fake.snapshot();
    },
    snapshot: () => {
      fake.send({
        type: "snapshot",
        run: fake.run?.view ?? null,
        series: infos(),
        settings: { smoothing: options.smoothing ?? 0.6 },
        state: null,
      });
    },
    advance: (steps, odd) => {
      if (fake.run === null) return;
      advance(fake.run, steps, odd);
      fake.send({ type: "run", run: { ...fake.run.view } });
      fake.send({ type: "series", series: infos() });
      grow();
    },
    setState: (state, message = null) => {
      if (fake.run === null) return;
      const live = ["starting", "running", "paused", "stopping"].includes(state);
      Object.assign(fake.run.view, { state, live, message, endTime: live ? null : Date.now() });
      fake.send({ type: "run", run: { ...fake.run.view } });
    },
    addSeries: (info, values) => {
      const numbers = values.map(Number);
      const step = values.map((_, index) => index + 1);
      const wall = step.map((number) => 1_768_469_400 + number * 0.05);
      fake.run?.series.push({
        ...{ group: "user", label: info.tag, layer: null, unit: "", ...info },
        ...{ step, wall, value: numbers },
      });
      fake.send({ type: "series", series: infos() });
    },
  };
  const infos = (): SeriesInfo[] => fake.run?.series.filter((one) => one.value.length > 0).map(infoOf) ?? [];

  const answer = (asked: View): void => {
    view = asked;
    levels = new Map();
    const chunks = (fake.run?.series ?? [])
      .filter((one) => asked.tags.includes(one.tag) && one.value.length > 0)
      .map((one) => {
        const level = levelFor(one, asked.from, asked.to, asked.buckets);
        const before = one.step.filter((step) => step < (asked.from ?? -Infinity)).length;
        levels.set(one.tag, { level, points: one.value.length });
        return chunkOf(one, level, Math.floor(before / 2 ** level), asked.to);
      });
    fake.send({ type: "data", view: asked.view, chunks });
  };

  const grow = (): void => {
    if (view?.to !== null) return;
    const asked = view;
    const chunks = (fake.run?.series ?? [])
      .filter((one) => asked.tags.includes(one.tag))
      .flatMap((one) => {
        const sent = levels.get(one.tag) ?? { level: 0, points: 0 };
        const level = levelFor(one, asked.from, null, 2 * asked.buckets);
        const same = level === sent.level;
        const before = one.step.filter((step) => step < (asked.from ?? -Infinity)).length;
        if (one.value.length === sent.points) return [];
        levels.set(one.tag, { level, points: one.value.length });
        return [chunkOf(one, level, Math.floor((same ? sent.points : before) / 2 ** level))];
      });
    fake.send({ type: "data", view: asked.view, chunks });
  };

  const api = {
    postMessage: (message: FromDashboard) => {
      fake.sent.push(message);
      // As through a real channel: later, never within the call.
      queueMicrotask(() => {
        if (message.type === "ready") fake.snapshot();
        if (message.type === "view") answer(message);
      });
    },
    getState: () => stored,
    setState: (state: object | null) => {
      stored = structuredClone(state);
    },
  };
  Object.assign(globalThis, { acquireVsCodeApi: () => api, fake });
}

// The page's script: the options stand in the page as JSON.
const holder = globalThis as unknown as { harnessOptions?: HarnessOptions };
if (holder.harnessOptions !== undefined) install(holder.harnessOptions);
