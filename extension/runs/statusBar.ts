// The one status-bar item: step, loss and time left of the newest live run; a click opens its dashboard.

import type { StatusBarItem } from "vscode";
import type { Editor } from "../app.js";
import type { Disposable } from "../event.js";
import type { RunRegistry } from "./registry.js";
import { describeRun, statusText } from "./words.js";

export class StatusBar {
  readonly #item: StatusBarItem;
  readonly #runs: RunRegistry;
  readonly #listening: Disposable;
  #shown = false;

  constructor(editor: Editor, runs: RunRegistry) {
    this.#runs = runs;
    this.#item = editor.window.createStatusBarItem("descent.run", editor.StatusBarAlignment.Left, 10);
    this.#item.name = "Descent: Training";
    this.#listening = runs.onDidChange(() => {
      this.#render();
    });
    this.#render();
  }

  /** As shown; null while hidden. */
  get text(): string | null {
    return this.#shown ? this.#item.text : null;
  }

  #render(): void {
    const run = this.#runs.newestLive();
    this.#shown = run !== undefined;
    if (run === undefined) {
      this.#item.hide();
      return;
    }
    const icon = run.record.state === "paused" ? "$(debug-pause)" : "$(sync~spin)";
    this.#item.text = `${icon} ${statusText(run.record)}`;
    this.#item.tooltip = `${describeRun(run.record)}\nClick to open the dashboard.`;
    this.#item.accessibilityInformation = { label: describeRun(run.record), role: "button" };
    this.#item.command = {
      command: "descent.openDashboard",
      title: "Open Dashboard",
      arguments: [{ folder: run.folder }],
    };
    this.#item.show();
  }

  dispose(): void {
    this.#listening.dispose();
    this.#item.dispose();
  }
}
