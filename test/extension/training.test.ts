// Starting a training, with an editor and a run store that the test holds in its hand.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { RunRecord } from "../../engine/protocol.js";
import { DebugProvider } from "../../extension/debug/provider.js";
import { TrainingLens } from "../../extension/editor/codeLens.js";
import { Problems } from "../../extension/editor/problems.js";
import type { Dashboards } from "../../extension/panels/dashboards.js";
import { RunRegistry } from "../../extension/runs/registry.js";
import { Settings } from "../../extension/settings.js";
import { ExpectedRuns } from "../../extension/training/expected.js";
import type { Launch } from "../../extension/training/launch.js";
import type { NodeSurroundings } from "../../extension/training/node.js";
import { Outcomes } from "../../extension/training/outcomes.js";
import { findScript } from "../../extension/training/script.js";
import { Trainer } from "../../extension/training/trainer.js";
import { FakeEditor, parts } from "./fakeEditor.js";
import { progress, record, until } from "./records.js";

const storage = mkdtempSync(join(tmpdir(), "descent-training-"));
after(() => {
  rmSync(storage, { recursive: true });
});

const source = 'import { nn } from "descent";\n';

/** An extension around a fake editor; `put` writes a run's record as the run store would show it. */
function open(
  fake: FakeEditor,
  { programs = { "/usr/bin/node": "v22.0.0" } }: { programs?: Record<string, string> } = {},
) {
  const editor = fake.api;
  const records = new Map<string, RunRecord>();
  const runs = new RunRegistry({
    list: (root) => Promise.resolve([...records.keys()].filter((folder) => folder.startsWith(`${root}/`))),
    read: (folder) => Promise.resolve(records.get(folder) ?? null),
    connect: () => Promise.reject(new Error("no socket")),
    kill: () => Promise.resolve(false),
    rename: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  });
  const settings = new Settings(editor);
  const watched: string[] = [];
  const watch = (folder: string): Promise<void> => {
    watched.push(folder);
    return Promise.resolve();
  };
  const surroundings: NodeSurroundings = {
    version: (path) => (programs[path] ? Promise.resolve(programs[path]) : Promise.reject(new Error("none"))),
    exists: (path) => Promise.resolve(path in programs),
    ...{ env: { PATH: "/usr/bin" }, platform: "linux", own: null },
  };
  const expected = new ExpectedRuns([], () => undefined);
  const trainer = new Trainer({ editor, settings, runs, expected, surroundings, parts, storage, watch });
  const dashboards: string[] = [];
  new Outcomes({
    ...{ editor, settings, runs, expected },
    problems: new Problems(editor),
    dashboards: { open: (folder: string) => dashboards.push(folder) } as unknown as Dashboards,
  });
  const debug = new DebugProvider({
    ...{ editor, settings, trainer, expected, watch },
    breakWhen: { conditions: { nan: false, infinity: false, conditions: [] } },
  });
  const put = async (changes: Partial<RunRecord>): Promise<void> => {
    const id = changes.id ?? "a";
    records.set(`/project/.descent/runs/${id}`, record({ startTime: Date.now(), ...changes, id }));
    await runs.touch(`/project/.descent/runs/${id}`);
  };
  const run = async (): Promise<void> => {
    try {
      await trainer.run(await findScript(editor, undefined));
    } catch (error) {
      trainer.report(error);
    }
  };
  return { editor, runs, trainer, settings, watched, dashboards, debug, put, run };
}

function launchOf(fake: FakeEditor): Launch {
  const [program, file] = fake.terminals.at(-1)!.shellArgs;
  assert.equal(program, parts.terminal);
  return JSON.parse(readFileSync(file!, "utf8")) as Launch;
}

