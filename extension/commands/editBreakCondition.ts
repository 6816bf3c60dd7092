// 'Edit Condition…' on a row of the Break When view.

import type { App } from "../app.js";
import { askCondition } from "../debug/askCondition.js";
import type { BreakNode } from "../debug/breakWhenView.js";

export async function editBreakCondition(app: App, node?: unknown): Promise<void> {
  const row = node as BreakNode | undefined;
  if (row?.what !== "condition") return;
  const before = app.breakWhen.kept.conditions[row.at]?.condition;
  const condition = before && (await askCondition(app.editor, before));
  if (condition) await app.breakWhen.put(condition, row.at);
}
