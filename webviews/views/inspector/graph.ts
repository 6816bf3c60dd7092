// The autograd graph that made a tensor, drawn by d3: boxes with shapes, parameters set apart, a click opens the line that made a node.

import { select, type Selection } from "d3-selection";
import { link, curveBumpY } from "d3-shape";
import type { GraphAsk, GraphNode } from "../../../engine/inspection.js";
import type { FromInspector } from "../../protocol.js";
import type { Answers } from "./answers.js";
import { attachGestures } from "./gestures.js";
import { make, setText, tool } from "./dom.js";
import { box, layOut, type Layout, type PlacedNode } from "./graphLayout.js";
import type { Source } from "./model.js";
import { clamp } from "./slicing.js";

const firstNodes = 60;
const mostNodes = 2000;
const padding = 16;

export class Graph {
  readonly element = make("div", "graph-view");
  note: string | null = null;
  #area = make("div", "graph-area");
  #svg: Selection<SVGSVGElement, unknown, null, undefined>;
  #plane: Selection<SVGGElement, unknown, null, undefined>;
  #said = make("span", "tool-label");
  #more: HTMLButtonElement;
  #most = firstNodes;
  #shown = "";
  #layout: Layout | null = null;
  #view = { x: 0, y: 0, scale: 1 };
  #send: (message: FromInspector) => void;
  #redraw: () => void;

