// The dashboard's state: what the extension has sent, and what the user has chosen. No DOM, so that tests drive it in plain Node.

import { emptyPoints, firstStep, SeriesData, type Points, type PointSource } from "../../chart/buckets.js";
import { RootSumSquares } from "../../chart/combine.js";
import { clockOf, type Clock } from "../../chart/clock.js";
import { resolveWindow, type Extent, type ViewWindow } from "../../chart/window.js";
import type {
  DashboardSettings,
  DashboardState,
  FromDashboard,
  RunView,
  SeriesInfo,
  ToDashboard,
} from "../../protocol.js";

/** What a message changed, so that only that is drawn again. */
export interface Change {
  /** Everything: another run, or a snapshot. */
  all: boolean;
  run: boolean;
  /** Which series there are. */
  series: boolean;
  data: ReadonlySet<string>;
  /** A chunk did not join what is held: the window has to be asked for again. */
  gap: boolean;
}

const nothing: Change = { all: false, run: false, series: false, data: new Set(), gap: false };

type ViewMessage = Extract<FromDashboard, { type: "view" }>;

export class DashboardModel {
  run: RunView | null = null;
  /** False until the first snapshot. */
  ready = false;
  series: readonly SeriesInfo[] = [];
  settings: DashboardSettings = { smoothing: 0.6 };
  choices: DashboardState;
  #data = new Map<string, SeriesData>();
  #infos = new Map<string, SeriesInfo>();
  #norms = new Map<string, { key: string; data: PointSource }>();
  #viewNumber = 0;
  /** The newest view whose data has arrived: older answers are of no more use. */
  #answered = 0;
  #windows = new Map<number, ViewMessage>();
  /** By tag: the view whose answer has begun to arrive. */
  #filled = new Map<string, number>();
  #clock: { version: number; points: Points; clock: Clock } | null = null;

  /** @param saved what the page stored before it was reloaded, of unknown shape. */
  constructor(saved: unknown) {
    this.choices = readChoices(saved) ?? defaultChoices(this.settings);
    this.#restored = readChoices(saved) !== null;
  }
  #restored: boolean;

  receive(message: ToDashboard): Change {
    switch (message.type) {
      case "snapshot":
        return this.#snapshot(message);
      case "run":
        if (this.run !== null && message.run.id !== this.run.id) return nothing;
        this.run = message.run;
        return { ...nothing, run: true };
      case "series":
        this.#takeSeries(message.series);
        return { ...nothing, series: true };
      case "settings":
        this.settings = message.settings;
        this.choices = { ...this.choices, smoothing: clampSmoothing(message.settings.smoothing) };
        return { ...nothing, all: true };
      case "data":
        return this.#takeData(message);
      default:
        return nothing; // an extension newer than this page
    }
  }

  /** The data of a series, made when first asked for. */
  dataOf(tag: string): SeriesData {
    let data = this.#data.get(tag);
    if (data === undefined) this.#data.set(tag, (data = new SeriesData()));
    return data;
  }

  /** The norm over several series, as a series of its own under `tag`. */
  normOf(tag: string, parts: readonly string[]): PointSource {
    const key = parts.join("\n");
    const known = this.#norms.get(tag);
    if (known?.key === key) return known.data;
    const data = new RootSumSquares(parts.map((part) => this.dataOf(part)));
    this.#norms.set(tag, { key, data });
    return data;
  }

  infoOf(tag: string): SeriesInfo | undefined {
    return this.#infos.get(tag);
  }

  get window(): ViewWindow {
    const { window, span } = this.choices;
    if (window !== null) return { kind: "fixed", ...window };
    return span === null ? { kind: "all" } : { kind: "last", span };
  }

  /** The steps there are. */
  get extent(): Extent {
    let from = Infinity;
    let to = this.run?.step ?? 0;
    for (const data of this.#data.values()) {
      const { step, length } = data.points;
      if (length === 0) continue;
      from = Math.min(from, firstStep(data.points));
      to = Math.max(to, step[length - 1]!);
    }
    return { from: Number.isFinite(from) ? from : 0, to };
  }

