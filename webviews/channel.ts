// The webview's end of the channel to the extension: typed messages both ways, and the state that survives a reload.

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export interface Channel<To extends { type: string }, From extends { type: string }> {
  send(message: From): void;
  /** Messages arrive in order, one call each; anything that is not an object with a known-looking type is dropped. */
  listen(handler: (message: To) => void): void;
  /** What `save` last stored, also after the window was reloaded; null where nothing was. */
  load(): unknown;
  save(state: unknown): void;
}

/** May be called once per page, as VS Code demands of `acquireVsCodeApi`. */
export function openChannel<To extends { type: string }, From extends { type: string }>(): Channel<To, From> {
  const api = acquireVsCodeApi();
  return {
    send: (message) => {
      api.postMessage(message);
    },
    listen: (handler) => {
      window.addEventListener("message", (event: MessageEvent<unknown>) => {
        const data = event.data;
        if (typeof data === "object" && data !== null && "type" in data && typeof data.type === "string") {
          handler(data as To);
        }
      });
    },
    load: () => api.getState() ?? null,
    save: (state) => {
      api.setState(state);
    },
  };
}
