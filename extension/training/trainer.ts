// Starts training: in a terminal of the editor, or under the debugger. The run itself announces itself by its folder.

import { basename, join } from "node:path";
import type { Uri } from "vscode";
import { isLive } from "../../engine/protocol.js";
import type { Editor } from "../app.js";
import { debugType } from "../names.js";
import type { Run, RunRegistry } from "../runs/registry.js";
import type { Settings } from "../settings.js";
import { samePath, type ExpectedRuns } from "./expected.js";
import { runArguments, writeLaunch } from "./launch.js";
import { chooseNode, nodeToDebug, NodeNotFound, type NodeChoice, type NodeSurroundings } from "./node.js";
import { CannotRun, scriptOf, type Script } from "./script.js";

/** Where the built parts of the extension lie, as absolute paths. */
export interface Parts {
  /** The `descent` command. */
  cli: string;
  /** The import hook. */
  register: string;
  /** What runs inside the terminal. */
  terminal: string;
  /** The folder of all of them. */
  dist: string;
}

interface Options {
  editor: Editor;
  settings: Settings;
  runs: RunRegistry;
  expected: ExpectedRuns;
  surroundings: NodeSurroundings;
  parts: Parts;
  /** A folder of the extension's own, for launch files. */
  storage: string;
  /** Makes runs below this folder known, for a script outside the workspace. */
  watch: (folder: string) => Promise<void>;
}

export class Trainer {
  readonly #options: Options;
  constructor(options: Options) {
    this.#options = options;
  }

  get parts(): Parts {
    return this.#options.parts;
  }

  /** Runs the script in a terminal of its own; the terminal of its previous, ended run is replaced. */
  async run(script: Script, args: readonly string[] = []): Promise<void> {
    if (!(await this.#mayStart(script))) return;
    const { editor, settings, parts, expected, storage, watch } = this.#options;
    const node = await this.chooseNode(script.uri);
    const device = settings.get("descent.run.device", "", script.uri);
    const launch = await writeLaunch(storage, {
      program: parts.cli,
      args: runArguments({ script: script.path, workspace: script.workspace, device, args }),
      cwd: script.cwd,
    });
    await watch(script.workspace);
    this.#disposeEnded(script);
    expected.expect(script.path);
    const terminal = editor.window.createTerminal({
      name: terminalName(script),
      iconPath: new editor.ThemeIcon("graph-line"),
      shellPath: node.path,
      shellArgs: [parts.terminal, launch],
      cwd: script.cwd,
    });
    terminal.show(true);
  }

  /** Starts the script under the debugger. */
  async debug(script: Script): Promise<void> {
    if (!(await this.#mayStart(script))) return;
    const { editor } = this.#options;
    await editor.debug.startDebugging(editor.workspace.getWorkspaceFolder(script.uri), {
      type: debugType,
      request: "launch",
      name: `Debug ${script.name}`,
      program: script.path,
      cwd: script.cwd,
    });
  }

  /** Starts the script of a run again, with the same arguments. */
  async again(run: Run): Promise<void> {
    const { editor } = this.#options;
    const uri = editor.Uri.file(run.record.script);
    const exists = await editor.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (!exists) throw new CannotRun(`The script '${run.record.script}' is not there any more.`);
    await editor.workspace.save(uri);
    const workspace = join(run.folder, "../../.."); // of <workspace>/.descent/runs/<id>
    await this.run({ ...scriptOf(editor, uri), cwd: run.record.cwd, workspace }, run.record.args);
  }

  /** The Node.js for a script; throws NodeNotFound. */
  chooseNode(resource: Uri | undefined): Promise<NodeChoice> {
    const { settings, surroundings } = this.#options;
    return chooseNode(settings.get("descent.nodePath", "", resource), surroundings);
  }

  /** The same for a debug session; `program` is null where only the editor knows it. */
  async chooseNodeToDebug(
    resource: Uri | undefined,
    program: string | null,
    cwd: string,
  ): Promise<NodeChoice> {
    const paths = program === null ? [cwd] : [program, cwd];
    return nodeToDebug(await this.chooseNode(resource), paths, this.#options.surroundings.own);
  }

  /** Tells the user why something did not start, in the one sentence the error carries. */
  report(error: unknown): void {
    const { editor } = this.#options;
    if (error instanceof NodeNotFound) {
      void editor.window.showErrorMessage(error.message, "Open Settings").then((choice) => {
        if (choice) void editor.commands.executeCommand("workbench.action.openSettings", "descent.nodePath");
      });
    } else if (error instanceof CannotRun) {
      void editor.window.showWarningMessage(error.message);
    } else {
      void editor.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
  }

  /** Asks before the same script trains twice at the same time. */
  async #mayStart(script: Script): Promise<boolean> {
    const { editor, runs } = this.#options;
    const live = runs
      .all()
      .find((run) => isLive(run.record.state) && samePath(run.record.script, script.path));
    if (!live) return true;
    const both = "Run Both";
    const replace = "Stop It and Run";
    const choice = await editor.window.showWarningMessage(
      `'${live.record.name}' is still training.`,
      replace,
      both,
    );
    if (choice === replace) await stopAndWait(runs, live);
    return choice !== undefined;
  }

  /** By name, because a terminal that was restored after a reload has nothing else to know it by. */
  #disposeEnded(script: Script): void {
    const { editor, runs } = this.#options;
    const isTraining = runs
      .all()
      .some(({ record }) => isLive(record.state) && basename(record.script) === script.name);
    if (isTraining) return;
    for (const terminal of editor.window.terminals) {
      if (terminal.name === terminalName(script)) terminal.dispose();
    }
  }
}

function terminalName(script: Script): string {
  return `Train ${script.name}`;
}

/** Asks a run to stop and resolves when it has; it ends by itself after its grace period at the latest. */
async function stopAndWait(runs: RunRegistry, run: Run): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    const listening = runs.onDidChange((change) => {
      if (change.run.folder !== run.folder || isLive(change.run.record.state)) return;
      listening.dispose();
      resolve();
    });
  });
  await runs.control(run, "stop");
  const current = runs.get(run.folder);
  if (current && isLive(current.record.state)) await ended;
}
