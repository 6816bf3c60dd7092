// 'Run Training | Debug Training' above the import of a script that imports descent.

import type { CancellationToken, CodeLens, CodeLensProvider, Event, TextDocument } from "vscode";
import type { Editor } from "../app.js";
import { Emitter } from "../event.js";
import type { Settings } from "../settings.js";
import { findDescentImport, isScriptFile } from "./imports.js";

export class TrainingLens implements CodeLensProvider {
  readonly #editor: Editor;
  readonly #settings: Settings;
  readonly #changed = new Emitter<undefined>();

  readonly onDidChangeCodeLenses = this.#changed.on as unknown as Event<void>;

  constructor(editor: Editor, settings: Settings) {
    this.#editor = editor;
    this.#settings = settings;
  }

  /** Asks the editor to come again: a setting or the trust of the workspace changed. */
  refresh(): void {
    this.#changed.fire(undefined);
  }

  provideCodeLenses(document: TextDocument, _token?: CancellationToken): CodeLens[] {
    if (!this.#editor.workspace.isTrusted) return [];
    if (!this.#settings.get("descent.codeLens.enabled", true, document.uri)) return [];
    if (document.uri.scheme === "file" && !isScriptFile(document.uri.fsPath)) return [];
    const offset = findDescentImport(document.getText());
    if (offset < 0) return [];
    const start = document.positionAt(offset);
    const range = new this.#editor.Range(start, start);
    return [
      this.#lens(range, "$(play) Run Training", "descent.runTraining", document),
      this.#lens(range, "$(debug-alt) Debug Training", "descent.debugTraining", document),
    ];
  }

  #lens(range: CodeLens["range"], title: string, command: string, document: TextDocument): CodeLens {
    return new this.#editor.CodeLens(range, { title, command, arguments: [document.uri] });
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
