// 'New Project…': copies a sample into a folder of the user's choice and opens it. Never overwrites a file unasked.

import { join } from "node:path";
import type { Uri } from "vscode";
import type { App } from "../app.js";
import { copySample, filesInTheWay, readSamples, type Sample } from "../projects.js";
import { orSay } from "./choose.js";

/** `id` and `target` (an absolute path) spare the questions; with them the project is not opened in another window. */
export async function newProject(app: App, id?: unknown, target?: unknown): Promise<void> {
  await orSay(app, async () => {
    const samples = await readSamples(join(app.trainer.parts.dist, "samples"));
    const sample = typeof id === "string" ? samples.find((one) => one.id === id) : await pick(app, samples);
    if (!sample) {
      if (typeof id === "string") throw new Error(`There is no sample '${id}'.`);
      return;
    }
    const folder = typeof target === "string" ? target : await askFolder(app, sample);
    if (folder === undefined || !(await mayWrite(app, sample, folder))) return;
    await copySample(sample, folder);
    await open(app, sample, folder, typeof target === "string");
  });
}

async function pick(app: App, samples: Sample[]): Promise<Sample | undefined> {
  const picked = await app.editor.window.showQuickPick(
    samples.map((sample) => ({ label: sample.title, detail: sample.description, sample })),
    { title: "New Project", placeHolder: "What to start from", matchOnDetail: true },
  );
  return picked?.sample;
}

/** The project's own folder, below the one the user chooses. */
async function askFolder(app: App, sample: Sample): Promise<string | undefined> {
  const first = app.editor.workspace.workspaceFolders?.[0]?.uri;
  const chosen = await app.editor.window.showOpenDialog({
    title: `Where to create the folder '${sample.id}'`,
    openLabel: "Create Here",
    canSelectFiles: false,
    canSelectFolders: true,
    canSelectMany: false,
    ...(first ? { defaultUri: first } : {}),
  });
  const parent = chosen?.[0];
  return parent && join(parent.fsPath, sample.id);
}

async function mayWrite(app: App, sample: Sample, folder: string): Promise<boolean> {
  const inTheWay = await filesInTheWay(sample, folder);
  if (inTheWay.length === 0) return true;
  const overwrite = "Overwrite";
  const names = inTheWay.slice(0, 5).join(", ") + (inTheWay.length > 5 ? ", …" : "");
  const choice = await app.editor.window.showWarningMessage(
    `Overwrite ${inTheWay.length === 1 ? "a file" : `${inTheWay.length} files`} in '${folder}'?`,
    { modal: true, detail: names },
    overwrite,
  );
  return choice === overwrite;
}

async function open(app: App, sample: Sample, folder: string, quietly: boolean): Promise<void> {
  const { editor } = app;
  const main: Uri = editor.Uri.file(join(folder, sample.main));
  const isInside = editor.workspace.getWorkspaceFolder(main) !== undefined;
  if (quietly || isInside) {
    await editor.window.showTextDocument(main);
    return;
  }
  const folders = editor.workspace.workspaceFolders ?? [];
  await editor.commands.executeCommand("vscode.openFolder", editor.Uri.file(folder), {
    forceNewWindow: folders.length > 0,
  });
}
