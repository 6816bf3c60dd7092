// The inspector over time: new stops, problems, reloads, linked tensors, and what it sends to the extension.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, missing } from "./harness/browser.js";
import { hover, idle, openInspector, tableValues, view } from "./harness/inspectorPage.js";

void describe("inspector over time", { skip: missing() ?? false }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  void test("a new stop shows new values; while it runs the old ones stay, marked", async () => {
    const tensor = { expression: "x", shape: [1, 2], values: "[1, 2]" };
    const inspector = await openInspector(browser, { tensors: [tensor] });
    await view(inspector, "table");
    await inspector.tell("setSession", "running");
    await inspector.until(`document.querySelector(".is-old") !== null`);
    assert.match(await inspector.page.innerText(".stale"), /The program runs/);
    assert.deepEqual(await tableValues(inspector), [["1", "2"]]);
    assert.equal(await inspector.page.locator(".is-old").count(), 1);
    await inspector.tell("setSession", "stopped");
    await inspector.tell("setTensor", { ...tensor, values: "[3, 4]" }, { stop: 2 });
    await idle(inspector);
    assert.deepEqual(await tableValues(inspector), [["3", "4"]]);
    assert.equal(await inspector.page.locator(".is-old").count(), 0);
    await inspector.tell(
      "setTensor",
      { ...tensor, values: "[3, 4]", facts: {}, problem: "There is no x in this frame." },
      { stop: 3, freshness: "old" },
    );
    assert.match(await inspector.page.innerText(".stale"), /no x in this frame/);
    await inspector.close();
  });

  void test("a problem is a sentence in place of the values, gone at the next stop", async () => {
    const tensor = { expression: "x", shape: [4, 4] };
    const inspector = await openInspector(browser, { tensors: [tensor] });
    await inspector.tell("fail", "The device is lost: restart the program.");
    await inspector.tell("setTensor", tensor, { stop: 2 });
    await idle(inspector);
    assert.match(await inspector.page.innerText(".empty"), /The device is lost/);
    await inspector.tell("fail", null);
    await inspector.tell("setTensor", tensor, { stop: 3 });
    await idle(inspector);
    assert.ok(await inspector.page.locator(".surface-area").isVisible());
    await inspector.close();
  });

  void test("a reload keeps slice, view, limits and zoom", async () => {
    const tensors = [{ expression: "x", shape: [3, 40, 50], values: "noise" }];
    const first = await openInspector(browser, { tensors });
    await first.page.fill('[aria-label="Index of dim 0"]', "2");
    await first.page.fill('[aria-label="Highest colour at"]', "0.25");
    await first.page.press('[aria-label="Highest colour at"]', "Enter");
    await first.page.focus(".surface-area");
    for (const key of ["+", "+", "+"]) await first.page.keyboard.press(key);
    await first.until("fake.stored?.tensors?.x?.viewport != null");
    const stored = await first.page.evaluate("fake.stored");
    const seen = await hover(first, 200, 200);
    await first.close();
    const second = await openInspector(browser, { tensors, stored });
    assert.match(await second.page.innerText(".overview-note"), /^\[2, :, :\]/);
    assert.equal(await second.page.inputValue('[aria-label="Highest colour at"]'), "0.25");
    assert.equal(await hover(second, 200, 200), seen);
    await second.close();
  });

  void test("linked tensors of a shape share slice and view, others and unlinked ones do not", async () => {
    const inspector = await openInspector(browser, {
      tensors: [
        { expression: "a", shape: [3, 4, 4] },
        { expression: "b", shape: [3, 4, 4] },
        { expression: "c", shape: [3, 4, 5] },
      ],
    });
    const { page } = inspector;
    await page.fill('[aria-label="Index of dim 0"]', "2");
    await page.click('.tensor-name:has-text("b")');
    await idle(inspector);
    assert.match(await page.innerText(".overview-note"), /^\[2,/);
    await page.click('.tensor-name:has-text("c")');
    await idle(inspector);
    assert.match(await page.innerText(".overview-note"), /^\[0,/);
    await page.click("text=Link");
    await page.click('.tensor-name:has-text("b")');
    await page.fill('[aria-label="Index of dim 0"]', "1");
    await page.click('.tensor-name:has-text("a")');
    await idle(inspector);
    assert.match(await page.innerText(".overview-note"), /^\[2,/);
    await inspector.close();
  });

  void test("what is sent: add, pin, keep, close, open, copy, save", async () => {
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "this.x", shape: [2, 2], values: "[1, 2, 3, 4]" }],
    });
    const { page } = inspector;
    await page.fill(".add-expression", "y.grad");
    await page.press(".add-expression", "Enter");
    await page.click(".place");
    await page.click("text=Keep a copy");
    await page.click(".tensor-pin");
    assert.deepEqual(await inspector.sent("add"), [{ type: "add", expression: "y.grad" }]);
    assert.equal((await inspector.sent("open")).length, 1);
    assert.deepEqual(await inspector.sent("keep"), [{ type: "keep", id: "this.x" }]);
    assert.deepEqual(await inspector.sent("pin"), [{ type: "pin", id: "this.x", pinned: false }]);
    await page.click(".export summary");
    await page.click("text=Copy as TypeScript");
    await page.click(".export summary");
    await page.click("text=Save as npy");
    await page.click(".export summary");
    await page.click("text=Save the picture as PNG");
    await inspector.until(`fake.sent.filter((m) => m.type === "save").length === 2`);
    assert.match(String((await inspector.sent("copy"))[0]?.["text"]), /^tensor\(\[/);
    const names = (await inspector.sent("save")).map((message) => message["name"]);
    assert.deepEqual(names, ["x.npy", "x.png"]);
    const magic = await page.evaluate(
      `[...new Uint8Array(fake.sent.filter((m) => m.type === "save")[1].bytes).slice(1, 4)]`,
    );
    assert.deepEqual(magic, [80, 78, 71]);
    await view(inspector, "table");
    await page.focus(".grid");
    for (const key of ["ArrowDown", "ArrowDown", "Control+Home", "Shift+ArrowRight"])
      await page.keyboard.press(key);
    await page.evaluate(
      `document.querySelector(".grid").dispatchEvent(new ClipboardEvent("copy", { bubbles: true, cancelable: true }))`,
    );
    await idle(inspector);
    assert.equal((await inspector.sent("copy"))[1]?.["text"], "1\t2");
    await page.click(".tensor-close");
    assert.equal((await inspector.sent("close")).length, 1);
    await inspector.close();
  });
});
