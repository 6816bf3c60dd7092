// Which expression the debugger evaluates under the mouse, while a training is debugged.

import type { EvaluatableExpression, EvaluatableExpressionProvider, Position, TextDocument } from "vscode";
import type { Editor } from "../app.js";
import { expressionAt } from "./expressions.js";

/** The editor's own guess stops at brackets and at `!`, so that `layers[0].bias` would be asked as `bias`. */
export class HoveredExpression implements EvaluatableExpressionProvider {
  readonly #editor: Editor;

  constructor(editor: Editor) {
    this.#editor = editor;
  }

  provideEvaluatableExpression(
    document: TextDocument,
    position: Position,
  ): EvaluatableExpression | undefined {
    const found = expressionAt(document.lineAt(position.line).text, position.character);
    if (!found) return undefined;
    const range = new this.#editor.Range(position.line, found.start, position.line, found.end);
    return new this.#editor.EvaluatableExpression(range, found.text);
  }
}
