// The folders of runs: found, read with a sentence for whatever is wrong, renamed, deleted with care.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { RunRecord } from "../../engine/protocol.js";
import { isProcessAlive, processStart } from "../../engine/store/processes.js";
import { emptyProgress, readRecord, writeRecord } from "../../engine/store/record.js";
import {
  createRunFolder,
  deleteRun,
  findRun,
  findRuns,
  readRun,
  renameEndedRun,
  workspaceOf,
} from "../../engine/store/runs.js";

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "descent-store-")));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function workspace(): string {
  return mkdtempSync(join(scratch, "workspace-"));
}

function recordOf(id: string, more: Partial<RunRecord> = {}): RunRecord {
  return {
    version: 1,
    id,
    name: "digits",
    script: "/x/train.ts",
    args: [],
    cwd: "/x",
    state: "finished",
    startTime: 1000,
    endTime: 2000,
    pid: 1,
    pidStart: null,
    exitCode: 0,
    error: null,
    note: null,
    progress: emptyProgress(),
    config: {},
    summary: {},
    device: "cpu",
    deviceDescription: null,
    socket: null,
    token: null,
    nodeVersion: "20",
    descentVersion: "0",
    findings: [],
    ...more,
  };
}

function add(folder: string, record: RunRecord): string {
  const run = createRunFolder(folder, record.id);
  writeRecord(run, record);
  return run;
}

test("runs are listed newest first, and their folder is kept out of version control", () => {
  const folder = workspace();
  assert.deepEqual(findRuns(folder), { runs: [], broken: [] });
  add(folder, recordOf("a", { startTime: 5 }));
  add(folder, recordOf("b", { startTime: 7 }));
  assert.deepEqual(
    findRuns(folder).runs.map(({ record }) => record.id),
    ["b", "a"],
  );
  assert.ok(existsSync(join(folder, ".descent/.gitignore")));
});

test("a record is read back as it was written, readable by its owner alone", () => {
  const record = recordOf("a", { progress: { ...emptyProgress(), loss: "NaN" }, config: { lr: 0.1 } });
  const run = add(workspace(), record);
  assert.deepEqual(readRecord(run), record);
  if (process.platform !== "win32") assert.equal(statSync(join(run, "run.json")).mode & 0o777, 0o600);
});

test("what is wrong with a record is said in one sentence, and the other runs are listed all the same", () => {
  const folder = workspace();
  add(folder, recordOf("good"));
  const cases: Record<string, [text: string | null, sentence: RegExp]> = {
    empty: ["", /run\.json is not valid JSON/],
    torn: [
      '{"version": 1, "id": "to',
      /run\.json is not valid JSON .*; the run's data beside it is untouched\.$/,
    ],
    list: ["[]", /is not a run record: it holds no object\.$/],
    nothing: ["{}", /'version' or 'id' is missing\.$/],
    newer: [
      '{"version": 2, "id": "x", "state": "running"}',
      /written by a newer Descent \(format 2, this one reads up to 1\); update/,
    ],
    strange: [
      '{"version": 1, "id": "x", "state": "dreaming"}',
      /has the state 'dreaming', which this version does not know/,
    ],
    missing: [null, /run\.json does not exist\.$/],
  };
  for (const [name, [text]] of Object.entries(cases)) {
    const run = createRunFolder(folder, name);
    if (text !== null) writeFileSync(join(run, "run.json"), text);
  }
  const { runs, broken } = findRuns(folder);
  assert.deepEqual(
    runs.map(({ record }) => record.id),
    ["good"],
  );
  assert.equal(broken.length, Object.keys(cases).length);
  for (const { folder: run, problem } of broken) assert.match(problem, cases[run.split(/[\\/]/).at(-1)!]![1]);
  assert.throws(() => findRun(folder, "torn"), /not valid JSON/);
});

test("fields that are missing or of another type get the value for 'not known', unknown ones are kept", () => {
  const run = createRunFolder(workspace(), "old");
  const text = {
    version: 1,
    id: "old",
    state: "finished",
    name: 5,
    config: null,
    progress: { step: 3 },
    later: "kept",
  };
  writeFileSync(join(run, "run.json"), JSON.stringify(text));
  const record = readRecord(run) as RunRecord & { later: string };
  assert.deepEqual(
    [record.name, record.config, record.progress.step, record.progress.loss],
    ["old", {}, 3, null],
  );
  assert.equal(record.later, "kept");
});

