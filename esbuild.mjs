// Builds everything: `node esbuild.mjs [all | native | js | types | tests | check | package]`, each with what it needs first.

import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
process.chdir(root);

/** Runs in plain Node: names kept and nothing minified, because debuggers and stack traces show them. */
const nodeEsm = {
  platform: "node",
  format: "esm",
  target: "node20",
  outExtension: { ".js": ".mjs" },
  keepNames: true,
  packages: "external",
};

/** The file in which a debugger stops stands beside the engine's bundle. */
const breakpointApart = {
  name: "breakpoint apart",
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/breakpoint\.js$/ }, () => ({ path: "./breakpoint.mjs", external: true }));
  },
};

const tasks = { all, native, js, types, tests, check, package: packageExtension };
const task = process.argv[2] ?? "all";
if (!(task in tasks)) {
  console.error(`esbuild.mjs: no task '${task}', there are ${Object.keys(tasks).join(", ")}`);
  process.exit(2);
}
await tasks[task]();

async function all() {
  await native();
  await js();
  await types();
}

/** The addon, by node-gyp, its CUDA modules, and the TypeScript that its op table generates. */
async function native() {
  const nodeRoot = dirname(dirname(process.execPath));
  const hasHeaders = existsSync(join(nodeRoot, "include/node/node_api.h"));
  const gyp = [
    "node_modules/node-gyp/bin/node-gyp.js",
    "--directory",
    "native",
    "--jobs",
    "max",
    "--loglevel",
    "warn",
  ];
  if (hasHeaders) gyp.push("--nodedir", nodeRoot);
  // binding.gyp lists its sources when it is configured: a file that came or went wants that again.
  const sources = listFiles("native").filter(
    (file) => file.endsWith(".cpp") && !file.startsWith("native/build"),
  );
  const configuration = `${process.version} ${sources.sort().join(" ")}`;
  const configured = "native/build/configured.txt";
  const isConfigured =
    existsSync("native/build/Makefile") &&
    existsSync(configured) &&
    readFileSync(configured, "utf8") === configuration;
  if (!isConfigured || isNewer("native/binding.gyp", "native/build/Makefile")) {
    run(process.execPath, [...gyp, "configure"]);
    writeFileSync(configured, configuration);
  }
  run(process.execPath, [...gyp, "build"]);
  mkdirSync("dist/native", { recursive: true });
  const from = "native/build/Release/descent.node";
  if (!existsSync("dist/native/descent.node") || isNewer(from, "dist/native/descent.node")) {
    rmSync("dist/native/descent.node", { force: true }); // a running process keeps the file it has mapped
    cpSync(from, "dist/native/descent.node");
  }
  try {
    await compileForGpus();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
  await generate();
}

/** What the back ends of GPUs have compiled beside the addon: each by the compile.mjs of its folder, where it has one. */
async function compileForGpus() {
  for (const file of listFiles("native/device/gpu").filter((name) => basename(name) === "compile.mjs")) {
    const { compileModules } = await import(pathToFileURL(join(root, file)).href);
    await compileModules();
  }
}

/** engine/generated/, from the table inside the addon and the ops written in TypeScript. */
async function generate() {
  await bundle({ entryPoints: { generate: "engine/ops/generate.ts" }, outdir: "dist/build", ...nodeEsm });
  run(process.execPath, ["dist/build/generate.mjs"]);
}

async function js() {
  if (existsSync("dist/native/descent.node")) await generate();
  await manifest();
  await Promise.all([
    bundle({
      entryPoints: { index: "engine/index.ts" },
      outdir: "dist/engine",
      plugins: [breakpointApart],
      ...nodeEsm,
    }),
    // Without a source map: it is the one file of ours that a debugger must not pass over, by its name.
    bundle({
      entryPoints: { breakpoint: "engine/breaks/breakpoint.ts" },
      outdir: "dist/engine",
      ...nodeEsm,
      sourcemap: false,
    }),
    bundle({
      entryPoints: {
        "runtime/register": "engine/runtime/register.ts",
        "runtime/loader": "engine/runtime/loader.ts",
        "runtime/monitor": "engine/runtime/monitor.ts",
        "cli/descent": "engine/cli/descent.ts",
      },
      outdir: "dist",
      ...nodeEsm,
      packages: undefined,
      external: ["esbuild"],
      banner: {
        js: `import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);`,
      },
    }),
    bundle({
      entryPoints: {
        "extension/main": "extension/main.ts",
        "extension/terminal": "extension/training/terminal.ts",
        "tsplugin/index": "extension/editor/tsplugin.ts",
      },
      outdir: "dist",
      platform: "node",
      format: "cjs",
      target: "node20",
      outExtension: { ".js": ".cjs" },
      external: ["vscode"],
      keepNames: true,
      // The TypeScript server takes a plugin's module.exports itself, which no ES module syntax can say.
      logOverride: { "commonjs-variable-in-esm": "silent" },
    }),
    bundle({
      entryPoints: {
        dashboard: "webviews/views/dashboard/main.ts",
        inspector: "webviews/views/inspector/main.ts",
      },
      outdir: "dist/webviews",
      platform: "browser",
      format: "iife",
      target: "es2022",
      minify: true,
      loader: { ".css": "css" },
    }),
  ]);
  cpSync("extension/samples", "dist/samples", { recursive: true });
}

/** The fields of package.json that the table in extension/contributions.ts decides. */
async function manifest() {
  const entryPoints = { manifest: "extension/contributions.generate.ts" };
  await bundle({ entryPoints, outdir: "dist/build", ...nodeEsm });
  run(process.execPath, ["dist/build/manifest.mjs"]);
}

/** Declarations of the public package; for editors also Node.js's, because a folder without node_modules has none. */
async function types() {
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "engine/tsconfig.types.json"]);
  // What extension/editor/tsplugin.ts resolves to. A project's own @types/node comes first, then the copy beside this file.
  writeFileSync(
    "dist/types/editor.d.ts",
    `/// <reference types="node" />\n/// <reference lib="esnext.disposable" />\nexport * from "./engine/index.js";\n`,
  );
  for (const name of ["@types/node", "undici-types"]) {
    cpSync(`node_modules/${name}`, `dist/types/node_modules/${name}`, { recursive: true });
  }
}

