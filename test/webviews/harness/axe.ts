// Accessibility of a page, by axe.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Accessibility violations that are serious or critical, one line each. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const run = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap(({ id, impact, nodes }) => impact === "serious" || impact === "critical"
      ? nodes.map((node) => id + ": " + node.html + " " + node.any.map((check) => check.message).join("; ")) : []))`;
  return await page.evaluate<string[]>(run);
}
