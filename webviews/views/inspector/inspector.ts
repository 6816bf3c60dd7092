// The inspector: keeps what is on screen in step with the model, draws in animation frames, and asks for what is missing.

import type { Statistics } from "../../../engine/inspection.js";
import type { Channel } from "../../channel.js";
import { readTheme } from "../../chart/palette.js";
import { Readout } from "../../chart/readout.js";
import type { FromInspector, InspectedTensor, ToInspector } from "../../protocol.js";
import { progressRing } from "../../widgets/toolkit.js";
import { Answers } from "./answers.js";
import { Channels } from "./channels.js";
import { defaultChoices, viewOf, views, type Choices, type Tab, type ViewName } from "./choices.js";
import { ColourBar } from "./colourbar.js";
import { Dims } from "./dims.js";
import { make, rebuild } from "./dom.js";
import { Exporting } from "./exporting.js";
import { Graph } from "./graph.js";
import { Header } from "./header.js";
import { HeatMap } from "./heatmap.js";
import { help } from "./help.js";
import { Histogram } from "./histogram.js";
import { ImageView } from "./image.js";
import { Jump } from "./jump.js";
import { Layers } from "./layers.js";
import { LinePlot } from "./line.js";
import { InspectorModel, type Source } from "./model.js";
import { isIntegral } from "./numbers.js";
import { paintFor } from "./painting.js";
import { Scalar } from "./scalar.js";
import { extentOf, sliceWith } from "./slicing.js";
import { StatisticsLine } from "./statistics.js";
import { emptyText, nothingText, unreadText, type EmptyText } from "./status.js";
import { Table } from "./table.js";
import { Tabs } from "./tabs.js";
import { TensorList } from "./tensorList.js";
import type { InspectorTheme, View, ViewContext, ViewHost } from "./view.js";
import { ViewBar } from "./viewBar.js";
import { suitsSquare } from "./viewport.js";

/** Milliseconds for which choices are gathered before they are kept. */
const savePause = 200;

/** Milliseconds that a program may run before its old values are shown as such. */
const stalePause = 400;

type Name = ViewName | "scalar";

