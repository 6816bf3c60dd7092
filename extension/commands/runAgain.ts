// 'Run Again': starts the script of a run once more, with the same arguments.

import type { App } from "../app.js";
import { CannotRun } from "../training/script.js";
import { chooseRun, orSay } from "./choose.js";

export async function runAgain(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(
    app,
    argument,
    () => true,
    "There is no run yet: start one with 'Run Training'.",
  );
  if (!run) return;
  await orSay(app, async () => {
    if (!app.editor.workspace.isTrusted) {
      throw new CannotRun("Training is off until you trust this folder (Manage Workspace Trust).");
    }
    await app.trainer.again(run);
  });
}
