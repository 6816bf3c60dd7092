// F5 with no launch.json stops at a breakpoint in the training script, with tensors described in Variables.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { backwardLine, slowTraining } from "./scripts.js";
import { Workbench } from "./workbench.js";

// Node.js 20 cannot in the second folder, so the editor's own Node.js is taken there.
for (const folderName of ["project", "Übung 1"]) {
  describe(`debugging a training script in a folder called '${folderName}'`, () => {
    debugIn(folderName);
  });
}

function debugIn(folderName: string): void {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({
      files: { "train.ts": slowTraining({ steps: 300 }) },
      openFile: "train.ts",
      folderName,
    });
  });
  after(async () => {
    await workbench.close();
  });

  test("F5 stops at a breakpoint set with F9, and Variables shows the loss", async () => {
    const { page } = workbench;
    await workbench.titleButton("Run Training").waitFor(); // the extension knows the script
    await workbench.goToLine(backwardLine);
    await page.keyboard.press("F9");
    await page.locator(".codicon-debug-breakpoint").first().waitFor();
    await page.keyboard.press("F5");
    await workbench.until(
      "it stops",
      () => page.locator(".codicon-debug-stackframe").first().isVisible(),
      60_000,
    );
    assert.ok(!existsSync(join(workbench.folder, ".vscode/launch.json")));
    const rows = page.locator(".debug-variables .monaco-list-row");
    await rows.first().waitFor();
    const folded = rows.filter({ hasText: "Block" }).first().locator(".monaco-tl-twistie.collapsed");
    if (await folded.isVisible()) await folded.click();
    const loss = rows.filter({ hasText: /^loss/ }).first();
    await workbench.until("Variables shows the loss", async () =>
      /loss.*float32/s.test(await loss.innerText()),
    );
    await workbench.picture("breakpoint");
  });

  test("the monitor answers while it is stopped, and the run ends as finished", async () => {
    const { page } = workbench;
    const [run] = await workbench.runs();
    assert.ok(["starting", "running"].includes(run!.state), run!.state);
    await workbench.goToLine(backwardLine);
    await page.keyboard.press("F9");
    await page.keyboard.press("F5");
    await workbench.until("it ends", async () => (await workbench.runs())[0]!.state === "finished", 60_000);
    assert.equal((await workbench.show(run!.id)).steps, 300);
  });
}
