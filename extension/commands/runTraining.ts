// 'Run Training': trains with the active script, or with the one a CodeLens or a caller names.

import type { App } from "../app.js";
import { findScript } from "../training/script.js";
import { orSay } from "./choose.js";

export async function runTraining(app: App, argument?: unknown): Promise<void> {
  await orSay(app, async () => {
    await app.trainer.run(await findScript(app.editor, argument));
  });
}
