// Reads the dashboard on screen, inside the webview's two frames.

import type { FrameLocator, Page } from "playwright-core";

/** The content of the webview on screen. */
export function webview(page: Page): FrameLocator {
  return page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
}

/** The last step of the loss that the dashboard has drawn; 0 while there is none. */
export async function lastStepDrawn(page: Page): Promise<number> {
  return (await stepsDrawn(page))?.last ?? 0;
}

/** The first and the last step of the loss that the dashboard has drawn; null while there is none. */
export async function stepsDrawn(page: Page): Promise<{ first: number; last: number } | null> {
  const plot = webview(page).locator('[data-card="loss"] [data-last-step]');
  if ((await plot.count()) === 0) return null;
  const [firstStep, lastStep] = await plot.evaluate((element: HTMLElement) => [
    element.dataset["firstStep"],
    element.dataset["lastStep"],
  ]);
  return { first: Number(firstStep), last: Number(lastStep) };
}
