// The Runs view: pause, resume, stop, delete; and a script that fails points at its line.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { slowTraining, throwing, throwingLine } from "./scripts.js";
import { Workbench } from "./workbench.js";

describe("the Runs view", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({
      files: { "train.ts": slowTraining({ steps: 100_000 }), "throws.ts": throwing },
      openFile: "train.ts",
    });
  });
  after(async () => {
    await workbench.close();
  });
  const state = async (): Promise<string> => (await workbench.runs())[0]!.state;

  test("a run started in a terminal appears", async () => {
    await workbench.openRuns();
    workbench.descentInBackground("run", "train.ts");
    await workbench.runRow("train.ts").waitFor({ timeout: 30_000 });
    await workbench.until("it runs", async () => (await state()) === "running");
  });

  test("pause holds it, resume lets it go on", async () => {
    await workbench.runAction("train.ts", "Pause");
    await workbench.until("it is paused", async () => (await state()) === "paused");
    const [run] = await workbench.runs();
    const { steps } = await workbench.show(run!.id);
    await workbench.runAction("train.ts", "Resume");
    await workbench.until("it goes on", async () => (await workbench.show(run!.id)).steps > steps + 5);
  });

  test("stop ends it", async () => {
    await workbench.runAction("train.ts", "Stop");
    await workbench.until("it is stopped", async () => (await state()) === "stopped");
  });

  test("delete asks first, then removes the folder", async () => {
    const [run] = await workbench.runs();
    const folder = join(workbench.folder, ".descent/runs", run!.id);
    await workbench.runMenu("train.ts", "Delete…");
    await workbench.dialogButton("Cancel").click();
    assert.ok(existsSync(folder));
    await workbench.runMenu("train.ts", "Delete…");
    await workbench.dialogButton("Delete").click();
    await workbench.until("the folder is gone", () => Promise.resolve(!existsSync(folder)));
    await workbench.until("the row is gone", async () => (await workbench.runRow("train.ts").count()) === 0);
  });

  test("a script that throws is failed, and its line is one click away", async () => {
    const { page } = workbench;
    await workbench.openFile("throws.ts");
    await workbench.titleButton("Run Training").click();
    await workbench.until("it failed", async () => (await state()) === "failed");
    const notice = page.locator(".notifications-toasts .notification-list-item", {
      hasText: `line ${throwingLine}`,
    });
    await notice.waitFor({ timeout: 15_000 });
    assert.match(await notice.innerText(), /linear/i);
    await workbench.openFile("train.ts");
    await notice.getByRole("button", { name: "Open" }).click();
    await workbench.until(
      "the line is shown",
      async () => (await page.locator(".statusbar-item", { hasText: `Ln ${throwingLine},` }).count()) > 0,
    );
    await workbench.picture("throwing");
  });
});
