// 'Add Condition…' of the Break When view.

import type { App } from "../app.js";
import { askCondition } from "../debug/askCondition.js";

export async function addBreakCondition(app: App): Promise<void> {
  const condition = await askCondition(app.editor);
  if (condition) await app.breakWhen.put(condition);
}
