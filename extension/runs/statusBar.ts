// The one status-bar item: step, loss and time left of the newest live run; a click opens its dashboard.

import type { StatusBarItem } from "vscode";
import type { Editor } from "../app.js";
import { Throttle, type Disposable } from "../event.js";
import type { RunRegistry } from "./registry.js";
import { describeRun, statusText } from "./words.js";

/** Numbers that change faster cannot be read. */
const renderMilliseconds = 250;

export class StatusBar {
  readonly #item: StatusBarItem;
  readonly #runs: RunRegistry;
  readonly #listening: Disposable;
  readonly #render: Throttle;
  #shown = false;

  constructor(editor: Editor, runs: RunRegistry) {
    this.#runs = runs;
    this.#item = editor.window.createStatusBarItem("descent.run", editor.StatusBarAlignment.Left, 10);
    this.#item.name = "Descent: Training";
    this.#render = new Throttle(renderMilliseconds, () => {
      this.#show();
    });
    this.#listening = runs.onDidChange(({ run, before }) => {
      if (before?.state === run.record.state) this.#render.ask();
      else this.#render.now();
    });
    this.#render.now();
  }

  /** As shown; null while hidden. */
  get text(): string | null {
    return this.#shown ? this.#item.text : null;
  }

  #show(): void {
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
    this.#render.dispose();
    this.#item.dispose();
  }
}
