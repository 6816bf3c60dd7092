// Finds the parameters that a condition names by their path.

import type { Tensor } from "../tensor.js";
import { globOf, type BreakCondition } from "./conditions.js";

/** Parameters that optimizers were given; they end with their optimizer. */
const known: WeakRef<{ params: readonly Tensor[] }>[] = [];
let changed: (() => void) | null = null;

/** Called with each new group of an optimizer. */
export function noteParameters(group: { params: readonly Tensor[] }): void {
  known.push(new WeakRef(group));
  changed?.();
}

/** `listener` hears of parameters that come later. */
export function onParameters(listener: (() => void) | null): void {
  changed = listener;
}

export function labelledTensors(condition: BreakCondition): Tensor[] {
  if (condition.kind !== "written") return [];
  const fits = globOf(condition.parameter);
  const params = known.flatMap((reference) => reference.deref()?.params ?? []);
  return [...new Set(params)].filter(({ label }) => label !== null && fits(label));
}
