// The dashboard: keeps cards in step with the model, draws in animation frames, and asks for the data of what is on screen.

import type { Channel } from "../../channel.js";
import { readTheme, type ChartTheme } from "../../chart/palette.js";
import type { ChartContext } from "../../chart/plot.js";
import { Readout } from "../../chart/readout.js";
import { chooseWindow, type Extent } from "../../chart/window.js";
import type { DashboardState, FromDashboard, ToDashboard } from "../../protocol.js";
import { Card, type CardHost } from "./card.js";
import { mostShown, parametersOf, planCards } from "./cards.js";
import { EmptyState } from "./empty.js";
import { Header } from "./header.js";
import { DashboardModel } from "./model.js";
import { nextRequest, type Request } from "./requests.js";
import { emptyText } from "./status.js";
import { Toolbar } from "./toolbar.js";

/** Milliseconds between two requests for data, so that a drag does not flood the extension. */
const requestPause = 60;

/** Milliseconds for which choices are gathered before they are kept. */
const savePause = 200;

export class Dashboard implements CardHost {
  readonly model: DashboardModel;
  #channel: Channel<ToDashboard, FromDashboard>;
  #theme: ChartTheme;
  #cards = new Map<string, Card>();
  #header: Header;
  #toolbar: Toolbar;
  #empty: EmptyState;
  #grid = document.createElement("main");
  #readout = new Readout();
  #live = document.createElement("div");
  #observer: IntersectionObserver;
  #sizes: ResizeObserver;
  #filter = "";
  #perParameter = false;
  #cursor: { step: number; card: Card; at: { x: number; y: number } | null } | null = null;
  #context: ChartContext | null = null;
  // What the next frame has to do.
  #frame = 0;
  #dirtyCards = new Set<Card>();
  #cursorMoved = false;
  #chromeDirty = false;
  #lastRequest: Request | null = null;
  #requestTimer: ReturnType<typeof setTimeout> | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #lastState = "";

