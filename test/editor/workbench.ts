// A real VS Code with Descent's package installed, driven through Chromium: what every scenario in this folder starts from.

import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { chromium, type Browser, type FrameLocator, type Page } from "playwright-core";
import { findBrowser } from "../../extension/start/browser.mjs";
import { startEditor } from "../../extension/start/editor.mjs";
import { root } from "../root.js";

const runFile = promisify(execFile);

/** A series as `descent show --json` has it. */
export interface ShownSeries {
  tag: string;
  count: number;
  last: number | string;
}

export interface ShownRun {
  id: string;
  state: string;
  exitCode: number | null;
  steps: number;
  series: ShownSeries[];
}

export interface WorkbenchOptions {
  /** Files of the folder that is opened, by path; a sample's on top of it. */
  files?: Record<string, string>;
  sample?: "digits" | "vanishing" | "imbalanced" | "mnist";
  settings?: Record<string, unknown>;
  /** Opened in the first page; relative to the folder. */
  openFile?: string;
}

/** Where pictures of failures and of what scenarios saw are left. */
const pictures = join(root, "dist/test-pictures");

export class Workbench {
  readonly folder: string;
  readonly page: Page;
  private readonly home: string;
  private readonly browser: Browser;
  private readonly editor: Awaited<ReturnType<typeof startEditor>>;

  private constructor(
    home: string,
    folder: string,
    editor: Awaited<ReturnType<typeof startEditor>>,
    browser: Browser,
    page: Page,
  ) {
    this.home = home;
    this.folder = folder;
    this.editor = editor;
    this.browser = browser;
    this.page = page;
  }

  static async open(options: WorkbenchOptions): Promise<Workbench> {
    const home = realpathSync(mkdtempSync(join(tmpdir(), "descent-editor-")));
    const folder = join(home, "project");
    mkdirSync(folder);
    if (options.sample) cpSync(join(root, "dist/samples", options.sample), folder, { recursive: true });
    for (const [path, text] of Object.entries(options.files ?? {})) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const editor = await startEditor({
      home: join(home, "editor"),
      folder,
      vsix: [packagedExtension()],
      keybindings: stateKey(home),
      settings: { "window.title": "Descent test", ...options.settings },
      ...(options.openFile ? { openFile: join(folder, options.openFile) } : {}),
    });
    const browser = await chromium.launch({ executablePath: browserPath(), args: browserOptions });
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const workbench = new Workbench(home, folder, editor, browser, page);
    await workbench.load(page);
    return workbench;
  }

  /** Opens the workbench in a page and waits until it can be used. */
  async load(page: Page): Promise<void> {
    await page.goto(this.editor.url, { waitUntil: "domcontentloaded" });
    await this.ready(page);
  }

  async reload(): Promise<void> {
    await this.page.reload({ waitUntil: "domcontentloaded" });
    await this.ready(this.page);
  }

  /** Another window on the same folder. */
  async secondWindow(): Promise<Page> {
    const page = await this.browser.newPage({ viewport: { width: 1400, height: 900 } });
    await this.load(page);
    return page;
  }

  private async ready(page: Page): Promise<void> {
    await page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: 60_000 });
    await page.locator(".explorer-folders-view .monaco-list-row").first().waitFor({ timeout: 60_000 });
  }

  /** Opens a file of the folder in an editor, as a user does. */
  async openFile(name: string, page = this.page): Promise<void> {
    await page.keyboard.press("Control+P");
    const input = page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor();
    await input.fill(name);
    await page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.locator(`.tab.active[data-resource-name="${name.split("/").pop()!}"]`).waitFor();
  }

  /** Runs a command by its title, through the palette. */
  async command(title: string, page = this.page): Promise<void> {
    await page.keyboard.press("F1");
    const input = page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor();
    await input.fill(`>${title}`);
    await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
    await page.keyboard.press("Enter");
  }

  /** What `descent._state` answers in a window. */
  async state(page = this.page): Promise<Record<string, unknown>> {
    const file = join(this.home, "state.json");
    rmSync(file, { force: true });
    await page.keyboard.press(stateKeys);
    return await this.until("descent._state answers", () =>
      Promise.resolve(
        existsSync(file) && readFileSync(file, "utf8") !== ""
          ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>)
          : null,
      ),
    );
  }

  /** The content of the webview on screen. */
  webview(page = this.page): FrameLocator {
    return page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
  }

  /** Runs in the workspace, newest first, as the store has them. */
  async runs(): Promise<{ id: string; state: string }[]> {
    return JSON.parse(await this.descent("runs", "--json")) as { id: string; state: string }[];
  }

  async show(id: string): Promise<ShownRun> {
    return JSON.parse(await this.descent("show", id, "--json")) as ShownRun;
  }

  /** Runs the command `descent` in the folder and returns what it prints. */
  async descent(...args: string[]): Promise<string> {
    const cli = join(root, "dist/cli/descent.mjs");
    return (await runFile(process.execPath, [cli, ...args], { cwd: this.folder, maxBuffer: 64 << 20 }))
      .stdout;
  }

  /** Waits until `look` gives something, and returns that. */
  async until<T>(
    what: string,
    look: () => Promise<T | null | undefined | false>,
    limit = 30_000,
  ): Promise<T> {
    let last: unknown = null;
    for (const deadline = Date.now() + limit; ;) {
      try {
        const found = await look();
        if (found !== null && found !== undefined && found !== false) return found;
      } catch (error) {
        last = error;
      }
      if (Date.now() > deadline) {
        await this.picture("timeout").catch(() => undefined);
        throw new Error(`not within ${limit / 1000} s: ${what}`, last === null ? {} : { cause: last });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async picture(name: string, page = this.page): Promise<string> {
    mkdirSync(pictures, { recursive: true });
    const path = join(pictures, `${name}.png`);
    await page.screenshot({ path });
    return path;
  }

  /** Ids of the processes below the editor's server whose command line matches. */
  processes(pattern: RegExp): number[] {
    return descendants(this.editor.process.pid!).filter((pid) => pattern.test(commandLine(pid)));
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.editor.stop();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

const stateKeys = "Control+Alt+Shift+F12";

/** The test command is in no menu, so a key is bound to it. */
function stateKey(home: string): unknown[] {
  return [{ key: "ctrl+alt+shift+f12", command: "descent._state", args: { file: join(home, "state.json") } }];
}

const browserOptions = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function browserPath(): string {
  const found = findBrowser();
  if (!found) throw new Error("no Chromium: run 'npm run setup -- --browser'");
  return found;
}

/** The package that `npm test` made before this; DESCENT_TEST_VSIX names another. */
function packagedExtension(): string {
  const named = process.env["DESCENT_TEST_VSIX"];
  if (named) return named;
  const folder = join(root, "dist/vsix");
  const file = existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith(".vsix")) : undefined;
  if (!file) throw new Error("no package in dist/vsix: run 'npm run package'");
  return join(folder, file);
}

function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // ended meanwhile
    }
  }
  const below = (id: number): number[] =>
    [...parents].filter(([, parent]) => parent === id).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
