// Data that is not as it should be, in Chromium: nothing breaks, and the chart says what it cannot show.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, missing, openDashboard, type DashboardPage } from "./harness/browser.js";

void describe("edges", { skip: missing() ?? false }, () => {
  let browser: Browser;
  let dashboard: DashboardPage;
  before(async () => {
    browser = await launch();
    dashboard = await openDashboard(browser, { run: { steps: 300 }, height: 1600 });
  });
  after(async () => {
    await browser.close();
  });

  async function note(tag: string): Promise<string> {
    const element = dashboard.page.locator(`[data-card="user/${tag}"] .plot-note`);
    return (await element.isVisible()) ? await element.innerText() : "";
  }

  async function add(tag: string, values: (number | string)[]): Promise<void> {
    await dashboard.tell("addSeries", { tag }, values as number[]);
    await dashboard.page.locator(`[data-card="user/${tag}"]`).scrollIntoViewIfNeeded();
    await dashboard.settled();
  }

  async function toggleLog(tag: string): Promise<void> {
    await dashboard.page.focus(`[data-card="user/${tag}"] .plot`);
    await dashboard.page.keyboard.press("l");
    await dashboard.settled();
  }

  /** Opaque pixels in a part of a card's canvas. */
  async function inked(
    tag: string,
    {
      top = 0,
      bottom = 240,
      left = 0,
      right = 10_000,
    }: Partial<Record<"top" | "bottom" | "left" | "right", number>> = {},
  ): Promise<number> {
    return await dashboard.page.evaluate<number>(`(() => {
      const canvas = document.querySelector('[data-card="user/${tag}"] canvas');
      const width = Math.min(${right}, canvas.width) - ${left};
      const { data } = canvas.getContext("2d").getImageData(${left}, ${top}, width, ${bottom - top});
      let count = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i] > 100) count++;
      return count;
    })()`);
  }

  void test("a series that appears later gets its own card", async () => {
    await add("late", [1, 2, 3]);
    assert.ok((await inked("late")) > 5);
    assert.equal(await note("late"), "");
  });

  void test("a single point is a dot", async () => {
    await add("single", [5]);
    assert.ok((await inked("single")) > 3);
  });

  void test("a constant series is a line in the middle, on both scales", async () => {
    await add(
      "constant",
      Array.from({ length: 300 }, () => 7),
    );
    assert.ok((await inked("constant")) > 100);
    await toggleLog("constant");
    assert.ok((await inked("constant")) > 100);
  });

  void test("all NaN: marks along the upper edge, a count in the legend, a sentence", async () => {
    await add(
      "nan",
      Array.from({ length: 300 }, () => "NaN"),
    );
    assert.equal(await note("nan"), "Every value here is NaN or infinite.");
    assert.ok((await inked("nan", { top: 20, bottom: 40 })) > 100, "marks");
    assert.equal(await inked("nan", { top: 45 }), 0);
    assert.match(await dashboard.page.innerText('[data-card="user/nan"] .legend'), /300 not finite/);
  });

  void test("infinities are marked at their edge and do not stretch the axis", async () => {
    const values = Array.from({ length: 300 }, (_, i) =>
      i === 30 ? "Infinity" : i === 270 ? "-Infinity" : i / 300,
    );
    await add("infinite", values); // a rising line: the upper left and the lower right are empty but for the marks
    const ticks = await dashboard.page.locator('[data-card="user/infinite"] text.y').allTextContents();
    assert.ok(
      ticks.every((text) => Number(text) <= 1),
      ticks.join(),
    );
    assert.ok((await inked("infinite", { top: 20, bottom: 40, right: 200 })) > 5, "upper edge");
    assert.ok((await inked("infinite", { top: 196, bottom: 216, left: 250 })) > 5, "lower edge");
  });

  void test("negative values under a log scale are named, and no value above zero is said", async () => {
    await add(
      "mixed",
      Array.from({ length: 300 }, (_, i) => Math.sin(i / 20)),
    );
    await toggleLog("mixed");
    assert.equal(await note("mixed"), "Values at or below zero are not shown on a log scale.");
    await add(
      "negative",
      Array.from({ length: 300 }, (_, i) => -1 - i),
    );
    await toggleLog("negative");
    assert.equal(await note("negative"), "No value is above zero: a log scale has nothing to show.");
  });

  void test("values at the ends of what a float holds", async () => {
    await add("huge", [1e-38, 1e38, 3e38, 1e-38]);
    await toggleLog("huge");
    assert.ok((await inked("huge")) > 20);
  });

  void test("every series switched off is said", async () => {
    await dashboard.page.click('[data-card="user/late"] .legend-item');
    await dashboard.settled();
    assert.equal(await note("late"), "Every series is switched off in the legend.");
  });

  void test("a second snapshot and a page that was hidden draw the same again", async () => {
    const before = await inked("constant");
    await dashboard.tell("snapshot");
    assert.equal(await inked("constant"), before);
  });

  void test("deltas of no series, of an unknown view, and with broken buffers are survived", async () => {
    await dashboard.page.evaluate(`(() => {
      const empty = new ArrayBuffer(0);
      const chunk = { tag: "ghost", level: 0, start: 5, step: empty, wall: empty, min: empty, max: empty, last: empty, mean: empty, flags: empty };
      const view = fake.sent.filter((m) => m.type === "view").at(-1).view;
      fake.send({ type: "data", view, chunks: [chunk, { ...chunk, tag: "loss", step: new ArrayBuffer(8) }] });
      fake.send({ type: "data", view: 999, chunks: [chunk] });
      fake.send({ type: "something new" });
      globalThis.dispatchEvent(new MessageEvent("message", { data: null }));
      globalThis.dispatchEvent(new MessageEvent("message", { data: "text" }));
    })()`);
    await dashboard.settled();
    assert.ok((await inked("constant")) > 100);
  });

  void test("a chart with a hundred series shows the first forty and can show the others", async () => {
    await dashboard.page.evaluate(`(() => {
      for (let i = 0; i < 100; i++) fake.run.series.push({ tag: "many/" + i, group: "user", label: "many/" + i, layer: null, unit: "", step: [1, 2], wall: [1, 2], value: [i, i + 1] });
    })()`);
    await dashboard.tell("snapshot");
    const items = dashboard.page.locator('[data-card="user/many"] .legend-item');
    assert.equal(await items.count(), 100);
    assert.equal(await items.and(dashboard.page.locator('[aria-pressed="true"]')).count(), 40);
  });

  void test("another run in the same page starts afresh", async () => {
    await dashboard.page.evaluate(`fake.show({ steps: 50 })`);
    await dashboard.page.evaluate(`fake.run.view.id = "run-2"; fake.snapshot()`);
    await dashboard.settled();
    assert.equal(await dashboard.page.locator('[data-card="user/nan"]').count(), 0);
    assert.match(await dashboard.page.innerText(".facts"), /Step\s+50/);
  });

  void test("nothing of this was an error on the page", () => {
    assert.deepEqual(dashboard.problems, []);
  });
});
