// 'Rename…': changes the name a run is shown with; its folder stays.

import type { App } from "../app.js";
import { chooseRun, orSay } from "./choose.js";

const longest = 100;

/** `name` spares the question, for callers and tests. */
export async function renameRun(app: App, argument?: unknown, name?: unknown): Promise<void> {
  const run = await chooseRun(app, argument, () => true, "There is no run to rename.");
  if (!run) return;
  const answer =
    typeof name === "string"
      ? name
      : await app.editor.window.showInputBox({
          title: "Rename Run",
          prompt: "The name this run is shown with",
          value: run.record.name,
          validateInput: problemWith,
        });
  if (answer === undefined || problemWith(answer) !== null || answer.trim() === run.record.name) return;
  await orSay(app, () => app.runs.rename(run, answer.trim()));
}

function problemWith(name: string): string | null {
  if (name.trim() === "") return "A run needs a name.";
  return name.trim().length > longest ? `A name has at most ${longest} characters.` : null;
}
