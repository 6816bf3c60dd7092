// 'Debug Training': the same as 'Run Training', under the debugger.

import type { App } from "../app.js";
import { findScript } from "../training/script.js";
import { orSay } from "./choose.js";

export async function debugTraining(app: App, argument?: unknown): Promise<void> {
  await orSay(app, async () => {
    await app.trainer.debug(await findScript(app.editor, argument));
  });
}
