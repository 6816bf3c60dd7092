// The built dashboard in Chromium, in each theme: the policy holds, nothing overlaps, no accessibility violation; pictures for people.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { violations } from "./harness/axe.js";
import { launch, missing, openDashboard, themeScript, type DashboardPage } from "./harness/browser.js";
import { themes, type ThemeName } from "./harness/themes.js";

const reason = missing();
const pictures = join(process.cwd(), "dist/pictures");
const odd = { 900: "NaN", 901: "NaN", 1500: "Infinity", 1800: "-Infinity" };

void describe("dashboard", { skip: reason ?? false }, () => {
  let browser: Browser;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  for (const theme of Object.keys(themes) as ThemeName[]) {
    void test(`${theme}: draws under a strict policy, without an accessibility violation`, async () => {
      const dashboard = await openDashboard(browser, { run: { steps: 2600, odd }, theme, height: 1150 });
      const { page, problems } = dashboard;
      assert.deepEqual(problems, []);
      await page.screenshot({ path: join(pictures, `dashboard-${theme}.png`) });
      assert.deepEqual(await overlaps(page), []);
      assert.deepEqual(await violations(page), []);
      for (const id of ["loss", "gradient", "memory", "throughput", "learningRate", "user/acc", "user/val"]) {
        assert.ok((await inked(page, id)) > 300, `${id} is drawn`);
      }
      await dashboard.close();
    });
  }

  for (const theme of ["light", "dark"] as const) {
    void test(`${theme}: a run on a GPU shows the device's memory and what its driver tells`, async () => {
      const run = { steps: 1200, gpu: "cuda:0" };
      const dashboard = await openDashboard(browser, { run, theme, height: 2300 });
      const { page, problems } = dashboard;
      assert.deepEqual(problems, []);
      await page.screenshot({ path: join(pictures, `dashboard-gpu-${theme}.png`) });
      assert.deepEqual(await overlaps(page), []);
      assert.deepEqual(await violations(page), []);
      for (const id of ["memory/cuda:0", "memoryTotal/cuda:0", "memory", "utilisation", "celsius", "watts"]) {
        assert.ok((await inked(page, id)) > 100, `${id} is drawn`);
      }
      assert.match(await page.locator(".run-header").innerText(), /cuda:0, NVIDIA H200/);
      await dashboard.close();
    });
  }

  void test("300 pixels wide and 2400 pixels wide: nothing overlaps, nothing is cut off", async () => {
    for (const width of [300, 2400]) {
      const dashboard = await openDashboard(browser, { run: { steps: 2600, odd }, width, height: 900 });
      await dashboard.page.screenshot({ path: join(pictures, `dashboard-${width}px.png`) });
      assert.deepEqual(await overlaps(dashboard.page), []);
      const scrolls = await dashboard.page.evaluate(
        "Math.max(0, document.documentElement.scrollWidth - window.innerWidth)",
      );
      assert.equal(scrolls, 0, `${width} pixels`);
      await dashboard.close();
    }
  });

  void test("a change of theme redraws what is on the canvas", async () => {
    const dashboard = await openDashboard(browser, { run: { steps: 600 }, theme: "dark" });
    const before = await colorOf(dashboard, "gradient");
    await dashboard.page.evaluate(themeScript("light"));
    await dashboard.settled();
    assert.notEqual(await colorOf(dashboard, "gradient"), before);
    await dashboard.close();
  });

  const states: [string, Parameters<typeof openDashboard>[1]["run"], RegExp][] = [
    ["no run", null, /No run yet.*Start Training/s],
    ["starting", { steps: 0, state: "starting" }, /The script is starting/],
    ["running, no step yet", { steps: 0 }, /Waiting for the first step/],
    [
      "never called backward",
      { steps: 0, state: "finished", message: "The script never called backward(): call it on the loss." },
      /^(?!.*never called backward.*never called backward).*never called backward.*recorded nothing/s, // once
    ],
    [
      "failed",
      { steps: 400, state: "failed", message: "matmul: inner sizes differ, [32, 784] x [128, 10]" },
      /train\.ts:42/,
    ],
  ];
  for (const [name, run, expected] of states) {
    void test(`${name}: says so, without an accessibility violation`, async () => {
      const dashboard = await openDashboard(browser, { run });
      const { page } = dashboard;
      assert.match(await page.innerText("body"), expected);
      assert.deepEqual(dashboard.problems, []);
      assert.deepEqual(await violations(page), []);
      await page.screenshot({ path: join(pictures, `state-${name.replace(/\W+/g, "-")}.png`) });
      await dashboard.close();
    });
  }

  void test("the buttons of each state, and what they send", async () => {
    const dashboard = await openDashboard(browser, { run: { steps: 200 } });
    const { page } = dashboard;
    const labels = async (): Promise<string[]> =>
      (await page.locator(".buttons vscode-button").allInnerTexts()).map((text) => text.trim());
    assert.deepEqual(await labels(), ["Pause", "Stop", "Kill"]);
    await page.click("vscode-button:has-text('Pause')");
    await dashboard.tell("setState", "paused");
    assert.deepEqual(await labels(), ["Resume", "Step", "Stop", "Kill"]);
    await page.click("vscode-button:has-text('Step')");
    await page.click("vscode-button:has-text('Kill')");
    assert.deepEqual(await labels(), ["Kill", "Keep running"]);
    assert.equal((await dashboard.sent("control")).length, 2);
    await page.click("vscode-button:has-text('Keep running')");
    assert.deepEqual(await labels(), ["Resume", "Step", "Stop", "Kill"]);
    await page.click("vscode-button:has-text('Kill')");
    await page.click("vscode-button:has-text('Kill')");
    await dashboard.tell("setState", "failed", "It was killed.");
    assert.deepEqual(await labels(), ["Run again"]);
    await page.click("vscode-button:has-text('Run again')");
    const actions = (await dashboard.sent("control")).map((message) => message["action"]);
    assert.deepEqual(actions, ["pause", "stepBatch", "kill", "rerun"]);
    assert.equal(await page.locator(".message .link").count(), 0); // a message without a place has no link
    await dashboard.close();
  });

  void test("the error's place and the script are opened by a click, training by its button", async () => {
    const dashboard = await openDashboard(browser, {
      run: { steps: 20, state: "failed", message: "It threw." },
    });
    await dashboard.page.click(".message .link");
    await dashboard.page.click(".script");
    assert.deepEqual(await dashboard.sent("open"), [
      { type: "open", file: "/home/ada/digits/train.ts", line: 42, column: 7 },
      { type: "open", file: "/home/ada/digits/train.ts", line: 1, column: 1 },
    ]);
    await dashboard.tell("show", null);
    await dashboard.page.click("vscode-button:has-text('Start Training')");
    assert.equal((await dashboard.sent("startTraining")).length, 1);
    await dashboard.close();
  });

  void test("reduced motion: nothing is animated", async () => {
    const dashboard = await openDashboard(browser, { run: { steps: 20 }, reducedMotion: true });
    const moving = await dashboard.page.evaluate("document.getAnimations().length");
    assert.equal(moving, 0);
    await dashboard.close();
  });
});

