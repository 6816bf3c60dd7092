// Dashboard panels: one a run, restored after a reload, recovered after a crash, and a page that is locked down.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, test } from "node:test";
import type { ExtensionContext, WebviewPanel } from "vscode";
import type { RunRecord } from "../../engine/protocol.js";
import type { Editor } from "../../extension/app.js";
import { Dashboards } from "../../extension/panels/dashboards.js";
import { pageHtml, runOfState } from "../../extension/panels/html.js";
import { RunRegistry } from "../../extension/runs/registry.js";
import { Settings } from "../../extension/settings.js";
import { FakeEditor } from "./fakeEditor.js";
import { Panel } from "./fakePanel.js";
import { record, until } from "./records.js";

const home = mkdtempSync(`${tmpdir()}/descent-dashboards-`);
after(() => {
  rmSync(home, { recursive: true });
});

class Tab {
  readonly label: string;
  readonly isActive = true;
  readonly input = new WebviewTabInput();
  constructor(label: string) {
    this.label = label;
  }
}
class WebviewTabInput {
  readonly viewType = "mainThreadWebview-descent.dashboard";
}

/** A window; `memory` is what the last one left in the workspace's storage. */
async function open(memory: Record<string, unknown> = {}, tabs: Tab[] = []) {
  const records = new Map<string, RunRecord>([
    [`${home}/.descent/runs/a`, record({ id: "a", name: "a.ts", socket: null })],
    [`${home}/.descent/runs/b`, record({ id: "b", name: "b.ts", state: "finished" })],
  ]);
  const runs = new RunRegistry({
    list: () => Promise.resolve([...records.keys()]),
    read: (folder) => Promise.resolve(records.get(folder) ?? null),
    connect: () => Promise.reject(new Error("no socket")),
    kill: () => Promise.resolve(false),
    rename: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  });
  await runs.setRoots([home]);
  const panels: Panel[] = [];
  const closed: Tab[] = [];
  let restore: (panel: WebviewPanel, state: unknown) => Promise<void> = () => Promise.resolve();
  const api = new FakeEditor().api;
  const editor = {
    ...api,
    Uri: Object.assign(api.Uri, { joinPath: (_: unknown, path: string) => api.Uri.file(path) }),
    TabInputWebview: WebviewTabInput,
    window: {
      ...api.window,
      tabGroups: { all: [{ tabs }], close: (tab: Tab) => Promise.resolve(closed.push(tab)) },
      createWebviewPanel: (_type: string, title: string) => {
        const panel = new Panel(title);
        panels.push(panel);
        return panel.api;
      },
      registerWebviewPanelSerializer: (
        _type: string,
        serializer: { deserializeWebviewPanel: typeof restore },
      ) => {
        restore = serializer.deserializeWebviewPanel;
        return { dispose: () => undefined };
      },
    },
  } as unknown as Editor;
  const context = {
    extensionUri: api.Uri.file("/extension"),
    workspaceState: {
      get: (key: string) => memory[key],
      update: (key: string, value: unknown) => Promise.resolve((memory[key] = value)),
    },
  } as unknown as ExtensionContext;
  const reported: unknown[] = [];
  const dashboards = new Dashboards({
    ...{ editor, context, runs, settings: new Settings(editor), pages: "/extension/dist/webviews" },
    openSeries: () => ({
      read: () => Promise.resolve(false),
      list: () => [],
      indexOf: () => 0,
      chunk: () => assert.fail("there is no series"),
    }),
    rerun: () => undefined,
    report: (error) => reported.push(error),
  });
  const folder = (id: string): string => `${home}/.descent/runs/${id}`;
  return { dashboards, panels, closed, runs, records, memory, folder, reported, restore: () => restore };
}

test("one panel a run, named after it; the second time it comes to the front", async () => {
  const { dashboards, panels, folder } = await open();
  dashboards.open(folder("a"), { preserveFocus: true });
  dashboards.open(folder("b"), { preserveFocus: true });
  dashboards.open(folder("a"), { preserveFocus: true });
  assert.deepEqual(
    panels.map(({ title, revealed }) => [title, revealed]),
    [
      ["a.ts", 1],
      ["b.ts", 0],
    ],
  );
  dashboards.dispose();
});

test("its title follows the run's name, and it goes with the run", async () => {
  const { dashboards, panels, runs, records, folder } = await open();
  dashboards.open(folder("b"), { preserveFocus: true });
  records.set(folder("b"), { ...records.get(folder("b"))!, name: "best" });
  await runs.touch(folder("b"));
  assert.equal(panels[0]!.title, "best");
  records.delete(folder("b"));
  await runs.touch(folder("b"));
  assert.ok(panels[0]!.isDisposed);
  dashboards.dispose();
});

test("a restored panel shows the run its page remembers, or goes when there is none", async () => {
  const { dashboards, restore, folder } = await open();
  const good = new Panel("a.ts");
  await restore()(good.api, { run: folder("a"), page: null });
  assert.match(good.html, /dashboard\.js/);
  good.send({ type: "ready" });
  await until(() => good.posted.some((message) => message.type === "snapshot"));
  for (const state of [
    undefined,
    {},
    { run: "relative" },
    { run: folder("deleted") },
    { run: folder("a") },
  ]) {
    const bad = new Panel("x");
    await restore()(bad.api, state);
    assert.equal(bad.isDisposed, true, JSON.stringify(state));
  }
  dashboards.dispose();
});

test("a panel that was cut off from its extension is replaced; one that was closed stays closed", async () => {
  const first = await open();
  first.dashboards.open(first.folder("a"), { preserveFocus: true });
  first.dashboards.open(first.folder("b"), { preserveFocus: true });
  first.panels[1]!.api.dispose();
  const orphan = new Tab("a.ts");
  const second = await open(first.memory, [orphan]);
  await second.dashboards.recover();
  assert.deepEqual(
    second.panels.map((panel) => panel.title),
    ["a.ts"],
  );
  assert.deepEqual(second.closed, [orphan]);
  first.dashboards.dispose();
  second.dashboards.dispose();
});

test("what the user chose in a dashboard is kept for its run", async () => {
  const { dashboards, panels, memory, folder } = await open();
  dashboards.open(folder("a"), { preserveFocus: true });
  const state = {
    smoothing: 0.2,
    logScale: {},
    logX: true,
    xAxis: "wall",
    hidden: [],
    window: null,
    span: null,
    wide: [],
  };
  panels[0]!.send({ type: "state", state });
  assert.deepEqual(memory["dashboard.states"], { [folder("a")]: state });
  dashboards.dispose();
});

test("a control that cannot be done is reported", async () => {
  const { dashboards, panels, reported, folder } = await open();
  dashboards.open(folder("b"), { preserveFocus: true });
  panels[0]!.send({ type: "control", action: "pause" });
  await until(() => reported.length === 1);
  assert.match(String(reported[0]), /not running any more/);
  dashboards.dispose();
});

test("the page runs our script and nothing else, whatever the run is called", () => {
  const html = pageHtml({
    title: "</title><script>alert(1)</script>",
    ...{ script: "https://s/d.js", style: "https://s/d.css", source: "https://s", nonce: "N" },
    run: "/w/</script><script>alert(2)</script>",
  });
  assert.match(html, /default-src 'none'; script-src 'nonce-N'; style-src https:\/\/s 'nonce-N';/);
  assert.doesNotMatch(html, /unsafe/);
  assert.equal(html.match(/<script/g)?.length, 2);
  assert.deepEqual(runOfState({ run: "/w/a", page: {} }), "/w/a");
  assert.equal(runOfState("x"), null);
});
