// A user trains on a GPU: the Runs view says on which, and the dashboard draws the device's memory, in a light and in a dark theme.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { FrameLocator } from "playwright-core";
import { root } from "../root.js";
import { webview } from "./dashboard.js";
import { Workbench } from "./workbench.js";

/** A GPU, or PoCL, which `npm test` installs where it may. */
const gpu = (
  JSON.parse(
    execFileSync(process.execPath, [join(root, "dist/cli/descent.mjs"), "devices", "--json"], {
      encoding: "utf8",
    }),
  ) as { name: string; kind: string; usable: boolean }[]
).find(({ kind, usable }) => usable && kind !== "cpu")?.name;

describe(
  "training on a GPU",
  { skip: gpu === undefined && "PoCL is not installed, nor is a GPU here" },
  () => {
    let workbench: Workbench;
    let dashboard: FrameLocator;
    before(async () => {
      workbench = await Workbench.open({
        sample: "digits",
        openFile: "train.ts",
        settings: { "descent.run.device": "gpu" },
      });
      dashboard = webview(workbench.page);
    });
    after(async () => {
      await workbench.close();
    });
    const named = new RegExp(`${gpu}, .{3,}`);

    test("the run is made on the device that the setting names, and is shown with it", async () => {
      await workbench.titleButton("Run Training").click();
      await workbench.until(
        "the dashboard draws",
        async () => (await workbench.lastStepDrawn()) > 20,
        120_000,
      );
      assert.match(await dashboard.locator("header.run-header").innerText(), named);
      await workbench.openRuns();
      const row = workbench.runRow("train.ts");
      await workbench.until("the row names the device", async () =>
        (await row.innerText()).includes(` · ${gpu}`),
      );
      const listed = (await workbench.descent("runs")).split("\n");
      assert.match(listed[1]!, new RegExp(` ${gpu} `));
    });

    test("its memory is drawn: by category, and in use, at its peak, taken and to be had", async () => {
      const cards = {
        memory: ["parameter", "gradient", "optimizer state", "activation"],
        memoryTotal: ["in use by tensors", "peak in use", "taken from the device", "at most"],
      };
      for (const [name, labels] of Object.entries(cards)) {
        const card = dashboard.locator(`[data-card="${name}/${gpu}"]`);
        await card.scrollIntoViewIfNeeded();
        await card.locator("[data-last-step]").waitFor();
        const text = await card.innerText();
        for (const label of labels) assert.match(text, new RegExp(`${label}\\s+[1-9][\\d.]* [KMGT]iB`));
      }
      const { series } = await workbench.show((await workbench.runs())[0]!.id);
      const bytes = (key: string): number =>
        Number(series.find(({ tag }) => tag === `memory/${gpu}/${key}`)?.last);
      const [used, peak, taken, most] = ["allocated", "peak", "reserved", "limit"].map(bytes);
      assert.ok(
        bytes("parameter") > 0 && bytes("parameter") <= used!,
        "parameters are a part of what is used",
      );
      assert.ok(used! <= peak! && peak! <= taken! && taken! <= most!, `${used} ${peak} ${taken} ${most}`);
    });

    for (const theme of ["Light", "Dark"]) {
      test(`${theme.toLowerCase()}: pictures for people`, async () => {
        if (theme === "Light") await workbench.command("View: Hide Panel");
        setTheme(workbench.folder, `Default ${theme} Modern`);
        await dashboard.locator(`body.vscode-${theme.toLowerCase()}`).waitFor();
        for (const name of ["memory", "memoryTotal"]) {
          const card = dashboard.locator(`[data-card="${name}/${gpu}"]`);
          await card.scrollIntoViewIfNeeded();
          await card.locator("[data-last-step]").waitFor();
        }
        await workbench.picture(`gpu-${theme.toLowerCase()}`);
      });
    }

    test("it is stopped like any other, and its tooltip tells the device", async () => {
      await workbench.command("Descent: Stop");
      await workbench.until(
        "the run is stopped",
        async () => (await workbench.runs())[0]!.state === "stopped",
      );
      const row = workbench.runRow("train.ts");
      await workbench.until("the row has come to rest", async () =>
        (await row.innerText()).includes("stopped"),
      );
      const tooltip = workbench.page.locator(".workbench-hover", { hasText: "Device:" });
      await row.hover();
      await tooltip.waitFor();
      assert.match(await tooltip.innerText(), named);
      await workbench.picture("gpu-run");
    });
  },
);

/** The editor sees the change by itself. */
function setTheme(folder: string, theme: string): void {
  mkdirSync(join(folder, ".vscode"), { recursive: true });
  writeFileSync(join(folder, ".vscode/settings.json"), JSON.stringify({ "workbench.colorTheme": theme }));
}
