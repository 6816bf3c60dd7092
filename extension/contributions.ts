// The one table of what the extension adds to the editor: commands, menus, keys, settings, views, the debugger.
// package.json's `contributes` is generated from here (contributions.generate.ts), and main.ts registers from here.

import type { App } from "./app.js";
import { addBreakCondition } from "./commands/addBreakCondition.js";
import { debugTraining } from "./commands/debugTraining.js";
import { deleteRun } from "./commands/deleteRun.js";
import { inspectTensor } from "./commands/inspectTensor.js";
import { editBreakCondition } from "./commands/editBreakCondition.js";
import { killRun } from "./commands/killRun.js";
import { newProject } from "./commands/newProject.js";
import { openDashboard } from "./commands/openDashboard.js";
import { openInspector } from "./commands/openInspector.js";
import { openSelectedRun } from "./commands/openSelectedRun.js";
import { openScript } from "./commands/openScript.js";
import { pauseRun } from "./commands/pauseRun.js";
import { refreshRuns } from "./commands/refreshRuns.js";
import { removeBreakCondition } from "./commands/removeBreakCondition.js";
import { renameRun } from "./commands/renameRun.js";
import { resumeRun } from "./commands/resumeRun.js";
import { revealRunFolder } from "./commands/revealRunFolder.js";
import { runAgain } from "./commands/runAgain.js";
import { runTraining } from "./commands/runTraining.js";
import { state } from "./commands/state.js";
import { stepBatch } from "./commands/stepBatch.js";
import { stopRun } from "./commands/stopRun.js";
import { tensorMenuContext, tensorType } from "./debug/edits.js";
import {
  breakConditionRow,
  breakWhenView,
  contextKeys,
  debugType,
  dashboardViewType,
  inspectorViewType,
  openSelectedRunCommand,
  runsContainer,
  runsView,
} from "./names.js";

export interface CommandRow {
  id: `descent.${string}`;
  title: string;
  /** A codicon: "$(play)". */
  icon?: string;
  handler: (app: App, ...args: unknown[]) => unknown;
  /** When the command palette lists it; "never" for those that make no sense there. */
  palette: string;
  menus?: { menu: string; when: string; group: string }[];
  key?: { key: string; when: string };
  /** Not contributed at all: for rows of our own views, and for tests. */
  hidden?: boolean;
}

const trains = contextKeys.activeFileTrains;
const trusted = "isWorkspaceTrusted";
/** F5 is ours only for a training script, while nothing is being debugged and no launch configuration is selected. */
const keyIsFree = `${trains} && !inDebugMode && !debugConfigurationType && ${trusted}`;

const onRun = (words: string, group: string) => ({
  menu: "view/item/context",
  when: `view == ${runsView} && viewItem =~ /${words}/`,
  group,
});

/** The rows of tensors in Variables, Watch and hovers: by what the tracker says of them, or by the type that newer editors tell. */
const isTensorRow = `debugType == pwa-node && (debugProtocolVariableMenuContext == ${tensorMenuContext} || variableType =~ /${tensorType}/)`;
const ofTensors = (menu: string) => [
  { menu, when: isTensorRow, group: "inline@1" },
  { menu, when: isTensorRow, group: "1_descent@1" },
];

const onCondition = (group: string) => ({
  menu: "view/item/context",
  when: `view == ${breakWhenView} && viewItem == ${breakConditionRow}`,
  group,
});

