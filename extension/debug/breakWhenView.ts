// The Break When view: check boxes for NaN and Inf, and one for each condition.

import type { Event, TreeCheckboxChangeEvent, TreeDataProvider, TreeItem } from "vscode";
import { describeCondition } from "../../engine/breaks/conditions.js";
import type { Editor } from "../app.js";
import { Emitter, type Disposable } from "../event.js";
import { breakConditionRow } from "../names.js";
import type { BreakWhen } from "./breakWhen.js";
import { isBreakpointFile } from "./edits.js";
import type { Trainings } from "./trainings.js";

/** A row, and what a command started from it gets: a toggle, or a condition by its place. */
export type BreakNode = { what: "nan" | "infinity" } | { what: "condition"; at: number };

const toggles = {
  nan: {
    label: "First NaN",
    tooltip:
      "Stops at the line that makes the first NaN, or that first uses one from data or loaded weights; in a backward pass and in an optimizer's step too. On a GPU every operation is then waited for.",
  },
  infinity: {
    label: "First infinity",
    tooltip:
      "Stops at the line whose operation makes an infinity of finite numbers. Infinities that are written down, as in masks, are left alone. On a GPU every operation is then waited for.",
  },
};

export class BreakWhenView implements TreeDataProvider<BreakNode> {
  readonly #editor: Editor;
  readonly #breakWhen: BreakWhen;
  readonly #refreshed = new Emitter<undefined>();
  readonly #listening: Disposable;
  readonly onDidChangeTreeData: Event<undefined> = this.#refreshed.on as Event<undefined>;

  constructor(editor: Editor, breakWhen: BreakWhen) {
    this.#editor = editor;
    this.#breakWhen = breakWhen;
    this.#listening = breakWhen.onDidChange(() => {
      this.#refreshed.fire(undefined);
    });
  }

  getChildren(node?: BreakNode): BreakNode[] {
    if (node) return [];
    const { conditions } = this.#breakWhen.kept;
    return [
      { what: "nan" },
      { what: "infinity" },
      ...conditions.map((_, at): BreakNode => ({ what: "condition", at })),
    ];
  }

  getTreeItem(node: BreakNode): TreeItem {
    const { kept } = this.#breakWhen;
    const { Checked, Unchecked } = this.#editor.TreeItemCheckboxState;
    if (node.what !== "condition") {
      const { label, tooltip } = toggles[node.what];
      const item = new this.#editor.TreeItem(label);
      item.checkboxState = kept[node.what] ? Checked : Unchecked;
      item.tooltip = tooltip;
      return item;
    }
    const one = kept.conditions[node.at]!;
    const item = new this.#editor.TreeItem(describeCondition(one.condition));
    item.checkboxState = one.enabled ? Checked : Unchecked;
    item.contextValue = breakConditionRow;
    return item;
  }

  /** The user's clicks on check boxes. */
  async changed({ items }: TreeCheckboxChangeEvent<BreakNode>): Promise<void> {
    for (const [node, state] of items) {
      const on = state === this.#editor.TreeItemCheckboxState.Checked;
      if (node.what === "condition") await this.#breakWhen.enable(node.at, on);
      else await this.#breakWhen.toggle(node.what, on);
    }
  }

  dispose(): void {
    this.#listening.dispose();
    this.#refreshed.dispose();
  }
}

/** Why a training stands where it does, where it stopped by itself: the name of the frame in our own file. undefined elsewhere. */
export function whyStopped(trainings: Pick<Trainings, "all">): string | undefined {
  for (const { state, frames } of trainings.all()) {
    const [top] = frames;
    if (state === "stopped" && top && isBreakpointFile(top.file)) return top.name;
  }
  return undefined;
}
