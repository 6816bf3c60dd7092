// Keeps the context key `descent.activeFileTrains` true while the active editor shows a script that imports descent.

import type { TextDocument } from "vscode";
import type { Editor } from "../app.js";
import type { Disposable } from "../event.js";
import { contextKeys } from "../names.js";
import { findDescentImport, isScriptLanguage } from "./imports.js";

/** Whether the document is a script that trains: TypeScript or JavaScript that imports descent. */
export function trains(document: TextDocument | undefined): boolean {
  return (
    document !== undefined &&
    isScriptLanguage(document.languageId) &&
    findDescentImport(document.getText()) >= 0
  );
}

/** Milliseconds of quiet after a keystroke before the text is looked at again. */
const quiet = 200;

export class ActiveFile {
  readonly #editor: Editor;
  readonly #listening: Disposable[];
  #value: boolean | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#listening = [
      editor.window.onDidChangeActiveTextEditor(() => {
        this.#update();
      }),
      editor.workspace.onDidChangeTextDocument(({ document }) => {
        if (document !== editor.window.activeTextEditor?.document) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
          this.#update();
        }, quiet);
      }),
    ];
    this.#update();
  }

  get trains(): boolean {
    return this.#value ?? false;
  }

  #update(): void {
    const value = trains(this.#editor.window.activeTextEditor?.document);
    if (value === this.#value) return;
    this.#value = value;
    void this.#editor.commands.executeCommand("setContext", contextKeys.activeFileTrains, value);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const listening of this.#listening) listening.dispose();
  }
}
