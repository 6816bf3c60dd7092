// 'Open Dashboard': shows a run's dashboard beside the code, or brings the one that is open to the front.

import type { App } from "../app.js";
import { chooseRun } from "./choose.js";

export async function openDashboard(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(
    app,
    argument,
    () => true,
    "There is no run yet: start one with 'Run Training'.",
  );
  if (run) app.dashboards.open(run.folder, { preserveFocus: false });
}
