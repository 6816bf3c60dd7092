// Stopped in `forward`, in a real editor: tensors are described at first sight, and looked into without holding anything up.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FrameLocator, Locator } from "playwright-core";
import { Workbench } from "./workbench.js";

/** `big` is a tensor of a gigabyte. */
const script = `import { Tensor, manualSeed, nn, optim, randn, zeros } from "descent";

manualSeed(1);
const big = zeros([16384, 16384]);
class Net extends nn.Module {
  fc1 = new nn.Linear(784, 128);
  fc2 = new nn.Linear(128, 10);
  forward(x: Tensor): Tensor {
    const hidden = this.fc1.forward(x).relu();
    const logits = this.fc2.forward(hidden);
    return logits.sub(big.at(0, 0));
  }
}
const model = new Net();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
for (let step = 0; step < 100000; step++) {
  const loss = model.forward(randn([32, 784])).square().mean();
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
}
`;
const returnLine = 11;

interface State {
  trainings: { state: string; stops: number; answeredAfter: number | null; describedAfter: number | null }[];
  inspector: {
    ready: boolean;
    session: string;
    counts: { answers: number; bytes: number };
    tensors: { expression: string; freshness: string; facts: { shape: number[] } | null }[];
  } | null;
}

describe("tensors at a breakpoint", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({
      files: { "train.ts": script },
      openFile: "train.ts",
      settings: { "descent.dashboard.openOnRun": false },
    });
  });
  after(async () => {
    await workbench.close();
  });

  const state = async (): Promise<State> => (await workbench.state()) as unknown as State;
  const rows = (): Locator => workbench.page.locator(".debug-variables .monaco-list-row");
  const inspector = (): FrameLocator =>
    workbench.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");

  test("Variables says shape, dtype and numbers of every tensor in the frame, and so do the lines of the code", async () => {
    const { page } = workbench;
    await workbench.titleButton("Run Training").waitFor();
    await workbench.goToLine(returnLine);
    await page.keyboard.press("F9");
    await page.locator(".codicon-debug-breakpoint").first().waitFor();
    await page.keyboard.press("F5");
    const stopped = page.locator(".codicon-debug-stackframe").first();
    await workbench.until("it stops", () => stopped.isVisible(), 60_000);
    await rows().first().waitFor();
    const folded = rows().filter({ hasText: "Local" }).first().locator(".monaco-tl-twistie.collapsed");
    if (await folded.isVisible()) await folded.click();
    for (const [name, text] of [
      ["hidden", /^hidden\b.*Tensor\[32, 128\] float32 {2}µ .* σ .*\[0 … /s],
      ["logits", /^logits\b.*Tensor\[32, 10\] float32 {2}µ/s],
      ["x", /^x\b.*Tensor\[32, 784\] float32 {2}µ/s],
    ] as const) {
      const row = rows()
        .filter({ hasText: new RegExp(`^${name}\\b`) })
        .first();
      await workbench.until(`Variables describes ${name}`, async () => text.test(await row.innerText()));
    }
    await workbench.until("the code does too", async () =>
      /hidden:\s\[32,\s128\]\sfloat32\sµ/.test(await page.locator(".view-lines").first().innerText()),
    );
    await workbench.picture("tensors in Variables");
  });

  test("Inspect Tensor on a row shows it, and a gigabyte is no other", async () => {
    const row = rows()
      .filter({ hasText: /^hidden/ })
      .first();
    await row.hover();
    await row.getByRole("button", { name: "Inspect Tensor" }).click();
    await workbench.until("the inspector shows it", async () => {
      const { inspector: shown } = await state();
      return shown?.tensors[0]?.expression === "hidden" && shown.counts.answers > 0;
    });
    await inspector().locator("canvas").first().waitFor();
    await workbench.picture("inspector");

    const before = (await state()).inspector!.counts;
    await workbench.command("Descent: Inspect Tensor");
    const input = workbench.page.locator(".quick-input-widget .quick-input-box input");
    await workbench.page.locator(".quick-input-widget", { hasText: "Inspect Tensor" }).waitFor();
    await input.fill("big");
    await workbench.page.keyboard.press("Enter");
    const answered = await workbench.until("a gigabyte is shown", async () => {
      const { inspector: shown } = await state();
      const isShown =
        shown?.tensors.at(-1)?.expression === "big" && shown.counts.answers > before.answers + 1;
      return isShown && shown;
    });
    assert.ok(answered.counts.bytes - before.bytes < 5e6, String(answered.counts.bytes - before.bytes));
    await workbench.picture("inspector of a gigabyte");
  });

  test("it follows the next stop, and when the session ends nothing stays", async () => {
    const { page } = workbench;
    const { stops } = (await state()).trainings.find((training) => training.state === "stopped")!;
    await page.keyboard.press("F5");
    await workbench.until("it stops again", async () => {
      const now = await state();
      return (
        now.trainings.some((training) => training.state === "stopped" && training.stops > stops) &&
        now.inspector?.tensors.every(({ freshness }) => freshness === "current")
      );
    });
    const { answeredAfter, describedAfter } = await workbench.until(
      "the tensors are described again",
      async () => {
        const { trainings } = await state();
        return trainings.find((training) => training.state === "stopped" && training.describedAfter !== null);
      },
    );
    console.log(
      `note: after a stop the process has answered in ${answeredAfter!.toFixed(0)} ms, tensors are described in ${describedAfter!.toFixed(0)} ms`,
    );
    assert.ok(describedAfter! < 1000, String(describedAfter));
    await page.keyboard.press("Shift+F5");
    const ended = await workbench.until("it has ended", async () => {
      const now = await state();
      return now.trainings.length === 0 && now;
    });
    assert.equal(ended.inspector?.session, "none");
    assert.ok(ended.inspector.tensors.every(({ freshness }) => freshness === "old"));
    await workbench.until("no process is left", () => workbench.processes(/train\.ts/).length === 0);
  });
});
