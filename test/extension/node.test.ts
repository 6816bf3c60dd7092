// Which Node.js trains, and what is said when there is none.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseNode,
  nodeToDebug,
  isNewEnough,
  NodeNotFound,
  type NodeSurroundings,
} from "../../extension/training/node.js";

/** A machine with these programs, by path and version. */
function machine(
  programs: Record<string, string>,
  changes: Partial<NodeSurroundings> = {},
): NodeSurroundings {
  return {
    version: (path) =>
      programs[path] === undefined ? Promise.reject(new Error("not there")) : Promise.resolve(programs[path]),
    exists: (path) => Promise.resolve(path in programs),
    env: { PATH: "/usr/local/bin:/usr/bin" },
    platform: "linux",
    own: null,
    ...changes,
  };
}

const own = { path: "/editor/node", version: "v24.1.0" };

test("the setting wins over the PATH", async () => {
  const around = machine({ "/opt/node": "v22.0.0", "/usr/bin/node": "v20.20.0" });
  assert.deepEqual(await chooseNode("/opt/node", around), { path: "/opt/node", version: "v22.0.0" });
});

test("the first node on the PATH, when it is new enough", async () => {
  const around = machine({ "/usr/bin/node": "v20.19.0", "/usr/local/bin/node": "v24.0.0" }, { own });
  assert.equal((await chooseNode("", around)).path, "/usr/local/bin/node");
});

test("the extension host's own, when the PATH has none or an old one", async () => {
  assert.equal((await chooseNode("", machine({}, { own }))).path, "/editor/node");
  assert.equal((await chooseNode("", machine({ "/usr/bin/node": "v18.1.0" }, { own }))).path, "/editor/node");
});

test("one sentence for each way to have none", async () => {
  const rows: [string, NodeSurroundings, RegExp][] = [
    ["", machine({}), /there is no 'node' on the PATH/],
    ["", machine({ "/usr/bin/node": "v18.1.0" }), /'node' on the PATH is v18\.1\.0/],
    ["node", machine({}), /must be an absolute path, and 'node' is not/],
    ["/opt/node", machine({}), /'\/opt\/node', which is not a Node\.js/],
    ["/opt/node", machine({ "/opt/node": "v16.0.0" }, { own }), /v16\.0\.0, and training needs 20\.19/],
  ];
  for (const [setting, around, sentence] of rows) {
    await assert.rejects(chooseNode(setting, around), (error) => {
      assert.ok(error instanceof NodeNotFound);
      assert.match(error.message, sentence);
      return true;
    });
  }
});

test("versions", () => {
  for (const version of ["v20.19.0", "v20.20.2", "v21.0.0", "v24.1.0"])
    assert.ok(isNewEnough(version), version);
  for (const version of ["v20.18.9", "v18.20.0", "garbage"]) assert.ok(!isNewEnough(version), version);
});

test("a path beyond ASCII is debugged with a Node.js that can, or refused with a sentence", () => {
  const old = { path: "/usr/bin/node", version: "v20.20.2" };
  const newer = { path: "/opt/node", version: "v22.15.0" };
  const own = { path: "/editor/node", version: "v24.1.0" };
  assert.equal(nodeToDebug(old, ["/home/plain/train.ts"], own), old);
  assert.equal(nodeToDebug(newer, ["/home/Übung/train.ts"], null), newer);
  assert.equal(nodeToDebug(old, ["/home/Übung/train.ts"], own), own);
  assert.throws(
    () => nodeToDebug(old, ["/home/Übung"], null),
    /v20\.20\.2 cannot be debugged in '\/home\/Übung'/,
  );
});
