// 'Open Script': opens the script a run trains with, at its error when it has one.

import type { App } from "../app.js";
import { reveal } from "../editor/reveal.js";
import { chooseRun } from "./choose.js";

export async function openScript(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(app, argument, () => true, "There is no run yet.");
  if (!run) return;
  const { script, error } = run.record;
  await reveal(app.editor, error?.location ?? { file: script, line: 1, column: 1 });
}
