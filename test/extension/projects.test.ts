// New Project: samples are listed in their order and copied whole, and files in the way are named first.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { copySample, filesInTheWay, readSamples } from "../../extension/projects.js";
import { root } from "../root.js";

const home = mkdtempSync(join(tmpdir(), "descent-projects-"));
after(() => {
  rmSync(home, { recursive: true });
});

function sample(id: string, order: number, files: Record<string, string>): void {
  const folder = join(home, "samples", id);
  mkdirSync(join(folder, "data"), { recursive: true });
  const description = { title: id.toUpperCase(), description: `About ${id}.`, main: "train.ts", order };
  for (const [name, text] of Object.entries({ "sample.json": JSON.stringify(description), ...files })) {
    writeFileSync(join(folder, name), text);
  }
}
sample("second", 2, { "train.ts": "2" });
sample("first", 1, { "train.ts": "1", "data/images.bin": "\0\x01" });
sample("broken", 0, { "sample.json": "{}" });

test("samples in their order, without those that do not describe themselves", async () => {
  const samples = await readSamples(join(home, "samples"));
  assert.deepEqual(
    samples.map(({ id, title, main }) => [id, title, main]),
    [
      ["first", "FIRST", "train.ts"],
      ["second", "SECOND", "train.ts"],
    ],
  );
});

test("a copy has every file but the description, and leaves other files alone", async () => {
  const [first] = await readSamples(join(home, "samples"));
  const target = join(home, "copy");
  mkdirSync(target);
  writeFileSync(join(target, "mine.txt"), "mine");
  assert.deepEqual(await filesInTheWay(first!, target), []);
  await copySample(first!, target);
  assert.deepEqual(readdirSync(target).sort(), ["data", "mine.txt", "train.ts"]);
  assert.equal(readFileSync(join(target, "data/images.bin"), "latin1"), "\0\x01");
});

test("files that are there already are named before anything is written", async () => {
  const [first] = await readSamples(join(home, "samples"));
  assert.deepEqual(await filesInTheWay(first!, join(home, "copy")), [join("data", "images.bin"), "train.ts"]);
});

test("an installation without samples says so", async () => {
  await assert.rejects(readSamples(join(home, "none")), /samples are missing/);
});

test("our own samples describe themselves", async () => {
  const samples = await readSamples(join(root, "extension/samples"));
  assert.deepEqual(samples[0]?.id, "digits");
  for (const one of samples) assert.ok(readdirSync(one.folder).includes(one.main), one.id);
});
