// Pins: tensors that a debugger keeps so that the monitor can be asked about them while the main thread stands still.

import { show } from "../errors.js";
import type { GraphNode, Place, TensorFacts } from "../inspection.js";
import { native } from "../native.js";
import { Tensor } from "../tensor.js";
import { factsOf, placeOf } from "./facts.js";

/** What is written down of the graph with each pin. */
const mostNodes = 1000;
/** An editor cuts what it evaluates to 1,000 characters. */
const mostCharacters = 990;

/** JSON of a PinResult. Memory is kept until the pin is released, or the connection that asked about it is closed. */
export function pin(value: unknown, options: { copy?: boolean } = {}): string {
  try {
    if (!(value instanceof Tensor)) return problem(`Only a tensor can be inspected, this is ${show(value)}.`);
    if (value.isDisposed) return problem("This tensor was disposed: it has no values any more.");
    const facts = factsOf(value);
    const number = native.pinTensor(value, options.copy === true, JSON.stringify(graphOf(value)));
    return shortened(number, facts);
  } catch (error) {
    return problem(error instanceof Error ? error.message.replace(/^\w+: /, "") : String(error));
  }
}

/** Lets go of pins; numbers that are none do nothing. JSON of how many there were. */
export function release(...pins: number[]): string {
  let released = 0;
  for (const number of pins) if (Number.isSafeInteger(number) && native.releasePin(number)) released++;
  return JSON.stringify({ released });
}

function problem(sentence: string): string {
  return JSON.stringify({ problem: clipped(sentence, 400) });
}

/** Long names and paths give way: JSON that is cut would be none. */
function shortened(number: number, facts: TensorFacts): string {
  const whole = JSON.stringify({ pin: number, facts });
  if (whole.length <= mostCharacters) return whole;
  const clippedFacts: TensorFacts = {
    ...facts,
    label: facts.label === null ? null : clipped(facts.label, 80),
    gradFn: facts.gradFn === null ? null : clipped(facts.gradFn, 60),
  };
  const text = JSON.stringify({ pin: number, facts: clippedFacts });
  // A path that is cut leads nowhere.
  return text.length <= mostCharacters
    ? text
    : JSON.stringify({ pin: number, facts: { ...clippedFacts, madeAt: null } });
}

function clipped(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** The graph that made the tensor as it is now, for GraphAnswer: later the tensor's thread stands still, and the graph may be gone. */
function graphOf(x: Tensor): { nodes: GraphNode[]; truncated: boolean } {
  const { nodes, truncated } = native.graphOf(x, mostNodes);
  const places = new Map<number, Place | null>();
  const placeAt = (site: number): Place | null => {
    if (!places.has(site)) places.set(site, placeOf(site));
    return places.get(site)!;
  };
  return {
    nodes: nodes.map(({ name, shape, label, site, next }, id) => ({
      id,
      name,
      shape,
      label,
      madeAt: placeAt(site),
      next,
    })),
    truncated,
  };
}
