// Holds the import rules of ARCHITECTURE.md and the habits that a reader relies on: each rule is one test.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { describe, test } from "node:test";
import { manifestFields } from "../extension/contributions.manifest.js";
import { filesBelow, root } from "./root.js";

const read = (file: string): string => readFileSync(join(root, file), "utf8");

const folders = ["extension", "engine", "native", "webviews", "test"];
const sources = folders
  .flatMap(filesBelow)
  .concat(readdirSync(root).filter((file) => file.endsWith(".mjs")))
  .filter((file) => /\.(ts|mts|mjs|cjs|js|cpp|h|def|cl|cu|css|py|gyp)$/.test(file));
const scripts = sources.filter((file) => /\.(ts|mts|mjs)$/.test(file));

/** Packages that may be bundled into, or loaded by, what each folder builds. */
interface Rule {
  packages: RegExp;
  /** Paths (from the root) that a relative import may lead to. */
  paths: RegExp;
}

const rules: Record<string, Rule> = {
  "extension/samples": { packages: /^(descent|node:.*)$/, paths: /^extension\/samples\// },
  "extension/start": { packages: /^node:/, paths: /^extension\/start\// },
  // Node's own signal handle, for the monitor; engine/runtime/signals.ts says why, and does without where it is missing.
  "engine/runtime/signals.ts": { packages: /^(node:.*|internal\/test\/binding)$/, paths: /^engine\// },
  engine: { packages: /^(node:.*|vscode-jsonrpc(\/.*)?|esbuild)$/, paths: /^engine\// },
  // What may be asked of a tensor is one contract from the process to the page; it has types alone.
  webviews: {
    packages: /^(d3(-.*)?|@vscode\/webview-ui-toolkit)$/,
    paths: /^(webviews\/|engine\/inspection\.js$)/,
  },
  extension: {
    packages: /^(node:.*|vscode|vscode-jsonrpc(\/.*)?|typescript\/lib\/tsserverlibrary(\.js)?|typescript)$/,
    paths:
      /^(extension\/(?!samples|start)|engine\/(protocol|inspection|breaks\/conditions|store|runtime\/client)|webviews\/protocol)/,
  },
};

/** The rule of the nearest folder. Tests may import anything. */
function ruleOf(file: string): Rule | null {
  for (const [folder, rule] of Object.entries(rules)) if (`${file}/`.startsWith(`${folder}/`)) return rule;
  return null;
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");

function importsOf(file: string): string[] {
  const text = withoutComments(read(file));
  const found: string[] = [];
  for (const match of text.matchAll(/^\s*(?:import|export)\s(?:[^;"'`]*?\sfrom\s)?["']([^"']+)["']/gm))
    found.push(match[1]!);
  for (const match of text.matchAll(/\b(?:import|require)\(\s*["']([^"']+)["']\s*\)/g)) found.push(match[1]!);
  return found;
}

describe("imports", () => {
  test("each folder imports only what its rule allows", () => {
    const broken: string[] = [];
    for (const file of scripts) {
      const rule = ruleOf(file);
      if (!rule) continue;
      for (const name of importsOf(file)) {
        const isPath = name.startsWith(".");
        const target = isPath ? posix.join(dirname(file), name) : name;
        if (!(isPath ? rule.paths : rule.packages).test(target)) broken.push(`${file} imports ${name}`);
      }
    }
    assert.deepEqual(broken, []);
  });

  test("vscode is imported in extension/ and its tests alone, the widget toolkit in one file", () => {
    const users = (name: string): string[] => scripts.filter((file) => importsOf(file).includes(name));
    assert.deepEqual(
      users("vscode").filter((file) => !/^(test\/)?extension\//.test(file)),
      [],
    );
    assert.ok(users("@vscode/webview-ui-toolkit").length <= 1);
  });

  test("the addon is loaded in one file of the engine", () => {
    const loaders = scripts.filter(
      (file) => /^(engine|extension|webviews)\//.test(file) && read(file).includes('descent.node"'),
    );
    assert.deepEqual(
      loaders.filter((file) => !file.startsWith("extension/start/")),
      ["engine/native.ts"],
    );
  });

  test("webviews import nothing from Node, the engine imports no DOM types", () => {
    for (const file of scripts.filter((name) => name.startsWith("webviews/"))) {
      assert.ok(!importsOf(file).some((name) => name.startsWith("node:")), file);
    }
    for (const folder of ["engine", "extension"]) assert.doesNotMatch(read(`${folder}/tsconfig.json`), /DOM/);
  });
});

describe("the native core", () => {
  /** Each layer includes itself and those after it. */
  const layers = ["binding", "inspect", "autograd", "ops", "device", "tensor"];
  const files = sources.filter((file) => /^native\/.*\.(cpp|h|def)$/.test(file));
  const includesOf = (file: string): string[] =>
    [...read(file).matchAll(/^\s*#\s*include\s+([<"][^>"]+[>"])/gm)].map((match) => match[1]!);

  test("layers include only those below", () => {
    const broken: string[] = [];
    for (const file of files) {
      const layer = layers.indexOf(file.split("/")[1]!);
      assert.notEqual(layer, -1, `${file} is in no layer`);
      for (const include of includesOf(file).filter((name) => name.startsWith('"'))) {
        const name = include.slice(1, -1);
        const target = posix.join(dirname(file), name);
        if (target === "native/ops/elementwise.def") continue; // data: kernels are made from it
        const other = layers.indexOf(target.split("/")[1]!);
        if (target.startsWith("native/") && other !== -1 && other < layer)
          broken.push(`${file} includes ${name}`);
      }
    }
    assert.deepEqual(broken, []);
  });

  test("nothing above device/ includes a device", () => {
    const broken = files
      .filter((file) => !file.startsWith("native/device/"))
      .filter((file) => file !== "native/binding/process.cpp") // threads and instruction set of the CPU, set from outside
      .flatMap((file) => includesOf(file).map((name) => posix.join(dirname(file), name.slice(1, -1))))
      .filter((target) => /^native\/device\/[^/]+\//.test(target));
    assert.deepEqual(broken, []);
  });

  test("a back end of GPUs is one folder: no code outside names it", () => {
    const registration = /\bRegisteredBackend \w+\("(\w+)"/;
    const backends = files
      .filter((file) => /^native\/device\/gpu\/[^/]+\//.test(file))
      .flatMap((file) => {
        const name = registration.exec(read(file))?.[1];
        return name === undefined
          ? []
          : [{ folder: `${dirname(file)}/`, words: [name, basename(dirname(file))] }];
      });
    assert.ok(backends.length >= 2, "they are found by how they register themselves");
    // What PyTorch has for one kind of devices, by its name.
    const exceptions = ["engine/cuda.ts"];
    const engine = scripts.filter((file) => file.startsWith("engine/") && !exceptions.includes(file));
    const broken = [...files, "native/binding.gyp", ...engine].flatMap((file) => {
      const code = withoutComments(read(file));
      return backends
        .filter(({ folder }) => !file.startsWith(folder))
        .flatMap(({ words }) => words)
        .filter((word) => {
          // The engine's help has examples: code would compare with the whole word.
          if (engine.includes(file)) return new RegExp(`(["'\`])${word}\\1`).test(code);
          // A back end may advise another in its sentences, and borrow its language.
          if (backends.some(({ folder }) => file.startsWith(folder)))
            return includesOf(file).some((name) => name.includes(word));
          return new RegExp(word, "i").test(code);
        })
        .map((word) => `${file} names ${word}`);
    });
    assert.deepEqual([...new Set(broken)], []);
  });

  test("Node-API is included in binding/ alone, vendors' headers in device/gpu alone", () => {
    const broken = files.flatMap((file) =>
      includesOf(file)
        .filter(
          (name) =>
            (/napi|node_api|v8|uv\.h/.test(name) && !file.startsWith("native/binding/")) ||
            (/cuda|CL\/|OpenCL|cublas/.test(name) && !file.startsWith("native/device/gpu/")),
        )
        .map((name) => `${file} includes ${name}`),
    );
    assert.deepEqual(broken, []);
  });
});

describe("every source file", () => {
  test("begins with a comment that says what it is for", () => {
    const silent = sources.filter((file) => {
      const lines = read(file).split("\n");
      const first = lines[0]!.startsWith("#!") ? lines[1]! : lines[0]!;
      return !/^(\/\/|\/\*|#|;)\s*\S.{10,}/.test(first);
    });
    assert.deepEqual(silent, []);
  });

  test("has at most 450 lines", () => {
    const long = sources
      .map((file) => `${file}: ${read(file).split("\n").length}`)
      .filter((line) => Number(/\d+$/.exec(line)![0]) > 451);
    assert.deepEqual(long, []);
  });

  test("names no machine, no registry, no unfinished work", () => {
    const documents = readdirSync(root).filter((file) => /\.(md|json)$/.test(file));
    // Spelled in pieces, or this file would find itself.
    const forbidden = [
      ["/wo", "rk/"],
      ["/ro", "ot/"],
      ["registry\\.npm", "js"],
      ["\\bTO", "DO\\b"],
      ["\\bFIX", "ME\\b"],
      ["\\bXX", "X\\b"],
    ].map((parts) => new RegExp(parts.join("")));
    const found = [...sources, ...documents].flatMap((file) => {
      const text = read(file);
      return forbidden.filter((pattern) => pattern.test(text)).map((pattern) => `${file}: ${pattern.source}`);
    });
    assert.deepEqual(found, []);
  });
});

describe("the layout", () => {
  test("has the five source folders and no other", () => {
    const found = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name)
      .filter((name) => !["node_modules", "dist"].includes(name));
    assert.deepEqual(found.sort(), [...folders].sort());
  });

  const known = new Set(folders.flatMap(filesBelow));
  const missing = (text: string): string[] =>
    [...text.matchAll(/`((?:extension|engine|native|webviews|test)\/[\w./-]+\.\w+)`/g)]
      .map((match) => match[1]!)
      .filter((file) => !known.has(file) && !file.startsWith("engine/generated/"));

  test("package.json has what extension/contributions.ts says", () => {
    const manifest = JSON.parse(read("package.json")) as Record<string, unknown>;
    for (const [field, value] of Object.entries(manifestFields())) {
      assert.deepEqual(
        manifest[field],
        JSON.parse(JSON.stringify(value)),
        `${field} is not up to date: npm run build`,
      );
    }
  });

  test("ARCHITECTURE.md is a map of at most 150 lines, and the files it names exist", () => {
    const text = read("ARCHITECTURE.md");
    assert.ok(text.split("\n").length <= 151);
    assert.deepEqual(missing(text), []);
  });

  test("CONTRIBUTING.md names files that exist", () => {
    assert.deepEqual(missing(read("CONTRIBUTING.md")), []);
  });
});