export const commands: CommandRow[] = [
  {
    id: "descent.runTraining",
    title: "Run Training",
    icon: "$(play)",
    handler: runTraining,
    palette: trusted,
    menus: [{ menu: "editor/title/run", when: `${trains} && ${trusted}`, group: "1_descent@1" }],
    key: { key: "ctrl+f5", when: keyIsFree },
  },
  {
    id: "descent.debugTraining",
    title: "Debug Training",
    icon: "$(debug-alt)",
    handler: debugTraining,
    palette: trusted,
    menus: [{ menu: "editor/title/run", when: `${trains} && ${trusted}`, group: "1_descent@2" }],
    key: { key: "f5", when: keyIsFree },
  },
  {
    id: "descent.addBreakCondition",
    title: "Break When: Add Condition…",
    icon: "$(add)",
    handler: addBreakCondition,
    palette: trusted,
    menus: [{ menu: "view/title", when: `view == ${breakWhenView}`, group: "navigation@1" }],
  },
  {
    id: "descent.editBreakCondition",
    title: "Edit Condition…",
    icon: "$(edit)",
    handler: editBreakCondition,
    palette: "never",
    menus: [onCondition("inline@1")],
  },
  {
    id: "descent.removeBreakCondition",
    title: "Remove Condition",
    icon: "$(close)",
    handler: removeBreakCondition,
    palette: "never",
    menus: [onCondition("inline@2")],
  },
  {
    id: "descent.newProject",
    title: "New Project…",
    icon: "$(new-folder)",
    handler: newProject,
    palette: "",
  },
  {
    id: "descent.openDashboard",
    title: "Open Dashboard",
    icon: "$(graph-line)",
    handler: openDashboard,
    palette: contextKeys.hasRuns,
    menus: [
      onRun("\\bended\\b", "inline@9"),
      onRun("\\brun\\b", "1_open@1"),
      onRun("\\blive\\b", "inline@9"),
    ],
  },
  {
    id: "descent.pauseRun",
    title: "Pause",
    icon: "$(debug-pause)",
    handler: pauseRun,
    palette: contextKeys.hasLiveRuns,
    menus: [onRun("\\bpausable\\b", "inline@1"), onRun("\\bpausable\\b", "2_control@1")],
  },
  {
    id: "descent.resumeRun",
    title: "Resume",
    icon: "$(debug-continue)",
    handler: resumeRun,
    palette: contextKeys.hasLiveRuns,
    menus: [onRun("\\bpaused\\b", "inline@1"), onRun("\\bpaused\\b", "2_control@1")],
  },
  {
    id: "descent.stepBatch",
    title: "Step One Batch",
    icon: "$(debug-step-over)",
    handler: stepBatch,
    palette: contextKeys.hasLiveRuns,
    menus: [onRun("\\bpaused\\b", "2_control@2")],
  },
  {
    id: "descent.stopRun",
    title: "Stop",
    icon: "$(debug-stop)",
    handler: stopRun,
    palette: contextKeys.hasLiveRuns,
    menus: [onRun("\\blive\\b", "inline@2"), onRun("\\blive\\b", "2_control@3")],
  },
  {
    id: "descent.killRun",
    title: "Kill",
    handler: killRun,
    palette: contextKeys.hasLiveRuns,
    menus: [onRun("\\blive\\b", "2_control@4")],
  },
  {
    id: "descent.runAgain",
    title: "Run Again",
    icon: "$(debug-restart)",
    handler: runAgain,
    palette: `${contextKeys.hasRuns} && ${trusted}`,
    menus: [onRun("\\bended\\b", "inline@1"), onRun("\\brun\\b", "1_open@3")],
  },
  {
    id: "descent.inspectTensor",
    title: "Inspect Tensor",
    icon: "$(table)",
    handler: inspectTensor,
    palette: contextKeys.trainingStopped,
    menus: [
      ...ofTensors("debug/variables/context"),
      ...ofTensors("debug/watch/context"),
      {
        menu: "editor/context",
        when: `inDebugMode && ${contextKeys.trainingStopped} && editorLangId =~ /^(type|java)script$/`,
        group: "debug@9",
      },
    ],
  },
  {
    id: "descent.openInspector",
    title: "Open Tensor Inspector",
    icon: "$(table)",
    handler: openInspector,
    palette: trusted,
  },
  {
    id: "descent.openScript",
    title: "Open Script",
    icon: "$(go-to-file)",
    handler: openScript,
    palette: contextKeys.hasRuns,
    menus: [onRun("\\brun\\b", "1_open@2")],
  },
  {
    id: "descent.renameRun",
    title: "Rename…",
    handler: renameRun,
    palette: contextKeys.hasRuns,
    menus: [onRun("\\brun\\b", "3_edit@1")],
  },
  {
    id: "descent.revealRunFolder",
    title: "Reveal Folder",
    handler: revealRunFolder,
    palette: contextKeys.hasRuns,
    menus: [onRun("\\brun\\b", "3_edit@2")],
  },
  {
    id: "descent.deleteRun",
    title: "Delete…",
    icon: "$(trash)",
    handler: deleteRun,
    palette: contextKeys.hasRuns,
    menus: [onRun("\\brun\\b", "4_delete@1")],
  },
  {
    id: "descent.refreshRuns",
    title: "Refresh Runs",
    icon: "$(refresh)",
    handler: refreshRuns,
    palette: "never",
    menus: [{ menu: "view/title", when: `view == ${runsView}`, group: "navigation@1" }],
  },
  {
    id: openSelectedRunCommand,
    title: "Open Dashboard",
    handler: openSelectedRun,
    palette: "never",
    hidden: true,
  },
  { id: "descent._state", title: "State", handler: state, palette: "never", hidden: true },
];

