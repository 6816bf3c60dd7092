// Opens a place in the user's source, in an editor column that shows no dashboard.

import type { SourceLocation } from "../../engine/protocol.js";
import type { Editor } from "../app.js";

/** Lines and columns count from 1; beyond the end of the file is its end. One sentence when the file is gone. */
export async function reveal(editor: Editor, location: SourceLocation): Promise<void> {
  const uri = editor.Uri.file(location.file);
  const at = new editor.Position(Math.max(0, location.line - 1), Math.max(0, location.column - 1));
  const beside = editor.window.visibleTextEditors.find(
    (visible) => visible.document.uri.fsPath === uri.fsPath,
  );
  try {
    await editor.window.showTextDocument(uri, {
      selection: new editor.Range(at, at),
      viewColumn: beside?.viewColumn ?? editor.ViewColumn.One,
    });
  } catch {
    void editor.window.showWarningMessage(
      `'${location.file}' cannot be opened: it may have been moved or deleted.`,
    );
  }
}
