// What the import hook does to a module request, whichever way Node calls hooks: names that resolve, TypeScript that loads.

import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { hasModuleSyntax, isTypeScript, transformTypeScript, type ModuleFormat } from "./transform.js";

/** Other spellings to try when a relative import names no file: "./model" and "./model.js" may mean model.ts. */
export function alternatives(specifier: string, parent: string | undefined): string[] {
  if (!/^\.{0,2}\//.test(specifier) && !specifier.startsWith("file:")) return [];
  if (parent !== undefined && !parent.startsWith("file:")) return [];
  const url = new URL(specifier, parent).href;
  const extension = /\.[cm]?js$/.exec(url)?.[0];
  const candidates =
    extension === undefined
      ? [".ts", ".mts", ".js", ".mjs", "/index.ts", "/index.js"].map((ending) => url + ending)
      : [url.slice(0, -extension.length) + extension.replace("js", "ts")];
  return candidates.filter((candidate) => existsSync(fileURLToPath(candidate)));
}

/** This installation's engine, from dist/runtime/*.mjs. */
export function ownEngine(hookUrl: string): string {
  return new URL("../engine/index.mjs", hookUrl).href;
}

export function isNotFound(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND" || code === "ERR_UNSUPPORTED_DIR_IMPORT"
  );
}

/**
 * The module's source and format where Node would not get them right by itself, else null: TypeScript, and import syntax in a .js
 * file whose folder has no "type".
 */
export function loadModule(url: string): { source: string; format: ModuleFormat } | null {
  if (!url.startsWith("file:")) return null;
  const path = fileURLToPath(url);
  if (isTypeScript(path)) return transformTypeScript(path);
  if (extname(path) !== ".js" || path.includes("node_modules") || packageType(path) !== null) return null;
  const source = readFileSync(path, "utf8");
  return hasModuleSyntax(source) ? { source, format: "module" } : null;
}

/** "type" of the nearest package.json; null when there is none. */
function packageType(path: string): string | null {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      const text = readFileSync(join(folder, "package.json"), "utf8");
      return (JSON.parse(text) as { type?: string }).type ?? null;
    } catch {
      if (dirname(folder) === folder) return null;
    }
  }
}

export function urlOf(path: string): string {
  return pathToFileURL(path).href;
}
