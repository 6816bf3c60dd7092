// 'Kill': ends a run's process at once, after the user has confirmed it.

import { isLive } from "../../engine/protocol.js";
import type { App } from "../app.js";
import { chooseRun, orSay } from "./choose.js";

export async function killRun(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(app, argument, ({ record }) => isLive(record.state), "No run is live.");
  if (!run) return;
  const kill = "Kill";
  const choice = await app.editor.window.showWarningMessage(
    `Kill '${run.record.name}'?`,
    {
      modal: true,
      detail: "Its process ends at once and its 'finally' blocks do not run. Recorded steps are kept.",
    },
    kill,
  );
  if (choice === kill) await orSay(app, () => app.runs.control(run, "kill"));
}
