// How long a frame takes: 20 series of 2,000 buckets panned, and a live run. Figures are printed; limits are relative to a bare canvas.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, missing, openDashboard } from "./harness/browser.js";

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

void describe("speed", { skip: missing() ?? false }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  void test("panning 20 series of 2,000 buckets each", async (t) => {
    const dashboard = await openDashboard(browser, { run: { steps: 10 }, width: 1400, height: 800 });
    const { page } = dashboard;
    await page.evaluate(`(() => {
      const steps = Array.from({ length: 2000 }, (_, i) => i + 1);
      fake.run.series = Array.from({ length: 20 }, (_, k) => ({
        tag: "many/" + k, group: "user", label: "many/" + k, layer: null, unit: "",
        step: steps, wall: steps.map((s) => 1000 + s), value: steps.map((s) => k + Math.sin(s * (k + 3) * 0.7)),
      }));
      fake.run.view.step = 2000;
      fake.snapshot();
    })()`);
    await dashboard.settled();
    await page.click('[data-card="user/many"] [aria-label^="Full width"]');
    await dashboard.settled();
    const bare = await bareFrame(page);
    const times = await page.evaluate<number[]>(`new Promise((done) => {
      const plot = document.querySelector('[data-card="user/many"] .plot');
      const press = (key) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      press("+");
      press("+");
      ${frames(`plot.dispatchEvent(new WheelEvent("wheel", { deltaX: times.length % 60 < 30 ? 6 : -6, bubbles: true, cancelable: true }))`)}
    })`);
    const [median, worst] = [quantile(times, 0.5), quantile(times, 0.95)];
    t.diagnostic(`frames median ${median.toFixed(1)} ms, 95 % ${worst.toFixed(1)} ms`);
    assert.ok(median < 5 * Math.max(bare, await bareFrame(page)));
    await dashboard.close();
  });

  void test("a live run of 24 series, new points in every frame", async (t) => {
    const dashboard = await openDashboard(browser, { run: { steps: 3000 }, width: 1400, height: 1200 });
    const bare = await bareFrame(dashboard.page);
    const times = await dashboard.page.evaluate<number[]>(`new Promise((done) => {
      ${frames("fake.advance(5)")}
    })`);
    const [median, worst] = [quantile(times, 0.5), quantile(times, 0.95)];
    t.diagnostic(`frames median ${median.toFixed(1)} ms, 95 % ${worst.toFixed(1)} ms`);
    assert.ok(median < 12 * Math.max(bare, await bareFrame(dashboard.page)));
    assert.deepEqual(dashboard.problems, []);
    await dashboard.close();
  });
});

/** Milliseconds a frame takes here and now that only draws 20 lines of 1,000 points on a canvas: what to compare with. */
async function bareFrame(page: Page): Promise<number> {
  const times = await page.evaluate<number[]>(`new Promise((done) => {
    const canvas = document.createElement("canvas");
    canvas.width = 1300;
    canvas.height = 380;
    document.body.prepend(canvas);
    const c = canvas.getContext("2d");
    const draw = (shift) => {
      c.clearRect(0, 0, 1300, 380);
      for (let k = 0; k < 20; k++) {
        c.beginPath();
        for (let i = 0; i < 1000; i++) c.lineTo(i * 1.3 + shift, 190 + k + 100 * Math.sin(i * (k + 3) * 0.7));
        c.stroke();
      }
    };
    ${frames("draw(times.length)", 45, "canvas.remove();")}
  })`);
  return quantile(times, 0.5);
}

/** Script that does something in each of some frames, then hands the times between frames to `done`. */
function frames(each: string, count = 90, atEnd = ""): string {
  return `
    const times = [];
    let last = performance.now();
    const frame = () => {
      times.push(performance.now() - last);
      last = performance.now();
      if (times.length > ${count}) {
        ${atEnd}
        return done(times.slice(1));
      }
      ${each};
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);`;
}
