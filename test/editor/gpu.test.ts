// A user trains on a GPU: the run says which, and the dashboard shows the device's memory, in a light and in a dark theme.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { webview } from "./dashboard.js";
import { slowTraining } from "./scripts.js";
import { Workbench } from "./workbench.js";

describe("training on a GPU", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({
      files: { "train.ts": slowTraining() },
      openFile: "train.ts",
      settings: { "descent.run.device": "gpu" },
    });
  });
  after(async () => {
    await workbench.close();
  });

  test("the run is made on the device that the setting names, and its memory is drawn", async (context) => {
    const devices = JSON.parse(await workbench.descent("devices", "--json")) as {
      name: string;
      kind: string;
      usable: boolean;
    }[];
    const gpu = devices.find(({ kind, usable }) => usable && kind !== "cpu")?.name;
    if (gpu === undefined) {
      context.skip("no GPU and no PoCL here");
      return;
    }
    await workbench.titleButton("Run Training").click();
    await workbench.until("the dashboard draws", async () => (await workbench.lastStepDrawn()) > 20, 120_000);
    const frame = webview(workbench.page);
    await frame.locator(`[data-card="memory/${gpu}"] canvas`).first().waitFor();
    await frame.locator(`[data-card="memoryTotal/${gpu}"] canvas`).first().waitFor();
    assert.match(await frame.locator("header.run-header").innerText(), new RegExp(`${gpu}, .{3,}`));
    const [run] = await workbench.runs();
    const shown = await workbench.show(run!.id);
    const bytes = (key: string): number =>
      Number(shown.series.find(({ tag }) => tag === `memory/${gpu}/${key}`)?.last);
    assert.ok(bytes("parameter") > 0 && bytes("reserved") >= bytes("allocated"));
    for (const theme of ["Light", "Dark"]) {
      setTheme(workbench.folder, `Default ${theme} Modern`);
      await frame.locator(`body.vscode-${theme.toLowerCase()}`).waitFor();
      await frame.locator(`[data-card="memory/${gpu}"]`).scrollIntoViewIfNeeded();
      await workbench.picture(`gpu-${theme.toLowerCase()}`);
    }
    await workbench.command("Descent: Stop");
    await workbench.until("the run is stopped", async () => (await workbench.runs())[0]!.state === "stopped");
  });
});

/** The editor sees the change by itself. */
function setTheme(folder: string, theme: string): void {
  mkdirSync(join(folder, ".vscode"), { recursive: true });
  writeFileSync(join(folder, ".vscode/settings.json"), JSON.stringify({ "workbench.colorTheme": theme }));
}
