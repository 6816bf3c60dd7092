// 'Resume': lets a paused run go on.

import type { App } from "../app.js";
import { chooseRun, orSay } from "./choose.js";

export async function resumeRun(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(app, argument, ({ record }) => record.state === "paused", "No run is paused.");
  if (run) await orSay(app, () => app.runs.control(run, "resume"));
}
