// Which run a command means: the row it was started from, else the only one that fits, else the one the user picks.

import type { App } from "../app.js";
import type { Run } from "../runs/registry.js";
import { stateWord, summarize } from "../runs/words.js";

/** undefined: there is none, or the user picked none. A sentence is shown when there is none. */
export async function chooseRun(
  app: App,
  argument: unknown,
  fits: (run: Run) => boolean,
  none: string,
): Promise<Run | undefined> {
  const folder = folderOf(argument);
  if (folder !== null) {
    const run = app.runs.get(folder);
    if (run && fits(run)) return run;
    void app.editor.window.showInformationMessage(
      run
        ? `'${run.record.name}' is ${stateWord(run.record.state)}: ${lowerFirst(none)}`
        : "This run is gone.",
    );
    return undefined;
  }
  const runs = app.runs.all().filter(fits);
  if (runs.length === 0) void app.editor.window.showInformationMessage(none);
  if (runs.length < 2) return runs[0];
  const picked = await app.editor.window.showQuickPick(
    runs.map((run) => ({
      label: run.record.name,
      description: summarize(run.record),
      detail: `Started ${new Date(run.record.startTime).toLocaleString()}`,
      run,
    })),
    { placeHolder: "Which run?" },
  );
  return picked?.run;
}

function folderOf(argument: unknown): string | null {
  if (typeof argument !== "object" || argument === null || !("folder" in argument)) return null;
  return typeof argument.folder === "string" ? argument.folder : null;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Runs `work` and shows what it throws as one message. */
export async function orSay(app: App, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    app.trainer.report(error);
  }
}
