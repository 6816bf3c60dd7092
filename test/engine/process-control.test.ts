// Pause, step, stop and kill of real processes over their real sockets, and peers that do not behave.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { isProcessAlive } from "../../engine/store/processes.js";
import { connectToRun, renameRun } from "../../engine/runtime/client.js";
import { deleteRun, findRuns } from "../../engine/store/runs.js";
import { connect, heard, seriesOf, start, theRun, until, workspaceWith } from "./processes.js";

/** Trains for ever, never returning to the event loop. */
const endless = `
import { train } from "./engine";
try {
  train(Infinity, 0.2);
} finally {
  console.log("finally");
}`;

describe("control", { concurrency: 2 }, () => {
  test("pause, one step, resume, stop: at the ends of steps, `finally` blocks run, every step is kept", async () => {
    const { folder, ended, said } = start(workspaceWith({ "train.ts": endless }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "the first step", ({ state }) => state === "running");
    const paused = await connection.request("pause", {});
    assert.equal(paused.state, "paused");
    const at = paused.progress.step;
    const stepped = await connection.request("stepBatch", {});
    assert.deepEqual([stepped.state, stepped.progress.step], ["paused", at + 1]);
    assert.equal((await connection.request("stepBatch", {})).progress.step, at + 2);
    assert.equal((await seriesOf(theRun(folder), "loss")).length, at + 2, "all is flushed while paused");
    const resumed = await connection.request("resume", {});
    assert.equal(resumed.state, "running");
    await heard(connection, "more steps", ({ progress }) => progress.step > at + 10);

    const began = performance.now();
    assert.equal((await connection.request("stop", {})).state, "stopping");
    assert.equal(await ended, 130);
    assert.ok(performance.now() - began < 1000);
    assert.equal(said.out, "finally\n");
    const run = theRun(folder);
    assert.deepEqual(
      [run.record.state, run.record.exitCode, run.record.error, run.record.note],
      ["stopped", 130, null, null],
    );
    assert.equal((await seriesOf(run, "loss")).length, run.record.progress.step);
    assert.match(said.err, /^Run stopped after \d+ steps/);
  });

  test("stop while paused", async () => {
    const { folder, ended, said } = start(workspaceWith({ "train.ts": endless }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "the first step", ({ state }) => state === "running");
    await connection.request("pause", {});
    await connection.request("stop", {});
    assert.equal(await ended, 130);
    assert.equal(said.out, "finally\n");
  });

  test("stop in a loop that makes no steps: within a second, and the record says what did not run", async () => {
    const script =
      'import { train } from "./engine"; train(20); try { while (true); } finally { console.log("finally"); }';
    const { folder, ended, said } = start(workspaceWith({ "train.ts": script }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "all steps", ({ progress }) => progress.step === 20);
    const began = performance.now();
    await connection.request("stop", {});
    assert.equal(await ended, "SIGKILL");
    assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms`);
    const run = theRun(folder);
    assert.equal(run.record.state, "stopped");
    assert.match(run.record.note!, /^Stopped by force because .* `finally` blocks did not run\.$/);
    assert.equal(said.out, "");
    assert.equal((await seriesOf(run, "loss")).length, 20);
  });

  test("stop of a script that waits", async () => {
    const script =
      'import { train } from "./engine"; train(20); await new Promise((r) => setTimeout(r, 60_000));';
    const { folder, ended } = start(workspaceWith({ "train.ts": script }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "all steps", ({ progress }) => progress.step === 20);
    const began = performance.now();
    await connection.request("stop", {});
    assert.equal(await ended, 130);
    assert.ok(performance.now() - began < 1000);
    const { record } = theRun(folder);
    assert.deepEqual(
      [record.state, record.note],
      ["stopped", "Stopped while no training step was running: `finally` blocks did not run."],
    );
  });

  test("a script that catches the stop and goes on is ended all the same", async () => {
    const script = 'import { step } from "./engine"; for (let k = 0; ; k++) try { step(k, 1); } catch {}';
    const { folder, ended } = start(workspaceWith({ "train.ts": script }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "steps", ({ progress }) => progress.step > 0);
    await connection.request("stop", {});
    assert.equal(await ended, 130);
    assert.equal(theRun(folder).record.state, "stopped");
  });

  test("an op that throws the stop counts like a step that does, and asynchronous loops stop too", async () => {
    const script = `
      import { observer, step } from "./engine";
      let flags: Int32Array;
      observer.attach({ attachControl(given: Int32Array) { flags = given; }, deviceMemory() { return 0; } });
      step(0, 1);
      async function op() {
        await new Promise((r) => setTimeout(r, 1));
        if (Atomics.compareExchange(flags, 0, 1, 2) === 1) throw Object.assign(new Error("matmul: stop"), { code: "stop" });
      }
      try { while (true) await op(); } finally { await op(); console.log("finally"); }`;
    const { folder, ended, said } = start(workspaceWith({ "train.ts": script }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "a step", ({ progress }) => progress.step > 0);
    await connection.request("stop", {});
    assert.equal(await ended, 130, said.err);
    assert.equal(said.out, "finally\n");
    assert.deepEqual([theRun(folder).record.state, theRun(folder).record.error], ["stopped", null]);
  });

  test("kill ends the process at once, after a flush", async () => {
    const { folder, ended } = start(workspaceWith({ "train.ts": endless }), "train.ts");
    const connection = await connect(folder);
    await heard(connection, "steps", ({ progress }) => progress.step > 5);
    const closed = new Promise<void>((resolve) => connection.onClosed(resolve));
    await connection.request("kill", {});
    assert.equal(await ended, "SIGKILL");
    await closed;
    await assert.rejects(connection.request("pause", {}), /has ended\.$/);
    const run = theRun(folder);
    assert.equal(run.record.state, "stopped");
    assert.match(run.record.note!, /^Ended at once by request/);
    assert.equal((await seriesOf(run, "loss")).length, run.record.progress.step);
  });

  test("kill -9 from outside: lost, with every flushed step", async () => {
    const { folder, ended, child } = start(workspaceWith({ "train.ts": endless }), "train.ts");
    const connection = await connect(folder);
    let flushed = 0;
    connection.on("flushed", ({ step }) => (flushed = step));
    await until("some flushes", () => flushed > 50);
    child.kill("SIGKILL");
    assert.equal(await ended, "SIGKILL");
    const run = theRun(folder);
    assert.equal(run.record.state, "lost");
    assert.match(run.record.note!, /ended without a word/);
    const losses = await seriesOf(run, "loss");
    assert.ok(losses.length >= flushed, `${losses.length} of ${flushed}`);
    assert.deepEqual(
      losses,
      Array.from(losses, (_, k) => Math.fround(1 / (k + 1))),
    );
    await assert.rejects(connectToRun(run.record), /is not live \(lost\)/);
    deleteRun(run.folder);
    assert.deepEqual(findRuns(folder).runs, []);
  });

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    test(`${signal} stops a synchronous loop, a second one ends it at once`, async () => {
      const first = start(workspaceWith({ "train.ts": endless }), "train.ts");
      await heard(await connect(first.folder), "a step", ({ state }) => state === "running");
      first.child.kill(signal);
      assert.equal(await first.ended, status);
      assert.equal(first.said.out, "finally\n");
      assert.equal(theRun(first.folder).record.state, "stopped");

      const stubborn =
        'import { train } from "./engine"; try { train(Infinity, 0.2); } finally { while (true); }';
      const second = start(workspaceWith({ "train.ts": stubborn }), "train.ts");
      const connection = await connect(second.folder);
      await heard(connection, "a step", ({ state }) => state === "running");
      second.child.kill(signal);
      await heard(connection, "stopping", ({ state }) => state === "stopping");
      const again = setInterval(() => second.child.kill(signal), 50); // one too soon after the first is the same keystroke
      assert.equal(await second.ended, "SIGKILL");
      clearInterval(again);
      assert.equal(theRun(second.folder).record.note, "Ended at once by a second signal.");
    });
  }

  test("a script that handles SIGINT itself is left to it", async () => {
    const script =
      'import { train } from "./engine"; process.on("SIGINT", () => { console.log("mine"); process.exit(7); }); train(5); setInterval(() => {}, 1000);';
    const { folder, ended, said, child } = start(workspaceWith({ "train.ts": script }), "train.ts");
    await heard(await connect(folder), "steps", ({ progress }) => progress.step === 5);
    child.kill("SIGINT");
    assert.equal(await ended, 7);
    assert.equal(said.out, "mine\n");
    assert.equal(theRun(folder).record.state, "failed");
  });
});

describe("the socket", { concurrency: 2 }, () => {
  test("two clients hear the same, while the main thread never leaves its loop", async () => {
    const { folder, ended } = start(workspaceWith({ "train.ts": endless }), "train.ts");
    const [one, two] = [await connect(folder), await connect(folder)];
    await heard(one, "steps", ({ progress }) => progress.step > 10);
    await heard(two, "steps", ({ progress }) => progress.step > 10);
    const began = performance.now();
    await one.request("rename", { name: "  a new\nname " });
    assert.ok(performance.now() - began < 500);
    await heard(two, "the new name", ({ name }) => name === "a new name");
    await assert.rejects(one.request("rename", { name: " " }), /may not be empty/);
    const { folder: runFolder } = theRun(folder);
    assert.equal((await renameRun(runFolder, "third")).name, "third");
    assert.throws(() => {
      deleteRun(runFolder);
    }, /is still running: stop it before deleting it/);
    one.close();
    await two.request("stop", {});
    await ended;
    await heard(two, "the end", ({ state }) => state === "stopped"); // it may come after the process has gone
    assert.equal(theRun(folder).record.name, "third");
    assert.equal((await renameRun(runFolder, "fourth")).name, "fourth");
  });

  test("only the owner may enter, the token and the version must be right, and nonsense harms nobody", async () => {
    const { folder, ended } = start(workspaceWith({ "train.ts": endless }), "train.ts");
    const good = await connect(folder);
    const { record } = theRun(folder);
    const path = record.socket!;
    assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
    assert.equal(statSync(path).mode & 0o777, 0o600);

    await assert.rejects(connectToRun({ ...record, token: "wrong" }), /wrong token/);
    await assert.rejects(connectToRun({ ...record, token: record.token!.replace(/^./, "x") }), /wrong token/);
    await assert.rejects(connectToRun({ ...record, socket: `${path}x` }), /cannot be reached/);
    const frame = (text: string): string => `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
    const call = (method: string, params: object): string =>
      frame(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
    const cases: Record<string, [sent: string, answer: RegExp]> = {
      "another version": [
        call("hello", { version: 99, token: record.token }),
        /protocol 1 is spoken here, not 99/,
      ],
      "no hello": [call("stop", {}), /say hello first/],
      "an unknown request": [call("launch", {}), /Unhandled method|not found/i],
      "no JSON": [frame("{ nonsense"), /not a message of this protocol/],
      "no message": [frame("42"), /not a message of this protocol/],
      "a torn message with buffers": [frame("\0\x01"), /not a message of this protocol/],
      "no protocol": ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", /not a message of this protocol/],
      "a flood": ["x".repeat(100_000), /message too large/],
      "a message that will be too large": [
        `Content-Length: 99999999\r\n\r\n${"x".repeat(100_000)}`,
        /message too large/,
      ],
    };
    for (const [name, [sent, answer]] of Object.entries(cases)) {
      const said = await exchange(path, sent);
      assert.match(said, answer, name);
      assert.equal(said.split("Content-Length").length - 1, 1, `${name}: one answer, not ${said}`);
    }
    const before = good.record.progress.step;
    await heard(good, "the run going on", ({ progress }) => progress.step > before + 10);
    await good.request("stop", {});
    assert.equal(await ended, 130);
    assert.ok(!isProcessAlive(record.pid, record.pidStart));
    assert.throws(() => statSync(path), /ENOENT/);
  });
});

/** Sends text to a socket and gives what comes back once something has; the peer hangs up, or we do after an answer. */
function exchange(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    let said = "";
    socket.on("data", (data: Buffer) => {
      said += data.toString();
      if (/Unhandled method|not found/i.test(said)) socket.end();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(said);
    });
    socket.write(text);
  });
}
