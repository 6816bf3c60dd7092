// The inspector's page for tests: opens it with tensors, and reads what it shows.

import type { Browser } from "playwright-core";
import { openWebview, type WebviewPage, type WindowOptions } from "./browser.js";
import type { FakeInspector, InspectorHarnessOptions } from "./inspector.js";

export type InspectorPage = WebviewPage<FakeInspector>;

export async function openInspector(
  browser: Browser,
  data: InspectorHarnessOptions,
  window: WindowOptions = {},
): Promise<InspectorPage> {
  const opened = await openWebview<FakeInspector>(browser, "inspector", "inspector", window, data);
  await idle(opened);
  return opened;
}

/** Waits until nothing is asked any more and all is drawn. */
export async function idle(inspector: InspectorPage): Promise<void> {
  await inspector.settled();
  await inspector.until(`document.querySelector(".stage").getAttribute("aria-busy") !== "true"`);
  await inspector.settled();
}

export async function view(inspector: InspectorPage, name: string): Promise<void> {
  await inspector.page.click(`[data-view="${name}"]`);
  await idle(inspector);
}

/** The values that the table shows, row by row. */
export async function tableValues(inspector: InspectorPage): Promise<string[][]> {
  return await inspector.page.evaluate<string[][]>(
    `[...document.querySelectorAll(".grid-row:not(.grid-head)")].map((row) => [...row.querySelectorAll('[role="gridcell"]')].map((cell) => cell.textContent))`,
  );
}

/** The box beside the pointer at a point of the surface, in pixels from its left upper corner. */
export async function hover(inspector: InspectorPage, x: number, y: number): Promise<string> {
  const box = await inspector.page.locator(".surface-area").boundingBox();
  await inspector.page.mouse.move(box!.x + x, box!.y + y);
  await inspector.settled();
  return (await inspector.page.locator(".readout").innerText()).replace(/\s+/g, " ");
}

/** Red, green, blue of the surface's canvas there. */
export async function colourAt(inspector: InspectorPage, x: number, y: number): Promise<number[]> {
  return await inspector.page.evaluate<number[]>(
    `[...document.querySelector(".surface-area canvas").getContext("2d").getImageData(${x}, ${y}, 1, 1).data].slice(0, 3)`,
  );
}
