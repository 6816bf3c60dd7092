// The open dashboards: one panel a run, brought to the front when asked for again, restored after a window reload.

import { isAbsolute } from "node:path";
import type { ExtensionContext, Tab, ViewColumn, WebviewPanel } from "vscode";
import { isLive } from "../../engine/protocol.js";
import type { DashboardState } from "../../webviews/protocol.js";
import type { Editor } from "../app.js";
import { reveal } from "../editor/reveal.js";
import type { Disposable } from "../event.js";
import { dashboardViewType } from "../names.js";
import type { Run, RunRegistry } from "../runs/registry.js";
import { shortName } from "../runs/words.js";
import type { Settings } from "../settings.js";
import { DashboardModel, type DashboardOptions } from "./dashboardModel.js";
import { runOfState } from "./html.js";
import { readState } from "./messages.js";
import { showPage } from "./page.js";
import type { SeriesSource } from "./series.js";

interface Options {
  editor: Editor;
  context: ExtensionContext;
  settings: Settings;
  runs: RunRegistry;
  /** The series of a run's folder. */
  openSeries: (folder: string) => SeriesSource;
  /** Folder of the bundled page. */
  pages: string;
  /** 'Run Again' for a run. */
  rerun: (run: Run) => void;
  report: (error: unknown) => void;
}

interface Dashboard {
  panel: WebviewPanel;
  model: DashboardModel;
}

const stateKey = "dashboard.states";
const openKey = "dashboard.open";
const mostStates = 100;

export class Dashboards {
  readonly #options: Options;
  readonly #open = new Map<string, Dashboard>();
  readonly #listening: Disposable[];
  /** Runs whose dashboards were open when the extension last ended, and have not come back yet. */
  readonly #unrestored: Set<string>;

