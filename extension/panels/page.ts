// What every panel does: its icon, its page, messages to its model, and a rest for the model while it is hidden.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { ExtensionContext, WebviewPanel } from "vscode";
import type { Editor } from "../app.js";
import { pageHtml } from "./html.js";

export interface PageOptions {
  editor: Editor;
  context: ExtensionContext;
  /** Folder of the bundled pages. */
  pages: string;
  /** Of the page's files (NAME.js, NAME.css) and icons (NAME-light.svg, NAME-dark.svg). */
  name: string;
  title: string;
  /** Of a dashboard: its run's folder. */
  run?: string;
}

export interface PanelModel {
  receive(message: unknown): void;
  /** The page is hidden, and gone: it says `ready` when it is there again. */
  suspend(): void;
}

export function showPage(panel: WebviewPanel, model: PanelModel, options: PageOptions): void {
  const { editor, context, pages, name, title, run } = options;
  const icon = (theme: string) =>
    editor.Uri.joinPath(context.extensionUri, `extension/media/${name}-${theme}.svg`);
  panel.iconPath = { light: icon("light"), dark: icon("dark") };
  panel.webview.onDidReceiveMessage((message) => {
    model.receive(message);
  });
  let wasVisible = panel.visible;
  panel.onDidChangeViewState(() => {
    if (wasVisible && !panel.visible) model.suspend();
    wasVisible = panel.visible;
  });
  const address = (file: string): string =>
    panel.webview.asWebviewUri(editor.Uri.file(join(pages, file))).toString();
  panel.webview.options = { enableScripts: true, localResourceRoots: [editor.Uri.file(pages)] };
  panel.webview.html = pageHtml({
    title,
    script: address(`${name}.js`),
    style: address(`${name}.css`),
    source: panel.webview.cspSource,
    nonce: randomBytes(16).toString("base64url"),
    ...(run === undefined ? {} : { run }),
  });
}
