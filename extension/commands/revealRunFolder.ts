// 'Reveal Folder': shows a run's folder in the system's file manager, or in the Explorer where there is none.

import type { App } from "../app.js";
import { chooseRun } from "./choose.js";

export async function revealRunFolder(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(app, argument, () => true, "There is no run yet.");
  if (!run) return;
  const { editor } = app;
  const isLocal = editor.env.remoteName === undefined && editor.env.uiKind === editor.UIKind.Desktop;
  const command = isLocal ? "revealFileInOS" : "revealInExplorer";
  await editor.commands.executeCommand(command, editor.Uri.file(run.folder));
}
