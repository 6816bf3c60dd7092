// What a command, a view or a panel may use: the one object that main.ts builds and hands around.

import type { ExtensionContext, OutputChannel } from "vscode";
import type { Trainings } from "./debug/trainings.js";
import type { BreakWhen } from "./debug/breakWhen.js";
import type { Dashboards } from "./panels/dashboards.js";
import type { Inspectors } from "./panels/inspectors.js";
import type { Problems } from "./editor/problems.js";
import type { RunNode } from "./runs/runsView.js";
import type { RunRegistry } from "./runs/registry.js";
import type { Settings } from "./settings.js";
import type { Trainer } from "./training/trainer.js";

/** The editor's API. It is handed in, never imported as a value, so that everything here can be tested in plain Node. */
export type Editor = typeof import("vscode");

export interface App {
  editor: Editor;
  context: ExtensionContext;
  settings: Settings;
  runs: RunRegistry;
  trainer: Trainer;
  dashboards: Dashboards;
  /** The trainings under the debugger. */
  trainings: Trainings;
  inspectors: Inspectors;
  problems: Problems;
  breakWhen: BreakWhen;
  log: OutputChannel;
  /** The run selected in the Runs view. */
  selectedRun(): RunNode | undefined;
  /** What `descent._state` answers: the state that tests of a real editor wait for. */
  describe(): unknown;
}
