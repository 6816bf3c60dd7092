// What happens in the editor when a run begins and when it ends: its dashboard, its error with a way to the line.

import { isLive, type RunRecord, type SourceLocation } from "../../engine/protocol.js";
import type { Editor } from "../app.js";
import type { Disposable } from "../event.js";
import type { Problems } from "../editor/problems.js";
import type { Dashboards } from "../panels/dashboards.js";
import type { Run, RunChange, RunRegistry } from "../runs/registry.js";
import { runMessage } from "../runs/words.js";
import type { Settings } from "../settings.js";
import type { ExpectedRuns } from "./expected.js";
import { reveal } from "../editor/reveal.js";

interface Options {
  editor: Editor;
  settings: Settings;
  runs: RunRegistry;
  expected: ExpectedRuns;
  dashboards: Dashboards;
  problems: Problems;
}

export class Outcomes {
  readonly #options: Options;
  readonly #listening: Disposable;

  constructor(options: Options) {
    this.#options = options;
    this.#listening = options.runs.onDidChange((change) => {
      this.#follow(change);
    });
  }

  #follow({ kind, run, before }: RunChange): void {
    if (kind === "removed") return;
    const { expected, problems } = this.#options;
    const isNew = expected.claim(run);
    if (isNew) this.#begin(run);
    else if (before === null) this.#meet(run);
    const wasLive = before === null ? isNew : isLive(before.state);
    if (!wasLive || isLive(run.record.state)) return;
    if (run.record.error) problems.show(run.record);
    if (expected.has(run)) this.#end(run.record);
  }

  #begin(run: Run): void {
    const { editor, settings, dashboards, problems } = this.#options;
    problems.clear(run.record.script);
    if (settings.get("descent.dashboard.openOnRun", true, editor.Uri.file(run.record.script))) {
      dashboards.open(run.folder, { preserveFocus: true });
    }
  }

  get #isWindowEmpty(): boolean {
    return this.#options.editor.window.tabGroups.all.every((group) => group.tabs.length === 0);
  }

  /** A run that this window did not start: from a terminal, or from before it was opened. */
  #meet(run: Run): void {
    const { editor, settings } = this.#options;
    const script = editor.Uri.file(run.record.script);
    if (!settings.get("descent.dashboard.openOnLiveRun", false, script)) return;
    if (isLive(run.record.state) || this.#isWindowEmpty) void this.#openWithScript(run);
  }

  /** The dashboard, beside the script where no editor is open yet. */
  async #openWithScript({ folder, record }: Run): Promise<void> {
    const { editor, dashboards } = this.#options;
    if (editor.window.activeTextEditor === undefined) {
      const script = editor.Uri.file(record.script);
      await editor.window.showTextDocument(script, { preview: false }).then(undefined, () => undefined);
    }
    dashboards.open(folder, { preserveFocus: true });
  }

  /** One notification, and only when there is something to say. */
  #end(record: RunRecord): void {
    const { editor } = this.#options;
    const message = runMessage(record);
    if (message === null) return;
    const isError = record.state === "failed" || record.state === "lost";
    const location = record.error?.location ?? null;
    const text = location
      ? `${record.name}, line ${location.line}: ${message}`
      : `${record.name}: ${message}`;
    const actions = location ? ["Open"] : [];
    const shown = isError
      ? editor.window.showErrorMessage(text, ...actions)
      : editor.window.showInformationMessage(text, ...actions);
    void shown.then((choice) => {
      if (choice && location) void this.#open(location);
    });
  }

  async #open(location: SourceLocation): Promise<void> {
    await reveal(this.#options.editor, location);
  }

  dispose(): void {
    this.#listening.dispose();
  }
}
