// The debug type `descent`: F5 on a training script with no launch.json, and configurations of that type.

import type { DebugConfiguration, DebugConfigurationProvider, DebugSession, WorkspaceFolder } from "vscode";
import type { Editor } from "../app.js";
import { launchTemplate } from "../contributions.js";
import { trains } from "../editor/activeFile.js";
import type { Disposable } from "../event.js";
import { debugType } from "../names.js";
import type { Settings } from "../settings.js";
import type { ExpectedRuns } from "../training/expected.js";
import { CannotRun, findScript, scriptOf } from "../training/script.js";
import type { Trainer } from "../training/trainer.js";
import type { BreakWhen } from "./breakWhen.js";
import { marker, toNodeConfiguration, type LaunchConfiguration } from "./configuration.js";

interface Options {
  editor: Editor;
  settings: Settings;
  trainer: Trainer;
  expected: ExpectedRuns;
  watch: (folder: string) => Promise<void>;
  breakWhen: Pick<BreakWhen, "conditions">;
}

export class DebugProvider implements DebugConfigurationProvider {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Offered in the debug view's list and for a new launch.json. */
  provideDebugConfigurations(): DebugConfiguration[] {
    const document = this.#options.editor.window.activeTextEditor?.document;
    return document && !trains(document) ? [] : [launchTemplate];
  }

  /** undefined ends the start; whoever asked has been told why. */
  async resolveDebugConfiguration(
    folder: WorkspaceFolder | undefined,
    config: DebugConfiguration,
  ): Promise<DebugConfiguration | undefined> {
    try {
      return await this.#resolve(folder, config);
    } catch (error) {
      this.#options.trainer.report(error);
      return undefined;
    }
  }

  async #resolve(
    folder: WorkspaceFolder | undefined,
    config: Partial<LaunchConfiguration>,
  ): Promise<DebugConfiguration> {
    const { editor, settings, trainer, expected, watch, breakWhen } = this.#options;
    if (marker in config) return config as DebugConfiguration; // resolved already
    if (config.request !== undefined && config.request !== "launch") {
      throw new CannotRun(
        "The debug type 'descent' can launch a script; to attach to a process, use the type 'node'.",
      );
    }
    const written = config["program"];
    const program = await this.#program(written);
    const known = program === null ? null : scriptOf(editor, editor.Uri.file(program));
    const cwd = known?.cwd ?? folder?.uri.fsPath ?? editor.workspace.workspaceFolders?.[0]?.uri.fsPath;
    if (cwd === undefined)
      throw new CannotRun("The launch configuration needs a 'cwd', as no folder is open.");
    const node =
      typeof config["runtimeExecutable"] === "string"
        ? config["runtimeExecutable"]
        : (await trainer.chooseNodeToDebug(known?.uri, program, cwd)).path;
    await watch(cwd);
    if (program !== null) expected.expect(program);
    return toNodeConfiguration(
      {
        ...config,
        type: debugType,
        request: "launch",
        name: config.name ?? launchTemplate.name,
        program: program ?? written,
      },
      {
        node,
        register: trainer.parts.register,
        dist: trainer.parts.dist,
        cwd,
        workspace: cwd,
        breakWhen: breakWhen.conditions,
        device: settings.get("descent.run.device", "", known?.uri),
      },
    );
  }

  /** Absolute path of the script; null for a path with variables that only the editor can put in. */
  async #program(written: unknown): Promise<string | null> {
    const { editor } = this.#options;
    if (written === undefined || written === "${file}") return (await findScript(editor, undefined)).path;
    if (typeof written !== "string")
      throw new CannotRun("The launch configuration's 'program' must be a path.");
    return written.includes("${") ? null : (await findScript(editor, editor.Uri.file(written))).path;
  }
}

/** Registers the debug type, and expects the run of each session once its variables are put in. */
export function registerDebugger(options: Options): Disposable[] {
  const { editor, expected } = options;
  const provider = new DebugProvider(options);
  const offers = { provideDebugConfigurations: () => provider.provideDebugConfigurations() };
  const kinds = editor.DebugConfigurationProviderTriggerKind;
  return [
    editor.debug.registerDebugConfigurationProvider(debugType, provider, kinds.Initial),
    // Only offers: every provider that can resolve is asked to.
    editor.debug.registerDebugConfigurationProvider(debugType, offers, kinds.Dynamic),
    editor.debug.onDidStartDebugSession((session) => {
      const program = session.configuration["program"] as unknown;
      if (isTraining(session) && session.parentSession === undefined && typeof program === "string") {
        if (!isExpectedAlready(session, program)) expected.expect(program);
      }
    }),
  ];
}

/** Whether the session, or the one it belongs to, was started as a training. */
export function isTraining(session: DebugSession): boolean {
  return (
    marker in session.configuration ||
    (session.parentSession !== undefined && isTraining(session.parentSession))
  );
}

/** A program without variables was expected when it was resolved. */
function isExpectedAlready(session: DebugSession, program: string): boolean {
  const marked = session.configuration[marker] as { program?: unknown } | undefined;
  return marked?.program === program;
}
