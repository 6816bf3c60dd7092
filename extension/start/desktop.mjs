// The desktop VS Code of this machine, where there is one: found by its command `code`, used with a profile of its own.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quietSettings } from "./editor.mjs";
import { findProgram } from "./find.mjs";
import { execute, step } from "./progress.mjs";

/**
 * Path of `code` where it can open a window here, or null.
 *
 * @param {{ env: Record<string, string | undefined>, platform: string, uid: number | undefined }} surroundings
 */
export function findDesktop({ env, platform, uid }) {
  const hasScreen = platform !== "linux" || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
  const isInsideRemote = Boolean(env.VSCODE_IPC_HOOK_CLI); // that `code` opens files in the window it belongs to
  const isRoot = uid === 0; // VS Code refuses to open a window for root
  return hasScreen && !isInsideRemote && !isRoot ? findProgram("code", env.PATH) : null;
}

/**
 * Installs the extension into a profile below `home` and opens `folder` with `file` in a new window.
 *
 * @param {string} code
 * @param {{ home: string, folder: string, file: string, vsix: string, settings?: Record<string, unknown> }} what
 */
export async function openDesktop(code, { home, folder, file, vsix, settings = {} }) {
  const profile = ["--user-data-dir", join(home, "data"), "--extensions-dir", join(home, "extensions")];
  mkdirSync(join(home, "data/User"), { recursive: true });
  writeFileSync(
    join(home, "data/User/settings.json"),
    JSON.stringify({ ...quietSettings, ...settings }, null, 2),
  );
  await step("Opening VS Code with the sample", async () => {
    const advice = "Run 'npm start -- --browser' to use VS Code in the browser.";
    await execute(code, [...profile, "--install-extension", vsix, "--force"], { advice });
    await execute(code, [...profile, "--new-window", folder, "--goto", file], { advice });
  });
}