describe("Run Training", () => {
  test("starts 'descent run' in a terminal of its own, in the workspace folder", async () => {
    const fake = new FakeEditor();
    fake.open("/project/src/train.ts", source);
    const { run } = open(fake);
    await run();
    const [terminal] = fake.terminals;
    assert.deepEqual(
      [terminal?.name, terminal?.shellPath, terminal?.cwd],
      ["Train train.ts", "/usr/bin/node", "/project"],
    );
    assert.deepEqual(launchOf(fake), {
      program: parts.cli,
      args: ["run", "--workspace", "/project", "/project/src/train.ts"],
      cwd: "/project",
    });
  });

  test("passes the device of the settings on", async () => {
    const fake = new FakeEditor();
    fake.settings["descent.run.device"] = "opencl:0";
    fake.open("/project/train.ts", source);
    await open(fake).run();
    assert.deepEqual(launchOf(fake).args, [
      "run",
      "--workspace",
      "/project",
      "--device",
      "opencl:0",
      "/project/train.ts",
    ]);
  });

  test("a file outside the workspace, or with no folder open, runs in its own folder", async () => {
    for (const folder of [null, "/elsewhere"]) {
      const fake = new FakeEditor();
      fake.folder = folder;
      fake.open("/project/train.ts", source);
      const { run, watched } = open(fake);
      await run();
      assert.equal(launchOf(fake).cwd, "/project");
      assert.deepEqual(watched, ["/project"]);
    }
  });

  test("an untitled script is saved first, under the name the user gives it", async () => {
    const fake = new FakeEditor();
    fake.savesTo = "/project/new.ts";
    fake.open("untitled:Untitled-1", source);
    await open(fake).run();
    assert.deepEqual(launchOf(fake).args, ["run", "--workspace", "/project", "/project/new.ts"]);
  });

  test("while a dashboard has the focus, the script on screen that trains is meant", async () => {
    const fake = new FakeEditor();
    fake.visible = [fake.open("/project/plain.ts", "1;"), fake.open("/project/train.ts", source)];
    fake.active = undefined;
    await open(fake).run();
    assert.deepEqual(launchOf(fake).args.at(-1), "/project/train.ts");
  });

  test("one sentence for each reason not to start", async () => {
    const rows: [(fake: FakeEditor) => void, RegExp][] = [
      [() => undefined, /^Open the script that trains/],
      [(fake) => fake.open("untitled:Untitled-1", source), /^The script has no file yet: save it/],
      [
        (fake) => fake.open("/project/notes.md", "", { languageId: "markdown" }),
        /'notes\.md' is not a TypeScript/,
      ],
      [
        (fake) => {
          fake.isTrusted = false;
          fake.open("/project/train.ts", source);
        },
        /until you trust the folder/,
      ],
    ];
    for (const [arrange, sentence] of rows) {
      const fake = new FakeEditor();
      arrange(fake);
      await open(fake).run();
      assert.equal(fake.terminals.length, 0);
      assert.equal(fake.shown.length, 1);
      assert.match(fake.shown[0]!.text, sentence);
    }
  });

  test("without a Node.js it offers the setting", async () => {
    const fake = new FakeEditor();
    fake.answer = "Open Settings";
    fake.open("/project/train.ts", source);
    await open(fake, { programs: {} }).run();
    assert.deepEqual(fake.shown[0]?.actions, ["Open Settings"]);
    await until(() => fake.executed.some((call) => call[1] === "descent.nodePath"));
  });

  test("the terminal of the last, ended run is replaced; while it trains, nothing starts unasked", async () => {
    const fake = new FakeEditor();
    fake.open("/project/train.ts", source);
    const { run, put } = open(fake);
    await run();
    await put({ state: "running", socket: null });
    await run();
    assert.equal(fake.terminals.length, 1);
    assert.match(fake.shown.at(-1)!.text, /'train\.ts' is still training/);
    await put({ state: "stopped" });
    await run();
    assert.deepEqual(
      fake.terminals.map((terminal) => terminal.isDisposed),
      [true, false],
    );
  });
});