  constructor(options: Options) {
    this.#options = options;
    this.#unrestored = new Set(options.context.workspaceState.get<string[]>(openKey));
    const { editor, runs, settings } = options;
    this.#listening = [
      runs.onDidChange(({ run }) => {
        this.#runChanged(run);
      }),
      runs.onDidFlush((run) => {
        this.#open.get(run.folder)?.model.grown();
      }),
      settings.onDidChange("descent.dashboard.smoothing", () => {
        for (const { model } of this.#open.values()) model.settingsChanged();
      }),
      editor.window.registerWebviewPanelSerializer(dashboardViewType, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
      }),
    ];
  }

  /** Shows the dashboard of the run in `folder`, beside the code unless it is open already. */
  open(folder: string, { preserveFocus }: { preserveFocus: boolean }): void {
    const there = this.#open.get(folder);
    if (there) {
      there.panel.reveal(undefined, preserveFocus);
      return;
    }
    const { editor, runs } = this.#options;
    const run = runs.get(folder);
    if (!run) return;
    const panel = editor.window.createWebviewPanel(
      dashboardViewType,
      shortName(run.record),
      { viewColumn: this.#column(), preserveFocus },
      {},
    );
    this.#fill(panel, folder);
  }

  /**
   * Opens anew what should be open and is not: a panel whose extension host died stays on screen, cut off, and is not
   * restored by a reload either. Called once, when the editor has had time to restore panels by itself.
   */
  async recover(): Promise<void> {
    const { editor, runs } = this.#options;
    for (const folder of [...this.#unrestored]) {
      const run = runs.get(folder);
      if (!run || this.#open.has(folder)) continue;
      const tab = findTab(editor, shortName(run.record));
      if (tab && !tab.isActive) continue; // restored when it is shown
      if (!tab && !isLive(run.record.state)) continue;
      this.open(folder, { preserveFocus: true });
      if (tab) await editor.window.tabGroups.close(tab, true);
    }
  }

  #keepOpen(): void {
    void this.#options.context.workspaceState.update(openKey, [...this.#open.keys(), ...this.#unrestored]);
  }

  /** For `descent._state`. */
  describe(): unknown[] {
    return [...this.#open].map(([folder, { panel, model }]) => ({
      folder,
      title: panel.title,
      visible: panel.visible,
      ready: model.isReady,
      sent: model.counts,
      series: model.series.map(({ tag, count, last }) => ({
        tag,
        count,
        last: Number.isFinite(last) ? last : String(last),
      })),
    }));
  }

  /** Beside the code; where a dashboard is open already, as another tab there. */
  #column(): ViewColumn {
    const { editor } = this.#options;
    for (const { panel } of this.#open.values()) if (panel.viewColumn !== undefined) return panel.viewColumn;
    return editor.window.activeTextEditor ? editor.ViewColumn.Beside : editor.ViewColumn.Active;
  }

  async #restore(panel: WebviewPanel, state: unknown): Promise<void> {
    const { runs } = this.#options;
    const folder = runOfState(state);
    if (folder === null || !isAbsolute(folder) || this.#open.has(folder)) {
      panel.dispose();
      return;
    }
    await runs.touch(folder);
    if (runs.get(folder)) this.#fill(panel, folder);
    else panel.dispose(); // the run was deleted meanwhile
  }

  #fill(panel: WebviewPanel, folder: string): void {
    const { editor, context, runs, settings, openSeries, pages } = this.#options;
    const model: DashboardModel = new DashboardModel({
      source: openSeries(folder),
      run: () => runs.get(folder) ?? null,
      post: (message) => panel.webview.postMessage(message),
      settings: () => ({ smoothing: settings.get("descent.dashboard.smoothing", 0.6) }),
      state: () => readState(this.#states()[folder]),
      keepState: (state) => {
        this.#keepState(folder, state);
      },
      act: (message) => {
        this.#act(folder, message);
      },
    });
    this.#open.set(folder, { panel, model });
    this.#unrestored.delete(folder);
    this.#keepOpen();
    panel.onDidDispose(() => {
      model.dispose();
      if (this.#open.get(folder)?.panel !== panel) return;
      this.#open.delete(folder);
      this.#keepOpen();
    });
    showPage(panel, model, { editor, context, pages, name: "dashboard", title: panel.title, run: folder });
  }

  #runChanged(run: Run): void {
    const dashboard = this.#open.get(run.folder);
    if (!dashboard) return;
    if (!this.#options.runs.get(run.folder)) {
      dashboard.panel.dispose(); // deleted
      return;
    }
    const title = shortName(run.record);
    if (dashboard.panel.title !== title) dashboard.panel.title = title;
    dashboard.model.runChanged();
  }

  #act(folder: string, message: Parameters<DashboardOptions["act"]>[0]): void {
    const { editor, runs, rerun, report } = this.#options;
    const run = runs.get(folder);
    if (!run) return;
    if (message.type === "startTraining") void editor.commands.executeCommand("descent.runTraining");
    else if (message.type === "open") {
      if (this.#belongsTo(run, message.file)) void reveal(editor, message);
    } else if (message.action === "rerun") rerun(run);
    else runs.control(run, message.action).catch(report);
  }

  /** A page may open the files of its run and of the workspace, and no others. */
  #belongsTo({ record }: Run, file: string): boolean {
    const { editor } = this.#options;
    const named = [
      record.script,
      record.error?.location?.file,
      ...record.findings.map((finding) => finding.file),
    ];
    return named.includes(file) || editor.workspace.getWorkspaceFolder(editor.Uri.file(file)) !== undefined;
  }

  #states(): Record<string, unknown> {
    return this.#options.context.workspaceState.get<Record<string, unknown>>(stateKey) ?? {};
  }

  #keepState(folder: string, state: DashboardState): void {
    const { [folder]: _, ...others } = this.#states();
    const kept = Object.entries(others).slice(-mostStates);
    void this.#options.context.workspaceState.update(stateKey, {
      ...Object.fromEntries(kept),
      [folder]: state,
    });
  }

  dispose(): void {
    for (const listening of this.#listening) listening.dispose();
    for (const { model } of this.#open.values()) model.dispose();
    this.#open.clear();
  }
}

/** A dashboard's tab by its title. The editor puts a prefix of its own before a webview's type. */
function findTab(editor: Editor, label: string): Tab | undefined {
  return editor.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .find(
      ({ input, label: text }) =>
        text === label &&
        input instanceof editor.TabInputWebview &&
        input.viewType.endsWith(dashboardViewType),
    );
}
