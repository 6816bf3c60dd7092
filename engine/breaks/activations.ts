// Dead and saturated activations: how much of what they make is zero, or at the ends of their range, step after step.

import { noGrad } from "../grad-mode.js";
import { refresh, type Tensor } from "../tensor.js";
import { describeCondition, percent, type BreakCondition } from "./conditions.js";
import type { BreakHit } from "./hit.js";

/** Where an activation does not go beyond: what lies within 3 % of it is saturated. */
const ranges: Record<string, [number, number]> = {
  sigmoid: [0, 1],
  hardsigmoid: [0, 1],
  tanh: [-1, 1],
  hardtanh: [-1, 1],
  relu6: [0, 6],
};
const edge = 0.03;

type Share = Extract<BreakCondition, { share: number }>;

interface Seen {
  /** Steps in a row above the share, by condition. */
  runs: number[];
  /** Above the share in this step, by condition. */
  above: boolean[];
  told: boolean[];
}

export class ActivationWatch {
  readonly #conditions: Share[];
  readonly #stop: (hit: BreakHit) => void;
  readonly #seen = new Map<string, Seen>();
  /** How often each line has called each activation since the last step: layers of one loop are told apart by their order. */
  #calls = new Map<string, number>();

  constructor(conditions: readonly BreakCondition[], stop: (hit: BreakHit) => void) {
    this.#conditions = conditions.filter(
      (condition): condition is Share => condition.kind === "dead" || condition.kind === "saturated",
    );
    this.#stop = stop;
  }

  /** An optimizer's step is done. */
  step(): void {
    for (const seen of this.#seen.values()) {
      seen.above.forEach((isAbove, k) => {
        seen.runs[k] = isAbove ? seen.runs[k]! + 1 : 0;
        if (!isAbove) seen.told[k] = false;
      });
      seen.above.fill(false);
    }
    this.#calls.clear();
  }

  /** `output` was just made by the activation `op`, called at `line`. */
  look(op: string, output: Tensor, line: string): void {
    refresh(output);
    if (output.numel() === 0 || !output.requiresGrad) return; // an evaluation is no step of training
    const place = `${op} ${line}`;
    const nth = (this.#calls.get(place) ?? 0) + 1;
    this.#calls.set(place, nth);
    const key = `${place} ${nth}`;
    let seen = this.#seen.get(key);
    if (seen === undefined) {
      const none = this.#conditions.map(() => false);
      this.#seen.set(key, (seen = { runs: none.map(() => 0), above: [...none], told: [...none] }));
    }
    for (const [k, condition] of this.#conditions.entries()) {
      const share = shareOf(condition.kind, op, output);
      if (share === null || share <= condition.share) continue;
      seen.above[k] = true;
      if (seen.runs[k]! + 1 < condition.steps || seen.told[k]) continue;
      seen.told[k] = true;
      const which = nth === 1 ? op : `${op} number ${nth}`;
      const state = condition.kind === "dead" ? "zero" : "saturated";
      const sentence = `${percent(share)} of what ${which} makes here is ${state} (${describeCondition(condition)}).`;
      this.#stop({
        ...{ sentence, what: condition.kind, op, created: null, condition },
        ...{ inputs: [], outputs: [output], line: line === "" ? null : line },
      });
    }
  }
}

/** null: such an activation cannot be in that state. */
function shareOf(kind: "dead" | "saturated", op: string, output: Tensor): number | null {
  return noGrad(() => {
    if (kind === "dead") {
      if (op !== "relu" && op !== "relu6") return null;
      return output.eq(0).float().mean().item();
    }
    const range = ranges[op];
    if (range === undefined) return null;
    const margin = edge * (range[1] - range[0]);
    const low = output.lt(range[0] + margin);
    const high = output.gt(range[1] - margin);
    // The lower end of ReLU6 is its ordinary state.
    return (op === "relu6" ? high : low.logicalOr(high)).float().mean().item();
  });
}
