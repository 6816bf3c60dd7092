// Plugin of the TypeScript server: `import "descent"` finds the types that come with the extension, in a workspace that
// has no `descent` installed. Where normal resolution finds one, that one wins.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type ts from "typescript/lib/tsserverlibrary.js";

const packageName = "descent";

interface Modules {
  typescript: typeof ts;
}

function createPlugin({ typescript }: Modules): ts.server.PluginModule {
  const types = findTypes();
  const ours: ts.ResolvedModuleFull | null =
    types === null
      ? null
      : { resolvedFileName: types, extension: typescript.Extension.Dts, isExternalLibraryImport: true };

  return {
    create(info) {
      const log = (text: string): void => {
        info.project.projectService.logger.info(`descent-typescript-plugin: ${text}`);
      };
      if (ours) wrap(info.languageServiceHost, ours);
      log(ours ? `falls back to ${ours.resolvedFileName}` : "the types are missing from this installation");
      return info.languageService;
    },
  };
}

/** The host's own resolution first; ours for what it did not find. */
function wrap(host: ts.LanguageServiceHost, ours: ts.ResolvedModuleFull): void {
  const literals = host.resolveModuleNameLiterals?.bind(host);
  if (literals) {
    host.resolveModuleNameLiterals = (names, ...rest) =>
      literals(names, ...rest).map((found, index) =>
        isMissing(names[index]?.text, found.resolvedModule) ? { ...found, resolvedModule: ours } : found,
      );
  }
  // TypeScript before 5.0.
  const older = host as { resolveModuleNames?: OlderResolve };
  const byNames = older.resolveModuleNames?.bind(host);
  if (byNames) {
    older.resolveModuleNames = (names, ...rest) =>
      byNames(names, ...rest).map((found, index) => (isMissing(names[index], found) ? ours : found));
  }
}

type OlderResolve = (names: string[], ...rest: unknown[]) => (ts.ResolvedModule | undefined)[];

function isMissing(name: string | undefined, found: unknown): boolean {
  return name === packageName && (found === undefined || found === null);
}

/** The types' entry file, from where this file lies: dist/tsplugin, or node_modules/descent-typescript-plugin of the extension. */
function findTypes(): string | null {
  const candidates = ["../types/editor.d.ts", "../../dist/types/editor.d.ts"];
  return candidates.map((path) => join(__dirname, path)).find((path) => existsSync(path)) ?? null;
}

// The server takes what the file exports, as a CommonJS module, for the plugin itself.
declare const module: { exports: unknown };
module.exports = createPlugin;
