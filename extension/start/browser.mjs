// Chromium for the tests that need a browser: the one that is there, or Debian's.

import { existsSync } from "node:fs";
import { findProgram } from "./find.mjs";
import { SetupError, execute, step } from "./progress.mjs";

/** Path of a Chromium or Chrome, or null. DESCENT_CHROMIUM names another. */
export function findBrowser() {
  const named = process.env.DESCENT_CHROMIUM;
  if (named) return existsSync(named) ? named : null;
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]) {
    const found = findProgram(name);
    if (found) return found;
  }
  const fixed = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ];
  return fixed.find((file) => existsSync(file)) ?? null;
}

/** Installs Debian's Chromium when there is none and we may. Returns its path. */
export async function ensureBrowser() {
  const found = findBrowser();
  if (found) return found;
  const advice = "Install Chromium or Chrome and put it on the PATH, or name it in DESCENT_CHROMIUM.";
  if (process.getuid?.() !== 0 || !findProgram("apt-get"))
    throw new SetupError(`No Chromium found. ${advice}`);
  await step("Installing Chromium (apt-get)", async () => {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await execute("apt-get", ["update"], { env, advice });
    await execute("apt-get", ["install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"], {
      env,
      advice,
    });
  });
  const installed = findBrowser();
  if (!installed) throw new SetupError(`Chromium is still not on the PATH. ${advice}`);
  return installed;
}
