// A tensor of 10⁹ elements scrolls: only what is on screen is asked for. How long a frame of panning takes is printed.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, missing } from "./harness/browser.js";
import { idle, openInspector, view } from "./harness/inspectorPage.js";

const tensors = [{ expression: "x", shape: [1_000_000, 1000], values: "wave" }];

void describe("a tensor of 10⁹ elements", { skip: missing() ?? false }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  void test("the first picture costs less than 4 MB, a frame while panning less than the new cells and a tile's edge", async (t) => {
    const inspector = await openInspector(browser, { tensors }, { width: 1200, height: 800 });
    const { page } = inspector;
    const bytes = await page.evaluate<number>("fake.bytes");
    t.diagnostic(`first picture ${(bytes / 1e6).toFixed(2)} MB`);
    assert.ok(bytes < 4e6);
    await page.focus(".surface-area");
    for (let k = 0; k < 14; k++) await page.keyboard.press("+");
    await idle(inspector);
    const start = await page.evaluate<number>("fake.cells");
    const { width, height } = (await page.locator(".surface-area").boundingBox())!;
    const zoomed = await page.evaluate<{ width: number; height: number }>(
      `fake.sent.filter((m) => m.type === "state").at(-1)?.state.tensors.x.viewport ?? { width: 1, height: 1 }`,
    );
    await page.evaluate(`new Promise((done) => {
      const area = document.querySelector(".surface-area");
      let k = 0;
      const frame = () => {
        if (k++ === 60) return done();
        area.dispatchEvent(new WheelEvent("wheel", { deltaY: 20, altKey: true, bubbles: true, cancelable: true }));
        requestAnimationFrame(frame);
      };
      frame();
    })`);
    await idle(inspector);
    const asked = (await page.evaluate<number>("fake.cells")) - start;
    const across = Math.min(1000, width / Math.min(zoomed.width, width)) + 32;
    const most = across * ((60 * 20 + 32 * Math.max(1, zoomed.height)) / Math.max(1, zoomed.height) + 32);
    t.diagnostic(
      `60 wheel turns asked for ${asked} cells on ${Math.round(width)} x ${Math.round(height)} pixels`,
    );
    assert.ok(asked <= most, `${asked} cells, at most ${Math.round(most)}`);
    await inspector.close();
  });

  void test("the table's last row is a key away, and no more than a screenful is asked", async () => {
    const inspector = await openInspector(browser, { tensors }, { width: 1200, height: 800 });
    const { page } = inspector;
    await view(inspector, "table");
    const start = await page.evaluate<number>("fake.cells");
    await page.focus(".grid");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Control+End");
    await idle(inspector);
    assert.equal(await page.locator('[role="rowheader"]').last().innerText(), "999999");
    assert.equal(await page.locator(".grid-head .grid-cell").last().innerText(), "999");
    const asked = (await page.evaluate<number>("fake.cells")) - start;
    assert.ok(asked < 60 * 48, `${asked} cells`);
    await inspector.close();
  });

  void test("what is no longer on screen is not asked while answers are slow", async () => {
    const inspector = await openInspector(browser, { tensors }, { width: 1200, height: 800 });
    const { page } = inspector;
    await view(inspector, "table");
    await inspector.tell("hold");
    const asks = async (): Promise<number> => (await inspector.sent("ask")).length;
    const start = await asks();
    for (let k = 0; k < 40; k++) {
      await page.evaluate(
        `document.querySelector(".grid").dispatchEvent(new WheelEvent("wheel", { deltaY: 900, bubbles: true, cancelable: true }))`,
      );
      await inspector.settled();
    }
    assert.ok((await asks()) - start <= 6, `${(await asks()) - start} asks`);
    await inspector.tell("release");
    await idle(inspector);
    assert.equal(await page.locator('[role="gridcell"]:text-is("…")').count(), 0);
    await inspector.close();
  });

  void test("panning: how long a frame takes", async (t) => {
    const inspector = await openInspector(browser, { tensors }, { width: 1400, height: 900 });
    const { page } = inspector;
    await page.focus(".surface-area");
    for (let k = 0; k < 6; k++) await page.keyboard.press("+");
    await idle(inspector);
    const measure = async (): Promise<number[]> =>
      await page.evaluate<number[]>(`new Promise((done) => {
        const area = document.querySelector(".surface-area");
        const times = [];
        let last = performance.now();
        const frame = () => {
          times.push(performance.now() - last);
          last = performance.now();
          if (times.length > 60) return done(times.slice(1));
          area.dispatchEvent(new WheelEvent("wheel", { deltaX: times.length % 40 < 20 ? 8 : -8, bubbles: true, cancelable: true }));
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      })`);
    await measure(); // the cells come
    const times = (await measure()).toSorted((a, b) => a - b);
    const [median, worst] = [times[30]!, times[56]!];
    t.diagnostic(`frames median ${median.toFixed(1)} ms, 95 % ${worst.toFixed(1)} ms`);
    assert.ok(median < 100, `${median} ms`);
    await inspector.close();
  });
});
