// What the table of contributions makes of package.json: that it is whole, and that package.json has it.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { manifestFields } from "../../extension/contributions.manifest.js";
import { commands, settings } from "../../extension/contributions.js";
import { root } from "../root.js";

interface Contributes {
  commands: { command: string; title: string; category: string; icon?: string }[];
  menus: Record<string, { command: string; when: string; group?: string }[]>;
  configuration: { properties: Record<string, { description?: string; markdownDescription?: string }> };
  viewsContainers: { activitybar: { icon: string }[] };
}

const fields = manifestFields();
const contributes = fields["contributes"] as Contributes;

test("package.json says what the table says", () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields))
    assert.deepEqual(manifest[name], JSON.parse(JSON.stringify(value)), name);
});

test("no command stands there twice, and each menu entry names one that is there", () => {
  const ids = contributes.commands.map((row) => row.command);
  assert.equal(new Set(ids).size, ids.length);
  for (const [menu, entries] of Object.entries(contributes.menus)) {
    for (const entry of entries) assert.ok(ids.includes(entry.command), `${menu}: ${entry.command}`);
  }
});

test("menus are ones that the editor has", () => {
  const known = [
    "commandPalette",
    "debug/variables/context",
    "debug/watch/context",
    "editor/context",
    "editor/title/run",
    "view/item/context",
    "view/title",
  ];
  assert.deepEqual(
    Object.keys(contributes.menus).filter((menu) => !known.includes(menu)),
    [],
  );
});

test("every inline entry has an icon", () => {
  for (const { command, group } of Object.values(contributes.menus).flat()) {
    if (!group?.startsWith("inline")) continue;
    assert.ok(contributes.commands.find((row) => row.command === command)?.icon, command);
  }
});

test("the handler of a command has the command's name", () => {
  for (const { id, handler } of commands) assert.equal(`descent.${handler.name}`, id.replace("._", "."));
});

test("what trains is off in a workspace that is not trusted", () => {
  for (const id of ["descent.runTraining", "descent.debugTraining", "descent.runAgain"]) {
    const entries = Object.values(contributes.menus)
      .flat()
      .filter((entry) => entry.command === id);
    assert.ok(entries.length > 0);
    const isGated = (when: string): boolean =>
      when.includes("isWorkspaceTrusted") || id === "descent.runAgain";
    for (const { when } of entries) assert.ok(isGated(when), `${id}: ${when}`);
  }
});

test("every setting says what it does and begins with descent.", () => {
  for (const [key, row] of Object.entries(contributes.configuration.properties)) {
    assert.match(key, /^descent\./);
    assert.match(row.description ?? row.markdownDescription ?? "", /\.$/);
  }
  assert.equal(settings["descent.nodePath"].scope, "machine-overridable");
});

test("icons are there", () => {
  assert.ok(existsSync(join(root, String(fields["icon"]))));
  for (const { icon } of contributes.viewsContainers.activitybar) assert.ok(existsSync(join(root, icon)));
});
