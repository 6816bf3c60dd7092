// What the packaged extension contains, what it does not, and how large it may be. `npm test` packages before this runs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { editorPaths } from "../extension/start/editor.mjs";
import { root } from "./root.js";

interface Manifest {
  name: string;
  version: string;
  main: string;
  dependencies: Record<string, string>;
  devDependencies?: unknown;
  scripts?: unknown;
  contributes: {
    typescriptServerPlugins?: { name: string }[];
    commands: { command: string; icon?: string }[];
  };
}

const source = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const target = `${process.platform}-${process.arch}`;
const vsix = join(root, `dist/vsix/descent-${source.version}-${target}.vsix`);
const megabyte = 1 << 20;

describe("the package", () => {
  const entries = readZip(vsix);
  const names = [...entries.keys()];
  const text = (name: string): string => entries.get(`extension/${name}`)!().toString("utf8");
  const manifest = JSON.parse(text("package.json")) as Manifest;

  test("has everything that runs, and the addon of this platform", () => {
    for (const name of [
      "dist/extension/main.cjs",
      "dist/engine/index.mjs",
      "dist/types/engine/index.d.ts",
      "dist/runtime/register.mjs",
      "dist/runtime/loader.mjs",
      "dist/runtime/monitor.mjs",
      "dist/cli/descent.mjs",
      "dist/native/descent.node",
      "dist/webviews/dashboard.js",
      "dist/webviews/inspector.js",
      "dist/webviews/inspector.css",
      "dist/samples/digits/train.ts",
      "dist/samples/digits/digits.bin",
      "node_modules/esbuild/lib/main.js",
      `node_modules/@esbuild/${target}/bin/esbuild`,
      "node_modules/descent-typescript-plugin/package.json",
      "LICENSE.txt",
      "readme.md",
      "changelog.md",
    ]) {
      assert.ok(names.includes(`extension/${name}`), `${name} is missing`);
    }
  });

  test("has every file that its manifest names", () => {
    assert.ok(names.includes(`extension/${manifest.main.replace(/^\.\//, "")}`));
    const plugins = manifest.contributes.typescriptServerPlugins ?? [];
    assert.ok(plugins.length > 0, "no TypeScript plugin is contributed");
    for (const plugin of plugins)
      assert.ok(names.includes(`extension/node_modules/${plugin.name}/package.json`));
    for (const match of JSON.stringify(manifest.contributes).matchAll(/"([\w./-]+\.(?:svg|png|md|json))"/g)) {
      assert.ok(names.includes(`extension/${match[1]!.replace(/^\.\//, "")}`), match[1]);
    }
  });

  test("has no sources, tests, maps, development packages or scripts", () => {
    const unwanted = names
      .filter((name) => !name.startsWith("extension/dist/samples/")) // projects, with what a project has
      .filter((name) => /\.map$|\.(cpp|h|gyp)$|\/test\/|\/webviews\/.*\.ts$|tsconfig|eslint/.test(name));
    assert.deepEqual(unwanted, []);
    assert.equal(manifest.devDependencies, undefined);
    assert.equal(manifest.scripts, undefined);
    const modules = new Set(
      names.map((name) => /^extension\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1]).filter(Boolean),
    );
    assert.deepEqual([...modules].sort(), [`@esbuild/${target}`, "descent-typescript-plugin", "esbuild"]);
  });

  test("is small: at most 15 MB to download, 40 MB installed", () => {
    const installed = names.reduce((sum, name) => sum + entries.get(name)!().length, 0);
    assert.ok(statSync(vsix).size < 15 * megabyte, `${(statSync(vsix).size / megabyte).toFixed(1)} MB`);
    assert.ok(installed < 40 * megabyte, `${(installed / megabyte).toFixed(1)} MB`);
  });
});

describe("the package, unpacked elsewhere", () => {
  const folder = mkdtempSync(join(tmpdir(), "descent-package-"));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  for (const [name, unpack] of readZip(vsix)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), unpack(), { mode: name.includes("/bin/") ? 0o755 : 0o644 });
  }
  const cli = join(folder, "extension/dist/cli/descent.mjs");

  const otherNode = editorPaths().node;
  const run = (node: string, project: string, ...args: string[]): string =>
    execFileSync(node, [cli, ...args], { cwd: project, encoding: "utf8" });

  /** Trains a script in an empty folder, with no node_modules there, and returns what was recorded. */
  function train(node: string, script: string): Shown {
    const project = mkdtempSync(join(folder, "project-"));
    writeFileSync(join(project, "train.ts"), script);
    run(node, project, "run", "train.ts");
    assert.deepEqual(readdirSync(project).sort(), [".descent", "train.ts"]);
    const runs = readdirSync(join(project, ".descent/runs"));
    assert.equal(runs.length, 1);
    return JSON.parse(run(node, project, "show", runs[0]!, "--json")) as Shown;
  }

  test("the README's first training runs as it stands, and learns", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const [, script] = Array.from(readme.matchAll(/```ts\n([\s\S]*?)```/g), (match) => match[1]!);
    assert.ok(script !== undefined);
    const { state, steps, series } = train(process.execPath, script);
    assert.deepEqual({ state, steps }, { state: "finished", steps: 2000 });
    const loss = series.find(({ tag }) => tag === "loss")!;
    assert.equal(loss.count, 2000);
    assert.ok(loss.last < 0.2, `the last loss is ${loss.last}`); // the variance of a product of normal numbers is 1
  });

  test(
    "it trains on Node.js 24 too",
    { skip: existsSync(otherNode) ? false : "VS Code for the browser, which brings it, is not installed" },
    () => {
      const { state, steps } = train(
        otherNode,
        `import { nn, optim, ones } from "descent";
       const model = new nn.Linear(2, 1);
       const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
       for (let step = 0; step < 5; step++) {
         optimizer.zeroGrad();
         model.forward(ones([4, 2])).square().mean().backward();
         optimizer.step();
       }`,
      );
      assert.deepEqual({ state, steps }, { state: "finished", steps: 5 });
    },
  );
});

interface Shown {
  state: string;
  steps: number;
  series: { tag: string; count: number; last: number }[];
}

/** The files of a zip archive, each to be unpacked when asked for. */
function readZip(file: string): Map<string, () => Buffer> {
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  const entries = new Map<string, () => Buffer>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    const method = bytes.readUInt16LE(at + 10);
    const packed = bytes.readUInt32LE(at + 20);
    const nameLength = bytes.readUInt16LE(at + 28);
    const local = bytes.readUInt32LE(at + 42);
    const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
    entries.set(name, () => {
      const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
      const data = bytes.subarray(start, start + packed);
      return method === 0 ? data : inflateRawSync(data);
    });
    at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}