/** Pairs of text in a chart, or of controls, that lie on each other. */
async function overlaps(page: Page): Promise<string[]> {
  return await page.evaluate<string[]>(`(() => {
    const groups = [...document.querySelectorAll(".plot")].map((plot) => [...plot.querySelectorAll("text")]);
    groups.push([...document.querySelectorAll(".run-header h1, .state, .script, .buttons vscode-button, .facts > div")]);
    groups.push([...document.querySelectorAll(".toolbar vscode-dropdown, .toolbar vscode-checkbox, .toolbar input, .toolbar vscode-text-field, .toolbar output, .help summary")]);
    groups.push([...document.querySelectorAll(".card")]);
    const found = [];
    for (const group of groups) {
      const boxes = group.map((element) => [element, element.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
      for (const [i, [a, p]] of boxes.entries()) for (const [b, q] of boxes.slice(i + 1)) {
        const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (wide > 1 && high > 1) found.push((a.textContent || a.tagName) + " and " + (b.textContent || b.tagName));
      }
    }
    return found;
  })()`);
}

/** Pixels drawn on a card's canvas. */
async function inked(page: Page, id: string): Promise<number> {
  await page.locator(`[data-card="${id}"]`).scrollIntoViewIfNeeded();
  return await page.evaluate<number>(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
    const canvas = document.querySelector('[data-card="${id}"] canvas');
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) count++;
    done(count);
  })))`);
}

/** The most frequent opaque colour on a card's canvas. */
async function colorOf({ page }: DashboardPage, id: string): Promise<string> {
  return await page.evaluate<string>(`(() => {
    const canvas = document.querySelector('[data-card="${id}"] canvas');
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const counts = new Map();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 255) continue;
      const color = [data[i], data[i + 1], data[i + 2]].join();
      counts.set(color, (counts.get(color) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "nothing";
  })()`);
}
