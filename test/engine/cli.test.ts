// The `descent` command as a user types it: output, exit statuses, and one clear sentence for every mistake.

import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { EventFolder } from "../../engine/store/eventFolder.js";
import { connect, heard, start, theRun, until, workspaceWith } from "./processes.js";

interface Ran {
  code: number | NodeJS.Signals;
  out: string;
  err: string;
}

async function cli(folder: string, ...args: string[]): Promise<Ran> {
  const { ended, said } = start(folder, "", { cli: args });
  return { code: await ended, ...said };
}

describe("descent run", { concurrency: 2 }, () => {
  test("records the script under its name and ends with its exit status; arguments go to the script", async () => {
    const script =
      'import { train } from "./engine"; train(4); console.log(process.argv.slice(2).join(" ")); process.exit(9);';
    const folder = workspaceWith({ "some/train.ts": script.replace("./engine", "../engine") });
    const ran = await cli(folder, "run", "some/train.ts", "--name", "first try", "--", "--lr", "0.1");
    assert.equal(ran.code, 9, ran.err);
    assert.equal(ran.out, "--lr 0.1\n");
    const { record } = theRun(folder);
    assert.deepEqual([record.name, record.args, record.state], ["first try", ["--lr", "0.1"], "failed"]);
    assert.match(record.id, /^\d{8}-\d{6}-some-[0-9a-f]{4}$/);
  });

  test("Ctrl+C stops the script once, however often the signal arrives", async () => {
    const script =
      'import { train } from "./engine"; try { train(Infinity, 0.2); } finally { console.log("finally"); }';
    const { folder, child, ended, said } = start(workspaceWith({ "train.ts": script }), "", {
      cli: ["run", "train.ts"],
    });
    const connection = await connect(folder);
    await heard(connection, "a step", ({ state }) => state === "running");
    process.kill(connection.record.pid, "SIGINT"); // as a terminal does, to both
    child.kill("SIGINT");
    assert.equal(await ended, 130);
    assert.equal(said.out, "finally\n");
    assert.equal(theRun(folder).record.state, "stopped");
  });

  test("a debugger is waited for before anything of the script runs", async () => {
    const folder = workspaceWith({ "train.ts": "console.log(1);" });
    const { child, ended, said } = start(folder, "", { cli: ["run", "--inspect-brk=0", "train.ts"] });
    await until("the debugger's address", () => said.err.includes("Debugger listening on ws:"));
    child.kill("SIGTERM");
    assert.equal(await ended, 143);
    assert.equal(said.out, "");
  });

  test("mistakes", async () => {
    const folder = workspaceWith({ "train.ts": "" });
    const cases: [args: string[], sentence: RegExp][] = [
      [["run"], /^descent run: The script to run is missing\.\n$/],
      [["run", "nothing.ts"], /^descent run: There is no script \/.*nothing\.ts\.\n$/],
      [
        ["run", "train.ts", "--nam", "x"],
        /^descent run: There is no option --nam here; there are --device, --name, /,
      ],
      [["runs", "--wat"], /^descent runs: There is no option --wat here; there are --json, --workspace\.\n$/],
      [["run", "train.ts", "--name"], /--name needs a value: --name NAME/],
      [["run", "train.ts", "other.ts"], /'other\.ts' is one argument too many/],
      [["run", "train.ts", "--device", "tpu"], /'tpu' is no device: say cpu, gpu, cuda:0 or opencl:0/],
      [["run", "train.ts", "--inspect-brk=x"], /--inspect-brk takes a port, not 'x'/],
      [["run", "train.ts", "--workspace", "/no/such"], /There is no folder \/no\/such/],
      [["show", "--json=1", "x"], /--json takes no value/],
      [["export", "x"], /Say where to: descent export ID --tensorboard DIR/],
      [["compare", "x"], /Two runs' ids are needed/],
      [
        ["fly"],
        /^descent: There is no command 'fly'; there are run, runs, show, compare, export, devices, doctor\.\n$/,
      ],
    ];
    for (const [args, sentence] of cases) {
      const ran = await cli(folder, ...args);
      assert.equal(ran.code, 2, `${args.join(" ")}: ${ran.err}`);
      assert.match(ran.err, sentence);
      assert.equal(ran.out, "");
    }
  });

  test("help", async () => {
    const folder = workspaceWith({});
    const general = await cli(folder, "--help");
    assert.equal(general.code, 0);
    for (const name of ["run", "runs", "show", "compare", "export", "devices", "doctor"]) {
      assert.match(general.out, new RegExp(`^  descent ${name}`, "m"));
    }
    const one = await cli(folder, "run", "--help");
    assert.match(one.out, /--inspect-brk\[=PORT\] +wait for a debugger/);
    assert.equal((await cli(folder)).code, 2);
  });
});

describe("the store's commands", () => {
  let folder: string;
  let id: string;
  before(async () => {
    const script = `
      import { train, observer } from "./engine";
      observer.config({ lr: 0.1, epochs: 1 });
      train(50);
      observer.log({ odd: NaN });
      observer.summary({ accuracy: 0.75 });
      if (process.argv[2] === "fail") throw new Error("as asked");`;
    folder = workspaceWith({ "train.ts": script });
    await cli(folder, "run", "train.ts", "--name", "good");
    id = theRun(folder).record.id;
    await cli(folder, "run", "train.ts", "--name", "bad", "--", "fail");
  });

  test("runs", async () => {
    const text = await cli(folder, "runs");
    assert.match(
      text.out,
      /^id +name +state +steps +loss +time +device +started\n\S+ +bad +failed +50 +0\.02000 +\S+ +cpu .*\n\S+ +good +finished +50 /,
    );
    const list = JSON.parse((await cli(folder, "runs", "--json")).out) as Record<string, unknown>[];
    assert.deepEqual(
      list.map(({ name, state, exitCode, steps, device }) => [name, state, exitCode, steps, device]),
      [
        ["bad", "failed", 1, 50, "cpu"],
        ["good", "finished", 0, 50, "cpu"],
      ],
    );
    assert.match(
      (await cli(workspaceWith({}), "runs")).out,
      /^No runs in .*Start one with 'descent run train\.ts'\.\n$/,
    );
  });

  test("show, by the beginning of the id or the name", async () => {
    const shown = JSON.parse((await cli(folder, "show", id, "--json")).out) as Record<string, unknown> & {
      series: { tag: string }[];
    };
    assert.deepEqual(Object.keys(shown), [
      "id",
      "state",
      "exitCode",
      "steps",
      "config",
      "summary",
      "series",
      "findings",
    ]);
    const { series, ...rest } = shown;
    assert.deepEqual(rest, {
      id,
      state: "finished",
      exitCode: 0,
      steps: 50,
      config: { lr: 0.1, epochs: 1 },
      summary: { accuracy: 0.75 },
      findings: [],
    });
    const loss = { tag: "loss", count: 50, last: Math.fround(1 / 50), min: Math.fround(1 / 50), max: 1 };
    assert.deepEqual(series[0], loss);
    assert.deepEqual(
      series.find(({ tag }) => tag === "odd"),
      { tag: "odd", count: 1, last: "NaN", min: "NaN", max: "NaN" },
    );
    const text = await cli(folder, "show", "bad");
    assert.match(text.out, /^error +.*train\.ts:7:\d+: Error: as asked$/m);
    assert.match(text.out, /^loss +50 +0\.02000 +0\.02000 +1\.000$/m);
    const wrong = await cli(folder, "show", "zzz");
    assert.deepEqual([wrong.code, wrong.out], [1, ""]);
    assert.match(
      wrong.err,
      /^descent show: No run's id or name begins with 'zzz'; 'descent runs' lists the 2 there are\.\n$/,
    );
  });

  test("compare", async () => {
    const { out } = await cli(folder, "compare", "good", "bad", "--json");
    const { runs, series } = JSON.parse(out) as {
      runs: { state: string }[];
      series: { tag: string; last: number[] }[];
    };
    assert.deepEqual(
      runs.map(({ state }) => state),
      ["finished", "failed"],
    );
    assert.deepEqual(series.find(({ tag }) => tag === "loss")?.last, [Math.fround(0.02), Math.fround(0.02)]);
    const text = await cli(folder, "compare", "good", "bad");
    assert.match(text.out, /^state +finished +failed$/m);
    assert.match(text.out, /^device +cpu +cpu$/m);
    assert.match(text.out, /^config lr +0\.1 +0\.1$/m);
  });

  test("export: files that any TensorBoard reader opens", async () => {
    const target = join(folder, "out");
    const { out } = await cli(folder, "export", "good", "--tensorboard", target, "--json");
    assert.deepEqual(readdirSync(target), [id]);
    assert.equal((JSON.parse(out) as { folder: string }).folder, join(target, id));
    const events = new EventFolder(join(target, id));
    await events.poll();
    assert.equal(events.series.get("loss")!.count, 50);
    writeFileSync(join(folder, "file"), "");
    const wrong = await cli(folder, "export", "good", "--tensorboard", join(folder, "file"));
    assert.match(
      wrong.err,
      /^descent export: .* could not be written \(\w+\): name a folder that you may write to\.\n$/,
    );
    assert.equal(wrong.code, 1);
  });

  test("a reader that closes the pipe early is no mistake", async () => {
    const { child, ended, said } = start(folder, "", { cli: ["runs"] });
    child.stdout!.destroy();
    assert.equal(await ended, 0);
    assert.equal(said.err, "");
  });
});

test("doctor says what is there and what is missing", async () => {
  const { out, code } = await cli(workspaceWith({}), "doctor", "--json");
  const { ok, checks } = JSON.parse(out) as {
    ok: boolean;
    checks: { name: string; ok: boolean; advice: string }[];
  };
  assert.equal(code, ok ? 0 : 1);
  assert.deepEqual(
    checks.map(({ name }) => name),
    ["Node.js", "native part", "GPU", "TypeScript", "compiler", "editor"],
  );
  for (const check of checks) assert.equal(check.ok, check.advice === "", check.name);
});

test("devices lists the CPU and every GPU, and says which one 'gpu' means", async () => {
  const { out, err } = await cli(workspaceWith({}), "devices", "--json");
  const devices = JSON.parse(out === "" ? "[]" : out) as { name: string; usable: boolean }[];
  assert.ok(
    devices.some(({ name, usable }) => name === "cpu" && usable),
    err,
  );
  const { out: text } = await cli(workspaceWith({}), "devices");
  for (const { name, usable } of devices)
    assert.match(text, new RegExp(`^${name} .*${usable ? " usable" : "not usable: .{10,}"}`, "m"));
  const best = devices.find(({ name, usable }) => usable && name !== "cpu");
  assert.match(
    text,
    best === undefined ? /^'gpu' means nothing here/m : new RegExp(`^'gpu' means ${best.name}\\.$`, "m"),
  );
});