  constructor(channel: Channel<ToDashboard, FromDashboard>, root: HTMLElement) {
    this.#channel = channel;
    this.model = new DashboardModel(channel.load());
    this.#theme = readTheme(root);
    const send = (message: FromDashboard): void => {
      channel.send(message);
    };
    this.#header = new Header(send);
    this.#toolbar = new Toolbar({
      xAxis: (xAxis) => {
        this.#choose({ xAxis });
      },
      logX: (logX) => {
        this.#choose({ logX });
      },
      smoothing: (smoothing) => {
        this.#choose({ smoothing });
      },
      follow: () => {
        const { from, to } = this.model.visible;
        this.#choose({ window: null, span: to - from });
      },
      showAll: () => {
        this.resetWindow();
      },
      filter: (text) => {
        this.#filter = text.trim().toLowerCase();
        this.#layOut();
      },
    });
    this.#empty = new EmptyState(() => {
      send({ type: "startTraining" });
    });
    this.#grid.className = "grid";
    this.#grid.setAttribute("aria-label", "Charts");
    this.#live.className = "visually-hidden";
    this.#live.setAttribute("role", "status");
    this.#observer = new IntersectionObserver(this.#onVisible.bind(this), { rootMargin: "150px" });
    this.#sizes = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        const card = [...this.#cards.values()].find((one) => one.sized === target);
        if (card === undefined || contentRect.width === 0) continue; // hidden
        card.resize(contentRect.width, contentRect.height);
        this.redraw(card);
      }
      this.#request();
    });
    root.append(
      this.#header.element,
      this.#toolbar.element,
      this.#empty.element,
      this.#grid,
      this.#readout.element,
      this.#live,
    );
    new MutationObserver(() => {
      this.#onTheme(root);
    }).observe(root, { attributes: true, attributeFilter: ["class", "data-vscode-theme-id"] });
    new MutationObserver(() => {
      this.#onTheme(root);
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["style"] });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#save();
      else this.#redrawAll();
    });
    window.addEventListener("pagehide", () => {
      this.#save();
    });
    this.#layOut();
    channel.listen((message) => {
      this.#receive(message);
    });
    channel.send({ type: "ready" });
  }

  context(): ChartContext {
    const { model } = this;
    return (this.#context ??= {
      theme: this.#theme,
      clock: model.clock,
      window: model.visible,
      xKind: model.choices.xAxis,
      logX: model.choices.logX,
      smoothing: model.choices.smoothing,
    });
  }

  setCursor(step: number | null, card: Card, at: { x: number; y: number } | null): void {
    this.#cursor = step === null ? null : { step, card, at };
    this.#cursorMoved = true;
    this.#schedule();
  }

  setWindow(wish: Extent): void {
    const chosen = chooseWindow(wish, this.model.extent, this.model.run?.live ?? false);
    this.#choose({
      window: chosen.kind === "fixed" ? { from: chosen.from, to: chosen.to } : null,
      span: chosen.kind === "last" ? chosen.span : null,
    });
  }

  resetWindow(): void {
    this.#choose({ window: null, span: null });
  }

  toggleSeries(tag: string): void {
    const { hidden } = this.model.choices;
    this.#choose({
      hidden: hidden.includes(tag) ? hidden.filter((other) => other !== tag) : [...hidden, tag],
    });
  }

  soloSeries(tag: string, among: readonly string[]): void {
    const { hidden } = this.model.choices;
    const others = among.filter((other) => other !== tag);
    const rest = hidden.filter((other) => !among.includes(other));
    const alone = !hidden.includes(tag) && others.every((other) => hidden.includes(other));
    this.#choose({ hidden: alone ? rest : [...rest, ...others] });
  }

  toggleLog(card: Card): void {
    this.#choose({ logScale: { ...this.model.choices.logScale, [card.id]: !card.isLog } });
    this.announce(`${card.plan.spec.title}: ${card.isLog ? "logarithmic" : "linear"} y axis`);
  }

  toggleWide(card: Card): void {
    const { wide } = this.model.choices;
    this.#choose({ wide: wide.includes(card.id) ? wide.filter((id) => id !== card.id) : [...wide, card.id] });
  }

  splits(card: Card): boolean | null {
    return card.id === "gradient" && parametersOf(this.model.series).length > 0 ? this.#perParameter : null;
  }

  toggleSplit(): void {
    this.#perParameter = !this.#perParameter;
    this.#layOut();
    this.#request();
  }

  announce(text: string): void {
    this.#live.textContent = text;
  }

  redraw(card: Card): void {
    this.#dirtyCards.add(card);
    this.#schedule();
  }

  #receive(message: ToDashboard): void {
    const before = this.model.run;
    const change = this.model.receive(message);
    this.#context = null;
    if (message.type === "snapshot") this.#lastRequest = null;
    if (change.all || change.series) this.#layOut();
    if (change.gap) this.#lastRequest = null;
    for (const card of this.#cards.values()) {
      const parts = card.plan.series.flatMap((one) => one.parts);
      if (parts.some((tag) => change.data.has(tag))) this.#dirtyCards.add(card);
    }
    if (change.run) {
      // A window that follows the run moves with it.
      if (this.model.choices.window === null && before?.step !== this.model.run?.step) this.#redrawAll();
      this.#chromeDirty = true;
    }
    this.#sayState();
    this.#schedule();
    this.#request();
  }

  #sayState(): void {
    const { run } = this.model;
    const state = run === null ? "" : `${run.name}: ${run.state}`;
    if (state === this.#lastState) return;
    if (this.#lastState !== "" && state !== "") this.announce(state);
    this.#lastState = state;
  }

  /** Takes a choice of the user's, keeps it over reloads, and draws. */
  #choose(part: Partial<DashboardState>): void {
    this.model.choices = { ...this.model.choices, ...part };
    this.#saveTimer ??= setTimeout(() => {
      this.#save();
    }, savePause);
    this.#redrawAll();
    this.#request();
  }

  #save(): void {
    if (this.#saveTimer === undefined) return;
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    this.#channel.save(this.model.choices);
    this.#channel.send({ type: "state", state: this.model.choices });
  }

  /** Makes, orders, shows and hides the cards as the series and the filter ask. */
  #layOut(): void {
    const { model } = this;
    const plans = planCards(model.series, this.#perParameter);
    const ids = new Set(plans.map((plan) => plan.spec.id));
    for (const [id, card] of this.#cards) {
      if (ids.has(id)) continue;
      this.#observer.unobserve(card.element);
      this.#sizes.unobserve(card.sized);
      card.element.remove();
      this.#cards.delete(id);
      this.#dirtyCards.delete(card);
      if (this.#cursor?.card === card) this.#cursor = null;
    }
    this.#hideCrowds(
      plans.flatMap((plan) => (this.#cards.has(plan.spec.id) ? [] : [plan.series.map((s) => s.tag)])),
    );
    plans.forEach((plan, index) => {
      let card = this.#cards.get(plan.spec.id);
      if (card === undefined) {
        card = new Card(plan, this);
        this.#cards.set(plan.spec.id, card);
        this.#observer.observe(card.element);
        this.#sizes.observe(card.sized);
      }
      card.plan = plan;
      const found = [plan.spec.title, ...plan.series.map((info) => info.tag)].join(" ").toLowerCase();
      card.element.hidden = !found.includes(this.#filter);
      const here = this.#grid.children[index];
      if (here !== card.element) this.#grid.insertBefore(card.element, here ?? null);
    });
    const { run } = model;
    const hasCharts = run !== null && plans.length > 0;
    this.#header.element.hidden = run === null;
    this.#toolbar.element.hidden = !hasCharts;
    this.#grid.hidden = !hasCharts;
    this.#empty.element.hidden = hasCharts;
    this.#redrawAll();
  }

  /** Of a new chart with very many series only the first start out shown. */
  #hideCrowds(charts: readonly (readonly string[])[]): void {
    for (const tags of charts) {
      if (tags.length <= mostShown || tags.some((tag) => this.model.choices.hidden.includes(tag))) continue;
      const hidden = [...this.model.choices.hidden, ...tags.slice(mostShown)];
      this.model.choices = { ...this.model.choices, hidden };
    }
  }

  #onVisible(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const card = [...this.#cards.values()].find((one) => one.element === entry.target);
      if (card === undefined) continue;
      card.visible = entry.isIntersecting;
      if (card.visible) this.#dirtyCards.add(card);
    }
    this.#schedule();
    this.#request();
  }

  #onTheme(root: HTMLElement): void {
    this.#theme = readTheme(root);
    this.#redrawAll();
  }

  #redrawAll(): void {
    this.#context = null;
    for (const card of this.#cards.values()) this.#dirtyCards.add(card);
    this.#chromeDirty = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#draw.bind(this));
  }

  #draw(): void {
    this.#frame = 0;
    const cursor = this.#cursor?.step ?? null;
    if (this.#chromeDirty) this.#drawChrome();
    this.#chromeDirty = false;
    for (const card of this.#cards.values()) {
      if (!card.visible || card.element.hidden) continue;
      if (this.#dirtyCards.delete(card)) {
        card.refresh();
        card.draw(cursor);
      } else if (this.#cursorMoved) {
        card.drawCursor(cursor);
      }
    }
    this.#cursorMoved = false;
    this.#drawReadout();
  }

  #drawChrome(): void {
    const { model } = this;
    if (model.run !== null) this.#header.update(model.run);
    this.#toolbar.update(model.choices, model.window, model.visible, model.run?.live ?? false);
    this.#empty.update(emptyText(model.ready, model.run));
  }

  #drawReadout(): void {
    const cursor = this.#cursor;
    const at = cursor?.at ?? null;
    if (cursor === null || at === null) {
      this.#readout.hide();
      return;
    }
    this.#readout.show(cursor.card.readout(cursor.step), at);
  }

  /** Asks for what is missing on screen; at once, or when the pause since the last time is over. */
  #request(): void {
    if (!this.model.ready || this.#requestTimer !== undefined) return;
    const { model } = this;
    const cards = [...this.#cards.values()].filter((card) => card.visible && !card.element.hidden);
    for (const card of cards) card.refresh();
    const request = nextRequest(
      {
        tags: cards.flatMap((card) => card.tags),
        window: model.window,
        visible: model.visible,
        extent: model.extent,
        pixels:
          Math.max(0, ...cards.map((card) => card.plotWidth)) * Math.min(2, globalThis.devicePixelRatio || 1),
      },
      this.#lastRequest,
    );
    if (request === null) return;
    this.#lastRequest = request;
    this.#channel.send(
      model.createView(request.tags, { from: request.from, to: request.to }, request.buckets),
    );
    this.#requestTimer = setTimeout(() => {
      this.#requestTimer = undefined;
      this.#request();
    }, requestPause);
  }
}
