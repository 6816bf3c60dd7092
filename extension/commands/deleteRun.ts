// 'Delete…': removes the folder of a run that has ended, after the user has confirmed it.

import { isLive } from "../../engine/protocol.js";
import type { App } from "../app.js";
import { formatStep } from "../runs/words.js";
import { chooseRun, orSay } from "./choose.js";

export async function deleteRun(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(
    app,
    argument,
    ({ record }) => !isLive(record.state),
    "A run must have ended before it can be deleted: stop it first.",
  );
  if (!run) return;
  const remove = "Delete";
  const choice = await app.editor.window.showWarningMessage(
    `Delete '${run.record.name}' and its ${formatStep(run.record.progress.step)} recorded steps?`,
    { modal: true, detail: `${run.folder}\n\nThis cannot be undone.` },
    remove,
  );
  if (choice === remove) await orSay(app, () => app.runs.remove(run));
}
