// Reads the dashboard on screen, inside the webview's two frames.

import type { FrameLocator, Page } from "playwright-core";

/** The content of the webview on screen. */
export function webview(page: Page): FrameLocator {
  return page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
}

/** Points of the loss that the dashboard holds; 0 while there is none. */
export async function dashboardPoints(page: Page): Promise<number> {
  const counted = webview(page).locator("[data-points]").first();
  if ((await counted.count()) === 0) return 0;
  return Number(await counted.getAttribute("data-points"));
}
