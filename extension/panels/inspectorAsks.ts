// Whether what a page asks can be asked of a tensor at all. The process checks once more; here a page's mistake costs it nothing.

import type { Ask, SliceAsk } from "../../engine/inspection.js";

/** More than any screen has; what is asked leaves the process, and passes through here. */
const mostCells = 1 << 20;
const mostBins = 4096;
const mostChannels = 4096;
const mostNodes = 10_000;

/** One sentence when a tensor of this shape has no answer to the ask; null when it has. */
export function misfit(ask: Ask, shape: readonly number[]): string | null {
  switch (ask.kind) {
    case "slice":
      if (ask.mostRows * ask.mostColumns > mostCells) return "More cells are asked for than a screen has.";
      return rectangleMisfit(ask, shape);
    case "export":
      return ask.slice ? rectangleMisfit(ask.slice, shape) : null;
    case "histogram":
      return ask.bins >= 1 && ask.bins <= mostBins ? null : `A histogram has 1 to ${mostBins} bins.`;
    case "channels":
      if (ask.dim < 0 || ask.dim >= shape.length) return dimSentence(ask.dim, shape);
      return ask.most <= mostChannels ? null : `At most ${mostChannels} channels are told at once.`;
    case "find":
      return ask.after && ask.after.length !== shape.length ? indexSentence(ask.after, shape) : null;
    case "graph":
      return ask.most <= mostNodes ? null : `At most ${mostNodes} nodes are shown.`;
    case "statistics":
      return null;
  }
}

function rectangleMisfit(
  { index, rowDim, columnDim }: Pick<SliceAsk, "index" | "rowDim" | "columnDim">,
  shape: readonly number[],
): string | null {
  if (index.length !== shape.length) return indexSentence(index, shape);
  for (const dim of [rowDim, columnDim])
    if (dim !== null && dim >= shape.length) return dimSentence(dim, shape);
  if (rowDim !== null && rowDim === columnDim) return "Rows and columns are two different dims.";
  const outside = index.findIndex((at, dim) => dim !== rowDim && dim !== columnDim && at >= shape[dim]!);
  return outside < 0
    ? null
    : `Index ${index[outside]!} is beyond dim ${outside}, which has ${shape[outside]!} elements.`;
}

function dimSentence(dim: number, shape: readonly number[]): string {
  return `There is no dim ${dim}: the tensor has ${shape.length}.`;
}

function indexSentence(index: readonly number[], shape: readonly number[]): string {
  return `An index of this tensor has ${shape.length} numbers, not ${index.length}.`;
}
