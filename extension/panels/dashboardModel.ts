// One dashboard without its panel: answers the page's questions, and sends what is new while a run lives.
// At most 20 batches a second, and never one before the last has arrived, so that neither side can be flooded.

import { isLive } from "../../engine/protocol.js";
import type {
  DashboardSettings,
  DashboardState,
  FromDashboard,
  SeriesChunk,
  SeriesInfo,
  ToDashboard,
} from "../../webviews/protocol.js";
import type { Run } from "../runs/registry.js";
import { readMessage } from "./messages.js";
import type { SeriesSource, SeriesSummary } from "./series.js";
import { classify, finite, toRunView } from "./views.js";

type View = Extract<FromDashboard, { type: "view" }>;

export interface DashboardOptions {
  source: SeriesSource;
  /** The run as it stands now; null when its folder is gone. */
  run: () => Run | null;
  /** Resolves when the page has the message. */
  post: (message: ToDashboard) => PromiseLike<boolean>;
  settings: () => DashboardSettings;
  state: () => DashboardState | null;
  keepState: (state: DashboardState) => void;
  /** What the model does not do itself. */
  act: (message: Extract<FromDashboard, { type: "control" | "open" | "startTraining" }>) => void;
}

/** What the page holds of one series. */
interface Sent {
  level: number;
  /** Points of the series when it was sent. */
  count: number;
}

/** 20 batches a second. */
const batchMilliseconds = 50;
/** The list of series, with its latest values, goes out less often. */
const listMilliseconds = 500;
/** A page that does not take a message in this time (it was hidden) is written to again. */
const patience = 2000;

export class DashboardModel {
  readonly #options: DashboardOptions;
  #isReady = false;
  #view: View | null = null;
  readonly #sent = new Map<string, Sent>();
  #news = { run: false, settings: false, data: false };
  #pumping = false;
  #timer: NodeJS.Timeout | undefined;
  #lastBatch = 0;
  #lastList = 0;
  #listed = "";
  #disposed = false;
  /** Batches and points sent, for `descent._state`. */
  readonly counts = { batches: 0, buckets: 0 };

  constructor(options: DashboardOptions) {
    this.#options = options;
  }

  /** Takes a message of the page. */
  receive(raw: unknown): void {
    const message = readMessage(raw);
    switch (message?.type) {
      case undefined:
        return;
      case "ready":
        void this.#begin();
        return;
      case "view":
        this.#view = message;
        this.#sent.clear();
        this.#news.data = true;
        this.#schedule(0);
        return;
      case "state":
        this.#options.keepState(message.state);
        return;
      case "control":
      case "open":
      case "startTraining":
        this.#options.act(message);
        return;
    }
  }

  /** The page is gone (hidden panels are dropped by the editor); it says `ready` when it is back. */
  suspend(): void {
    this.#isReady = false;
    this.#view = null;
  }

  runChanged(): void {
    this.#news.run = true;
    this.#news.data = true;
    this.#schedule();
  }

  settingsChanged(): void {
    this.#news.settings = true;
    this.#schedule();
  }

  /** There may be new points. */
  grown(): void {
    this.#news.data = true;
    this.#schedule();
  }

  get series(): SeriesSummary[] {
    return this.#options.source.list();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
  }

