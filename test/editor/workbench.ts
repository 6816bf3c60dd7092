// A real VS Code with Descent's package installed, driven through Chromium: what every scenario in this folder starts from.

import { execFile, spawn, type ChildProcess } from "node:child_process";
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
import type { Browser, Locator, Page } from "playwright-core";
import { startEditor } from "../../extension/start/editor.mjs";
import { root } from "../root.js";
import { lastStepDrawn } from "./dashboard.js";
import { commandLine, descendants, launchBrowser, until, type Present } from "./machine.js";

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
  /** The name of the folder; "project" when not given. */
  folderName?: string;
  /** Opened in the first page; relative to the folder. */
  openFile?: string;
}

/** Where pictures of failures and of what scenarios saw are left. */
const pictures = join(root, "dist/test-pictures");

export class Workbench {
  readonly folder: string;
  readonly page: Page;
  private readonly started: ChildProcess[] = [];
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
    const folder = join(home, options.folderName ?? "project");
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
    });
    const browser = await launchBrowser();
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const workbench = new Workbench(home, folder, editor, browser, page);
    await workbench.load(page);
    if (options.openFile) await workbench.openFile(options.openFile);
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
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: name }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator(`.tab.active[data-resource-name="${name.split("/").pop()!}"]`).waitFor();
  }

  /** Runs a command by its title, through the palette. */
  async command(title: string, page = this.page): Promise<void> {
    await page.keyboard.press("F1");
    const input = page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor();
    await input.fill(`>${title}`);
    await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: title }).waitFor();
    await page.keyboard.press("Enter");
  }

  /** A button of the editor's title bar. */
  titleButton(name: string, page = this.page): Locator {
    return page.locator(".editor-group-container.active .editor-actions").getByRole("button", { name });
  }

  async goToLine(line: number, column = 1, page = this.page): Promise<void> {
    await page.locator(".editor-group-container .monaco-editor .view-lines").first().click();
    await page.keyboard.press("Control+G");
    const input = page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor();
    await input.fill(`:${line}:${column}`);
    await page.keyboard.press("Enter");
    await page.locator(".statusbar-item", { hasText: `Ln ${line}, Col ${column}` }).waitFor();
  }

  /** Shows the Runs view. */
  async openRuns(page = this.page): Promise<void> {
    if (await runsPane(page).isVisible()) return;
    await page.locator(".activitybar").getByRole("tab", { name: "Descent" }).click();
    await runsPane(page).waitFor();
  }

  /** The row of a run in the Runs view. */
  runRow(name: string, page = this.page): Locator {
    return runsPane(page).locator(".monaco-list-row", { hasText: name });
  }

  /** An inline button of a run's row. */
  async runAction(name: string, action: string): Promise<void> {
    await this.openRuns();
    const row = this.runRow(name).first();
    await row.hover();
    await row.getByRole("button", { name: action, exact: true }).click();
  }

  /** An entry of a run's context menu. */
  async runMenu(name: string, entry: string): Promise<void> {
    await this.openRuns();
    await this.runRow(name).first().click({ button: "right" });
    const menu = this.page.locator(".monaco-menu");
    // A menu that has just opened takes no click, so that a slow right click chooses nothing by accident.
    let clicked = false;
    await this.until(`the menu takes '${entry}'`, async () => {
      if (!clicked || (await menu.count()) > 0) {
        await menu.getByRole("menuitem", { name: entry }).click({ timeout: 1000 });
        clicked = true;
      }
      return (await menu.count()) === 0;
    });
  }

  /** A button of the modal dialog on screen. */
  dialogButton(name: string): Locator {
    return this.page.locator(".monaco-dialog-box").getByRole("button", { name, exact: true });
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

  /** Starts `descent` in the folder, as somebody in a terminal of their own; ended with the workbench. */
  descentInBackground(...args: string[]): void {
    const cli = join(root, "dist/cli/descent.mjs");
    this.started.push(spawn(process.execPath, [cli, ...args], { cwd: this.folder, stdio: "ignore" }));
  }

  /** Waits until `look` gives something, and returns that; leaves a picture where it does not. */
  async until<T>(what: string, look: () => T | Promise<T>, limit?: number): Promise<Present<T>> {
    try {
      return await until(what, look, limit);
    } catch (error) {
      await this.picture(`timeout ${what.replace(/\W+/g, " ")}`).catch(() => undefined);
      throw error;
    }
  }

  /** The last step that the dashboard on screen has drawn; 0 while there is none. */
  lastStepDrawn(page = this.page): Promise<number> {
    return lastStepDrawn(page);
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
    for (const child of this.started) child.kill("SIGKILL");
    await this.browser.close();
    await this.editor.stop();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

function runsPane(page: Page): Locator {
  return page.locator(".pane", { has: page.locator('.pane-header[aria-label^="Runs"]') });
}

const stateKeys = "Control+Alt+Shift+F12";

/** The test command is in no menu, so a key is bound to it. */
function stateKey(home: string): unknown[] {
  return [{ key: "ctrl+alt+shift+f12", command: "descent._state", args: { file: join(home, "state.json") } }];
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
