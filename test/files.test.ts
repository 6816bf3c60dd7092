// What `npm test` says of a test file whose process dies: how it ended, and its last words.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { root } from "./root.js";

const folder = mkdtempSync(join(tmpdir(), "descent-files-"));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What is printed for a file with one test that passes, and this as it ends. */
function printed(name: string, atExit: string): string {
  const file = join(folder, `${name}.test.mjs`);
  writeFileSync(
    file,
    `import { test } from "node:test";
     import { writeSync } from "node:fs";
     test("passes", () => {});
     process.on("exit", () => { for (let k = 1; k <= 30; k++) writeSync(2, "word " + k + "\\n"); ${atExit} });`,
  );
  const runner = join(folder, "run.mjs"); // a file: the tests' processes get the options of Node that this one has
  const script = `
    import { count, failures, runFiles } from ${JSON.stringify(pathToFileURL(join(root, "test/files.mjs")).href)};
    await runFiles([${JSON.stringify(relative(root, file))}], { concurrency: 1 });
    console.log(JSON.stringify({ count, failures: failures.length }));`;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else it would take itself for a part of this run
  writeFileSync(runner, script);
  const ended = spawnSync(process.execPath, [runner], { env, encoding: "utf8" });
  assert.equal(ended.stderr, "");
  return ended.stdout;
}

for (const [name, atExit, sentence] of [
  ["signal", 'process.kill(process.pid, "SIGSEGV"); for (;;);', "Its process was ended by SIGSEGV."],
  ["status", "process.reallyExit(3);", "Its process ended with exit code 3."],
] as const) {
  test(`a process that dies after its tests have passed: its ${name} and its last words`, () => {
    const text = printed(name, atExit);
    assert.ok(text.includes(sentence), text);
    assert.match(text, /The last lines of stderr:\n +word 11\n[^]* +word 30\n/);
    assert.doesNotMatch(text, /word 10\n/);
    assert.match(text, /"passed":1,"failed":1,"skipped":0},"failures":1}/);
  });
}

test("of one that ends well nothing is said", () => {
  const text = printed("well", "");
  assert.doesNotMatch(text, /process|word/);
  assert.match(text, /"passed":1,"failed":0,"skipped":0},"failures":0}/);
});
