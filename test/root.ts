// Where the project is, for tests that read its files: they run bundled, somewhere below dist/test.

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = findRoot();

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "esbuild.mjs"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("the tests must lie inside the project");
    folder = parent;
  }
  return folder;
}

/** Files below a folder of the project, relative to its root, with forward slashes; without what is built or installed. */
export function filesBelow(folder: string): string[] {
  const skipped = /(^|\/)(node_modules|dist|generated|\.git|\.descent)\/|^native\/build\//;
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((file) => !skipped.test(`/${file}`) && !skipped.test(file))
    .sort();
}
