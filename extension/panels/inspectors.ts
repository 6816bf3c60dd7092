// The tensor inspector's panel: one a window, beside the code; it follows the frame that the user looks at, and is restored after a reload.

import type { ExtensionContext, WebviewPanel } from "vscode";
import type { FromInspector } from "../../webviews/protocol.js";
import type { Editor } from "../app.js";
import { stopOf } from "../debug/stops.js";
import type { Training, Trainings } from "../debug/trainings.js";
import { reveal } from "../editor/reveal.js";
import type { Disposable } from "../event.js";
import { inspectorViewType } from "../names.js";
import type { RunRegistry } from "../runs/registry.js";
import { readKept } from "./inspectorMessages.js";
import { InspectorModel, type KeptInspector, type Session } from "./inspectorModel.js";
import { showPage } from "./page.js";

interface Options {
  editor: Editor;
  context: ExtensionContext;
  runs: RunRegistry;
  trainings: Trainings;
  /** Folder of the bundled page. */
  pages: string;
  report: (error: unknown) => void;
}

const keptKey = "inspector.kept";
const openKey = "inspector.open";
const title = "Tensor Inspector";

export class Inspectors {
  readonly #options: Options;
  readonly #listening: Disposable[];
  #open: { panel: WebviewPanel; model: InspectorModel } | null = null;

  constructor(options: Options) {
    this.#options = options;
    const { editor, trainings } = options;
    this.#listening = [
      trainings.onDidChange((training) => {
        this.#trainingChanged(training);
      }),
      editor.window.registerWebviewPanelSerializer(inspectorViewType, {
        deserializeWebviewPanel: (panel) => {
          if (this.#open) panel.dispose();
          else this.#fill(panel, this.#kept());
          return Promise.resolve();
        },
      }),
    ];
  }

  /** Shows what `expression` stands for in the frame that the user looks at; the focus stays where it is. */
  async inspect(expression: string): Promise<void> {
    this.show();
    await this.#open!.model.inspect(expression);
  }

  /** Brings the panel to the front, or opens it with what was pinned when it was closed. */
  show(): void {
    if (this.#open) {
      this.#open.panel.reveal(undefined, true);
      return;
    }
    const { editor } = this.#options;
    const viewColumn = editor.window.activeTextEditor ? editor.ViewColumn.Beside : editor.ViewColumn.Active;
    const panel = editor.window.createWebviewPanel(
      inspectorViewType,
      title,
      { viewColumn, preserveFocus: true },
      {},
    );
    this.#fill(panel, this.#kept());
  }

  /**
   * Replaces a panel that is on screen and cut off, as its extension host died. Called once, when the editor has had time to
   * restore panels by itself.
   */
  async recover(): Promise<void> {
    const { editor, context } = this.#options;
    if (this.#open || context.workspaceState.get(openKey) !== true) return;
    const tab = editor.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .find(
        ({ input }) => input instanceof editor.TabInputWebview && input.viewType.endsWith(inspectorViewType),
      );
    if (!tab?.isActive) return; // restored when it is shown
    this.show();
    await editor.window.tabGroups.close(tab, true);
  }

  /** For `descent._state`. */
  describe(): unknown {
    return this.#open && { visible: this.#open.panel.visible, ...(this.#open.model.describe() as object) };
  }

  #fill(panel: WebviewPanel, kept: KeptInspector | null): void {
    const { editor, context, pages, report } = this.#options;
    const model = new InspectorModel(
      {
        post: (message) => {
          void panel.webview.postMessage(message);
        },
        keep: (latest) => {
          this.#keep(latest);
        },
        act: (message, files) => {
          this.#act(message, files).catch(report);
        },
      },
      kept,
    );
    this.#open = { panel, model };
    void context.workspaceState.update(openKey, true);
    panel.onDidDispose(() => {
      const { tensors, ...rest } = model.kept;
      model.dispose();
      if (this.#open?.panel !== panel) return;
      this.#open = null;
      this.#keep({ tensors: tensors.filter(({ pinned }) => pinned), ...rest });
      void context.workspaceState.update(openKey, undefined);
    });
    showPage(panel, model, { editor, context, pages, name: "inspector", title });
    this.#follow();
  }

  #trainingChanged({ session, state }: Training): void {
    if (!this.#open) return;
    if (state === "running") this.#open.model.wentOn(session.id);
    else if (state === "ended") this.#open.model.ended(session.id);
    this.#follow();
  }

  #follow(): void {
    const { trainings, runs, report } = this.#options;
    const chosen = trainings.chosen();
    const states = trainings.all().map(({ state }) => state);
    const session: Session =
      chosen || states.includes("stopped") ? "stopped" : states.length > 0 ? "running" : "none";
    this.#open?.model.follow(chosen && stopOf(chosen, runs), session).catch(report);
  }

  async #act(
    message: Extract<FromInspector, { type: "open" | "copy" | "save" }>,
    files: ReadonlySet<string>,
  ): Promise<void> {
    const { editor } = this.#options;
    switch (message.type) {
      case "open": {
        // A page may open the files that its tensors named, and those of the workspace, and no others.
        const { file } = message.place;
        const isOurs =
          files.has(file) || editor.workspace.getWorkspaceFolder(editor.Uri.file(file)) !== undefined;
        if (isOurs) await reveal(editor, message.place);
        return;
      }
      case "copy":
        await editor.env.clipboard.writeText(message.text);
        return;
      case "save": {
        const folder = editor.workspace.workspaceFolders?.[0]?.uri;
        const uri = await editor.window.showSaveDialog({
          ...(folder ? { defaultUri: editor.Uri.joinPath(folder, message.name) } : {}),
        });
        if (uri) await editor.workspace.fs.writeFile(uri, new Uint8Array(message.bytes));
        return;
      }
    }
  }

  #kept(): KeptInspector | null {
    return readKept(this.#options.context.workspaceState.get(keptKey));
  }

  #keep(kept: KeptInspector): void {
    void this.#options.context.workspaceState.update(keptKey, kept);
  }

  dispose(): void {
    for (const listening of this.#listening) listening.dispose();
    this.#open?.model.dispose();
    this.#open = null;
  }
}
