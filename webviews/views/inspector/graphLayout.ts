// Where the nodes of an autograd graph stand: layers by their distance from the tensor, ordered so that few lines cross. Pure.

import type { GraphNode } from "../../../engine/inspection.js";

export interface PlacedNode {
  node: GraphNode;
  layer: number;
  /** Middle of the box, in pixels. */
  x: number;
  y: number;
}

export interface Layout {
  nodes: PlacedNode[];
  /** From a node to one that its gradient flows to. */
  lines: { from: PlacedNode; to: PlacedNode }[];
  width: number;
  height: number;
}

export const box = { width: 188, height: 40 };
const across = 24;
const down = 38;

/** The tensor's own node at the top; every line goes down. */
export function layOut(nodes: readonly GraphNode[]): Layout {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const layers = layersOf(nodes, known);
  const count = Math.max(0, ...layers.values()) + 1;
  const rows: GraphNode[][] = Array.from({ length: nodes.length === 0 ? 0 : count }, () => []);
  for (const node of nodes) rows[layers.get(node.id)!]!.push(node);
  order(rows, nodes);
  const width = Math.max(1, ...rows.map((row) => row.length)) * (box.width + across);
  const placed = new Map<number, PlacedNode>();
  for (const [layer, row] of rows.entries()) {
    const left = (width - row.length * (box.width + across)) / 2;
    for (const [k, node] of row.entries()) {
      const x = left + (k + 0.5) * (box.width + across);
      placed.set(node.id, { node, layer, x, y: layer * (box.height + down) + box.height / 2 });
    }
  }
  const lines = nodes.flatMap((node) =>
    node.next.flatMap((id) => {
      const to = placed.get(id);
      return to === undefined ? [] : [{ from: placed.get(node.id)!, to }];
    }),
  );
  return { nodes: [...placed.values()], lines, width, height: rows.length * (box.height + down) };
}

/** The longest way from the first node, so that no line goes up. Nodes in a circle, which there should not be, stay where they are. */
function layersOf(nodes: readonly GraphNode[], known: ReadonlyMap<number, GraphNode>): Map<number, number> {
  const waiting = new Map<number, number>();
  for (const node of nodes) {
    for (const id of node.next) if (known.has(id)) waiting.set(id, (waiting.get(id) ?? 0) + 1);
  }
  const layers = new Map(nodes.map((node) => [node.id, 0]));
  const ready = nodes.filter((node) => !waiting.has(node.id));
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    for (const id of node.next) {
      const next = known.get(id);
      if (next === undefined) continue;
      layers.set(id, Math.max(layers.get(id)!, layers.get(node.id)! + 1));
      const left = waiting.get(id)! - 1;
      waiting.set(id, left);
      if (left === 0) ready.push(next);
    }
  }
  return layers;
}

/** Each row by the mean place of those above it, a few times down and up. */
function order(rows: GraphNode[][], nodes: readonly GraphNode[]): void {
  const above = new Map<number, number[]>();
  for (const node of nodes) for (const id of node.next) above.set(id, [...(above.get(id) ?? []), node.id]);
  const sort = (
    row: GraphNode[],
    beside: (node: GraphNode) => readonly number[],
    place: Map<number, number>,
  ): void => {
    const weight = new Map(
      row.map((node, k) => {
        const places = beside(node).flatMap((id) => place.get(id) ?? []);
        return [node.id, places.length === 0 ? k : places.reduce((a, b) => a + b, 0) / places.length];
      }),
    );
    row.sort((a, b) => weight.get(a.id)! - weight.get(b.id)!);
  };
  // Places as parts of the row, for rows differ in length.
  const place = new Map<number, number>();
  const mark = (row: readonly GraphNode[]): void => {
    for (const [k, node] of row.entries()) place.set(node.id, (k + 0.5) / row.length);
  };
  for (const row of rows) mark(row);
  for (let round = 0; round < 4; round++) {
    for (const row of rows.slice(1)) {
      sort(row, (node) => above.get(node.id) ?? [], place);
      mark(row);
    }
    for (const row of rows.slice(0, -1).reverse()) {
      sort(row, (node) => node.next, place);
      mark(row);
    }
  }
}
