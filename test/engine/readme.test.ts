// The programs of README.md, run as a reader would: they work, and print what stands below them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../root.js";
import { start, workspaceWith } from "./processes.js";

const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language, text]) => ({ language, text: text! }),
);
const programs = blocks.flatMap(({ language, text }, k) => {
  const next = blocks[k + 1];
  return language === "ts" ? [{ text, output: next?.language === "text" ? next.text : "" }] : [];
});

test("README.md has a first program of seven lines, and a training", () => {
  assert.equal(programs.length, 2);
  assert.equal(programs[0]!.text.trim().split("\n").length, 7);
});

for (const { text, output } of programs) {
  test(`it runs and prints what README.md says: ${text.split("\n")[1]!}`, async () => {
    const { ended, said } = start(workspaceWith({ "first.ts": text }), "", { cli: ["run", "first.ts"] });
    assert.equal(await ended, 0, said.err);
    assert.equal(said.out, output);
  });
}
