// The page of a panel: a strict content security policy, the bundled script and style, and nothing else.

export interface Page {
  title: string;
  /** Webview addresses of the bundled files. */
  script: string;
  style: string;
  /** `webview.cspSource`. */
  source: string;
  /** Random, new for each page. */
  nonce: string;
  /** Of a dashboard: kept with the page's own state, so that the panel knows its run after the window was reloaded. */
  run?: string;
}

export function pageHtml({ title, script, style, source, nonce, run }: Page): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source} 'nonce-${nonce}'`,
    `font-src ${source}`,
    `img-src ${source} data: blob:`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta property="csp-nonce" content="${nonce}">
    <title>${escape(title)}</title>
    <link rel="stylesheet" href="${escape(style)}" nonce="${nonce}">
  </head>
  <body>
    <div id="root"></div>
    ${run === undefined ? "" : `<script nonce="${nonce}">${keepRun(run)}</script>`}
    <script nonce="${nonce}" src="${escape(script)}"></script>
  </body>
</html>`;
}

/** Puts the run beside whatever state the page itself keeps. */
function keepRun(run: string): string {
  const literal = JSON.stringify(run).replace(/</g, "\\u003c");
  return `{
  const run = ${literal};
  const api = acquireVsCodeApi();
  const page = () => api.getState()?.page;
  api.setState({ run, page: page() });
  globalThis.acquireVsCodeApi = () => ({
    postMessage: (message) => api.postMessage(message),
    getState: page,
    setState: (state) => (api.setState({ run, page: state }), state),
  });
}`;
}

/** The run that keepRun stored; null when the state is not ours. */
export function runOfState(state: unknown): string | null {
  if (typeof state !== "object" || state === null || !("run" in state)) return null;
  return typeof state.run === "string" ? state.run : null;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
