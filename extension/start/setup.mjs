// Brings a clean clone to where it can build: `node extension/start/setup.mjs [--editor] [--browser] [--quiet]`.
//
// Plain Node and nothing installed, because it runs before anything is. What is there already is left alone.

import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBrowser } from "./browser.mjs";
import { ensureEditor } from "./editor.mjs";
import { findProgram } from "./find.mjs";
import { SetupError, execute, reportAndExit, step } from "./progress.mjs";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/** Node, a compiler, and the packages of package-lock.json. */
export async function ensureDependencies() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(
      `Descent needs Node.js 20.19 or later, this is ${process.versions.node}: install a newer one.`,
    );
  }
  if (process.platform !== "win32") {
    const missing = [["python3"], ["make"], ["g++", "clang++", "c++"]].filter(
      (names) => !names.some((name) => findProgram(name)),
    );
    if (missing.length > 0) {
      const names = missing.map((alternatives) => alternatives[0]).join(", ");
      throw new SetupError(
        `Missing to build the native part: ${names}. Install them` +
          (process.platform === "darwin"
            ? " with: xcode-select --install"
            : " (on Debian: apt-get install python3 make g++)") +
          ", then run this again.",
      );
    }
  }
  const lock = join(root, "package-lock.json");
  const installed = join(root, "node_modules/.package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  await step("Installing packages (npm ci)", () =>
    execute(npm, ["ci", "--no-audit", "--no-fund"], {
      cwd: root,
      advice: "Check the connection to the npm registry, then run this again.",
    }),
  );
}

// By its name too: in a bundle this text belongs to another file, which must not install anything.
const self = fileURLToPath(import.meta.url);
if (process.argv[1] && basename(self) === "setup.mjs" && realpathSync(process.argv[1]) === self) {
  const options = process.argv.slice(2);
  try {
    const unknown = options.find((option) => !["--editor", "--browser", "--quiet"].includes(option));
    if (unknown)
      throw new SetupError(`setup: no option '${unknown}', there are --editor, --browser and --quiet.`);
    await ensureDependencies();
    if (options.includes("--editor")) await ensureEditor();
    if (options.includes("--browser")) await ensureBrowser();
    if (!options.includes("--quiet")) console.log("Set-up is complete.");
  } catch (error) {
    reportAndExit(error);
  }
}