  constructor(send: (message: FromInspector) => void, redraw: () => void) {
    this.#send = send;
    this.#redraw = redraw;
    this.#more = tool({
      label: "More",
      title: "Show nodes that are further away",
      onClick: () => {
        this.#most = Math.min(mostNodes, this.#most * 4);
        redraw();
      },
    });
    const fitted = tool({
      label: "Fit",
      title: "Show the whole graph (0, or double-click)",
      onClick: () => {
        this.#fit();
      },
    });
    this.element.append(make("div", "view-tools", fitted, this.#more, this.#said), this.#area);
    this.#area.tabIndex = 0;
    this.#area.setAttribute("role", "group");
    this.#area.setAttribute(
      "aria-label",
      "Autograd graph. Tab goes from node to node, Enter opens the line of one.",
    );
    this.#svg = select(this.#area).append("svg").attr("class", "graph-svg");
    this.#plane = this.#svg.append("g");
    this.#plane.append("g").attr("class", "graph-lines");
    this.#plane.append("g").attr("class", "graph-nodes");
    this.#attach();
  }

  draw(source: Source, answers: Answers): void {
    const ask: GraphAsk = { kind: "graph", most: this.#most };
    const outcome = answers.want({ ...source, minus: null }, ask);
    this.note = outcome !== null && "problem" in outcome ? outcome.problem : null;
    this.element.classList.toggle("waiting", outcome === null);
    if (outcome === null || "problem" in outcome) return;
    const { nodes, truncated } = outcome.answer;
    this.#more.hidden = !truncated || this.#most >= mostNodes;
    const count = `${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}`;
    setText(
      this.#said,
      nodes.length === 0
        ? "Nothing made this tensor: it is a leaf."
        : truncated
          ? `The nearest ${count}; there are more.`
          : count,
    );
    const key = JSON.stringify(nodes);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#layout = layOut(nodes);
    this.#drawNodes(this.#layout);
    this.#fit();
  }

  #drawNodes({ nodes, lines }: Layout): void {
    const path = link<unknown, Layout["lines"][number], { x: number; y: number }>(curveBumpY)
      .source(({ from }) => ({ x: from.x, y: from.y + box.height / 2 }))
      .target(({ to }) => ({ x: to.x, y: to.y - box.height / 2 }))
      .x(({ x }) => x)
      .y(({ y }) => y);
    this.#plane.select("g.graph-lines").selectAll("path").data(lines).join("path").attr("d", path);
    const boxes = this.#plane
      .select("g.graph-nodes")
      .selectAll<SVGGElement, PlacedNode>("g.node")
      .data(nodes, ({ node }) => node.id)
      .join((enter) => {
        const group = enter.append("g");
        group.append("rect").attr("width", box.width).attr("height", box.height).attr("rx", 5);
        group.append("text").attr("class", "name").attr("x", 10).attr("y", 17);
        group.append("text").attr("class", "detail").attr("x", 10).attr("y", 32);
        group.append("title");
        return group;
      });
    boxes
      .attr("class", ({ node }) => `node ${kindOf(node)}${node.id === nodes[0]?.node.id ? " first" : ""}`)
      .attr("transform", ({ x, y }) => `translate(${x - box.width / 2},${y - box.height / 2})`)
      .attr("tabindex", ({ node }) => (node.madeAt === null ? null : 0))
      .attr("role", ({ node }) => (node.madeAt === null ? "img" : "button"))
      // It begins with what is written in the box, as those who speak to their computer expect.
      .attr(
        "aria-label",
        ({ node }) => `${clip(node.label ?? node.name, 24)} ${clip(detail(node), 30)}, ${describe(node)}`,
      )
      .on("click", (_, { node }) => {
        this.#open(node);
      })
      .on("keydown", (event: KeyboardEvent, { node }) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.#open(node);
      });
    boxes.select("text.name").text(({ node }) => clip(node.label ?? node.name, 24));
    boxes.select("text.detail").text(({ node }) => clip(detail(node), 30));
    boxes.select("title").text(({ node }) => describe(node));
  }

  #open(node: GraphNode): void {
    if (node.madeAt !== null) this.#send({ type: "open", place: node.madeAt });
  }

  #fit(): void {
    const layout = this.#layout;
    if (layout === null) return;
    const { clientWidth: width, clientHeight: height } = this.#area;
    const scale = clamp(
      Math.min((width - 2 * padding) / layout.width, (height - 2 * padding) / layout.height),
      0.35,
      1,
    );
    // What does not fit begins at the tensor itself.
    const first = layout.nodes[0];
    const middle = layout.width * scale <= width ? layout.width / 2 : (first?.x ?? 0);
    this.#place({ scale, x: width / 2 - middle * scale, y: padding });
  }

  #place(view: { x: number; y: number; scale: number }): void {
    this.#view = view;
    this.#plane.attr("transform", `translate(${view.x},${view.y}) scale(${view.scale})`);
  }

  #attach(): void {
    const nothing = (): void => undefined;
    attachGestures(this.#area, {
      hover: nothing,
      click: nothing,
      step: nothing,
      pan: (dx, dy) => {
        this.#place({ ...this.#view, x: this.#view.x - dx, y: this.#view.y - dy });
      },
      zoom: (factor, x, y) => {
        const scale = clamp(this.#view.scale * factor, 0.08, 3);
        const by = scale / this.#view.scale;
        this.#place({ scale, x: x - (x - this.#view.x) * by, y: y - (y - this.#view.y) * by });
      },
      reset: () => {
        this.#fit();
      },
      move: (rows, columns) => {
        if (!Number.isFinite(rows) || !Number.isFinite(columns)) this.#fit();
        else this.#place({ ...this.#view, x: this.#view.x - columns * 40, y: this.#view.y - rows * 40 });
      },
    });
    new ResizeObserver(() => {
      this.#redraw();
    }).observe(this.#area);
  }
}

function kindOf(node: GraphNode): string {
  return node.label !== null ? "parameter" : node.name.startsWith("AccumulateGrad") ? "leaf" : "op";
}

function detail(node: GraphNode): string {
  const shape = node.shape === null ? "" : `[${node.shape.join(", ")}]`;
  const { madeAt } = node;
  const place = madeAt === null ? "" : `${madeAt.file.split(/[\\/]/).at(-1) ?? ""}:${madeAt.line}`;
  return [shape, place].filter((part) => part !== "").join("  ");
}

function describe(node: GraphNode): string {
  const { madeAt } = node;
  const place = madeAt === null ? "" : `, made at ${madeAt.file}, line ${madeAt.line}`;
  const shape = node.shape === null ? "" : `, shape [${node.shape.join(", ")}]`;
  return `${node.label === null ? "" : `${node.label}, `}${node.name}${shape}${place}`;
}

function clip(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
