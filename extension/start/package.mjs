// Makes dist/vsix/descent-<version>-<platform>.vsix out of what the build left in dist/. `npm run package` builds first.

import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError, execute, reportAndExit } from "./progress.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const stage = join(root, "dist/vsix/stage");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The platform as the Marketplace names it: the addon and esbuild are of one platform each. */
export const target = `${process.platform}-${process.arch}`;
export const vsixFile = join(root, `dist/vsix/descent-${manifest.version}-${target}.vsix`);

/** Folders of dist/ that an installed extension needs. */
const built = ["cli", "engine", "extension", "native", "runtime", "samples", "types", "webviews"];
const documents = ["CHANGELOG.md", "LICENSE", "README.md"];
const plugin = "descent-typescript-plugin";

export async function packageExtension() {
  const missing = [...built, "tsplugin"].filter((folder) => !existsSync(join(root, "dist", folder)));
  if (missing.length > 0)
    throw new SetupError(`dist/ lacks ${missing.join(", ")}: run 'npm run build' first.`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const folder of built) copy(join("dist", folder), join("dist", folder));
  for (const file of documents) copy(file, file);
  copy("extension/media", "extension/media");

  const esbuild = ["esbuild", `@esbuild/${process.platform}-${process.arch}`];
  for (const name of esbuild) copy(`node_modules/${name}`, `node_modules/${name}`);
  // npm leaves a second copy of the binary here; esbuild's API uses the platform package's.
  for (const spare of ["bin", "install.js"])
    rmSync(join(stage, "node_modules/esbuild", spare), { recursive: true, force: true });
  // VS Code finds a TypeScript server plugin in the extension's node_modules, by its name, and nowhere else.
  copy("dist/tsplugin/index.cjs", `node_modules/${plugin}/index.cjs`);
  const version = manifest.version;
  writeJson(`node_modules/${plugin}/package.json`, { name: plugin, version, main: "index.cjs" });

  const { devDependencies: _dev, scripts: _scripts, private: _private, ...shipped } = manifest;
  // vsce asks npm which modules belong in; it lists what stands here.
  shipped.dependencies = { ...manifest.dependencies, [plugin]: version };
  writeJson("package.json", shipped);

  rmSync(vsixFile, { force: true });
  const vsce = join(root, "node_modules/@vscode/vsce/vsce");
  const options = [
    "--target",
    target,
    "--out",
    vsixFile,
    "--allow-missing-repository",
    "--no-rewrite-relative-links",
  ];
  await execute(process.execPath, [vsce, "package", ...options], {
    cwd: stage,
    advice: "Mend what vsce says, then run 'npm run package' again.",
  });
  return vsixFile;
}

/** Copies into the stage, without source maps: their sources are not shipped. */
function copy(from, to) {
  if (!existsSync(join(root, from)))
    throw new SetupError(`${from} is missing: run 'npm ci' and 'npm run build' first.`);
  const isWanted = (file) => !file.endsWith(".map");
  cpSync(join(root, from), join(stage, to), { recursive: true, filter: isWanted });
  const files =
    existsSync(join(stage, to)) && to.startsWith("dist")
      ? readdirSync(join(stage, to), { recursive: true })
      : [];
  for (const name of files) {
    if (!/\.[cm]?js$/.test(name)) continue;
    const file = join(stage, to, name);
    writeFileSync(file, readFileSync(file, "utf8").replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n"));
  }
}

function writeJson(file, value) {
  writeFileSync(join(stage, file), `${JSON.stringify(value, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await packageExtension());
  } catch (error) {
    reportAndExit(error);
  }
}
