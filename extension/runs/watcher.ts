// Tells the registry when run folders change: file events of the editor, and a poll for where those do not arrive.

import { dirname } from "node:path";
import type { Memento, Uri } from "vscode";
import { runsFolder } from "../../engine/protocol.js";
import type { Editor } from "../app.js";
import type { Disposable } from "../event.js";
import { contextKeys } from "../names.js";
import type { RunRegistry } from "./registry.js";

interface Options {
  editor: Editor;
  runs: RunRegistry;
  /** Remembers folders outside the workspace over a reload. */
  memory: Memento;
}

const memoryKey = "runs.folders";
const mostFolders = 20;
/** One directory listing a folder: cheap enough to be the answer wherever file events are missing. */
const pollMilliseconds = 1000;

export class RunWatcher {
  readonly #options: Options;
  readonly #listening: Disposable[] = [];
  readonly #watchers = new Map<string, Disposable>();
  readonly #keys = new Map<string, boolean>();
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: Options) {
    this.#options = options;
    const { editor, runs } = options;
    this.#listening.push(
      editor.workspace.onDidChangeWorkspaceFolders(() => void this.#applyRoots()),
      runs.onDidChange(() => {
        this.#setKeys();
      }),
    );
  }

  async start(): Promise<void> {
    this.#setKeys();
    await this.#applyRoots();
    this.#poll();
  }

  /** Looks below another folder too, from now on and after a reload. */
  async watch(folder: string): Promise<void> {
    if (this.#options.runs.roots.includes(folder)) return;
    const others = this.#extra().filter((other) => other !== folder);
    await this.#options.memory.update(memoryKey, [...others, folder].slice(-mostFolders));
    await this.#applyRoots();
  }

  #extra(): string[] {
    return this.#options.memory.get<string[]>(memoryKey) ?? [];
  }

  async #applyRoots(): Promise<void> {
    const { editor, runs } = this.#options;
    const open = (editor.workspace.workspaceFolders ?? [])
      .filter((folder) => folder.uri.scheme === "file")
      .map((folder) => folder.uri.fsPath);
    const roots = [...new Set([...open, ...this.#extra()])];
    for (const [root, watcher] of this.#watchers) {
      if (roots.includes(root)) continue;
      watcher.dispose();
      this.#watchers.delete(root);
    }
    for (const root of roots) if (!this.#watchers.has(root)) this.#watchers.set(root, this.#watchRoot(root));
    await runs.setRoots(roots);
  }

  #watchRoot(root: string): Disposable {
    const { editor, runs } = this.#options;
    const pattern = new editor.RelativePattern(editor.Uri.file(root), `${runsFolder}/*/run.json`);
    const watcher = editor.workspace.createFileSystemWatcher(pattern);
    const touch = (file: Uri): void => void runs.touch(dirname(file.fsPath));
    watcher.onDidCreate(touch);
    watcher.onDidChange(touch);
    watcher.onDidDelete(touch);
    return watcher;
  }

  #poll(): void {
    this.#timer = setTimeout(() => {
      void this.#options.runs.scan().finally(() => {
        if (!this.#disposed) this.#poll();
      });
    }, pollMilliseconds);
  }

  #setKeys(): void {
    const { editor, runs } = this.#options;
    const values: [string, boolean][] = [
      [contextKeys.hasRuns, runs.all().length > 0],
      [contextKeys.hasLiveRuns, runs.newestLive() !== undefined],
    ];
    for (const [key, value] of values) {
      if (this.#keys.get(key) === value) continue;
      this.#keys.set(key, value);
      void editor.commands.executeCommand("setContext", key, value);
    }
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    for (const listening of [...this.#listening, ...this.#watchers.values()]) listening.dispose();
  }
}