export class Inspector implements ViewHost {
  readonly model: InspectorModel;
  readonly readout = new Readout();
  #channel: Channel<ToInspector, FromInspector>;
  #answers: Answers;
  #layers: Layers;
  #theme: InspectorTheme;
  #list: TensorList;
  #header: Header;
  #page = make("div", "inspector");
  #tabs = new Tabs((tab) => {
    this.choose({ tab });
  });
  #dims: Dims;
  #bar: ViewBar;
  #jump: Jump;
  #stage = make("main", "stage");
  #empty = make("section", "empty");
  #statistics = new StatisticsLine();
  #colours: ColourBar;
  #graph: Graph;
  #exporting: Exporting;
  #foot = make("footer", "foot");
  #notice = make("p", "notice");
  #live = make("div", "visually-hidden");
  #views = new Map<Name, View>();
  #makers: Readonly<Record<Name, () => View>>;
  #shown: View | null = null;
  #reveal: ViewContext["reveal"] = null;
  #frame = 0;
  #staleSince: number | null = null;
  #staleTimer: ReturnType<typeof setTimeout> | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(channel: Channel<ToInspector, FromInspector>, root: HTMLElement) {
    this.#channel = channel;
    this.model = new InspectorModel(channel.load());
    const send = (message: FromInspector): void => {
      channel.send(message);
    };
    this.#answers = new Answers(send, () => {
      this.redraw();
    });
    this.#layers = new Layers(this.#answers);
    this.#theme = themeOf(root);
    const choose = (message: FromInspector): void => {
      send(message);
      // What the user selects is shown at once; the extension only keeps it.
      if (message.type === "select") this.#receive(message);
    };
    this.#list = new TensorList(choose, () => {
      this.#share({ link: !this.model.shared.link });
    });
    this.#header = new Header({
      send,
      minus: (minus) => {
        this.choose({ minus, limits: { value: null, grad: null } });
      },
    });
    this.#dims = new Dims(
      (slice) => {
        const before = this.#choices;
        const isMoved = slice.rowDim === before?.slice.rowDim && slice.columnDim === before.slice.columnDim;
        this.tell("");
        this.choose(isMoved ? { slice } : { slice, viewport: null, cursor: null });
      },
      (message) => {
        this.tell(message);
      },
    );
    this.#bar = new ViewBar({
      choose: (part) => {
        this.choose(part);
      },
      share: (part) => {
        this.#share(part);
      },
    });
    this.#jump = new Jump(this, this.#answers);
    this.#colours = new ColourBar(this);
    this.#graph = new Graph(send, () => {
      this.redraw();
    });
    this.#exporting = new Exporting(this.#answers, send, (text) => {
      this.tell(text);
    });
    this.#header.tools.append(this.#exporting.element, help());
    this.#makers = {
      heatmap: () => new HeatMap(this),
      table: () => new Table(this),
      image: () => new ImageView(this),
      line: () => new LinePlot(this),
      histogram: () => new Histogram(this),
      channels: () => new Channels(this),
      scalar: () => new Scalar(),
    };
    this.#live.setAttribute("role", "status");
    this.#notice.setAttribute("role", "alert");
    this.#notice.hidden = true;
    this.#foot.append(this.#jump.element, this.#statistics.element);
    const parts = make("div", "tab-row", this.#tabs.element, this.#dims.element);
    this.#page.append(
      ...[this.#list.element, this.#header.element, parts, this.#bar.element, this.#notice],
      ...[this.#empty, this.#stage, this.#foot],
    );
    root.append(this.#page, this.readout.element, this.#live);
    this.#watch(root);
    root.addEventListener("keydown", (event) => {
      if (this.#jump.key(event)) event.preventDefault();
    });
    channel.listen((message) => {
      this.#receive(message);
    });
    channel.send({ type: "ready" });
    this.redraw();
  }

  choose(part: Partial<Choices>): void {
    const { selected } = this.model;
    if (selected === null) return;
    this.model.choose(selected, part);
    this.#changed();
  }

  announce(text: string): void {
    this.#live.textContent = text;
  }

  tell(text: string): void {
    this.#notice.hidden = text === "";
    this.#notice.textContent = text;
  }

  copy(text: string): void {
    this.#channel.send({ type: "copy", text });
  }

  goTo(index: readonly number[], view?: ViewName): void {
    const choices = this.#choices;
    if (choices === null) return;
    const { slice, row, column } = sliceWith(choices.slice, index);
    const now = viewOf(choices);
    const seen = view ?? (["heatmap", "table", "line"].includes(now) ? now : "heatmap");
    this.#reveal = { number: (this.#reveal?.number ?? 0) + 1, row, column };
    this.choose({ slice, cursor: { row, column }, ...(seen === now ? {} : { view: seen }) });
  }

  redraw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#draw.bind(this));
  }

  get choices(): Choices {
    return this.#choices ?? defaultChoices([]);
  }

  get #choices(): Choices | null {
    const { selected } = this.model;
    return selected === null ? null : this.model.choicesOf(selected);
  }

  #share(part: Partial<InspectorModel["shared"]>): void {
    this.model.shared = { ...this.model.shared, ...part };
    this.#changed();
  }

  #changed(): void {
    this.#saveTimer ??= setTimeout(() => {
      this.#save();
    }, savePause);
    this.redraw();
  }

  #save(): void {
    if (this.#saveTimer === undefined) return;
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    const { state } = this.model;
    this.#channel.save(state);
    this.#channel.send({ type: "state", state });
  }

  #receive(message: ToInspector): void {
    if (message.type === "answer") {
      this.#answers.receive(message.request, { answer: message.answer });
      return;
    }
    if (message.type === "problem") {
      this.#answers.receive(message.request, { problem: message.message });
      return;
    }
    const before = this.model.selected;
    const stopped = this.model.canAsk;
    this.model.receive(message);
    const { canAsk, selected } = this.model;
    const isNewStop =
      message.type === "tensor" && before?.id === message.tensor.id && before.stop !== message.tensor.stop;
    if (message.type === "snapshot" || canAsk !== stopped || isNewStop) {
      this.#answers.reset(canAsk);
      this.#layers.forgetProblems();
    }
    if (selected?.id !== before?.id) {
      this.tell("");
      if (before !== null && selected !== null) this.announce(`${selected.expression} is shown`);
    }
    this.redraw();
  }

  #watch(root: HTMLElement): void {
    const restyle = (): void => {
      this.#theme = themeOf(root);
      this.redraw();
    };
    new MutationObserver(restyle).observe(root, {
      attributes: true,
      attributeFilter: ["class", "data-vscode-theme-id"],
    });
    new MutationObserver(restyle).observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["style"],
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#save();
      else this.redraw();
    });
    window.addEventListener("pagehide", () => {
      this.#save();
    });
  }

  #draw(): void {
    this.#frame = 0;
    const { model } = this;
    const { selected, session, shared } = model;
    // Of a tensor of an earlier stop there is nobody to ask: what was read stays.
    this.#answers.enabled = model.canAsk && selected?.freshness === "current";
    this.#answers.begin();
    this.#list.update(model.tensors, model.selectedId, shared.link);
    const empty = emptyText(model);
    const hasFacts = selected !== null && selected.facts !== null;
    for (const part of [this.#header.element, this.#tabs.element]) part.hidden = !hasFacts;
    if (hasFacts) {
      const { minus, tab } = model.choicesOf(selected);
      const isStale = this.#isStale(selected);
      this.#header.update({
        tensor: selected,
        comparable: model.comparable(selected),
        minus,
        session,
        isStale,
      });
      this.#tabs.update(tab);
      this.#page.classList.toggle("is-old", isStale);
      this.#drawTab(selected, tab);
    } else this.#show(empty, null);
    this.#answers.end();
    this.#stage.setAttribute("aria-busy", String(this.#answers.busy));
    this.#stage.classList.toggle("busy", this.#answers.busy);
  }

  /** Whether the values are of an earlier stop for long enough to say so: while one steps, nothing flickers. */
  #isStale({ freshness, problem }: InspectedTensor): boolean {
    const { session } = this.model;
    if (freshness === "current" && session === "stopped") {
      this.#staleSince = null;
      return false;
    }
    this.#staleSince ??= performance.now();
    const left = this.#staleSince + stalePause - performance.now();
    if (left <= 0 || session === "none" || (problem !== null && session === "stopped")) return true;
    clearTimeout(this.#staleTimer);
    this.#staleTimer = setTimeout(() => {
      this.redraw();
    }, left + 1);
    return false;
  }

  #drawTab(tensor: InspectedTensor, tab: Tab): void {
    const facts = tensor.facts!;
    const choices = this.model.choicesOf(tensor);
    this.#exporting.element.hidden = tab === "graph";
    if (tab === "graph") {
      this.#showGraph(this.model.sourceOf(tensor, "value", facts));
      return;
    }
    const nothing = nothingText(facts, tab);
    if (nothing !== null) {
      this.#exporting.element.hidden = true;
      this.#show(nothing, null);
      return;
    }
    const source = this.model.sourceOf(tensor, tab, facts);
    const available = availableViews(facts.shape, choices);
    const chosen: Name = facts.shape.length === 0 ? "scalar" : viewOf(choices);
    const name = chosen === "scalar" || available.includes(chosen) ? chosen : "heatmap";
    const view = this.#viewNamed(name);
    this.#show(null, view);
    const outcome = this.#answers.want(source, { kind: "statistics", part: tab });
    const statistics: Statistics | null =
      outcome !== null && "answer" in outcome ? outcome.answer.statistics : null;
    const { shared } = this.model;
    if (statistics === null && !this.#answers.enabled) {
      const { problem } = tensor;
      const unread = unreadText(tensor.expression, this.model.session);
      this.#show(problem === null ? unread : { ...unread, text: problem }, null);
      return;
    }
    const context: ViewContext = {
      ...{ tensor, facts, choices, source, statistics, theme: this.#theme },
      dtype: source.minus !== null && isIntegral(facts.dtype) ? "int64" : facts.dtype,
      paint: paintFor(source, choices, shared, statistics, this.#answers, this.#theme.dark),
      ...{ answers: this.#answers, layers: this.#layers, reveal: this.#reveal },
    };
    view.draw(context);
    const hasColours = name === "heatmap";
    this.#colours.element.hidden = !hasColours;
    if (hasColours) this.#colours.draw(context);
    this.#dims.update(facts.shape, choices.slice);
    const room = { ...extentOf(choices.slice, facts.shape), width: 1, height: 1 };
    const square = choices.square ?? suitsSquare(room);
    const note = view instanceof HeatMap ? overviewNote(view) : "";
    this.#bar.element.hidden = name === "scalar";
    if (name !== "scalar") this.#bar.update(name, available, choices, shared, facts.shape, square, note);
    this.#jump.element.hidden = name === "scalar";
    this.#jump.update(source, choices, this.#answers.enabled);
    this.#exporting.update({ tensor, source, choices, canvas: view.canvas });
    const problem = outcome !== null && "problem" in outcome ? outcome.problem : null;
    this.#statistics.update(statistics, problem);
    if (view.note !== null) this.#show({ title: "Not to be seen", text: view.note, waiting: false }, view);
  }

  #showGraph(source: Source): void {
    this.#show(null, null);
    this.#stage.hidden = false;
    if (this.#stage.firstChild !== this.#graph.element) {
      this.#shown = null;
      this.#stage.replaceChildren(this.#graph.element);
    }
    this.#graph.draw(source, this.#answers);
    const { note } = this.#graph;
    if (note !== null) this.#show({ title: "No graph", text: note, waiting: false }, null);
  }

  #viewNamed(name: Name): View {
    const known = this.#views.get(name);
    if (known !== undefined) return known;
    const view = this.#makers[name]();
    this.#views.set(name, view);
    return view;
  }

  /** Shows a view, or what there is to say instead. */
  #show(empty: EmptyText | null, view: View | null): void {
    this.#empty.hidden = empty === null;
    const isView = view !== null;
    for (const part of [this.#stage, this.#foot, this.#dims.element, this.#bar.element])
      part.hidden = !isView;
    if (isView && this.#shown !== view) {
      this.#shown = view;
      this.#stage.replaceChildren(view.element, this.#colours.element);
    }
    if (empty === null) return;
    rebuild(this.#empty, JSON.stringify(empty), () => [
      ...(empty.waiting ? [progressRing(empty.title)] : []),
      make("h2", "", empty.title),
      make("p", "", empty.text),
    ]);
  }
}

function themeOf(root: HTMLElement): InspectorTheme {
  const { classList } = root;
  const light = classList.contains("vscode-light") || classList.contains("vscode-high-contrast-light");
  return { ...readTheme(root), dark: !light };
}

/** The views that make sense for a shape of at least one dim. */
export function availableViews(shape: readonly number[], { slice }: Choices): ViewName[] {
  const isPlane = slice.rowDim !== null && slice.columnDim !== null;
  return views.filter((name) => (name === "image" ? isPlane : name !== "channels" || shape.length > 1));
}

function overviewNote({ overview }: HeatMap): string {
  if (overview === null) return "";
  const { rows, columns, sampled } = overview;
  const cell = rows === 1 && columns === 1 ? "" : `a cell is ${rows} × ${columns} elements`;
  return [cell, sampled ? "≈ sampled" : ""].filter((text) => text !== "").join(", ");
}
