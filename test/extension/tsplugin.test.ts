// The plugin in a real TypeScript language service: `import "descent"` is known with nothing installed, and an
// installed one wins.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import ts from "typescript";
import { root } from "../root.js";

const home = mkdtempSync(join(tmpdir(), "descent-tsplugin-"));
after(() => {
  rmSync(home, { recursive: true });
});

/** The built plugin beside types that we can tell from others. */
const plugin = join(home, "extension/node_modules/descent-typescript-plugin/index.cjs");
write(
  "extension/dist/types/editor.d.ts",
  '/// <reference types="node" />\nexport * from "./engine/index.js";\n',
);
write("extension/dist/types/engine/index.d.ts", "export const bundled: 'bundled';\n");
write(
  "extension/dist/types/node_modules/@types/node/index.d.ts",
  'declare module "node:fs" { export const which: "ours"; }\n',
);
mkdirSync(dirname(plugin), { recursive: true });
const built = join(root, "dist/tsplugin/index.cjs");
assert.ok(existsSync(built), "run 'npm run build' first");
cpSync(built, plugin);

const script = write(
  "project/train.ts",
  'import { bundled } from "descent";\nimport { x } from "other";\nconst text: "bundled" = bundled;\nawait 0;\nconsole.log(text, x);\n',
);

test("without descent installed, the types that come with the extension are found; other imports are left alone", () => {
  assert.deepEqual(problems(script), ["Cannot find module 'other' or its corresponding type declarations."]);
});

test("an installed descent wins", () => {
  write("installed/node_modules/descent/package.json", '{ "name": "descent", "types": "index.d.ts" }');
  write("installed/node_modules/descent/index.d.ts", "export const installed: 'installed';\n");
  const own = write("installed/train.ts", 'import { installed } from "descent";\nconsole.log(installed);\n');
  assert.deepEqual(problems(own), []);
});

test("Node.js's types come with them, unless the project has its own", () => {
  const text = 'import "descent";\nimport { which } from "node:fs";\nexport const a: "ours" = which;\n';
  assert.deepEqual(problems(write("project/reads.ts", text)), []);
  write("typed/node_modules/@types/node/package.json", '{ "name": "@types/node", "types": "index.d.ts" }');
  write(
    "typed/node_modules/@types/node/index.d.ts",
    'declare module "node:fs" { export const which: "own"; }\n',
  );
  assert.deepEqual(problems(write("typed/reads.ts", text.replace('"ours"', '"own"'))), []);
});

/** What the language service says about a file with the plugin on, as sentences. */
function problems(file: string): string[] {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
  };
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: () => "1",
    getScriptSnapshot: (name) => {
      const text = ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => dirname(file),
    getDefaultLibFileName: (settings) => ts.getDefaultLibFilePath(settings),
    fileExists: (name) => ts.sys.fileExists(name),
    readFile: (name) => ts.sys.readFile(name),
    directoryExists: (name) => ts.sys.directoryExists(name),
    resolveModuleNameLiterals: (literals, containing) =>
      literals.map((literal) => ts.resolveModuleName(literal.text, containing, options, ts.sys)),
  };
  const create = createRequire(import.meta.url)(plugin) as (modules: {
    typescript: typeof ts;
  }) => ts.server.PluginModule;
  const languageService = ts.createLanguageService(host);
  const info = {
    languageService,
    languageServiceHost: host,
    project: { projectService: { logger: { info: () => undefined } } },
  } as unknown as ts.server.PluginCreateInfo;
  return create({ typescript: ts })
    .create(info)
    .getSemanticDiagnostics(file)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

function write(path: string, text: string): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}
