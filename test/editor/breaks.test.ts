// Break When in a real editor: F5 on a script that makes a NaN stops on the user's line and says why, with nothing set but a check box.

import { after, before, describe, test } from "node:test";
import { Workbench } from "./workbench.js";

const script = `import { nn, zeros } from "descent";

const layer = new nn.Linear(4, 2);
const out = layer.forward(zeros([3, 4]));
const none = out.sub(out);
const logs = none.log();
const share = none.div(none.abs());
const loss = logs.mean().add(share.mean());
loss.backward();
`;
const nanLine = 7;

describe("break when", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({ files: { "train.ts": script }, openFile: "train.ts" });
  });
  after(async () => {
    await workbench.close();
  });

  test("a NaN stops on the line that made it, and the view says so", async () => {
    const { page } = workbench;
    await workbench.titleButton("Run Training").waitFor(); // the extension knows the script
    await workbench.command("Focus on Break When View");
    const pane = page.locator(".pane", { has: page.locator(".pane-header", { hasText: "Break When" }) });
    const box = (label: string) =>
      pane.locator(".monaco-list-row", { hasText: label }).locator(".monaco-custom-toggle");
    await box("First NaN").click();
    const state = async () => (await workbench.state()) as { breakWhen: { nan: boolean; infinity: boolean } };
    await workbench.until("the box is checked", async () => (await state()).breakWhen.nan);

    await page.keyboard.press("F5");
    const stopped = page.locator(".codicon-debug-stackframe").first();
    await workbench.until("it stops", () => stopped.isVisible(), 60_000);
    await pane.getByText("div created NaN (6 of 6 elements): its inputs had none.").waitFor();
    await workbench.until("the cursor is at the user's line", async () =>
      (await page.locator(".statusbar-item", { hasText: /^Ln / }).innerText()).startsWith(`Ln ${nanLine},`),
    );
    await workbench.picture("break when NaN");

    // What else it is to stop at can be said while it stands.
    await box("First infinity").click();
    await workbench.until("the second box is checked", async () => (await state()).breakWhen.infinity);
  });
});
