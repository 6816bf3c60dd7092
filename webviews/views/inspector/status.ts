// What stands where the values will be while there are none: why, and what to do.

import type { TensorFacts } from "../../../engine/inspection.js";
import type { InspectorModel } from "./model.js";

export interface EmptyText {
  title: string;
  text: string;
  waiting: boolean;
}

/** What to say instead of the selected tensor; null where there is one to show. */
export function emptyText(model: InspectorModel): EmptyText | null {
  const { ready, selected, session } = model;
  const say = (title: string, text: string, waiting = false): EmptyText => ({ title, text, waiting });
  if (!ready) return say("Opening", "The inspector asks the debugger what it has.", true);
  if (selected === null) {
    if (session === "stopped") {
      return say(
        "Nothing is inspected yet",
        "Type an expression above, such as x or this.fc1.weight, or choose Inspect Tensor at a variable, in Watch or in the editor.",
      );
    }
    return session === "running"
      ? say("The program runs", "Values are shown when it stops: at a breakpoint, or when you pause it.")
      : say(
          "No debug session",
          "Start debugging (F5) and stop at a breakpoint. Then every tensor in sight can be inspected here.",
        );
  }
  if (selected.facts !== null) return null;
  if (selected.problem !== null) return say(selected.expression, selected.problem);
  if (session === "stopped") return say(selected.expression, "It is being evaluated.", true);
  return unreadText(selected.expression, session);
}

/** Of a tensor that was not read before the program went on. */
export function unreadText(expression: string, session: InspectorModel["session"]): EmptyText {
  const text =
    session === "running"
      ? "The program runs. The value is shown when it stops."
      : "There is no debug session. The value is shown when the program is debugged and stops.";
  return { title: expression, text, waiting: false };
}

/** Why a tensor has nothing to draw; null where it has. */
export function nothingText(facts: TensorFacts, part: "value" | "grad"): EmptyText | null {
  if (part === "grad" && !facts.hasGrad)
    return { title: "No gradient", text: noGradient(facts), waiting: false };
  if (!facts.shape.includes(0)) return null;
  return {
    title: "No elements",
    text: `A tensor of the shape [${facts.shape.join(", ")}] has none: one of its sizes is 0.`,
    waiting: false,
  };
}

function noGradient(facts: TensorFacts): string {
  if (!facts.requiresGrad) return "This tensor does not require grad, so that backward() gives it none.";
  return facts.isLeaf
    ? "No backward() has reached this tensor since its gradient was cleared."
    : "Gradients of tensors that an operation made are kept only after retainGrad().";
}
