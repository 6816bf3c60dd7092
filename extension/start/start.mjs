// `npm start`: set-up, build, then VS Code on the digits sample with its training under way and the dashboard live.
//
// Desktop VS Code where `code` can be used, otherwise VS Code in the browser at a printed address (`--browser` asks for
// that). Everything it makes lies in one temporary folder; Ctrl+C ends the editor and what is left of the training.

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findDesktop, openDesktop } from "./desktop.mjs";
import { ensureEditor, startEditor } from "./editor.mjs";
import { SetupError, execute, reportAndExit, step } from "./progress.mjs";
import { ensureDependencies, root } from "./setup.mjs";

/** Long enough to open the page and watch; the sample's own default is done in some seconds. */
const epochs = Number(process.env.DESCENT_START_EPOCHS ?? 1500);
/** How long training waits for somebody to open the page. */
const patience = Number(process.env.DESCENT_START_PATIENCE ?? 60) * 1000;

/** The training is started from this terminal; its dashboard is to open all the same. */
const settings = { "descent.dashboard.openOnLiveRun": true };

/** Things to end, newest first, when this ends. */
const cleanUps = [];
let isEnding = false;

process.on("SIGINT", () => void end(0));
process.on("SIGTERM", () => void end(0));
process.on("SIGHUP", () => void end(0));

try {
  await main();
} catch (error) {
  if (!isEnding) {
    await cleanUp();
    reportAndExit(error);
  }
}

async function main() {
  const options = process.argv.slice(2);
  const unknown = options.find((option) => option !== "--browser");
  if (unknown) throw new SetupError(`npm start: no option '${unknown}', there is --browser.`);
  await ensureDependencies();
  await step("Building engine, extension and webviews", () =>
    execute(process.execPath, ["esbuild.mjs", "all"], {
      cwd: root,
      advice: "Mend what is named above, then run this again.",
    }),
  );
  let vsix = "";
  await step("Packaging the extension", async () => {
    // Not before the build: what it needs is installed only now.
    const { packageExtension } = await import("./package.mjs");
    vsix = await packageExtension();
  });

  const home = realpathSync(mkdtempSync(join(tmpdir(), "descent-")));
  const sample = join(home, "digits");
  const isOfProject = (file) => !file.endsWith("sample.json"); // that describes the sample to New Project
  cpSync(join(root, "dist/samples/digits"), sample, { recursive: true, filter: isOfProject });
  const script = join(sample, "train.ts");

  const { env, platform } = process;
  const code = options.includes("--browser") ? null : findDesktop({ env, platform, uid: process.getuid?.() });
  if (code) await openDesktop(code, { home, folder: sample, file: script, vsix, settings });
  else await openBrowserEditor({ home, sample, vsix });

  const status = await train(sample);
  console.log(
    status === 0
      ? "\nTraining is done."
      : `\nTraining ended with exit status ${status}: its message stands above.`,
  );
  if (code) console.log(`The sample is yours to change: ${sample}`);
  else console.log(`The editor stays open, the sample lies in ${sample}. Ctrl+C ends the editor.`);
  if (code) process.exit(status);
}

async function openBrowserEditor({ home, sample, vsix }) {
  await ensureEditor();
  const profile = join(home, "editor");
  let editor;
  await step("Starting VS Code", async () => {
    editor = await startEditor({ home: profile, folder: sample, vsix: [vsix], settings });
  });
  cleanUps.push(async () => {
    await editor.stop();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  editor.process.on("exit", () => {
    if (!isEnding) void end(1, "The editor ended by itself; run npm start again.");
  });
  console.log(`\nOpen in a browser:  ${editor.url}\n`);
  console.log(`Training starts when the page opens, or in ${patience / 1000} s.`);
  await editor.opened(patience);
}

/** Trains in this terminal, as a user would; resolves to the exit status. */
function train(sample) {
  const cli = join(root, "dist/cli/descent.mjs");
  const args = [cli, "run", "train.ts", "--", "--epochs", String(epochs)];
  const child = spawn(process.execPath, args, { cwd: sample, stdio: "inherit" });
  const ended = new Promise((resolve) => child.on("close", (status, signal) => resolve(signal ? 1 : status)));
  cleanUps.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const grace = setTimeout(() => child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(grace);
  });
  return ended;
}

async function cleanUp() {
  isEnding = true;
  for (const work of cleanUps.reverse()) await work();
}

async function end(status, sentence) {
  if (isEnding) return;
  if (sentence) console.error(sentence);
  await cleanUp();
  process.exit(status);
}
