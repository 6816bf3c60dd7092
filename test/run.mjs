// `npm test [-- WORD...]`: set-up, build, checks, then every test file (or those whose path has one of the words).
//
// Ends with the line `N passed, N failed` and a non-zero exit status on a failure, or where no test ran. With CI=true a
// skip is a failure too, except one that says "no GPU". The files of `onEveryDevice` run again for each GPU, "engine/half on opencl:0". `--verbose` names each test. What a test prints after `note: ` is shown.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureBrowser } from "../extension/start/browser.mjs";
import { ensureEditor } from "../extension/start/editor.mjs";
import { ensureOpenCl } from "../extension/start/opencl.mjs";
import { SetupError, execute, step } from "../extension/start/progress.mjs";
import { ensureDependencies, root } from "../extension/start/setup.mjs";
import { count, failures, indent, runFiles } from "./files.mjs";

process.chdir(root);
const options = process.argv.slice(2);
const words = options.filter((option) => !option.startsWith("--"));
const isSelected = (name) => words.length === 0 || words.some((word) => name.includes(word));
/** What holds on every device, by the name of the file: these run once more with each GPU as the default device. */
const onEveryDevice = [
  "autograd-programs",
  "half",
  "lstm.training",
  "nn",
  "nn.gpt",
  "nn.modules",
  "nn.planes",
  "nn.resnet",
  "nn.utils",
  "nn-criteria",
  "ops.arithmetic",
  "ops.edges",
  "ops.elementwise",
  "ops.promotion",
  "ops.reference",
  "ops.sets",
  "ops.table",
  "ops.training.reference",
  "optim",
  "optim.reference",
  "recurrent",
  "samples",
];
/** Processes that inherit this and outlive the tests are leftovers. */
const mark = `${process.pid}-${Date.now()}`;
process.env.DESCENT_TEST_RUN = mark;

await main();
endLeftovers();
if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ✗ ${name}`).join("\n")}`);
if (count.passed + count.failed === 0) console.log(`\nNo test has '${words.join("' or '")}' in its path.`);
console.log(
  `\n${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ""}`,
);
process.exit(count.failed > 0 || count.passed === 0 ? 1 : 0);

async function main() {
  try {
    await ensureDependencies();
    await step("Building", () =>
      execute(process.execPath, ["esbuild.mjs", "all"], { advice: "Mend the build first." }),
    );
    await step("Bundling the tests", () => execute(process.execPath, ["esbuild.mjs", "tests"]));
  } catch (error) {
    fail("build", error);
    return;
  }
  if (isSelected("check")) {
    await asTest("types, lint and format", () => execute(process.execPath, ["esbuild.mjs", "check"]));
  }
  const files = readdirSync("dist/test", { recursive: true })
    .filter((file) => file.endsWith(".test.mjs") && isSelected(file))
    .map((file) => join("dist/test", file))
    .sort();
  const needsEditor = files.filter((file) => /^dist.test.editor/.test(file));
  const needsPackage = files.filter((file) => /package\.test/.test(file));
  const needsBrowser = files.filter((file) => /^dist.test.webviews/.test(file));
  let gpus = [];
  try {
    gpus = await ensureOpenCl();
    if (needsEditor.length + needsBrowser.length > 0) await ensureBrowser();
    if (needsEditor.length + needsPackage.length > 0) {
      await step("Packaging the extension", () => execute(process.execPath, ["extension/start/package.mjs"]));
    }
    if (needsEditor.length > 0) await ensureEditor();
  } catch (error) {
    fail("set-up for the tests on a GPU and in an editor", error);
  }
  const others = files.filter((file) => !needsEditor.includes(file));
  if (others.length > 0) await runFiles(others, { concurrency: 2, timeout: 10 * 60_000 });
  await runOnGpus(gpus);
  if (needsEditor.length > 0) await runFiles(needsEditor, { concurrency: 1, timeout: 20 * 60_000 });
}

/** The op table, the recorded cases and training, with every GPU in turn as the default device. */
async function runOnGpus(gpus) {
  const all = onEveryDevice.map((name) => `dist/test/engine/${name}.test.mjs`);
  if (gpus.length === 0) {
    const reason = "there is no GPU and no PoCL; as root on Debian this installs PoCL";
    console.log(`skipped ${all.length} test files on a GPU: ${reason}`);
    if (process.env.CI === "true") fail("tests on a GPU", new SetupError(reason));
    else count.skipped += all.length;
  }
  for (const gpu of gpus) {
    const files = all.filter((file) => isSelected(`gpu ${file} on ${gpu}`));
    process.env.DESCENT_DEVICE = gpu;
    if (files.length > 0) await runFiles(files, { concurrency: 2, timeout: 10 * 60_000 }, ` on ${gpu}`);
    delete process.env.DESCENT_DEVICE;
  }
}

async function asTest(name, work) {
  try {
    await step(name, work);
    count.passed++;
  } catch (error) {
    fail(name, error);
  }
}

function fail(name, error) {
  count.failed++;
  failures.push(name);
  console.log(indent(error instanceof SetupError ? error.message : String(error.stack)));
}

/** Ends, by id, what the tests started and left running. */
function endLeftovers() {
  if (process.platform !== "linux") return;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (!readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(`DESCENT_TEST_RUN=${mark}`))
        continue;
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      console.log(`Left running by a test, ended now: ${pid} ${command.slice(0, 120)}`);
      process.kill(pid, "SIGKILL");
    } catch {
      // gone, or not ours to see
    }
  }
}
