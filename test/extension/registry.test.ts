// The registry over a store and sockets that the test holds in its hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { BreakConditions } from "../../engine/breaks/conditions.js";
import type { Answer, Ask } from "../../engine/inspection.js";
import type { RunRecord } from "../../engine/protocol.js";
import {
  RunRegistry,
  type RunChange,
  type RunConnection,
  type RunSource,
} from "../../extension/runs/registry.js";
import { record, until } from "./records.js";

/** A store in memory. Sockets exist for the runs whose record names one. */
class Store implements RunSource {
  readonly records = new Map<string, RunRecord>();
  readonly sockets = new Map<string, Socket>();
  readonly killed: number[] = [];
  refuses = false;

  list(root: string): Promise<string[]> {
    return Promise.resolve([...this.records.keys()].filter((folder) => folder.startsWith(`${root}/`)));
  }
  read(folder: string): Promise<RunRecord | null> {
    return Promise.resolve(this.records.get(folder) ?? null);
  }
  connect(record: RunRecord): Promise<RunConnection> {
    if (this.refuses) return Promise.reject(new Error("refused"));
    const socket = new Socket(record);
    this.sockets.set(record.id, socket);
    return Promise.resolve(socket);
  }
  kill({ pid }: RunRecord): Promise<boolean> {
    this.killed.push(pid);
    return Promise.resolve(true);
  }
  rename(folder: string, name: string): Promise<void> {
    this.records.set(folder, { ...this.records.get(folder)!, name });
    return Promise.resolve();
  }
  remove(folder: string): Promise<void> {
    this.records.delete(folder);
    return Promise.resolve();
  }
}

class Socket implements RunConnection {
  readonly asked: string[] = [];
  isOpen = true;
  changed: (record: RunRecord) => void = () => undefined;
  flushed: () => void = () => undefined;
  closed: () => void = () => undefined;
  #record: RunRecord;

