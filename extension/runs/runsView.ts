// The Runs view: one row a run, newest first, with its state as an icon and its numbers beside its name.

import type { Event, TreeDataProvider, TreeItem } from "vscode";
import { isLive, type RunState } from "../../engine/protocol.js";
import type { Editor } from "../app.js";
import { Emitter, Throttle, type Disposable } from "../event.js";
import { openSelectedRunCommand } from "../names.js";
import type { Run, RunRegistry } from "./registry.js";
import {
  describeRun,
  deviceText,
  formatDuration,
  formatStart,
  runMessage,
  stateWord,
  summarize,
} from "./words.js";

/** A row, and what a command started from a row gets as its argument. */
export interface RunNode {
  folder: string;
}

const icons: Record<RunState, [string, string?]> = {
  starting: ["loading~spin"],
  running: ["sync~spin", "charts.blue"],
  paused: ["debug-pause", "charts.yellow"],
  stopping: ["loading~spin"],
  stopped: ["debug-stop", "descriptionForeground"], // without a colour of its own it is red
  finished: ["pass", "testing.iconPassed"],
  failed: ["error", "testing.iconFailed"],
  lost: ["debug-disconnect", "list.warningForeground"],
};

/** Numbers that change faster cannot be read. */
const refreshMilliseconds = 250;

export class RunsView implements TreeDataProvider<RunNode> {
  readonly #editor: Editor;
  readonly #runs: RunRegistry;
  readonly #nodes = new Map<string, RunNode>();
  readonly #refreshed = new Emitter<RunNode | undefined>();
  readonly #listening: Disposable;
  /** Runs whose rows are out of date. */
  readonly #waiting = new Set<string>();
  readonly #refresh = new Throttle(refreshMilliseconds, () => {
    for (const folder of this.#waiting) {
      const node = this.#nodes.get(folder);
      if (node) this.#refreshed.fire(node);
    }
    this.#waiting.clear();
  });

  readonly onDidChangeTreeData: Event<RunNode | undefined> = this.#refreshed.on as Event<RunNode | undefined>;

  constructor(editor: Editor, runs: RunRegistry) {
    this.#editor = editor;
    this.#runs = runs;
    this.#listening = runs.onDidChange(({ kind, run, before }) => {
      if (kind === "removed") this.#nodes.delete(run.folder);
      if (kind !== "changed") {
        this.#refreshed.fire(undefined);
        return;
      }
      this.#waiting.add(run.folder);
      if (before?.state === run.record.state) this.#refresh.ask();
      else this.#refresh.now();
    });
  }

  getChildren(node?: RunNode): RunNode[] {
    return node ? [] : this.#runs.all().map((run) => this.#node(run));
  }

  getTreeItem(node: RunNode): TreeItem {
    const run = this.#runs.get(node.folder);
    if (run === undefined) return new this.#editor.TreeItem(node.folder);
    const { record } = run;
    const item = new this.#editor.TreeItem(record.name);
    const [icon, color] = icons[record.state];
    item.id = run.folder;
    // Runs of one script have one name; those that are over are told apart by when they began.
    item.description = isLive(record.state)
      ? summarize(record)
      : `${formatStart(record.startTime)} · ${summarize(record)}`;
    item.iconPath = new this.#editor.ThemeIcon(icon, color ? new this.#editor.ThemeColor(color) : undefined);
    item.contextValue = contextWords(record.state);
    item.tooltip = tooltip(run);
    item.accessibilityInformation = { label: describeRun(record) };
    item.command = { command: openSelectedRunCommand, title: "Open Dashboard" };
    return item;
  }

  /** The same object for a run each time, so that the tree keeps its selection. */
  #node(run: Run): RunNode {
    let node = this.#nodes.get(run.folder);
    if (!node) this.#nodes.set(run.folder, (node = { folder: run.folder }));
    return node;
  }

  dispose(): void {
    this.#listening.dispose();
    this.#refresh.dispose();
    this.#refreshed.dispose();
  }
}

/** The words that the menus of contributions.ts look for. */
export function contextWords(state: RunState): string {
  if (!isLive(state)) return "run ended";
  if (state === "paused") return "run live paused";
  return state === "running" || state === "starting" ? "run live pausable" : "run live";
}

function tooltip({ record, folder }: Run): string {
  const ended = record.endTime ?? (isLive(record.state) ? Date.now() : null);
  const lines = [
    `${record.name} – ${stateWord(record.state)}`,
    runMessage(record),
    `Started ${new Date(record.startTime).toLocaleString()}`,
    ended === null ? null : `Took ${formatDuration((ended - record.startTime) / 1000)}`,
    `Device: ${deviceText(record)}`,
    record.script,
    folder,
  ];
  return lines.filter((line) => line !== null).join("\n");
}
