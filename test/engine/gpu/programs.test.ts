// Compiled programs on disk: the next process compiles nothing, and nothing that lies there can harm it.

import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { missing, runScript, scratch, type Ended } from "./standIn.js";

const script = `
import { tensor } from "descent";
const x = tensor([1, 2, 3]).to("gpu");
console.log(x.mul(2).add(1).exp().sum().data()[0].toFixed(3));
`;

async function compute(folder: string, settings: Record<string, string> = {}): Promise<Ended> {
  const ended = await runScript(script, { DESCENT_CACHE_DIR: folder, ...settings });
  assert.equal(ended.out, "1265.132\n", ended.err);
  assert.equal(ended.err, "");
  return ended;
}

const sources = ({ log }: Ended): number => log.get("CreateProgramWithSource")!;
const filesIn = (folder: string): string[] =>
  readdirSync(join(folder, "programs")).map((name) => join(folder, "programs", name));

describe("programs on disk", { skip: missing ?? false }, () => {
  const folder = join(scratch, "programs-test");

  test("a second process compiles nothing", async () => {
    const first = await compute(folder);
    assert.ok(sources(first) > 0);
    assert.equal(filesIn(folder).length, sources(first), "one file each, no leftovers");
    const second = await compute(folder);
    assert.equal(sources(second), 0);
    assert.equal(second.log.get("CreateProgramWithBinary"), sources(first));
  });

  test("files that are cut short, damaged or of something else are ignored and replaced", async () => {
    const harm: ((file: string) => void)[] = [
      (file) => { truncateSync(file, 0); },
      (file) => { truncateSync(file, 20); },
      (file) => { truncateSync(file, readFileSync(file).length - 1); },
      (file) => {
        const bytes = readFileSync(file);
        bytes[bytes.length - 100]! ^= 1;
        writeFileSync(file, bytes);
      },
      (file) => { writeFileSync(file, "not a program at all, but long enough for a header of any kind"); },
      (file) => {
        const bytes = readFileSync(file);
        bytes.writeBigUInt64LE(2n ** 62n, 16); // more bytes than any machine has
        writeFileSync(file, bytes);
      },
    ]; // prettier-ignore
    for (const [k, harmful] of harm.entries()) {
      const files = filesIn(folder);
      for (const file of files) harmful(file);
      assert.equal(sources(await compute(folder)), files.length, `harm ${k}`);
      assert.equal(sources(await compute(folder)), 0, `harm ${k}: replaced`);
    }
  });

  test("a driver that does not take them any more gets the source", async () => {
    const count = filesIn(folder).length;
    const ended = await compute(folder, { STAND_IN_FAIL: "CreateProgramWithBinary:1:-42" });
    assert.equal(sources(ended), 1);
    assert.equal(ended.log.get("CreateProgramWithBinary"), count);
    assert.equal(sources(await compute(folder, { STAND_IN_FAIL: "BuildProgram:1:-11" })), 1);
  });

  test("a folder that cannot be written is as good as none", async () => {
    const file = join(scratch, "a-file");
    writeFileSync(file, "");
    assert.ok(sources(await compute(file)) > 0);
    assert.equal(existsSync(join(file, "programs")), false);
  });

  test("beyond 256 MiB the oldest go", async () => {
    const full = join(scratch, "full");
    mkdirSync(join(full, "programs"), { recursive: true });
    for (const [name, year] of [
      ["old", 2001],
      ["older", 2000],
    ] as const) {
      // prettier-ignore
      const file = join(full, "programs", name);
      writeFileSync(file, "");
      truncateSync(file, 150 * 2 ** 20);
      utimesSync(file, new Date(year, 1), new Date(year, 1));
    }
    await compute(full);
    assert.deepEqual(
      [existsSync(join(full, "programs/old")), existsSync(join(full, "programs/older"))],
      [true, false],
    );
  });
});