/** Every test file, bundled for node:test; `descent` stays an import by name. */
async function tests() {
  const files = listFiles("test").filter((file) => file.endsWith(".test.ts"));
  rmSync("dist/test", { recursive: true, force: true });
  await bundle({ entryPoints: files, outdir: "dist/test", outbase: "test", ...nodeEsm });
}

/** Types, lint and format, without running anything; says all that is wrong before it fails. */
async function check() {
  const results = [
    ...["engine", "extension", "webviews", "test"].map((folder) => node("typescript/bin/tsc", "-p", folder)),
    node("eslint/bin/eslint.js", "--max-warnings", "0", "."),
    node("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."),
    checkNativeFormat(),
  ];
  if (results.includes(false)) process.exit(1);

  function node(tool, ...args) {
    return spawnSync(process.execPath, [`node_modules/${tool}`, ...args], { stdio: "inherit" }).status === 0;
  }
}

/** Other releases of clang-format lay a few things out differently, so that only the one we use may judge. */
function checkNativeFormat() {
  const release = 14;
  const version = spawnSync("clang-format", ["--version"], { encoding: "utf8" }).stdout ?? "";
  if (Number(/version (\d+)/.exec(version)?.[1]) !== release) {
    console.log(`clang-format ${release} is not installed: the layout of native/ was not checked`);
    return true;
  }
  const files = listFiles("native").filter(
    (file) => /\.(cpp|h)$/.test(file) && !file.startsWith("native/build"),
  );
  return spawnSync("clang-format", ["--dry-run", "--Werror", ...files], { stdio: "inherit" }).status === 0;
}

async function packageExtension() {
  await all();
  run(process.execPath, ["extension/start/package.mjs"]);
}

async function bundle(options) {
  await build({ bundle: true, sourcemap: true, logLevel: "warning", ...options });
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(root, entry.parentPath, entry.name)));
}

function isNewer(a, b) {
  return statSync(a).mtimeMs > statSync(b).mtimeMs;
}

function run(command, args) {
  try {
    execFileSync(command, args, { stdio: "inherit" });
  } catch (error) {
    process.exit(typeof error.status === "number" && error.status !== 0 ? error.status : 1);
  }
}
