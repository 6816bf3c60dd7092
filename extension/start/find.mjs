// Finds programs on the PATH and the folders of this user's cache.

import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** The path of a program, or null. */
export function findProgram(name, path = process.env.PATH ?? "") {
  const endings = process.platform === "win32" ? [".exe", ".cmd", ".bat"] : [""];
  for (const folder of path.split(delimiter)) {
    for (const ending of endings) {
      const file = join(folder, name + ending);
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // not here: look on
      }
    }
  }
  return null;
}

/** Where what is downloaded once is kept for every clone: ~/.cache/descent or what the system has instead. */
export function cacheFolder() {
  if (process.env.XDG_CACHE_HOME) return join(process.env.XDG_CACHE_HOME, "descent");
  if (process.platform === "darwin") return join(homedir(), "Library/Caches/descent");
  if (process.platform === "win32") return join(process.env.LOCALAPPDATA ?? homedir(), "descent");
  return join(homedir(), ".cache/descent");
}
