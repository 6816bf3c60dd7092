// What a click on a row of the Runs view does: shows the dashboard of the run that is selected. Not contributed.
//
// The row's command takes no argument on purpose: the editor forgets a command's arguments each time the row is
// refreshed, and a click on the row of a live run, refreshed four times a second, would now and then do nothing.

import type { App } from "../app.js";
import { openDashboard } from "./openDashboard.js";

export async function openSelectedRun(app: App): Promise<void> {
  const selected = app.selectedRun();
  if (selected) await openDashboard(app, selected);
}
