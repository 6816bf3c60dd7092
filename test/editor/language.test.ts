// IntelliSense for `import "descent"` where nothing is installed, and New Project.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Workbench } from "./workbench.js";

const script = `import { randn, type Tensor } from "descent";

const x: Tensor = randn([2, 3]);
const wrong: string = x.shape;
console.log(x, wrong);
`;

describe("writing a script", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({ files: { "train.ts": script }, openFile: "train.ts" });
  });
  after(async () => {
    await workbench.close();
  });

  test("the import is known: the one error marked is the one that is there", async () => {
    await workbench.command("Problems: Focus on Problems View");
    const problems = workbench.page.locator(".markers-panel .monaco-list-row");
    await workbench.until(
      "the wrong line is marked",
      async () => (await problems.allInnerTexts()).join().includes("not assignable to type 'string'"),
      60_000,
    );
    assert.doesNotMatch((await problems.allInnerTexts()).join("\n"), /Cannot find module/);
  });

  test("hovering a function shows its documentation", async () => {
    const { page } = workbench;
    await workbench.openFile("train.ts");
    await workbench.goToLine(3, 20);
    await workbench.command("Show or Focus Hover");
    const hover = page.locator(".monaco-hover-content").first();
    await workbench.until("the hover shows randn", async () =>
      /randn\([\s\S]*normal/i.test(await hover.innerText()),
    );
    await workbench.picture("hover");
  });

  test("New Project makes a project from a sample", async () => {
    const { page } = workbench;
    await workbench.command("Descent: New Project");
    await page
      .locator(".quick-input-list .monaco-list-row", { hasText: /digits/i })
      .first()
      .click();
    // The dialog for folders begins at the open one.
    const ok = page.locator(".quick-input-widget .monaco-button", { hasText: "Create Here" });
    await ok.waitFor();
    await workbench.picture("new-project");
    await ok.click();
    const project = join(workbench.folder, "digits");
    await page.locator(".tab.active", { hasText: "train.ts" }).waitFor();
    await workbench.until("its data came along", () => existsSync(join(project, "digits.bin")));
    await workbench.until("the sample's script is shown", async () =>
      (await page.locator(".monaco-breadcrumbs").allInnerTexts()).join().includes("digits"),
    );
  });
});