  constructor(record: RunRecord) {
    this.#record = record;
  }
  control(method: string): Promise<RunRecord> {
    this.asked.push(method);
    return Promise.resolve({ ...this.#record, state: method === "pause" ? "paused" : this.#record.state });
  }
  rename(name: string): Promise<RunRecord> {
    return Promise.resolve({ ...this.#record, name });
  }
  inspect(pin: number, ask: Ask): Promise<Answer> {
    this.asked.push(`${ask.kind} of ${pin}`);
    return Promise.resolve({ kind: "find", index: null, value: null });
  }
  release(pins: number[]): Promise<void> {
    this.asked.push(`release ${pins.join(" ")}`);
    return Promise.resolve();
  }
  breakWhen(conditions: BreakConditions): Promise<void> {
    this.asked.push(`break when ${JSON.stringify(conditions)}`);
    return Promise.resolve();
  }
  onChanged(listener: (record: RunRecord) => void): void {
    this.changed = listener;
  }
  onFlushed(listener: () => void): void {
    this.flushed = listener;
  }
  onClosed(listener: () => void): void {
    this.closed = listener;
  }
  dispose(): void {
    this.isOpen = false;
  }
}

async function open(records: Record<string, RunRecord>) {
  const store = new Store();
  for (const [id, one] of Object.entries(records)) store.records.set(`/w/${id}`, { ...one, id });
  const registry = new RunRegistry(store);
  const changes: RunChange[] = [];
  registry.onDidChange((change) => changes.push(change));
  await registry.setRoots(["/w"]);
  return { store, registry, changes };
}

test("runs are found by their folders, newest first", async () => {
  const { registry } = await open({
    a: record({ startTime: 1, state: "finished" }),
    b: record({ startTime: 3, state: "lost" }),
    c: record({ startTime: 2, state: "running" }),
  });
  assert.deepEqual(
    registry.all().map((run) => run.record.id),
    ["b", "c", "a"],
  );
  assert.equal(registry.newestLive()?.record.id, "c");
  registry.dispose();
});

test("a live run is connected, and its socket's word is taken at once", async () => {
  const { registry, store, changes } = await open({ a: record() });
  const socket = await until(() => store.sockets.get("a"));
  socket.changed(record({ id: "a", state: "finished", endTime: 5 }));
  assert.equal(registry.get("/w/a")?.record.state, "finished");
  assert.equal(changes.at(-1)?.before?.state, "running");
  assert.equal(socket.isOpen, false, "an ended run needs no socket");
  registry.dispose();
});

test("an ended run is not connected", async () => {
  const { registry, store } = await open({ a: record({ state: "finished" }) });
  assert.equal(store.sockets.size, 0);
  registry.dispose();
});

test("when the socket closes, run.json has the last word", async () => {
  const { registry, store } = await open({ a: record() });
  const socket = await until(() => store.sockets.get("a"));
  store.records.set("/w/a", record({ id: "a", state: "lost" }));
  socket.closed();
  await until(() => registry.get("/w/a")?.record.state === "lost");
  registry.dispose();
});

test("the same record twice is no news", async () => {
  const { registry, changes } = await open({ a: record({ state: "finished" }) });
  const before = changes.length;
  await registry.touch("/w/a");
  assert.equal(changes.length, before);
  registry.dispose();
});

test("a folder that went is forgotten", async () => {
  const { registry, store, changes } = await open({ a: record({ state: "finished" }) });
  store.records.clear();
  await registry.scan();
  assert.deepEqual(registry.all(), []);
  assert.equal(changes.at(-1)?.kind, "removed");
  registry.dispose();
});

test("pause asks the run and takes its answer over", async () => {
  const { registry, store } = await open({ a: record() });
  const socket = await until(() => store.sockets.get("a"));
  await registry.control(registry.get("/w/a")!, "pause");
  assert.deepEqual(socket.asked, ["pause"]);
  assert.equal(registry.get("/w/a")?.record.state, "paused");
  registry.dispose();
});

test("a process is its live run, also one that was just begun, and answers about its tensors", async () => {
  const { registry, store } = await open({ a: record({ state: "finished" }) });
  store.records.set("/w/b", record({ id: "b" }));
  assert.equal(await registry.ofProcess(4242, "a"), null);
  const run = await registry.ofProcess(4242, "b");
  assert.equal(run?.folder, "/w/b");
  await registry.inspect(run, 7, { kind: "find", part: "value", what: "nan" });
  await registry.release(run, [7, 8]);
  assert.deepEqual(store.sockets.get("b")!.asked, ["find of 7", "release 7 8"]);
  store.records.set("/w/b", record({ id: "b", state: "finished" }));
  store.sockets.get("b")!.closed();
  await until(() => registry.get("/w/b")?.record.state === "finished");
  await assert.rejects(registry.inspect(run, 7, { kind: "graph", most: 1 }), /is not running any more/);
  registry.dispose();
});

test("an ended run cannot be paused, and the sentence says why", async () => {
  const { registry } = await open({ a: record({ state: "finished" }) });
  await assert.rejects(
    registry.control(registry.get("/w/a")!, "pause"),
    /'train\.ts' is not running any more/,
  );
  registry.dispose();
});

test("a run that does not answer can still be killed", async () => {
  const store = new Store();
  store.refuses = true;
  store.records.set("/w/a", record({ id: "a" }));
  const registry = new RunRegistry(store);
  await registry.setRoots(["/w"]);
  await assert.rejects(registry.control(registry.get("/w/a")!, "stop"));
  await registry.control(registry.get("/w/a")!, "kill");
  assert.deepEqual(store.killed, [4242]);
  registry.dispose();
});

test("a live run is not deleted, an ended one is", async () => {
  const { registry, store } = await open({ a: record(), b: record({ state: "finished" }) });
  await assert.rejects(registry.remove(registry.get("/w/a")!), /still running: stop it first/);
  await registry.remove(registry.get("/w/b")!);
  assert.deepEqual([...store.records.keys()], ["/w/a"]);
  registry.dispose();
});

test("a run that began again meanwhile is not deleted either", async () => {
  const { registry, store } = await open({ a: record({ state: "lost" }) });
  const run = registry.get("/w/a")!;
  store.records.set("/w/a", record({ id: "a", state: "running" }));
  await assert.rejects(registry.remove(run), /still running/);
  registry.dispose();
});

test("renaming changes the name and nothing else", async () => {
  const { registry } = await open({ a: record({ state: "finished" }) });
  await registry.rename(registry.get("/w/a")!, "first try");
  assert.equal(registry.get("/w/a")?.record.name, "first try");
  registry.dispose();
});
