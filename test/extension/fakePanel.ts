// A webview panel for tests: remembers what was posted to its page, and says what the test lets the page say.

import type { WebviewPanel } from "vscode";

export class Panel {
  readonly posted: { type: string }[] = [];
  title: string;
  visible = true;
  viewColumn = 2;
  revealed = 0;
  isDisposed = false;
  html = "";
  send: (message: unknown) => void = () => undefined;
  #disposed: () => void = () => undefined;

  constructor(title: string) {
    this.title = title;
  }
  get api(): WebviewPanel {
    const panel = {
      webview: {
        cspSource: "https://source",
        asWebviewUri: (uri: { path: string }) => ({ toString: () => `https://source${uri.path}` }),
        postMessage: (message: { type: string }) => {
          this.posted.push(message);
          return Promise.resolve(true);
        },
        onDidReceiveMessage: (listener: (message: unknown) => void) => {
          this.send = listener;
        },
      },
      reveal: () => this.revealed++,
      dispose: () => {
        this.isDisposed = true;
        this.#disposed();
      },
      onDidChangeViewState: () => undefined,
      onDidDispose: (listener: () => void) => {
        this.#disposed = listener;
      },
    };
    Object.defineProperty(panel.webview, "html", { set: (text: string) => (this.html = text) });
    return Object.defineProperties(panel, {
      title: { get: () => this.title, set: (title: string) => (this.title = title) },
      visible: { get: () => this.visible },
      viewColumn: { get: () => this.viewColumn },
    }) as unknown as WebviewPanel;
  }
}
