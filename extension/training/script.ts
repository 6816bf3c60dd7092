// Which file a 'Run' or 'Debug' means, saved and ready to run; or one sentence about why there is none.

import { basename, dirname } from "node:path";
import type { TextDocument, Uri } from "vscode";
import type { Editor } from "../app.js";
import { trains } from "../editor/activeFile.js";
import { isScriptFile } from "../editor/imports.js";

export interface Script {
  /** Absolute path. */
  path: string;
  uri: Uri;
  name: string;
  /** Where it runs: the workspace folder, else the script's own. */
  cwd: string;
  /** Below whose `.descent/runs` its run is kept. */
  workspace: string;
}

/** Carries the one sentence to show. */
export class CannotRun extends Error {}

/** The script of `argument` (a file's Uri), else of the active editor. Saves it first. Throws CannotRun. */
export async function findScript(editor: Editor, argument: unknown): Promise<Script> {
  if (!editor.workspace.isTrusted) {
    throw new CannotRun(
      "Training runs code of this folder, so it is off until you trust the folder (Manage Workspace Trust).",
    );
  }
  const asked = isUri(argument) ? argument : scriptOnScreen(editor);
  if (!asked) throw new CannotRun("Open the script that trains (TypeScript or JavaScript), then run it.");
  const open = editor.workspace.textDocuments.find(
    (document) => document.uri.toString() === asked.toString(),
  );
  const uri = open ? await save(editor, open) : asked;
  if (uri.scheme !== "file") {
    throw new CannotRun(
      `Training needs a file on a disk, and '${basename(uri.path)}' is not one: save it first.`,
    );
  }
  if (!isScriptFile(uri.fsPath)) {
    throw new CannotRun(`'${basename(uri.fsPath)}' is not a TypeScript or JavaScript file.`);
  }
  return scriptOf(editor, uri);
}

/** The active editor's file; where a dashboard or a terminal is active, the one script on screen that trains. */
function scriptOnScreen(editor: Editor): Uri | undefined {
  const active = editor.window.activeTextEditor?.document.uri;
  if (active) return active;
  const tab = editor.window.tabGroups.activeTabGroup.activeTab?.input;
  if (tab instanceof editor.TabInputText) return tab.uri;
  const training = editor.window.visibleTextEditors.filter(({ document }) => trains(document));
  return training.length === 1 ? training[0]!.document.uri : undefined;
}

export function scriptOf(editor: Editor, uri: Uri): Script {
  const folder = editor.workspace.getWorkspaceFolder(uri);
  const path = uri.fsPath;
  const cwd = folder?.uri.fsPath ?? dirname(path);
  return { path, uri, name: basename(path), cwd, workspace: cwd };
}

/** Where the document is after saving; an untitled one gets its name in the dialog this opens. */
async function save(editor: Editor, document: TextDocument): Promise<Uri> {
  if (!document.isDirty && !document.isUntitled) return document.uri;
  const saved = await editor.workspace.save(document.uri);
  if (saved) return saved;
  throw new CannotRun(
    document.isUntitled
      ? "The script has no file yet: save it as a .ts or .js file, then run it."
      : `'${basename(document.uri.path)}' could not be saved, so it was not run.`,
  );
}

function isUri(value: unknown): value is Uri {
  return typeof value === "object" && value !== null && "scheme" in value && "fsPath" in value;
}
