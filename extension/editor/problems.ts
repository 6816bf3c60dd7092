// The error that ended a run, as a problem on its line, until the line's file is edited or run again.

import type { DiagnosticCollection } from "vscode";
import type { RunRecord } from "../../engine/protocol.js";
import type { Editor } from "../app.js";
import type { Disposable } from "../event.js";
import { runMessage } from "../runs/words.js";

/** A column beyond the end of any line: the editor takes the line's end. */
const farRight = 10_000;

export class Problems {
  readonly #editor: Editor;
  readonly #collection: DiagnosticCollection;
  readonly #listening: Disposable;
  /** File of a problem → the script whose run had it. */
  readonly #scripts = new Map<string, string>();

  constructor(editor: Editor) {
    this.#editor = editor;
    this.#collection = editor.languages.createDiagnosticCollection("descent");
    this.#listening = editor.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0) this.#collection.delete(document.uri);
    });
  }

  show(record: RunRecord): void {
    const location = record.error?.location;
    if (!record.error || !location) return;
    const editor = this.#editor;
    const line = Math.max(0, location.line - 1);
    const column = Math.max(0, location.column - 1);
    const range = new editor.Range(line, column, line, farRight);
    const problem = new editor.Diagnostic(
      range,
      runMessage(record) ?? record.error.message,
      editor.DiagnosticSeverity.Error,
    );
    problem.source = "descent";
    problem.code = record.error.name;
    this.#scripts.set(location.file, record.script);
    this.#collection.set(editor.Uri.file(location.file), [problem]);
  }

  /** The script runs again: what its last run said is past. */
  clear(script: string): void {
    for (const [file, owner] of this.#scripts) {
      if (owner !== script) continue;
      this.#collection.delete(this.#editor.Uri.file(file));
      this.#scripts.delete(file);
    }
  }

  dispose(): void {
    this.#listening.dispose();
    this.#collection.dispose();
  }
}
