// 'Pause': holds a run at the end of its current step.

import type { App } from "../app.js";
import { chooseRun, orSay } from "./choose.js";

export async function pauseRun(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(
    app,
    argument,
    ({ record }) => ["starting", "running"].includes(record.state),
    "No run can be paused now.",
  );
  if (run) await orSay(app, () => app.runs.control(run, "pause"));
}
