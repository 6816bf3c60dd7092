// What a user does to the charts, by mouse and by keys, in Chromium.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, missing, openDashboard, type DashboardPage, type PageOptions } from "./harness/browser.js";

void describe("interaction", { skip: missing() ?? false }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  async function open(options: Partial<PageOptions> = {}): Promise<DashboardPage> {
    return await openDashboard(browser, { run: { steps: 2000 }, ...options });
  }

  const plot = (id: string): string => `[data-card="${id}"] .plot`;

  async function windowText({ page }: DashboardPage): Promise<string> {
    return await page.innerText(".window-text");
  }

  /** The newest state that the page asked the extension to keep. */
  async function kept(dashboard: DashboardPage): Promise<Record<string, unknown>> {
    // Choices are gathered before they are sent; leaving the page sends them at once.
    await dashboard.page.evaluate('window.dispatchEvent(new Event("pagehide"))');
    return (await dashboard.sent("state")).at(-1)!["state"] as Record<string, unknown>;
  }

  async function drag(
    dashboard: DashboardPage,
    id: string,
    from: number,
    to: number,
    shift = false,
  ): Promise<void> {
    const { page } = dashboard;
    const box = (await page.locator(plot(id)).boundingBox())!;
    if (shift) await page.keyboard.down("Shift");
    await page.mouse.move(box.x + from, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + (from + to) / 2, box.y + 100);
    await page.mouse.move(box.x + to, box.y + 100);
    await page.mouse.up();
    if (shift) await page.keyboard.up("Shift");
    await dashboard.settled();
  }

  void test("the legend: a click toggles, a double-click and alt+click show one alone and all again", async () => {
    const dashboard = await open();
    const { page } = dashboard;
    const pressed = async (): Promise<(string | null)[]> =>
      await page.$$eval('[data-card="gradient"] .legend-item', (items) =>
        items.map((item) => item.getAttribute("aria-pressed")),
      );
    const item = page.locator('[data-card="gradient"] .legend-item').nth(2);
    await item.click();
    await dashboard.settled();
    assert.equal((await pressed()).filter((value) => value === "false").length, 1);
    assert.deepEqual((await kept(dashboard))["hidden"], ["layer of fc2"]);
    await item.click();
    await item.dblclick();
    await dashboard.settled();
    assert.deepEqual((await pressed()).filter((value) => value === "true").length, 1);
    await item.click({ modifiers: ["Alt"] });
    await dashboard.settled();
    assert.ok((await pressed()).every((value) => value === "true"));
    await item.focus();
    await page.keyboard.press("Space");
    await dashboard.settled();
    assert.equal((await pressed())[2], "false");
    await dashboard.close();
  });

  void test("hovering shows every value at the nearest step, and the cursor on every card", async () => {
    const dashboard = await open();
    const { page } = dashboard;
    await page.hover(plot("gradient"), { position: { x: 200, y: 80 } });
    await dashboard.settled();
    const readout = await page.innerText(".readout");
    assert.match(readout, /^step \d/);
    for (const label of ["total", "fc1", "fc8"]) assert.match(readout, new RegExp(`\\b${label}\\b`));
    const cursors = await page.locator(`line.cursor[visibility="visible"]`).count();
    assert.ok(cursors >= 6, `${cursors} cursors`);
    await page.mouse.move(5, 5);
    await dashboard.settled();
    assert.equal(await page.locator(".readout").isVisible(), false);
    assert.equal(await page.locator(`line.cursor[visibility="visible"]`).count(), 0);
    await dashboard.close();
  });

  void test("dragging zooms all charts, shift+drag moves, double-click shows the whole run", async () => {
    const dashboard = await open();
    const { page } = dashboard;
    await drag(dashboard, "loss", 150, 250);
    const first = await windowText(dashboard);
    assert.match(first, /^Steps [\d,]+ to [\d,]+$/);
    const view = (await dashboard.sent("view")).at(-1)!;
    assert.ok(typeof view["from"] === "number" && typeof view["to"] === "number");
    await drag(dashboard, "throughput", 200, 260, true);
    const second = await windowText(dashboard);
    assert.notEqual(second, first);
    await page.dblclick(plot("user/acc"), { position: { x: 150, y: 100 } });
    await dashboard.settled();
    assert.equal(await windowText(dashboard), "Whole run");
    await dashboard.close();
  });

  void test("the wheel zooms a clicked chart, or with Ctrl; otherwise the page scrolls and the chart says why", async () => {
    const dashboard = await open({ height: 500 });
    const { page } = dashboard;
    await page.hover(plot("loss"), { position: { x: 200, y: 80 } });
    await page.mouse.wheel(0, 100);
    await dashboard.until("document.scrollingElement.scrollTop > 0");
    assert.equal(await windowText(dashboard), "Whole run");
    assert.match(await page.innerText('[data-card="loss"] .plot-note'), /hold Ctrl/);
    await page.evaluate("document.scrollingElement.scrollTop = 0");
    await page.hover(plot("loss"), { position: { x: 200, y: 80 } });
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -200);
    await page.keyboard.up("Control");
    await dashboard.settled();
    assert.match(await windowText(dashboard), /^Steps/);
    await page.click(plot("loss"), { position: { x: 200, y: 80 } });
    const before = await windowText(dashboard);
    await page.mouse.wheel(0, -200);
    await dashboard.settled();
    assert.notEqual(await windowText(dashboard), before);
    await dashboard.close();
  });

  void test("keys: cursor, zoom, move, reset, log, table", async () => {
    const dashboard = await open();
    const { page } = dashboard;
    const status = async (): Promise<string> => {
      await dashboard.settled();
      return await page.innerText('[role="status"]');
    };
    await page.focus(plot("loss"));
    await page.keyboard.press("Home");
    assert.match(await status(), /^step [1-9]\b.*loss 2\./);
    await page.keyboard.press("ArrowRight");
    const moved = await status();
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await status(), moved);
    await page.keyboard.press("End");
    assert.match(await status(), /^step 2,000/);
    await page.keyboard.press("Home");
    await page.keyboard.press("+");
    await dashboard.settled();
    assert.match(await windowText(dashboard), /^Steps [1-9] to/);
    await page.keyboard.press("Shift+ArrowRight");
    await dashboard.settled();
    assert.match(await windowText(dashboard), /^Steps \d{3} to/);
    await page.keyboard.press("-");
    await page.keyboard.press("0");
    await dashboard.settled();
    assert.equal(await windowText(dashboard), "Whole run");
    await page.keyboard.press("l");
    assert.match(await status(), /logarithmic y axis/);
    assert.match(
      await page
        .locator(`${plot("loss")} text.label`)
        .first()
        .innerHTML(),
      /log/,
    );
    await page.keyboard.press("t");
    await dashboard.settled();
    assert.match(await page.innerText('[data-card="loss"] .table'), /loss\s+0\.\d+/);
    await dashboard.close();
  });

  void test("choices come back after the page was reloaded", async () => {
    const first = await open();
    await first.page.focus(plot("loss"));
    await first.page.keyboard.press("l");
    await drag(first, "loss", 150, 250);
    const stored = await kept(first);
    const text = await windowText(first);
    await first.close();
    const second = await open({ stored });
    assert.equal(await windowText(second), text);
    assert.equal(await second.page.getAttribute('[aria-label^="log y axis: Loss"]', "aria-pressed"), "true");
    await second.close();
  });

  void test("a live run: charts follow, a window stands still until told to follow, then keeps its width", async () => {
    const dashboard = await open();
    const { page } = dashboard;
    await dashboard.tell("advance", 300);
    assert.match(await page.innerText(".facts"), /2,300/);
    await drag(dashboard, "loss", 100, 150);
    const text = await windowText(dashboard);
    await dashboard.tell("advance", 300);
    assert.equal(await windowText(dashboard), text);
    await page.click(".view .tool:has-text('Follow')");
    await dashboard.settled();
    assert.match(await windowText(dashboard), /^Last \d+ steps$/);
    const requests = (await dashboard.sent("view")).length;
    for (let i = 0; i < 5; i++) await dashboard.tell("advance", 20);
    assert.equal((await dashboard.sent("view")).length, requests, "growth needs no new request");
    await page.focus(plot("loss"));
    await page.keyboard.press("End");
    await dashboard.settled();
    assert.match(await page.innerText('[role="status"]'), /^step 2,700/);
    await page.click(".view .tool:has-text('Show all')");
    await dashboard.settled();
    assert.equal(await windowText(dashboard), "Whole run");
    await dashboard.close();
  });

  void test("a run that has done nothing yet begins to draw with its first steps", async () => {
    const dashboard = await open({ run: { steps: 0, state: "starting" } });
    assert.match(await dashboard.page.innerText(".empty"), /starting/);
    await dashboard.tell("setState", "running");
    await dashboard.tell("advance", 1);
    await dashboard.until(`document.querySelector('[data-card="loss"] .plot')?.dataset.lastStep === "1"`);
    await dashboard.tell("advance", 49);
    await dashboard.until(`document.querySelector('[data-card="loss"] .plot').dataset.lastStep === "50"`);
    assert.equal(await dashboard.page.locator(".empty").isVisible(), false);
    assert.match(
      (await dashboard.page.getAttribute(plot("loss"), "aria-label")) ?? "",
      /^Loss over steps\. loss: last 2\./,
    );
    await dashboard.close();
  });

  void test("the x axis can be time, elapsed time and logarithmic; smoothing and the filter work", async () => {
    const dashboard = await open();
    const { page } = dashboard;
    const label = async (): Promise<string> =>
      await page
        .locator(`${plot("loss")} text.label`)
        .nth(1)
        .innerHTML();
    assert.equal(await label(), "step");
    await page.click("vscode-dropdown");
    await page.click("vscode-option:has-text('Elapsed time')");
    await dashboard.settled();
    assert.equal(await label(), "elapsed");
    await page.click("vscode-checkbox");
    await dashboard.settled();
    assert.equal(await label(), "elapsed (log)");
    await page.click("vscode-dropdown");
    await page.click("vscode-option:has-text('Time of day')");
    await dashboard.settled();
    assert.equal(await label(), "time");
    await page.focus("#smoothing");
    await page.keyboard.press("Home");
    await dashboard.settled();
    assert.equal(await page.innerText("output"), "off");
    assert.equal((await kept(dashboard))["smoothing"], 0);
    await page.fill("vscode-text-field input", "val/");
    await dashboard.settled();
    assert.deepEqual(await page.locator(".card:visible h2").allInnerTexts(), ["val"]);
    await dashboard.close();
  });

  void test("only what is on screen is asked for", async () => {
    const dashboard = await open({ height: 420 });
    const first = (await dashboard.sent("view")).at(-1)!["tags"] as string[];
    assert.ok(first.includes("loss") && !first.includes("memory/parameter"), first.join());
    await dashboard.page.locator('[data-card="memory"]').scrollIntoViewIfNeeded();
    await dashboard.settled();
    const second = (await dashboard.sent("view")).at(-1)!["tags"] as string[];
    assert.ok(second.includes("memory/parameter") && !second.includes("loss"), second.join());
    await dashboard.close();
  });

  void test("gradients: layers, or each parameter; a card over the whole width", async () => {
    const dashboard = await open();
    const { page } = dashboard;
    const items = page.locator('[data-card="gradient"] .legend-item .name');
    assert.deepEqual((await items.allInnerTexts()).slice(0, 2), ["total", "fc1"]);
    await page.click('[data-card="gradient"] .tool:has-text("params")');
    await dashboard.settled();
    assert.deepEqual((await items.allInnerTexts()).slice(0, 3), ["total", "fc1.weight", "fc1.bias"]);
    const before = (await page.locator('[data-card="gradient"]').boundingBox())!.width;
    await page.click('[data-card="gradient"] [aria-label^="Full width"]');
    await dashboard.settled();
    const after = (await page.locator('[data-card="gradient"]').boundingBox())!.width;
    assert.ok(after > 2 * before);
    assert.deepEqual((await kept(dashboard))["wide"], ["gradient"]);
    await dashboard.close();
  });
});
