// What the inspector shows is right: every choice of dims, odd values, limits, jumps, dtypes, differences, pictures.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, missing } from "./harness/browser.js";
import {
  colourAt,
  hover,
  idle,
  openInspector,
  tableValues,
  view,
  type InspectorPage,
} from "./harness/inspectorPage.js";

void describe("inspector's views", { skip: missing() ?? false }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser.close();
  });

  const cursor = async ({ page }: InspectorPage): Promise<string> =>
    (await page.locator(".overview-note").innerText()) +
    " " +
    (await page.locator(".visually-hidden[role=status]").innerText());

  void test("the right cells for every choice of dims", async () => {
    const shape = [3, 4, 2, 5];
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape, values: "index" }],
    });
    const { page } = inspector;
    await view(inspector, "table");
    for (let rows = 0; rows < 4; rows++) {
      for (let columns = 0; columns < 4; columns++) {
        if (rows === columns) continue;
        await page.selectOption(`[aria-label="Dim ${rows} is shown as"]`, "rows");
        await page.selectOption(`[aria-label="Dim ${columns} is shown as"]`, "columns");
        if ((await page.inputValue(`[aria-label="Dim ${rows} is shown as"]`)) !== "rows")
          await page.selectOption(`[aria-label="Dim ${rows} is shown as"]`, "rows");
        const index = [2, 3, 1, 4];
        for (const dim of [0, 1, 2, 3]) {
          if (dim !== rows && dim !== columns)
            await page.fill(`[aria-label="Index of dim ${dim}"]`, String(index[dim]));
        }
        await idle(inspector);
        const expected = Array.from({ length: shape[rows]! }, (_, r) =>
          Array.from({ length: shape[columns]! }, (__, c) => {
            const at = index.map((own, dim) => (dim === rows ? r : dim === columns ? c : own));
            return String(at.reduce((before, one, dim) => before * shape[dim]! + one, 0));
          }),
        );
        assert.deepEqual(await tableValues(inspector), expected, `rows ${rows}, columns ${columns}`);
      }
    }
    assert.deepEqual(inspector.problems, []);
    await inspector.close();
  });

  void test("one dim shown, a range, and the sentence for a bad one", async () => {
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [6, 5], values: "index" }],
    });
    const { page } = inspector;
    await view(inspector, "table");
    await page.dragAndDrop(".dim >> nth=0 >> .dim-name", ".dim >> nth=1");
    await idle(inspector);
    assert.deepEqual((await tableValues(inspector))[1], ["1", "6", "11", "16", "21", "26"]);
    await page.dragAndDrop(".dim >> nth=0 >> .dim-name", ".dim >> nth=1");
    await page.fill('[aria-label="Range of dim 0"]', "2:4");
    await page.press('[aria-label="Range of dim 0"]', "Enter");
    await idle(inspector);
    assert.deepEqual(
      (await tableValues(inspector)).map((row) => row[0]),
      ["10", "15"],
    );
    await page.fill('[aria-label="Range of dim 0"]', "7:9");
    await page.press('[aria-label="Range of dim 0"]', "Enter");
    assert.match(await page.innerText(".notice"), /within 0:6/);
    await page.selectOption('[aria-label="Dim 1 is shown as"]', "index");
    await idle(inspector);
    await page.selectOption('[aria-label="Dim 0 is shown as"]', "index");
    assert.match(await page.innerText(".notice"), /At least one dim/);
    await inspector.close();
  });

  const dtypes: [string, string, string[]][] = [
    ["int64", '["9007199254740993n", "-2n"]', ["9007199254740993", "−2"]],
    ["bool", "[1, 0]", ["true", "false"]],
    ["float16", "[0.0999755859375, 65504]", ["0.0999756", "65504"]],
    ["bfloat16", '["NaN", "-Infinity"]', ["NaN", "−Inf"]],
    ["float64", "[1e300, -0.1]", ["1e300", "−0.100000"]],
  ];
  for (const [dtype, values, expected] of dtypes) {
    void test(`${dtype}: the table's values`, async () => {
      const inspector = await openInspector(browser, {
        tensors: [{ expression: "x", shape: [1, 2], dtype, values }],
      });
      await view(inspector, "table");
      assert.deepEqual(await tableValues(inspector), [expected]);
      await inspector.close();
    });
  }

  void test("8 dims", async () => {
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [2, 1, 3, 1, 2, 1, 2, 2], values: "index" }],
    });
    await inspector.page.fill('[aria-label="Index of dim 2"]', "2");
    await view(inspector, "table");
    assert.deepEqual(await tableValues(inspector), [
      ["16", "17"],
      ["18", "19"],
    ]);
    await inspector.close();
  });

  void test("NaN and infinities: colours of their own, a legend with counts, red in the statistics", async () => {
    const values = '["NaN", "Infinity", "-Infinity", 0, 1, -1]';
    const inspector = await openInspector(browser, { tensors: [{ expression: "x", shape: [2, 3], values }] });
    const cells = await Promise.all(
      [0, 1, 2].map(async (column) => await colourAt(inspector, column * 64 + 3, 30)),
    );
    const seen = new Set(
      [...cells, await colourAt(inspector, 3, 64), await colourAt(inspector, 67, 64)].map(String),
    );
    assert.equal(seen.size, 5);
    const legend = await inspector.page.locator(".legend-odd li").allInnerTexts();
    assert.deepEqual(
      legend.map((text) => text.replace(/\s+/g, " ")),
      ["NaN 1", "+Inf 1", "−Inf 1"],
    );
    assert.equal(await inspector.page.locator(".statistics .odd").count(), 3);
    await inspector.close();
  });

  void test("a NaN among a thousand others is seen from afar", async () => {
    const values = JSON.stringify(Array.from({ length: 4096 }, (_, i) => (i === 2000 ? "NaN" : 1)));
    const inspector = await openInspector(
      browser,
      {
        tensors: [{ expression: "x", shape: [1, 4096], values }],
        stored: { tensors: { x: { view: "heatmap" } } },
      },
      { width: 700 },
    );
    assert.match(await inspector.page.innerText(".overview-note"), /a cell is 1 × \d+ elements/);
    const nan = (2000 / 4096) * (await inspector.page.locator(".surface-area").boundingBox())!.width;
    assert.match(await hover(inspector, nan + 0.2, 10), /with NaN/);
    await inspector.close();
  });

  void test("limits: typed, dragged, by keys, robust, reset", async () => {
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [40, 50], values: "outlier" }],
    });
    const { page } = inspector;
    const limits = async (): Promise<string[]> => [
      await page.inputValue('[aria-label="Lowest colour at"]'),
      await page.inputValue('[aria-label="Highest colour at"]'),
    ];
    assert.deepEqual(await limits(), ["−1000000", "1000000"]);
    await page.click("text=1–99 %");
    await idle(inspector);
    const [low, high] = (await limits()).map((text) => Number(text.replace("−", "-")));
    assert.ok(low! < -0.9 && low! > -1.1 && high! > 0.9 && high! < 1.1, `${low} ${high}`);
    await page.fill('[aria-label="Highest colour at"]', "0.5");
    await page.press('[aria-label="Highest colour at"]', "Enter");
    await idle(inspector);
    assert.equal((await limits())[1], "0.5");
    await page.click("text=Reset");
    await idle(inspector);
    assert.deepEqual(await limits(), ["−1000000", "1000000"]);
    const before = await colourAt(inspector, 3, 3);
    const handle = (await page.locator(".limit.high").boundingBox())!;
    await page.mouse.move(handle.x + 10, handle.y + 6);
    await page.mouse.down();
    await page.mouse.move(handle.x + 10, handle.y + 120);
    await page.mouse.up();
    await idle(inspector);
    const dragged = Number((await limits())[1]!.replace("−", "-"));
    assert.ok(dragged < 900_000 && dragged > 0, String(dragged));
    await page.focus(".limit.high");
    await page.keyboard.press("ArrowDown");
    await idle(inspector);
    assert.ok(Number((await limits())[1]) < dragged);
    assert.notDeepEqual(await colourAt(inspector, 3, 3), before);
    await inspector.close();
  });

  void test("jump to NaN, the next, the maximum, an index, and what is not there", async () => {
    const values = JSON.stringify(
      Array.from({ length: 60 }, (_, i) => (i === 7 || i === 44 ? "NaN" : i === 30 ? 99 : i / 60)),
    );
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [3, 4, 5], values }],
    });
    const { page } = inspector;
    const jump = async (label: string): Promise<string> => {
      await page.click(`.jump >> text="${label}"`);
      await idle(inspector);
      return await cursor(inspector);
    };
    assert.match(await jump("NaN"), /^\[0, :, :\].*NaN at 0, 1, 2/s);
    assert.match(await jump("NaN"), /^\[2, :, :\].*NaN at 2, 0, 4/s);
    assert.match(await jump("NaN"), /^\[0, :, :\]/); // from the start again
    assert.match(await jump("Max"), /^\[1, :, :\].*Maximum 99 at 1, 2, 0/s);
    await jump("Inf");
    assert.match(await page.innerText(".notice"), /There is no infinity/);
    await page.fill(".jump-index", "2, 3, 4");
    await page.press(".jump-index", "Enter");
    await idle(inspector);
    assert.match(await cursor(inspector), /^\[2, :, :\]/);
    await page.fill(".jump-index", "2, 9, 4");
    await page.press(".jump-index", "Enter");
    assert.match(await page.innerText(".notice"), /Dim 1 has 4 indices: 9 is outside/);
    await view(inspector, "table");
    assert.equal(await page.locator(".grid-cell.at-cursor").innerText(), "0.983333");
    await page.focus(".grid");
    await page.keyboard.press("Shift+M");
    await idle(inspector);
    assert.equal(await page.locator(".grid-cell.at-cursor").innerText(), "0");
    await inspector.close();
  });

  void test("a difference: the header says so, the values are one less the other", async () => {
    const inspector = await openInspector(browser, {
      tensors: [
        {
          expression: "x",
          shape: [2, 2],
          values: "[5, 6, 7, 8]",
          earlier: [{ id: "x@1", label: "x at stop 1", values: "[1, 1, 1, 1]" }],
        },
        { expression: "y", shape: [2, 2], values: "[5, 4, 3, 2]" },
        { expression: "z", shape: [3], values: "index" },
      ],
    });
    const { page } = inspector;
    await view(inspector, "table");
    const compare = '[aria-label="Subtract another tensor, or an earlier copy"]';
    assert.deepEqual(await page.locator(`${compare} option`).allInnerTexts(), [
      "Compare with…",
      "− y",
      "− x at stop 1",
    ]);
    await page.selectOption(compare, "y");
    await idle(inspector);
    assert.equal(await page.innerText("h1"), "x − y");
    assert.deepEqual(await tableValues(inspector), [
      ["0", "2"],
      ["4", "6"],
    ]);
    await page.selectOption(compare, "x@1");
    await idle(inspector);
    assert.deepEqual(await tableValues(inspector), [
      ["4", "5"],
      ["6", "7"],
    ]);
    await page.selectOption(compare, "");
    await idle(inspector);
    assert.equal(await page.innerText("h1"), "x");
    await inspector.close();
  });

  void test("the gradient, and why there is none", async () => {
    const inspector = await openInspector(browser, {
      tensors: [
        { expression: "w", shape: [1, 2], values: "[1, 2]", grad: "[3, 4]" },
        { expression: "y", shape: [2], facts: { requiresGrad: true, isLeaf: false } },
      ],
    });
    const { page } = inspector;
    await view(inspector, "table");
    await page.click('[data-tab="grad"]');
    await idle(inspector);
    assert.deepEqual(await tableValues(inspector), [["3", "4"]]);
    await page.click('.tensor-name:has-text("y")');
    await idle(inspector);
    await page.click('[data-tab="grad"]');
    await idle(inspector);
    assert.match(await page.innerText(".empty"), /only after retainGrad\(\)/);
    await inspector.close();
  });

  void test("images: three channels make a colour, a montage's picture opens alone", async () => {
    const values = JSON.stringify(
      Array.from({ length: 2 * 3 * 64 }, (_, i) =>
        Math.floor(i / 64) === 0 ? 1 : Math.floor(i / 64) === 4 ? 1 : 0,
      ),
    );
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [2, 3, 8, 8], values }],
    });
    await view(inspector, "image");
    assert.deepEqual(await colourAt(inspector, 20, 20), [255, 0, 0]);
    await inspector.page.selectOption('[aria-label="Side by side"]', "0");
    await idle(inspector);
    const green = await inspector.page.evaluate(`(() => {
      const canvas = document.querySelector(".montage canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] === 0 && data[i + 1] === 255 && data[i + 2] === 0) count++;
      return count;
    })()`);
    assert.ok(Number(green) > 1000, String(green));
    await inspector.page.focus(".montage");
    for (const key of ["ArrowRight", "ArrowRight", "Enter"]) await inspector.page.keyboard.press(key);
    await idle(inspector);
    assert.deepEqual(await colourAt(inspector, 20, 20), [0, 255, 0]);
    await inspector.close();
  });

  void test("the histogram tells a bar's range; the channels lead to their index", async () => {
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [4, 5, 5], values: "index" }],
    });
    const { page } = inspector;
    await view(inspector, "histogram");
    await page.selectOption('[aria-label="Bins"]', "10");
    await idle(inspector);
    await page.focus(".histogram-said >> xpath=../.. >> .plot");
    await page.keyboard.press("ArrowRight");
    await inspector.settled();
    assert.equal(await page.innerText(".histogram-said"), "[0, 9.9): 10 elements, 10 %");
    await view(inspector, "channels");
    const mean = await page.locator(".channel-table tbody tr").nth(2).locator("td").first().innerText();
    assert.equal(mean, "62");
    await page.click(".channel-table .link >> nth=2");
    await idle(inspector);
    assert.match(await page.innerText(".overview-note"), /^\[2, :, :\]/);
    await inspector.close();
  });

  void test("the line plot reads out what stands under the cursor", async () => {
    const inspector = await openInspector(browser, {
      tensors: [{ expression: "x", shape: [5], values: '[1, 2, "NaN", 4, 5]' }],
    });
    const { page } = inspector;
    await page.focus(".value-plot");
    for (const key of ["ArrowRight", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    await inspector.settled();
    assert.match(await page.locator(".visually-hidden[role=status]").innerText(), /\[2\]\s+NaN/);
    await inspector.close();
  });
});