test("a live run is lost when its process is gone or is another one", () => {
  const folder = workspace();
  const live = { state: "running", pid: process.pid, pidStart: processStart(process.pid) } as const;
  assert.equal(readRun(add(folder, recordOf("alive", live))).record.state, "running");
  if (process.platform === "linux") {
    assert.equal(
      readRun(add(folder, recordOf("reused", { ...live, pidStart: "another:1" }))).record.state,
      "lost",
    );
  }
  const gone = readRun(
    add(folder, recordOf("gone", { ...live, pid: 2 ** 22 + 1, socket: "/s", token: "t" })),
  ).record;
  assert.deepEqual([gone.state, gone.socket, gone.token], ["lost", null, null]);
  assert.match(gone.note!, /without a word before its first step/);
  assert.ok(isProcessAlive(process.pid, null));
  assert.ok(!isProcessAlive(0, null));
});

test("a run is named by its id, the beginning of it, or its name", () => {
  const folder = workspace();
  assert.throws(() => findRun(folder, "x"), /There are no runs in/);
  add(folder, recordOf("20261123-a", { name: "one" }));
  add(folder, recordOf("20261123-b", { name: "two" }));
  add(folder, recordOf("20261123-b2", { name: "two" }));
  assert.equal(findRun(folder, "20261123-a").record.id, "20261123-a");
  assert.equal(findRun(folder, "20261123-b").record.id, "20261123-b", "a whole id wins over a longer one");
  assert.equal(findRun(folder, "one").record.id, "20261123-a");
  assert.equal(findRun(folder, "on").record.id, "20261123-a", "the beginning of a name");
  assert.throws(() => findRun(folder, "tw"), /'tw' means 2 runs/);
  assert.throws(() => findRun(folder, "2026"), /'2026' means 3 runs \(.*\): give more of the id/);
  assert.throws(() => findRun(folder, "two"), /'two' means 2 runs/);
  assert.throws(
    () => findRun(folder, "x"),
    /No run's id or name begins with 'x'; 'descent runs' lists the 3 there are/,
  );
});

test("renaming changes the name alone", () => {
  const run = add(workspace(), recordOf("a"));
  assert.deepEqual(renameEndedRun(run, " new \n name "), { ...recordOf("a"), name: "new name" });
  assert.equal(readRecord(run).name, "new name");
  assert.throws(() => renameEndedRun(run, "  "), /may not be empty/);
  const live = add(workspace(), recordOf("b", { state: "running", pid: process.pid }));
  assert.throws(() => renameEndedRun(live, "x"), /is still running/);
});

test("only a run that has ended is deleted, and nothing else ever", () => {
  const folder = workspace();
  const ended = add(folder, recordOf("a"));
  const live = add(folder, recordOf("b", { state: "paused", pid: process.pid }));
  const broken = createRunFolder(folder, "broken");
  deleteRun(ended);
  deleteRun(broken);
  assert.throws(() => {
    deleteRun(live);
  }, /is still running: stop it before deleting it/);
  assert.deepEqual(
    findRuns(folder).runs.map(({ record }) => record.id),
    ["b"],
  );
  const precious = join(folder, "precious");
  mkdirSync(precious);
  for (const path of [
    precious,
    folder,
    join(folder, ".descent"),
    join(folder, ".descent/runs"),
    join(live, "..", "..", ".."),
  ]) {
    assert.throws(() => {
      deleteRun(path);
    }, /is not a run's folder: nothing was deleted/);
  }
  assert.ok(existsSync(precious));
});

test("the workspace of a folder: where runs are, else an editor's or a repository's root, else the folder", () => {
  const top = workspace();
  const deep = join(top, "a/b");
  mkdirSync(deep, { recursive: true });
  assert.equal(workspaceOf(deep), deep);
  mkdirSync(join(top, ".git"));
  assert.equal(workspaceOf(deep), top);
  mkdirSync(join(top, "a/.vscode"));
  assert.equal(workspaceOf(deep), join(top, "a"));
  createRunFolder(deep, "x");
  assert.equal(workspaceOf(deep), deep);
  assert.equal(workspaceOf(join(top, "a")), join(top, "a"));
});