  /** Everything the page needs to draw itself, first of all messages. */
  async #begin(): Promise<void> {
    const { source, run, settings, state } = this.#options;
    await source.read().catch(() => false);
    if (this.#disposed) return;
    const current = run();
    this.#isReady = true;
    this.#news = { run: false, settings: false, data: true };
    const series = toInfos(source.list());
    this.#listed = JSON.stringify(series);
    await this.#post({
      type: "snapshot",
      run: current && toRunView(current),
      series,
      settings: settings(),
      state: state(),
    });
    this.#schedule();
  }

  #schedule(delay = Math.max(0, this.#lastBatch + batchMilliseconds - Date.now())): void {
    if (!this.#isReady || this.#pumping || this.#disposed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#pump(), delay);
  }

  async #pump(): Promise<void> {
    if (this.#pumping || !this.#isReady || this.#disposed) return;
    this.#pumping = true;
    try {
      await this.#sendNews();
    } finally {
      this.#pumping = false;
    }
    const { run, settings, data } = this.#news;
    if (run || settings || data) this.#schedule();
  }

  async #sendNews(): Promise<void> {
    const news = this.#news;
    this.#news = { run: false, settings: false, data: false };
    this.#lastBatch = Date.now();
    const messages: ToDashboard[] = [];
    if (news.settings) messages.push({ type: "settings", settings: this.#options.settings() });
    const run = this.#options.run();
    if (news.run && run) messages.push({ type: "run", run: toRunView(run) });
    if (news.data) {
      await this.#options.source.read().catch(() => false);
      const list = this.#listMessage(run === null || !isLive(run.record.state));
      if (list) messages.push(list);
      const data = this.#dataMessage();
      if (data) messages.push(data);
    }
    if (!this.#isReady || this.#disposed || messages.length === 0) return;
    this.counts.batches++;
    await Promise.all(messages.map((message) => this.#post(message)));
  }

  /** The list of series when it changed: at once for a new series or an ended run, twice a second otherwise. */
  #listMessage(atOnce: boolean): ToDashboard | null {
    const series = toInfos(this.#options.source.list());
    const text = JSON.stringify(series);
    if (text === this.#listed) return null;
    const isLonger = series.length !== (JSON.parse(this.#listed || "[]") as unknown[]).length;
    if (!atOnce && !isLonger && Date.now() - this.#lastList < listMilliseconds) {
      this.#news.data = true;
      return null;
    }
    this.#listed = text;
    this.#lastList = Date.now();
    return { type: "series", series };
  }

  /** The points of the view that the page does not hold yet. */
  #dataMessage(): ToDashboard | null {
    const view = this.#view;
    if (!view) return null;
    const known = new Map(this.series.map((series) => [series.tag, series]));
    const chunks: SeriesChunk[] = [];
    for (const tag of view.tags) {
      const series = known.get(tag);
      const chunk = series && this.#chunk(view, series);
      if (chunk) chunks.push(chunk);
    }
    if (chunks.length === 0) return null;
    for (const chunk of chunks) this.counts.buckets += chunk.flags.byteLength;
    return { type: "data", view: view.view, chunks };
  }

  #chunk(view: View, { tag, count }: SeriesSummary): SeriesChunk | null {
    const { source } = this.#options;
    const sent = this.#sent.get(tag);
    if (sent?.count === count) return null;
    const first = view.from === null ? 0 : Math.max(0, source.indexOf(tag, view.from) - 1);
    const end = view.to === null ? count : Math.min(count, source.indexOf(tag, view.to) + 1);
    // A window that is full does not change any more.
    if (sent && end < sent.count) return null;
    const fitting = levelFor(end - first, view.buckets);
    // What is there stays at its level until it has grown to twice the buckets asked for.
    const level =
      sent && fitting <= sent.level + 1 && end - first <= 2 * view.buckets * 2 ** sent.level
        ? sent.level
        : fitting;
    const size = 2 ** level;
    const start = sent?.level === level ? Math.floor((sent.count - 1) / size) : Math.floor(first / size);
    this.#sent.set(tag, { level, count });
    if (end <= first) return null;
    return source.chunk(tag, level, Math.max(0, start), Math.ceil(end / size));
  }

  async #post(message: ToDashboard): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([Promise.resolve(this.#options.post(message)).catch(() => false), late]);
    clearTimeout(timer);
  }
}

/** The finest level at which `points` points need at most `buckets` buckets. */
export function levelFor(points: number, buckets: number): number {
  let level = 0;
  while (points > buckets * 2 ** level) level++;
  return level;
}

function toInfos(list: SeriesSummary[]): SeriesInfo[] {
  return list.map(({ tag, count, last, min, max, nonFinite }) => ({
    tag,
    ...classify(tag),
    count,
    last: finite(last),
    min: finite(min),
    max: finite(max),
    nonFinite,
  }));
}
