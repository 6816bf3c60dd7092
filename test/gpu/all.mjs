// What test/gpu/all does: for each GPU the engine's tests on it, the memory checker on a sample of the kernels, training, and the
// benchmark beside PyTorch; figures go to test/bench/results with the date and the hardware. Ends with one line for each part,
// and fails where one failed. Where there is no GPU it says so and is content; `--on=opencl:0` makes a dry run on PoCL.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
process.chdir(root);
const { values: options } = parseArgs({
  options: {
    on: { type: "string" },
    quick: { type: "boolean", default: false },
    results: { type: "string", default: join(root, "test/bench/results") },
  },
});
/** Tests that run on whichever device is the default one. */
const tests = [
  "ops.elementwise",
  "ops.table",
  "ops.reference",
  "ops.arithmetic",
  "nn.modules",
  "optim.reference",
];
const quickTests = ["optim.reference"];
const parts = [];

await main();

async function main() {
  if (!existsSync("dist/native/descent.node") || !existsSync("dist/test/engine")) {
    console.log("There is no build: run 'npm run build' and 'node esbuild.mjs tests' first.");
    process.exit(1);
  }
  makeModules();
  const { devices } = await import("descent");
  const all = devices().filter(({ kind }) => kind !== "cpu");
  for (const { name, description, usable, backend, reason } of all)
    console.log(`${name}: ${description} ${usable ? backend : `cannot be used: ${reason}`}`);
  const wanted = options.on?.split(",");
  const found = all.filter(
    ({ name, usable, description }) =>
      usable && (wanted ? wanted.includes(name) : !/^(pthread|cpu)-/.test(description)),
  );
  if (found.length === 0) {
    console.log(wanted ? `${options.on} is not here` : "no GPU");
    process.exit(wanted ? 1 : 0);
  }
  for (const device of found) await checkDevice(device);
  console.log(
    `\n${parts.map(({ what, isDone, note }) => `${isDone ? "passed" : "FAILED"}  ${what}${note}`).join("\n")}`,
  );
  process.exit(parts.every(({ isDone }) => isDone) ? 0 : 1);
}

async function checkDevice({ name, kind, description, backend }) {
  const environment = { ...process.env, DESCENT_DEVICE: name };
  for (const file of options.quick ? quickTests : tests) {
    const path = `dist/test/engine/${file}.test.mjs`;
    if (!existsSync(path)) {
      part(`${file} on ${name}`, false, `: there is no ${path}`);
      continue;
    }
    const limits = [`--test-concurrency=${availableParallelism()}`];
    const ended = run(process.execPath, ["--test", ...limits, path], environment);
    const count = (word) => Number(new RegExp(`^(?:#|ℹ) ${word} (\\d+)`, "m").exec(ended.out)?.[1] ?? 0);
    part(`${file} on ${name}`, ended.isDone, `: ${count("pass")} passed, ${count("fail")} failed`);
    if (!ended.isDone) console.log(failures(ended.out));
  }
  if (kind === "cuda") checkMemory(environment);
  train(name, environment);
  mkdirSync(options.results, { recursive: true });
  const day = new Date().toISOString().slice(0, 16);
  const card = `${description} ${name}`.replaceAll(/[^\w.]+/g, "-").slice(0, 60);
  const file = join(options.results, `gpu-${day.slice(0, 10)}-${card}.txt`);
  const machine = `${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}`;
  writeFileSync(file, `${day}Z, ${description}, ${backend}, ${machine}\n`);
  const words = [`--device=${name}`, `--save=${file}`, ...(options.quick ? ["--quick"] : [])];
  const ended = run(process.execPath, ["test/bench/gpu.mjs", ...words], process.env);
  console.log(ended.out);
  part(`benchmark on ${name}`, ended.isDone, `: ${file}`);
}

/** CUDA modules, where the build had no compiler and this machine has one. */
function makeModules() {
  const folder = "dist/native/gpu";
  if (existsSync(folder) && readdirSync(folder).length > 0) return;
  console.log(run(process.execPath, ["native/device/gpu/cuda/compile.mjs"], process.env).out.trim());
}

/** A sample of the kernels under the memory checker and the race checker. */
function checkMemory(environment) {
  if (spawnSync("compute-sanitizer", ["--version"]).status !== 0) {
    console.log("compute-sanitizer is not installed: the kernels' memory was not checked");
    return;
  }
  for (const tool of ["memcheck", "racecheck", "synccheck"]) {
    const words = ["--tool", tool, "--error-exitcode", "9", process.execPath, "test/gpu/sample.mjs"];
    const ended = run("compute-sanitizer", words, environment);
    part(`compute-sanitizer ${tool}`, ended.isDone, "");
    if (!ended.isDone) console.log(ended.out.slice(-3000));
  }
}

/** The digits sample as a user starts it, in a folder of its own. */
function train(name, environment) {
  const folder = mkdtempSync(join(tmpdir(), "descent-gpu-"));
  try {
    cpSync("extension/samples/digits", folder, { recursive: true });
    const ended = run(
      process.execPath,
      [join(root, "dist/cli/descent.mjs"), "run", "train.ts", "--device", name],
      environment,
      folder,
    );
    const accuracy =
      [...ended.out.matchAll(/(\d+(?:\.\d+)?) ?%/g)].map(([, percent]) => Number(percent)).at(-1) ?? 0;
    part(`training the digits sample on ${name}`, ended.isDone && accuracy > 90, `: ${accuracy} %`);
    if (!ended.isDone || accuracy <= 90) console.log(ended.out.slice(-2000));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(program, words, env, cwd = root) {
  const ended = spawnSync(program, words, { cwd, env, encoding: "utf8", maxBuffer: 1 << 28 });
  return {
    isDone: ended.status === 0,
    out: `${ended.stdout ?? ""}${ended.stderr ?? ""}${ended.error ?? ""}`,
  };
}

function failures(out) {
  const lines = out.split("\n").filter((line) => /^\s*(not ok|✖)|error: /.test(line));
  return lines.slice(0, 40).join("\n");
}

function part(what, isDone, note) {
  parts.push({ what, isDone, note });
  console.log(`${isDone ? "passed" : "FAILED"}  ${what}${note}`);
}
