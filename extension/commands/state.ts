// `descent._state`: the extension's own state as JSON, which tests of a real editor wait for. Not contributed.

import { writeFile } from "node:fs/promises";
import type { App } from "../app.js";

/** Returns it, and writes it to `argument.file` where one is named. */
export async function state(app: App, argument?: unknown): Promise<string> {
  const text = JSON.stringify(app.describe());
  if (
    typeof argument === "object" &&
    argument !== null &&
    "file" in argument &&
    typeof argument.file === "string"
  ) {
    await writeFile(argument.file, text);
  }
  return text;
}
