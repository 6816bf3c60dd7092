// A user clicks Run: a terminal and a dashboard appear, the curve grows, and a reload of the window loses nothing.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { stepsDrawn } from "./dashboard.js";
import { slowTraining } from "./scripts.js";
import { Workbench } from "./workbench.js";

describe("running a training script", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({ files: { "train.ts": slowTraining() }, openFile: "train.ts" });
  });
  after(async () => {
    await workbench.close();
  });

  test("the button in the editor's title starts it, with a terminal and a dashboard", async () => {
    await workbench.titleButton("Run Training").click();
    await workbench.page.locator(".terminal-wrapper .xterm-screen").first().waitFor();
    await workbench.page.locator(".tab", { hasText: "train.ts" }).nth(1).waitFor({ timeout: 30_000 });
    const run = await workbench.until("the run is recorded", async () => (await workbench.runs())[0]);
    assert.equal(run.state === "starting" || run.state === "running", true, run.state);
  });

  test("the curve grows", async () => {
    const first = await workbench.until("the dashboard draws", () => workbench.lastStepDrawn());
    await workbench.until("the curve grows", async () => (await workbench.lastStepDrawn()) > first + 20);
  });

  test("after a reload of the window it goes on, and the dashboard has every step", async () => {
    const before = await workbench.lastStepDrawn();
    await workbench.reload();
    await workbench.until(
      "the dashboard is back and grows",
      async () => (await workbench.lastStepDrawn()) > before,
    );
    const [run] = await workbench.runs();
    assert.equal(run!.state, "running");
    await workbench.command("Descent: Stop");
    await workbench.until("the run is stopped", async () => (await workbench.runs())[0]!.state === "stopped");
    const shown = await workbench.show(run!.id);
    await workbench.until(
      "the dashboard shows every step",
      async () => (await workbench.lastStepDrawn()) === shown.steps,
    );
    assert.deepEqual(await stepsDrawn(workbench.page), { first: 1, last: shown.steps });
    await workbench.picture("after-reload");
    const loss = shown.series.find((series) => series.tag === "loss")!;
    assert.equal(loss.count, shown.steps);
  });
});
