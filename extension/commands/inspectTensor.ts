// 'Inspect Tensor': of a row of Variables or Watch, of the code under the cursor, or of an expression that the user types.

import type { App } from "../app.js";
import { expressionAt, withoutAssertions } from "../editor/expressions.js";

export async function inspectTensor(app: App, argument?: unknown): Promise<void> {
  const { editor } = app;
  const isStopped = app.trainings.all().some(({ state }) => state === "stopped");
  if (!isStopped) {
    void editor.window.showInformationMessage(
      "Tensors can be inspected while a training stands at a breakpoint: set one with F9, then start it with F5.",
    );
    return;
  }
  const ofRow = expressionOfRow(argument);
  const ofCode = expressionOfCode(app);
  // A menu of the editor hands over the file; the command palette hands over nothing, and lets the user say what is meant.
  const expression =
    ofRow ?? (argument === undefined ? await ask(app, ofCode) : (ofCode ?? (await ask(app, null))));
  if (expression !== null) await app.inspectors.inspect(expression);
}

/** What the debugger calls the row's value. The children that we give a tensor are its properties under other names. */
function expressionOfRow(argument: unknown): string | null {
  const variable = (argument as { variable?: { evaluateName?: unknown; name?: unknown } } | null | undefined)
    ?.variable;
  const name = variable?.evaluateName ?? variable?.name;
  if (typeof name !== "string" || name.trim() === "") return null;
  return name.replaceAll('[Symbol.for("debug.properties")]()', "");
}

/** What is selected, or else stands under the cursor. */
function expressionOfCode({ editor }: App): string | null {
  const active = editor.window.activeTextEditor;
  if (!active) return null;
  const { document, selection } = active;
  const selected = document.getText(selection).trim();
  if (selected !== "" && !selected.includes("\n")) return withoutAssertions(selected);
  return expressionAt(document.lineAt(selection.active.line).text, selection.active.character)?.text ?? null;
}

async function ask({ editor }: App, proposal: string | null): Promise<string | null> {
  const typed = await editor.window.showInputBox({
    title: "Inspect Tensor",
    prompt: "An expression of the frame that is shown: x, this.fc1.weight, model.parameters()[0].grad",
    ...(proposal === null ? {} : { value: proposal }),
  });
  return typed === undefined || typed.trim() === "" ? null : withoutAssertions(typed.trim());
}