/** Settings, in the order the settings editor shows them. */
export const settings = {
  "descent.nodePath": {
    type: "string",
    default: "",
    scope: "machine-overridable",
    markdownDescription:
      "Node.js program that runs training: an absolute path to Node.js 20.19 or later. When empty, `node` is looked up on the `PATH`.",
  },
  "descent.run.device": {
    type: "string",
    default: "",
    scope: "resource",
    markdownDescription:
      "Device that training runs on by default: `cpu`, `gpu`, `cuda:0`, `opencl:0`. When empty, the script decides.",
  },
  "descent.codeLens.enabled": {
    type: "boolean",
    default: true,
    scope: "resource",
    description: "Show 'Run Training' and 'Debug Training' above a script that imports descent.",
  },
  "descent.debug.inlineValues": {
    type: "boolean",
    default: true,
    scope: "window",
    markdownDescription:
      "Show tensors behind the lines of a training that stands at a breakpoint: shape, dtype and mean. `#debug.inlineValues#` decides for all other variables.",
  },
  "descent.dashboard.openOnRun": {
    type: "boolean",
    default: true,
    scope: "resource",
    description: "Open the dashboard beside the script when a run is started from the editor.",
  },
  "descent.dashboard.openOnLiveRun": {
    type: "boolean",
    default: false,
    scope: "resource",
    description:
      "Open the dashboard of a run that was started elsewhere, such as in a terminal, when it is found live or the window is empty.",
  },
  "descent.dashboard.smoothing": {
    type: "number",
    default: 0.6,
    minimum: 0,
    maximum: 0.99,
    scope: "window",
    markdownDescription:
      "Smoothing of the curves in a new dashboard: the weight of the past in an exponential moving average, from `0` (none) to `0.99`.",
  },
} as const;

export type SettingKey = keyof typeof settings;

/** The type of a setting's value, from its row. */
export type SettingValue<K extends SettingKey> = (typeof settings)[K]["default"] extends boolean
  ? boolean
  : (typeof settings)[K]["default"] extends number
    ? number
    : string;

export const viewsContainers = {
  activitybar: [{ id: runsContainer, title: "Descent", icon: "extension/media/descent.svg" }],
};

export const views = {
  [runsContainer]: [
    { id: runsView, name: "Runs", icon: "extension/media/descent.svg", contextualTitle: "Descent" },
  ],
  debug: [
    {
      id: breakWhenView,
      name: "Break When",
      icon: "extension/media/descent.svg",
      contextualTitle: "Descent",
      when: `${trains} || ${contextKeys.hasRuns}`,
    },
  ],
};

export const viewsWelcome = [
  {
    view: runsView,
    contents:
      "No training run in this folder yet. Open a script that imports descent and run it, or start from a sample.\n" +
      "[Run Training](command:descent.runTraining)\n[New Project…](command:descent.newProject)",
    when: trusted,
  },
  {
    view: runsView,
    contents:
      "Training runs code of this folder, so it is off while the folder is not trusted.\n[Manage Workspace Trust](command:workbench.trust.manage)",
    when: `!${trusted}`,
  },
];

const launchAttributes = {
  program: { type: "string", description: "Absolute path of the training script.", default: "${file}" },
  args: {
    type: "array",
    items: { type: "string" },
    description: "Arguments passed to the script.",
    default: [],
  },
  cwd: { type: "string", description: "Working folder of the script.", default: "${workspaceFolder}" },
  env: {
    type: "object",
    additionalProperties: { type: ["string", "null"] },
    description: "Environment variables added to the script's.",
    default: {},
  },
  device: { type: "string", description: "Device to train on: cpu, gpu, cuda:0, opencl:0.", default: "cpu" },
  runtimeExecutable: {
    type: "string",
    description: "Node.js program to use. Without it, the setting descent.nodePath decides.",
  },
  stopOnEntry: { type: "boolean", description: "Stop at the first line of the script.", default: false },
};

/** What a new launch.json, and 'Add Configuration', start from. */
export const launchTemplate = {
  type: debugType,
  request: "launch",
  name: "Descent: Debug Training",
  program: "${file}",
};

export const debuggers = [
  {
    type: debugType,
    label: "Descent",
    languages: ["typescript", "javascript"],
    when: trains,
    configurationAttributes: { launch: { required: ["program"], properties: launchAttributes } },
    initialConfigurations: [launchTemplate],
    configurationSnippets: [
      {
        label: "Descent: Debug Training",
        description: "Run a training script under the debugger, recorded like any other run",
        body: { ...launchTemplate, program: '^"\\${file}"' },
      },
    ],
  },
];

export const activationEvents = [
  "onLanguage:typescript",
  "onLanguage:javascript",
  `onDebugResolve:${debugType}`,
  `onDebugDynamicConfigurations:${debugType}`,
  "onDebugInitialConfigurations",
  `onWebviewPanel:${dashboardViewType}`,
  `onWebviewPanel:${inspectorViewType}`,
  "workspaceContains:.descent/runs",
  "workspaceContains:train.ts",
];
