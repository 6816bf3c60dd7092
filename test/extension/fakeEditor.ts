// A tiny editor for tests: remembers what it was asked to show and start, and answers questions as the test says.

import { isAbsolute, join, relative } from "node:path";
import type { TextDocument } from "vscode";
import type { Editor } from "../../extension/app.js";
import { Emitter } from "../../extension/event.js";

export interface Shown {
  level: "info" | "warning" | "error";
  text: string;
  actions: string[];
}

export interface FakeTerminal {
  name: string;
  shellPath: string;
  shellArgs: string[];
  cwd: string;
  isDisposed: boolean;
}

class Uri {
  readonly scheme: string;
  readonly path: string;
  private constructor(scheme: string, path: string) {
    this.scheme = scheme;
    this.path = path;
  }
  static file(path: string): Uri {
    return new Uri("file", path);
  }
  static untitled(name: string): Uri {
    return new Uri("untitled", name);
  }
  get fsPath(): string {
    return this.path;
  }
  toString(): string {
    return `${this.scheme}:${this.path}`;
  }
}

class Position {
  readonly line: number;
  readonly character: number;
  constructor(line: number, character: number) {
    this.line = line;
    this.character = character;
  }
}

class Range {
  readonly start: Position;
  readonly end: Position;
  constructor(start: Position | number, end: Position | number, endLine = 0, endCharacter = 0) {
    this.start = typeof start === "number" ? new Position(start, end as number) : start;
    this.end = typeof end === "number" ? new Position(endLine, endCharacter) : end;
  }
}

export class FakeEditor {
  readonly shown: Shown[] = [];
  readonly terminals: FakeTerminal[] = [];
  readonly debugged: Record<string, unknown>[] = [];
  readonly executed: unknown[][] = [];
  readonly opened: { file: string; line: number }[] = [];
  readonly problems = new Map<string, { message: string; line: number }[]>();
  readonly settings: Record<string, unknown> = {};
  readonly documents: TextDocument[] = [];
  /** The button that the next message is answered with. */
  answer: string | undefined;
  isTrusted = true;
  folder: string | null = "/project";
  active: TextDocument | undefined;
  /** Documents in editors on screen, of which none may be the active one. */
  visible: TextDocument[] = [];
  /** Where saving an untitled document puts it; null: the dialog is dismissed. */
  savesTo: string | null = null;
  readonly edits = new Emitter<{ document: TextDocument; contentChanges: unknown[] }>();

  /** Opens a document; `path` "untitled:x" for one without a file. */
  open(path: string, text: string, { isDirty = false, languageId = "typescript" } = {}): TextDocument {
    const isUntitled = path.startsWith("untitled:");
    const uri = isUntitled ? Uri.untitled(path.slice(9)) : Uri.file(path);
    const document = {
      ...{ uri, isDirty, isUntitled, languageId },
      getText: () => text,
      positionAt: (offset: number) => {
        const lines = text.slice(0, offset).split("\n");
        return new Position(lines.length - 1, lines.at(-1)!.length);
      },
    } as unknown as TextDocument;
    this.documents.push(document);
    this.active = document;
    return document;
  }

  #say(level: Shown["level"], text: string, rest: unknown[]): Promise<string | undefined> {
    this.shown.push({
      level,
      text,
      actions: rest.filter((item): item is string => typeof item === "string"),
    });
    return Promise.resolve(this.answer);
  }

  get api(): Editor {
    const nothing = { dispose: () => undefined };
    const listen = () => nothing;
    const editor = {
      ...{ Uri, Position, Range },
      TabInputText: class {
        readonly uri = null;
      },
      ThemeIcon: class {
        readonly isIcon = true;
      },
      CodeLens: class {
        readonly range: Range;
        readonly command: unknown;
        constructor(range: Range, command: unknown) {
          this.range = range;
          this.command = command;
        }
      },
      Diagnostic: class {
        readonly range: Range;
        readonly message: string;
        constructor(range: Range, message: string) {
          this.range = range;
          this.message = message;
        }
      },
      DiagnosticSeverity: { Error: 0 },
      ViewColumn: { One: 1, Beside: -2, Active: -1 },
      DebugConfigurationProviderTriggerKind: { Initial: 1, Dynamic: 2 },
      workspace: {
        isTrusted: this.isTrusted,
        textDocuments: this.documents,
        workspaceFolders: this.folder === null ? undefined : [{ uri: Uri.file(this.folder) }],
        getWorkspaceFolder: (uri: Uri) => {
          if (this.folder === null) return undefined;
          const path = relative(this.folder, uri.path);
          return path.startsWith("..") || isAbsolute(path) ? undefined : { uri: Uri.file(this.folder) };
        },
        save: (uri: Uri) => {
          if (uri.scheme === "file") return Promise.resolve(uri);
          return Promise.resolve(this.savesTo === null ? undefined : Uri.file(this.savesTo));
        },
        getConfiguration: () => ({ get: (key: string) => this.settings[key] }),
        fs: { stat: () => Promise.resolve({}) },
        onDidChangeConfiguration: listen,
        onDidChangeTextDocument: this.edits.on,
      },
      window: {
        activeTextEditor: this.active && { document: this.active },
        visibleTextEditors: this.visible.map((document) => ({ document })),
        tabGroups: { activeTabGroup: { activeTab: undefined } },
        terminals: this.terminals,
        createTerminal: (options: Omit<FakeTerminal, "isDisposed">) => {
          const terminal = { ...options, isDisposed: false };
          this.terminals.push(terminal);
          return Object.assign(terminal, {
            show: () => undefined,
            dispose: () => (terminal.isDisposed = true),
          });
        },
        showInformationMessage: (text: string, ...rest: unknown[]) => this.#say("info", text, rest),
        showWarningMessage: (text: string, ...rest: unknown[]) => this.#say("warning", text, rest),
        showErrorMessage: (text: string, ...rest: unknown[]) => this.#say("error", text, rest),
        showTextDocument: (uri: Uri, { selection }: { selection: Range }) => {
          this.opened.push({ file: uri.path, line: selection.start.line + 1 });
          return Promise.resolve();
        },
      },
      commands: {
        executeCommand: (...values: unknown[]) => {
          this.executed.push(values);
          return Promise.resolve();
        },
      },
      languages: {
        createDiagnosticCollection: () => ({
          set: (uri: Uri, list: { message: string; range: Range }[]) =>
            this.problems.set(
              uri.path,
              list.map(({ message, range }) => ({ message, line: range.start.line + 1 })),
            ),
          delete: (uri: Uri) => this.problems.delete(uri.path),
          dispose: () => undefined,
        }),
      },
      debug: {
        startDebugging: (_folder: unknown, config: Record<string, unknown>) => {
          this.debugged.push(config);
          return Promise.resolve(true);
        },
        registerDebugConfigurationProvider: listen,
        onDidStartDebugSession: listen,
      },
    };
    return editor as unknown as Editor;
  }
}

/** A path of the built extension, as the tests name it. */
export const parts = {
  dist: "/extension/dist",
  cli: join("/extension/dist", "cli/descent.mjs"),
  register: join("/extension/dist", "runtime/register.mjs"),
  terminal: join("/extension/dist", "extension/terminal.cjs"),
};
