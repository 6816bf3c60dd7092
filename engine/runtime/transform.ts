// TypeScript to JavaScript for one module, by esbuild, with the source map inside; a syntax error becomes one sentence.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { TransformFailure } from "esbuild";
import type { SourceLocation } from "../protocol.js";

export type ModuleFormat = "module" | "commonjs";

export interface Transformed {
  source: string;
  format: ModuleFormat;
}

const typescript = new Set([".ts", ".mts", ".cts"]);

export function isTypeScript(path: string): boolean {
  return typescript.has(extname(path)) && !path.endsWith(".d.ts");
}

/** @throws SyntaxError "train.ts:3:14: Expected ...", its stack being that and the line itself. */
export function transformTypeScript(path: string): Transformed {
  const text = readFileSync(path, "utf8");
  const format = formatOf(path, text);
  const { transformSync } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
  try {
    const { code } = transformSync(text, {
      loader: "ts",
      // `using` and whatever else the running Node lacks is lowered.
      target: `node${process.versions.node}`,
      sourcemap: "inline",
      sourcefile: basename(path),
      sourcesContent: true,
      format: format === "module" ? "esm" : "cjs",
      logLevel: "silent",
      tsconfigRaw: { compilerOptions: { experimentalDecorators: usesLegacyDecorators(path) } },
    });
    return { source: code, format };
  } catch (error) {
    throw syntaxError(path, error as TransformFailure);
  }
}

function syntaxError(path: string, failure: TransformFailure): unknown {
  const first = (failure as Partial<TransformFailure>).errors?.[0];
  if (first === undefined) return failure;
  const line = first.location?.line ?? 1;
  const column = (first.location?.column ?? 0) + 1;
  const error = new SyntaxError(`${path}:${line}:${column}: ${first.text}`);
  const lineText = first.location?.lineText ?? "";
  const pointer = lineText === "" ? "" : `\n    ${lineText}\n    ${" ".repeat(Math.max(0, column - 1))}^`;
  error.stack = `SyntaxError: ${error.message}${pointer}`;
  return error;
}

/** Where in the script, or in the files it imports, the syntax error is that Node reported without a place; null when none is found. */
export function findSyntaxError(script: string): SourceLocation | null {
  const { buildSync } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
  try {
    const settings = { bundle: true, write: false, platform: "node", format: "esm" } as const;
    buildSync({ entryPoints: [script], packages: "external", logLevel: "silent", ...settings });
    return null;
  } catch (error) {
    const place = (error as Partial<TransformFailure>).errors?.[0]?.location;
    return place ? { file: resolve(place.file), line: place.line, column: place.column + 1 } : null;
  }
}

/** As Node decides for JavaScript, except that a file that only imports and exports needs no "type" beside it. */
export function formatOf(path: string, text: string): ModuleFormat {
  const extension = extname(path);
  if (extension === ".mts" || extension === ".mjs") return "module";
  if (extension === ".cts" || extension === ".cjs") return "commonjs";
  if (hasModuleSyntax(text)) return "module";
  return /\brequire\s*\(|\bmodule\.exports\b|\bexports\.\w/.test(text) ? "commonjs" : "module";
}

/** A line that begins with import or export; comments are not looked into, a wrong guess there only picks 'module'. */
export function hasModuleSyntax(text: string): boolean {
  return /^\s*(?:import\s*(?:[\w*{"'$]|type\b)|export\s*(?:[*{]|default\b|const\b|let\b|var\b|class\b|function\b|async\b|type\b|interface\b|enum\b|abstract\b|declare\b))/m.test(
    text,
  );
}

/** The nearest tsconfig's experimentalDecorators; a tsconfig we cannot read decides nothing. */
function usesLegacyDecorators(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      return /"experimentalDecorators"\s*:\s*true/.test(readFileSync(join(folder, "tsconfig.json"), "utf8"));
    } catch {
      if (dirname(folder) === folder) return false;
    }
  }
}
