// `npm start`: from nothing to a page that shows the sample training, and no trace after Ctrl+C.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, describe, test } from "node:test";
import { findDesktop, openDesktop } from "../../extension/start/desktop.mjs";
import { root } from "../root.js";
import { lastStepDrawn } from "./dashboard.js";
import { launchBrowser, processesWith, until } from "./machine.js";

describe("npm start, in a browser", () => {
  test("shows the sample with its run live and the dashboard drawing, then the accuracy, and ends on Ctrl+C", async () => {
    const mark = `start-${process.pid}`;
    const child = spawn(process.execPath, ["extension/start/start.mjs", "--browser"], {
      cwd: root,
      env: { ...process.env, DESCENT_TEST_START: mark },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
    }
    const browser = await launchBrowser();
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    try {
      const url = await until(
        "an address is printed",
        () => /http:\/\/localhost:\S+/.exec(printed)?.[0],
        300_000,
      );
      const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
      await page.goto(url, { waitUntil: "domcontentloaded" });
      await page.locator('.tab[data-resource-name="train.ts"]').waitFor({ timeout: 60_000 });
      await until("the dashboard draws", () => lastStepDrawn(page), 60_000);
      assert.doesNotMatch(printed, /accuracy/, "the run is still live");
      await until("the accuracy is printed", () => /accuracy \d+/.test(printed), 300_000);
      const accuracy = Number(/accuracy (\d+(?:\.\d+)?) %/.exec(printed)![1]);
      assert.ok(accuracy >= 95, `accuracy ${accuracy} %`);
      await until("it says what to do next", () => printed.includes("Ctrl+C ends the editor"));
      assert.equal((await fetch(url)).status, 200);
    } finally {
      await browser.close();
      child.kill("SIGINT");
    }
    assert.equal(await ended, 0, printed);
    assert.deepEqual(processesWith(`DESCENT_TEST_START=${mark}`), []);
    const sample = /the sample lies in (\S+)\./.exec(printed)![1]!;
    assert.ok(existsSync(join(sample, ".descent/runs")));
    rmSync(join(sample, ".."), { recursive: true, force: true });
  });
});

describe("npm start, with desktop VS Code", () => {
  const home = mkdtempSync(join(tmpdir(), "descent-desktop-"));
  after(() => {
    rmSync(home, { recursive: true, force: true });
  });
  // Stands for VS Code's command: writes down what it was asked.
  const bin = join(home, "bin");
  const asked = join(home, "asked");
  mkdirSync(bin);
  writeFileSync(join(bin, "code"), `#!/bin/sh\necho "$@" >> "${asked}"\n`);
  chmodSync(join(bin, "code"), 0o755);
  const env = { PATH: [bin, process.env["PATH"]].join(delimiter), DISPLAY: ":0" };

  test("`code` is used where it can open a window, and only there", () => {
    const usual = { env, platform: "linux", uid: 1000 };
    assert.equal(findDesktop(usual), join(bin, "code"));
    assert.equal(findDesktop({ ...usual, env: { PATH: env.PATH } }), null, "no screen");
    assert.equal(findDesktop({ ...usual, uid: 0 }), null, "root");
    assert.equal(
      findDesktop({ ...usual, env: { ...env, VSCODE_IPC_HOOK_CLI: "x" } }),
      null,
      "a remote window's terminal",
    );
  });

  test("the extension goes into a profile of its own, then the sample opens", async () => {
    await openDesktop(join(bin, "code"), {
      home,
      folder: "/sample",
      file: "/sample/train.ts",
      vsix: "/d.vsix",
    });
    const profile = `--user-data-dir ${home}/data --extensions-dir ${home}/extensions`;
    assert.deepEqual(readFileSync(asked, "utf8").trim().split("\n"), [
      `${profile} --install-extension /d.vsix --force`,
      `${profile} --new-window /sample --goto /sample/train.ts`,
    ]);
    assert.ok(existsSync(join(home, "data/User/settings.json")));
  });
});
