// 'Remove Condition' on a row of the Break When view.

import type { App } from "../app.js";
import type { BreakNode } from "../debug/breakWhenView.js";

export async function removeBreakCondition(app: App, node?: unknown): Promise<void> {
  const row = node as BreakNode | undefined;
  if (row?.what === "condition") await app.breakWhen.remove(row.at);
}
