// What goes on when something dies: a second window, the extension host killed, the engine killed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { slowTraining } from "./scripts.js";
import { Workbench } from "./workbench.js";

describe("a run outlives the editor around it", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({
      files: { "train.ts": slowTraining({ steps: 100_000 }) },
      openFile: "train.ts",
    });
    await workbench.titleButton("Run Training").click();
    await workbench.until("the dashboard draws", async () => (await workbench.lastStepDrawn()) > 5);
  });
  after(async () => {
    await workbench.close();
  });
  const record = (id: string) =>
    JSON.parse(readFileSync(join(workbench.folder, ".descent/runs", id, "run.json"), "utf8")) as {
      pid: number;
    };

  test("a second window shows the same run", async () => {
    const page = await workbench.secondWindow();
    await workbench.openRuns(page);
    await workbench.runRow("train.ts", page).click();
    const here = await workbench.lastStepDrawn();
    await workbench.until(
      "the second window draws it",
      async () => (await workbench.lastStepDrawn(page)) > here,
    );
    await page.close();
  });

  test("kill -9 of the extension host: training goes on, the dashboard comes back complete", async () => {
    const hosts = workbench.processes(/--type=extensionHost/);
    assert.ok(hosts.length > 0, "no extension host found");
    const before = await workbench.lastStepDrawn();
    for (const pid of hosts) process.kill(pid, "SIGKILL");
    const [run] = await workbench.runs();
    assert.equal(run!.state, "running");
    await workbench.until("steps go on", async () => (await workbench.show(run!.id)).steps > before + 20);
    await workbench.reload();
    await workbench.until(
      "the dashboard is back",
      async () => (await workbench.lastStepDrawn()) > before + 20,
    );
  });

  test("kill -9 of the engine: the run is lost with its last step, and what was flushed is shown", async () => {
    const [run] = await workbench.runs();
    process.kill(record(run!.id).pid, "SIGKILL");
    await workbench.until(
      "the run is marked lost",
      async () => (await workbench.runs())[0]!.state === "lost",
    );
    await workbench.openRuns();
    await workbench.until("the Runs view says so", async () =>
      (await workbench.runRow("train.ts").innerText()).includes("lost"),
    );
    const shown = await workbench.show(run!.id);
    assert.ok(shown.steps > 20);
    await workbench.until(
      "the dashboard shows them",
      async () => (await workbench.lastStepDrawn()) === shown.steps,
    );
  });
});
