// 'Step One Batch': lets a paused run do one more step, then pauses it again.

import type { App } from "../app.js";
import { chooseRun, orSay } from "./choose.js";

export async function stepBatch(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(app, argument, ({ record }) => record.state === "paused", "No run is paused.");
  if (run) await orSay(app, () => app.runs.control(run, "stepBatch"));
}