  /** The steps on screen. */
  get visible(): Extent {
    return resolveWindow(this.window, this.extent);
  }

  /** Steps to seconds, by the series with the most points. */
  get clock(): Clock {
    let best = emptyPoints();
    let version = 0;
    for (const data of this.#data.values()) {
      version += data.version;
      if (data.points.length > best.length) best = data.points;
    }
    if (this.#clock?.version !== version || this.#clock.points !== best) {
      this.#clock = { version, points: best, clock: clockOf(best) };
    }
    return this.#clock.clock;
  }

  /** Numbers a request for data, so that answers can be told apart. */
  createView(
    tags: readonly string[],
    window: { from: number | null; to: number | null },
    buckets: number,
  ): ViewMessage {
    const view = ++this.#viewNumber;
    const message: ViewMessage = { type: "view", view, tags: [...tags], ...window, buckets };
    this.#windows.set(view, message);
    return message;
  }

  #snapshot(message: Extract<ToDashboard, { type: "snapshot" }>): Change {
    const sameRun = this.ready && message.run?.id === this.run?.id;
    this.settings = message.settings;
    if (!sameRun) {
      this.#data.clear();
      this.#norms.clear();
      this.#filled.clear();
      this.#clock = null;
      const stored = readChoices(message.state);
      if (stored !== null) this.choices = stored;
      else if (this.ready || !this.#restored) this.choices = defaultChoices(message.settings);
    }
    this.ready = true;
    this.run = message.run;
    this.#takeSeries(message.series);
    return { ...nothing, all: true };
  }

  #takeSeries(series: readonly SeriesInfo[]): void {
    this.series = series;
    this.#infos = new Map(series.map((info) => [info.tag, info]));
  }

  #takeData(message: Extract<ToDashboard, { type: "data" }>): Change {
    const asked = this.#windows.get(message.view);
    if (asked === undefined) return nothing;
    if (message.view > this.#answered) {
      this.#answered = message.view;
      for (const view of this.#windows.keys()) if (view < message.view) this.#windows.delete(view);
    }
    const whole = asked.from === null && asked.to === null;
    const changed = new Set<string>();
    let gap = false;
    for (const chunk of message.chunks) {
      const data = this.dataOf(chunk.tag);
      if (whole) data.dropDetail();
      const fresh = this.#filled.get(chunk.tag) !== message.view;
      this.#filled.set(chunk.tag, message.view);
      if (data.merge(chunk, whole, fresh)) changed.add(chunk.tag);
      else gap = true;
    }
    return { ...nothing, data: changed, gap };
  }
}

function defaultChoices(settings: DashboardSettings): DashboardState {
  return {
    smoothing: clampSmoothing(settings.smoothing),
    logScale: {},
    logX: false,
    xAxis: "step",
    hidden: [],
    window: null,
    span: null,
    wide: [],
  };
}

/** State comes from storage, perhaps of another version: what is not as expected is left at its default. */
export function readChoices(value: unknown): DashboardState | null {
  if (typeof value !== "object" || value === null) return null;
  const stored = value as Partial<Record<keyof DashboardState, unknown>>;
  const choices = defaultChoices({
    smoothing: typeof stored.smoothing === "number" ? stored.smoothing : 0.6,
  });
  if (typeof stored.logX === "boolean") choices.logX = stored.logX;
  if (stored.xAxis === "wall" || stored.xAxis === "relative") choices.xAxis = stored.xAxis;
  choices.hidden = strings(stored.hidden);
  choices.wide = strings(stored.wide);
  if (typeof stored.logScale === "object" && stored.logScale !== null) {
    for (const [id, log] of Object.entries(stored.logScale))
      if (typeof log === "boolean") choices.logScale[id] = log;
  }
  if (typeof stored.span === "number" && stored.span > 0) choices.span = stored.span;
  const window = stored.window as { from?: unknown; to?: unknown } | null | undefined;
  if (typeof window === "object" && typeof window?.from === "number" && typeof window.to === "number") {
    if (window.to > window.from) choices.window = { from: window.from, to: window.to };
  }
  return choices;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

function clampSmoothing(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), 0.999) : 0;
}
