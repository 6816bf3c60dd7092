// What runs inside the editor's terminal: it starts a training once, and stays until a key is pressed.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runArguments, writeLaunch } from "../../extension/training/launch.js";
import { root } from "../root.js";
import { until } from "./records.js";

const program = join(root, "dist/extension/terminal.cjs");
assert.ok(existsSync(program), "run 'npm run build' first");
const home = realpathSync(mkdtempSync(join(tmpdir(), "descent-terminal-")));
after(() => {
  rmSync(home, { recursive: true });
});

const script = join(home, "says.mjs");
writeFileSync(
  script,
  'console.log("in", process.cwd(), process.argv.slice(2).join(" ")); process.exitCode = 3;\n',
);

/** Starts the terminal's program; a key is pressed once it has printed `last`. */
async function open(launch: string, last: string): Promise<{ printed: string; code: number | null }> {
  const child = spawn(process.execPath, [program, launch], { stdio: ["pipe", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  await until(() => printed.includes(last), last);
  assert.equal(child.exitCode, null, "it waits");
  child.stdin.write("x");
  return { printed, code: await ended };
}

test("a launch is started once: in its folder, with its arguments; a restored terminal starts nothing", async () => {
  const launch = await writeLaunch(home, { program: script, args: ["--epochs", "3"], cwd: home });
  const first = await open(launch, "Press any key");
  assert.match(first.printed, new RegExp(`in ${home} --epochs 3`));
  assert.match(first.printed, /ended with exit code 3\./);
  assert.equal(first.code, 0);
  assert.ok(!existsSync(launch));
  const second = await open(launch, "Press any key");
  assert.match(second.printed, /does not start again by itself/);
  assert.doesNotMatch(second.printed, /--epochs/);
});

test(
  "a closed terminal waits for nobody once its training has stopped, however that ended",
  { skip: process.platform === "win32" && "Windows has no such signals" },
  async () => {
    const tidy = join(home, "tidy.mjs");
    writeFileSync(
      tidy,
      'process.on("SIGHUP", () => process.exit(129)); setInterval(() => {}, 1000); console.log("ready");\n',
    );
    const launch = await writeLaunch(home, { program: tidy, args: [], cwd: home });
    const child = spawn(process.execPath, [program, launch], { stdio: ["pipe", "pipe", "inherit"] });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    await until(() => printed.includes("ready"), "the training runs");
    child.kill("SIGHUP");
    await until(() => child.exitCode !== null, "the terminal's program ends");
    assert.doesNotMatch(printed, /Press any key/);
  },
);

test(
  "a launch file is for this user only",
  { skip: process.platform === "win32" && "Windows has no file modes" },
  async () => {
    const launch = await writeLaunch(join(home, "new"), { program: script, args: [], cwd: home });
    assert.equal(statSync(launch).mode & 0o077, 0);
  },
);

test("the command for a run", () => {
  const run = { script: "/p/train.ts", workspace: "/p", device: "", args: [] };
  assert.deepEqual(runArguments(run), ["run", "--workspace", "/p", "/p/train.ts"]);
  assert.deepEqual(runArguments({ ...run, device: "gpu", args: ["--epochs", "3"] }), [
    ...["run", "--workspace", "/p", "--device", "gpu", "/p/train.ts", "--", "--epochs", "3"],
  ]);
});