describe("a run that was started here", () => {
  test("opens its dashboard when it appears, once", async () => {
    const fake = new FakeEditor();
    fake.open("/project/train.ts", source);
    const { run, put, dashboards } = open(fake);
    await put({ id: "earlier", startTime: 5, state: "finished" });
    await run();
    await put({ id: "a" });
    await put({ id: "a", progress: progress({ step: 2 }) });
    await put({ id: "other", script: "/project/other.ts" });
    assert.deepEqual(dashboards, ["/project/.descent/runs/a"]);
  });

  test("does not, where the setting says so", async () => {
    const fake = new FakeEditor();
    fake.settings["descent.dashboard.openOnRun"] = false;
    fake.open("/project/train.ts", source);
    const { run, put, dashboards } = open(fake);
    await run();
    await put({});
    assert.deepEqual(dashboards, []);
  });

  test("says its error with a way to the line, and marks the line until the script is run or edited", async () => {
    const fake = new FakeEditor();
    fake.answer = "Open";
    const document = fake.open("/project/train.ts", source);
    const { run, put } = open(fake);
    await run();
    const location = { file: "/project/train.ts", line: 8, column: 9 };
    const error = { name: "DescentError", message: "linear: inner sizes differ", location, stack: "" };
    await put({ state: "failed", exitCode: 1, error });
    assert.deepEqual(fake.shown.at(-1), {
      level: "error",
      text: "train.ts, line 8: linear: inner sizes differ",
      actions: ["Open"],
    });
    await until(() => fake.opened.length > 0);
    assert.deepEqual(fake.opened, [{ file: "/project/train.ts", line: 8 }]);
    assert.deepEqual(fake.problems.get("/project/train.ts"), [
      { message: "linear: inner sizes differ", line: 8 },
    ]);
    fake.edits.fire({ document, contentChanges: [{}] });
    assert.equal(fake.problems.size, 0);
  });

  test("says its note when there was nothing to record, and nothing when all went well", async () => {
    const fake = new FakeEditor();
    fake.open("/project/train.ts", source);
    const { run, put } = open(fake);
    await run();
    await put({ id: "a", state: "finished", note: "The script never called backward()." });
    assert.deepEqual(fake.shown.at(-1), {
      level: "info",
      text: "train.ts: The script never called backward().",
      actions: [],
    });
    const before = fake.shown.length;
    await run();
    await put({ id: "b", state: "running" });
    await put({ id: "b", state: "finished" });
    assert.equal(fake.shown.length, before);
  });

  test("a failed run of somebody else's says nothing here", async () => {
    const fake = new FakeEditor();
    const { put } = open(fake);
    await put({ state: "running" });
    await put({ state: "failed", exitCode: 1 });
    assert.deepEqual(fake.shown, []);
  });
});

describe("F5", () => {
  test("with no launch.json: the active script, under js-debug, with the import hook", async () => {
    const fake = new FakeEditor();
    fake.open("/project/train.ts", source);
    const { debug } = open(fake);
    const config = await debug.resolveDebugConfiguration(undefined, {} as never);
    assert.ok(config);
    assert.deepEqual(
      [config.type, config.request, config["program"]],
      ["pwa-node", "launch", "/project/train.ts"],
    );
    assert.deepEqual(config["runtimeArgs"], ["--import", "file:///extension/dist/runtime/register.mjs"]);
    assert.equal(config["runtimeExecutable"], "/usr/bin/node");
  });

  test("a configuration that was resolved already is left as it is", async () => {
    const fake = new FakeEditor();
    fake.open("/project/train.ts", source);
    const { debug } = open(fake);
    const config = await debug.resolveDebugConfiguration(undefined, {} as never);
    assert.ok(config);
    assert.deepEqual(await debug.resolveDebugConfiguration(undefined, config), config);
  });

  test("what cannot be debugged is said and not started", async () => {
    const fake = new FakeEditor();
    const { debug } = open(fake);
    assert.equal(await debug.resolveDebugConfiguration(undefined, {} as never), undefined);
    assert.match(fake.shown[0]!.text, /^Open the script that trains/);
    const attach = { type: "descent", request: "attach", name: "x" };
    assert.equal(await debug.resolveDebugConfiguration(undefined, attach), undefined);
    assert.match(fake.shown[1]!.text, /can launch a script/);
  });

  test("an ordinary script is offered no configuration of ours", () => {
    const fake = new FakeEditor();
    fake.open("/project/plain.ts", "console.log(1);");
    assert.deepEqual(open(fake).debug.provideDebugConfigurations(), []);
  });
});

describe("CodeLens", () => {
  const lenses = (fake: FakeEditor): (string | undefined)[] => {
    const { editor, settings } = open(fake);
    return new TrainingLens(editor, settings)
      .provideCodeLenses(fake.active!)
      .map((lens) => lens.command?.command);
  };

  test("stands above the import of a script that trains", () => {
    const fake = new FakeEditor();
    fake.open("/project/train.ts", `// title\n${source}`);
    assert.deepEqual(lenses(fake), ["descent.runTraining", "descent.debugTraining"]);
  });

  test("is not there for other scripts, when switched off, or without trust", () => {
    const plain = new FakeEditor();
    plain.open("/project/plain.ts", "console.log(1);");
    const off = new FakeEditor();
    off.settings["descent.codeLens.enabled"] = false;
    off.open("/project/train.ts", source);
    const untrusted = new FakeEditor();
    untrusted.isTrusted = false;
    untrusted.open("/project/train.ts", source);
    for (const fake of [plain, off, untrusted]) assert.deepEqual(lenses(fake), []);
  });
});
