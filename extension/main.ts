// The extension's start: builds the object graph, on this one screen, and registers what the editor calls.

import { join } from "node:path";
import * as vscode from "vscode";
import type { App } from "./app.js";
import { commands } from "./contributions.js";
import { DuringTraining } from "./debug/duringTraining.js";
import { BreakWhen } from "./debug/breakWhen.js";
import { BreakWhenView, whyStopped } from "./debug/breakWhenView.js";
import { registerDebugger } from "./debug/provider.js";
import { registerTracker } from "./debug/tracker.js";
import { Trainings } from "./debug/trainings.js";
import { ActiveFile } from "./editor/activeFile.js";
import { TrainingLens } from "./editor/codeLens.js";
import { Problems } from "./editor/problems.js";
import { breakWhenView, runsView } from "./names.js";
import { Dashboards } from "./panels/dashboards.js";
import { Inspectors } from "./panels/inspectors.js";
import { openRunSeries } from "./panels/runSeries.js";
import { RunRegistry } from "./runs/registry.js";
import { RunsView } from "./runs/runsView.js";
import { runSource } from "./runs/source.js";
import { StatusBar } from "./runs/statusBar.js";
import { RunWatcher } from "./runs/watcher.js";
import { Settings } from "./settings.js";
import { ExpectedRuns } from "./training/expected.js";
import { realSurroundings } from "./training/node.js";
import { Outcomes } from "./training/outcomes.js";
import { Trainer, type Parts } from "./training/trainer.js";

export function activate(context: vscode.ExtensionContext): void {
  const editor = vscode;
  const dist = join(context.extensionPath, "dist");
  const parts: Parts = {
    dist,
    cli: join(dist, "cli/descent.mjs"),
    register: join(dist, "runtime/register.mjs"),
    terminal: join(dist, "extension/terminal.cjs"),
  };
  const memory = context.workspaceState;

  const log = editor.window.createOutputChannel("Descent");
  const settings = new Settings(editor);
  const runs = new RunRegistry(runSource);
  const watcher = new RunWatcher({ editor, runs, memory });
  const watch = (folder: string) => watcher.watch(folder);
  const expected = new ExpectedRuns(
    memory.get<string[]>("runs.started") ?? [],
    (folders) => void memory.update("runs.started", folders),
  );
  const problems = new Problems(editor);
  const trainer = new Trainer({
    ...{ editor, settings, runs, expected, parts, watch },
    surroundings: realSurroundings(),
    storage: context.globalStorageUri.fsPath,
  });
  const report = (error: unknown) => {
    trainer.report(error);
  };
  const pages = join(dist, "webviews");
  const dashboards = new Dashboards({
    ...{ editor, context, settings, runs, report, pages },
    openSeries: openRunSeries,
    rerun: (run) => void editor.commands.executeCommand("descent.runAgain", { folder: run.folder }),
  });
  const trainings = new Trainings(editor);
  const inspectors = new Inspectors({ editor, context, runs, trainings, pages, report });
  const duringTraining = new DuringTraining(editor, settings, trainings);
  const outcomes = new Outcomes({ editor, settings, runs, expected, dashboards, problems });
  const statusBar = new StatusBar(editor, runs);
  const activeFile = new ActiveFile(editor);
  const lens = new TrainingLens(editor, settings);
  const view = new RunsView(editor, runs);
  const tree = editor.window.createTreeView(runsView, { treeDataProvider: view, showCollapseAll: false });
  const breakWhen = new BreakWhen(memory, runs);
  const breakView = new BreakWhenView(editor, breakWhen);
  const breakTree = editor.window.createTreeView(breakWhenView, {
    treeDataProvider: breakView,
    manageCheckboxStateManually: true,
  });
  const refreshLens = () => {
    lens.refresh();
  };

  const app: App = {
    ...{
      editor,
      context,
      settings,
      runs,
      trainer,
      dashboards,
      trainings,
      inspectors,
      problems,
      breakWhen,
      log,
    },
    selectedRun: () => tree.selection[0],
    describe: () => ({
      runs: runs.all().map(({ folder, record }) => ({ folder, ...record, token: null })),
      panels: dashboards.describe(),
      trainings: trainings.describe(),
      inspector: inspectors.describe(),
      breakWhen: breakWhen.conditions,
      statusBar: statusBar.text,
      activeFileTrains: activeFile.trains,
      roots: runs.roots,
    }),
  };

  context.subscriptions.push(
    ...[log, runs, watcher, problems, dashboards, outcomes, statusBar, activeFile, lens, view],
    ...[trainings, inspectors, duringTraining, registerTracker(editor, trainings)],
    ...commands.map(({ id, handler }) =>
      editor.commands.registerCommand(id, (...values: unknown[]) => handler(app, ...values)),
    ),
    ...[tree, breakWhen, breakView, breakTree],
    trainings.onDidChange(() => {
      breakTree.message = whyStopped(trainings) ?? "";
    }),
    breakTree.onDidChangeCheckboxState((event) => void breakView.changed(event)),
    editor.languages.registerCodeLensProvider([{ language: "typescript" }, { language: "javascript" }], lens),
    settings.onDidChange("descent.codeLens.enabled", refreshLens),
    editor.workspace.onDidGrantWorkspaceTrust(refreshLens),
    ...registerDebugger({ editor, settings, trainer, expected, watch, breakWhen }),
  );
  const restored = setTimeout(() => {
    void dashboards.recover();
    void inspectors.recover();
  }, 3000);
  context.subscriptions.push({
    dispose: () => {
      clearTimeout(restored);
    },
  });
  void watcher.start();
}
