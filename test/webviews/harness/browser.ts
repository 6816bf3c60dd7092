// Opens a built webview in a plain Chromium, in a page like the one the extension makes: same policy, same variables.

import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { chromium, type Browser, type Page } from "playwright-core";
import type { FakeExtension, HarnessOptions } from "./extension.js";
import { themes, type ThemeName } from "./themes.js";

const root = process.cwd();
const origin = "http://descent.test";
const nonce = "bm9uY2U";

/** The policy the extension sets: own style sheet, own script by nonce, nothing else. */
export const policy = `default-src 'none'; style-src ${origin} 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;

/** Why these tests cannot run here; null when they can. */
export function missing(): string | null {
  return chromiumPath() === null ? "no Chromium on the PATH, and none named in DESCENT_CHROMIUM" : null;
}

function chromiumPath(): string | null {
  const named = process.env["DESCENT_CHROMIUM"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...(named === undefined ? [] : [named]), ...found].find((path) => existsSync(path)) ?? null;
}

export async function launch(): Promise<Browser> {
  return await chromium.launch({
    executablePath: chromiumPath()!,
    args: [
      ...[
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
      ],
      ...["--disable-component-update", "--disable-sync"],
    ],
  });
}

export interface WindowOptions {
  theme?: ThemeName;
  width?: number;
  height?: number;
  reducedMotion?: boolean;
  deviceScaleFactor?: number;
}

export interface PageOptions extends HarnessOptions, WindowOptions {}

/** A page whose fake extension, in harness/, is a `Fake`. */
export interface WebviewPage<Fake> {
  page: Page;
  /** Violations of the policy and errors of the page, as they came. */
  problems: string[];
  /** Calls a method of the fake extension. */
  tell<Name extends Methods<Fake>>(name: Name, ...args: ParametersOf<Fake[Name]>): Promise<void>;
  /** The messages of one type that the page has sent. */
  sent(type: string): Promise<Record<string, unknown>[]>;
  /** Waits until the page has drawn what it knows. */
  settled(): Promise<void>;
  /** Waits until an expression holds in the page. */
  until(expression: string): Promise<void>;
  close(): Promise<void>;
}

type Methods<Fake> = {
  [K in keyof Fake]: Fake[K] extends (...args: never[]) => void ? K : never;
}[keyof Fake] &
  string;
type ParametersOf<Method> = Method extends (...args: infer Args) => unknown ? Args : never;

export type DashboardPage = WebviewPage<FakeExtension>;

export async function openDashboard(browser: Browser, options: PageOptions): Promise<DashboardPage> {
  const { run, stored, smoothing } = options;
  return await openWebview<FakeExtension>(browser, "dashboard", "extension", options, {
    run,
    stored,
    smoothing,
  });
}

/** Opens a page of dist/webviews with harness/NAME.ts as its extension, to which `data` is given. */
export async function openWebview<Fake>(
  browser: Browser,
  name: "dashboard" | "inspector",
  extension: string,
  options: WindowOptions,
  data: unknown,
): Promise<WebviewPage<Fake>> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1320, height: options.height ?? 900 },
    reducedMotion: options.reducedMotion === true ? "reduce" : "no-preference",
    deviceScaleFactor: options.deviceScaleFactor ?? 1,
    timezoneId: "UTC",
    locale: "en-GB",
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    // The tests read pixels back, which Chromium remarks on; the pages do not.
    const isOurs = message.text().includes("willReadFrequently");
    if (!isOurs && ["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  const harness = await harnessScript(extension);
  await page.route("**/*", async (route) => {
    const path = new URL(route.request().url()).pathname;
    const file = join(root, "dist/webviews", path);
    if (path === "/") {
      await route.fulfill({
        contentType: "text/html",
        body: html(name, options.theme ?? "dark", data, harness),
      });
    } else if (existsSync(file)) {
      const contentType = path.endsWith(".css") ? "text/css" : "text/javascript";
      await route.fulfill({ contentType, body: readFileSync(file) });
    } else {
      await route.fulfill({ status: 404 });
    }
  });
  await page.goto(`${origin}/`);
  await page.evaluate(themeScript(options.theme ?? "dark"));
  const opened: WebviewPage<Fake> = {
    page,
    problems,
    tell: async (name, ...args) => {
      await page.evaluate(`fake[${JSON.stringify(name)}](...${toJson(args)})`);
      await opened.settled();
    },
    sent: async (type) => await page.evaluate(`fake.sent.filter((m) => m.type === ${JSON.stringify(type)})`),
    // Two frames: one draws what is known, the next is after it. The pause between requests for data is 60 ms.
    settled: async () => {
      await page.evaluate(
        `new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done())), 70))`,
      );
    },
    until: async (expression) => {
      const end = Date.now() + 10_000;
      while (!(await page.evaluate<boolean>(expression))) {
        if (Date.now() > end) throw new Error(`still not so after 10 s: ${expression}`);
        await opened.settled();
      }
    },
    close: async () => {
      await context.close();
    },
  };
  await opened.settled();
  return opened;
}

/** The page as the extension writes it. */
function html(name: string, theme: ThemeName, data: unknown, harness: string): string {
  const json = toJson(data).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta property="csp-nonce" content="${nonce}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${name}</title>
    <link rel="stylesheet" href="/${name}.css" />
  </head>
  <body class="${themes[theme].kind}">
    <script nonce="${nonce}">globalThis.harnessOptions = ${json}; ${harness}</script>
    <script nonce="${nonce}" src="/${name}.js"></script>
  </body>
</html>`;
}

/** VS Code sets its variables on the root element and its class on the body, and changes them when the theme changes. */
export function themeScript(name: ThemeName): string {
  const { kind, variables } = themes[name];
  return `(() => {
    const root = document.documentElement;
    for (const name of [...root.style]) root.style.removeProperty(name);
    for (const [name, value] of Object.entries(${JSON.stringify(variables)})) root.style.setProperty("--vscode-" + name, value);
    document.body.className = ${JSON.stringify(kind)};
    document.body.dataset.vscodeThemeKind = ${JSON.stringify(kind)};
  })()`;
}

/** As JSON, but values that JSON has not stand as strings, which `Number` reads. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "number" && !Number.isFinite(item) ? item.toString() : item,
  );
}

const built = new Map<string, Promise<string>>();

/** A file of harness/ as a script for the page. */
function harnessScript(name: string): Promise<string> {
  const known = built.get(name);
  if (known !== undefined) return known;
  const script = build({
    entryPoints: [join(root, `test/webviews/harness/${name}.ts`)],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
  }).then((result) => result.outputFiles[0]!.text);
  built.set(name, script);
  return script;
}
