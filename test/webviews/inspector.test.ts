// The built inspector in Chromium, in each theme: the policy holds, no accessibility violation, nothing runs over; pictures for people.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import type { Place } from "../../engine/inspection.js";
import { violations } from "./harness/axe.js";
import { launch, missing, themeScript } from "./harness/browser.js";
import type { FakeTensor, InspectorHarnessOptions } from "./harness/inspector.js";
import { colourAt, idle, openInspector, view } from "./harness/inspectorPage.js";
import { themes, type ThemeName } from "./harness/themes.js";

const pictures = join(process.cwd(), "dist/pictures");
const place = (line: number): Place => ({ file: "/home/ada/digits/model.ts", line, column: 5 });
const graph: FakeTensor["graph"] = [
  { id: 1, name: "NllLossBackward0", shape: [], label: null, madeAt: place(40), next: [2] },
  { id: 2, name: "AddmmBackward0", shape: [64, 10], label: null, madeAt: place(22), next: [3, 4] },
  { id: 3, name: "AccumulateGrad", shape: [10, 128], label: "fc2.weight", madeAt: null, next: [] },
  { id: 4, name: "ReluBackward0", shape: [64, 128], label: null, madeAt: place(21), next: [] },
];
const tensors: FakeTensor[] = [
  {
    expression: "x",
    shape: [12, 10],
    values: "odd",
    grad: "noise",
    graph,
    earlier: [{ id: "x@3", label: "stop 3", values: "index" }],
  },
  {
    expression: "this.fc1.weight",
    shape: [128, 784],
    values: "weights",
    facts: { label: "fc1.weight", device: "cuda:0" },
  },
  { expression: "images", shape: [32, 28, 28], values: "blobs", pinned: false },
];

void describe("inspector", { skip: missing() ?? false }, () => {
  let browser: Browser;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  for (const theme of Object.keys(themes) as ThemeName[]) {
    void test(`${theme}: every view under a strict policy, without an accessibility violation`, async () => {
      const inspector = await openInspector(browser, { tensors }, { theme, width: 1200, height: 800 });
      const { page } = inspector;
      for (const name of ["heatmap", "table", "image", "line", "histogram", "channels"]) {
        await view(inspector, name);
        assert.deepEqual(await violations(page), [], name);
        await page.screenshot({ path: join(pictures, `inspector-${name}-${theme}.png`) });
      }
      await page.click('[data-tab="graph"]');
      await idle(inspector);
      assert.deepEqual(await violations(page), [], "graph");
      await page.screenshot({ path: join(pictures, `inspector-graph-${theme}.png`) });
      await page.click('[data-tab="value"]');
      await page.click(".export summary");
      assert.deepEqual(await violations(page), [], "menu");
      assert.deepEqual(inspector.problems, []);
      await inspector.close();
    });
  }

  const states: [string, InspectorHarnessOptions, RegExp][] = [
    ["no session", { tensors: [], session: "none" }, /No debug session.*F5/s],
    ["running", { tensors: [], session: "running" }, /The program runs.*when it stops/s],
    ["nothing inspected", { tensors: [] }, /Nothing is inspected yet.*Type an expression/s],
    [
      "never read",
      { tensors: [tensors[0]!], session: "running" },
      /The program runs\. The value is shown when it stops/,
    ],
    [
      "not in this frame",
      { tensors: [{ expression: "y", shape: [2], problem: "y is not defined in this frame." }] },
      /y is not defined in this frame/,
    ],
    ["zero size", { tensors: [{ expression: "e", shape: [0, 3] }] }, /No elements.*\[0, 3\]/s],
    ["0-d", { tensors: [{ expression: "loss", shape: [], values: "[0.5]" }] }, /0\.5/],
    [
      "disposed",
      { tensors: [{ ...tensors[0]!, problem: "It has been disposed.", facts: {} }] },
      /It has been disposed/,
    ],
  ];
  for (const [name, data, expected] of states) {
    void test(`${name}: says so, without an accessibility violation`, async () => {
      const inspector = await openInspector(browser, data);
      assert.match(await inspector.page.innerText("body"), expected);
      assert.deepEqual(await violations(inspector.page), []);
      assert.deepEqual(inspector.problems, []);
      await inspector.page.screenshot({ path: join(pictures, `inspector-${name.replace(/\W+/g, "-")}.png`) });
      await inspector.close();
    });
  }

  void test("300 and 2400 pixels wide: nothing is cut off", async () => {
    for (const width of [300, 2400]) {
      const inspector = await openInspector(browser, { tensors }, { width, height: 700 });
      const over = await inspector.page.evaluate<number>(
        "document.documentElement.scrollWidth - window.innerWidth",
      );
      assert.ok(over <= 0, `${width} pixels: ${over} too many`);
      assert.ok((await inspector.page.locator(".surface-area").boundingBox())!.height > 60);
      await inspector.page.screenshot({ path: join(pictures, `inspector-${width}px.png`) });
      await inspector.close();
    }
  });

  void test("a change of theme redraws what is on the canvas", async () => {
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [2, 2], values: "[-1, 1, 0, 0]" }],
    });
    const before = await colourAt(inspector, 10, 40);
    await inspector.page.evaluate(themeScript("light"));
    await idle(inspector);
    assert.notDeepEqual(await colourAt(inspector, 10, 40), before);
    await inspector.close();
  });

  void test("reduced motion: nothing is animated", async () => {
    const inspector = await openInspector(browser, { tensors }, { reducedMotion: true });
    assert.equal(await inspector.page.evaluate("document.getAnimations().length"), 0);
    await inspector.close();
  });
});
