// safetensors files: as Python writes them, as Python reads them, and every way in which one can be broken.

import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { DescentError, randn, safetensors, tensor, type Tensor } from "descent";
import { root } from "../root.js";
import { assertRefused } from "./fixtures.js";

const fixtures = join(root, "test/reference/fixtures/files");
const scratch = mkdtempSync(join(tmpdir(), "descent-safetensors-"));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

interface Expected {
  safetensors: Record<string, { dtype: string; shape: number[]; values: unknown }>;
}
const expected = (JSON.parse(readFileSync(join(fixtures, "expected.json"), "utf8")) as Expected).safetensors;

/** A file made by hand: a header as text or as an object, then bytes. */
function fileOf(header: unknown, data: Uint8Array | number[] = [], length?: bigint): string {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(text.length));
  const path = join(scratch, "made.safetensors");
  writeFileSync(path, Buffer.concat([start, text, Uint8Array.from(data)]));
  return path;
}

test("a file of Python's is read, every dtype and value", () => {
  const path = join(fixtures, "all.safetensors");
  const read = safetensors.load(path);
  assert.deepEqual(Object.keys(read).sort(), Object.keys(expected).sort());
  for (const [name, { dtype, shape, values }] of Object.entries(expected)) {
    assert.equal(read[name]!.dtype, dtype, name);
    assert.deepEqual(read[name]!.shape, shape, name);
    assert.deepEqual(read[name]!.tolist(), values, name);
  }
  assert.deepEqual(safetensors.metadata(path), { format: "pt", by: "Zoë" });
  assert.equal(safetensors.list(path).length, Object.keys(expected).length);
});

test("what is written is read again, views and empty tensors included, and Python's file comes out the same", () => {
  const path = join(scratch, "again.safetensors");
  const python = safetensors.load(join(fixtures, "all.safetensors"));
  safetensors.save(path, python, { format: "pt", by: "Zoë" });
  assert.deepEqual(bytesByName(path), bytesByName(join(fixtures, "all.safetensors")));
  const x = randn([3, 4]);
  const given: Record<string, Tensor> = {
    turned: x.t(),
    part: x.narrow(1, 1, 2),
    leaf: randn([2], { requiresGrad: true }),
  };
  Object.defineProperty(given, "__proto__", { value: x, enumerable: true });
  safetensors.save(path, given);
  const read = safetensors.load(path);
  for (const [name, value] of Object.entries(given)) {
    assert.deepEqual(
      (Object.getOwnPropertyDescriptor(read, name)!.value as Tensor).tolist(),
      value.tolist(),
      name,
    );
  }
  assert.equal(read["leaf"]!.requiresGrad, false);
  assert.deepEqual(safetensors.metadata(path), {});
  safetensors.save(path, {});
  assert.deepEqual(safetensors.load(path), {});
});

function bytesByName(path: string): Record<string, string> {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString("utf8", 8, 8 + length)) as Record<
    string,
    { data_offsets: number[] }
  >;
  const { __metadata__: _, ...entries } = header;
  return Object.fromEntries(
    Object.entries(entries)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { data_offsets }]) => {
        const [begin, end] = data_offsets.map((offset) => 8 + length + offset);
        return [name, file.toString("hex", begin, end)];
      }),
  );
}

test("a large file is mapped: changes stay here, and the file may go", () => {
  const path = join(scratch, "large.safetensors");
  const big = randn([600, 500]);
  const odd = tensor([true, false, true]);
  safetensors.save(path, { big, odd, tail: randn([3]) });
  const before = readFileSync(path);
  const read = safetensors.load(path);
  const second = safetensors.load(path);
  read["big"]!.add_(1);
  assert.deepEqual(readFileSync(path), before);
  assert.equal(second["big"]!.sub(big).abs().max().item(), 0);
  rmSync(path);
  assert.equal(read["big"]!.sub(big).sub(1).abs().max().item() < 1e-6, true);
  assert.deepEqual(second["odd"]!.tolist(), [true, false, true]);
  for (const x of [...Object.values(read), ...Object.values(second)]) x.dispose();
});

test("saving over a file in use, or failing to, leaves no half file behind", () => {
  const path = join(scratch, "over.safetensors");
  const x = randn([700, 500]);
  safetensors.save(path, { x });
  const held = safetensors.load(path)["x"]!;
  safetensors.save(path, { x: held.mul(2) });
  assert.equal(held.sub(x).abs().max().item(), 0);
  assert.equal(safetensors.load(path)["x"]!.sub(x.mul(2)).abs().max().item(), 0);
  x.dispose();
  const kept = readFileSync(path);
  assertRefused(
    () => {
      safetensors.save(path, { held, x });
    },
    "disposed",
    /disposed/,
  );
  assert.deepEqual(readFileSync(path), kept);
  assert.deepEqual(
    readdirSync(scratch).filter((name) => name.endsWith(".tmp")),
    [],
  );
});

test("bad arguments are refused", () => {
  const path = join(scratch, "never.safetensors");
  const x = tensor([1]);
  assertRefused(
    () => {
      safetensors.save(path, [x] as never);
    },
    "argument",
    /^safetensors.save: the tensors must be a record/,
  );
  assertRefused(
    () => {
      safetensors.save(path, { x: 3 } as never);
    },
    "argument",
    /'x' must be a tensor, it is 3/,
  );
  assertRefused(
    () => {
      safetensors.save(path, { __metadata__: x });
    },
    "argument",
    /'__metadata__'/,
  );
  assertRefused(
    () => {
      safetensors.save(path, { x }, { a: 1 } as never);
    },
    "argument",
    /metadata 'a' must be a string/,
  );
  assertRefused(
    () => {
      safetensors.save(join(scratch, "no/x"), { x });
    },
    "argument",
    /its folder does not exist/,
  );
  assertRefused(() => safetensors.load(3 as never), "argument", /the path must be a string, it is 3/);
  assertRefused(
    () => safetensors.load(path),
    "argument",
    /never.safetensors cannot be read: there is no such file/,
  );
  assertRefused(() => safetensors.load(scratch), "argument", /is not a file/);
  assert.equal(existsSync(path), false);
});

test("every broken header is refused in one sentence", () => {
  const x = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const four = [0, 0, 128, 63];
  assert.deepEqual(safetensors.load(fileOf({ x }, four))["x"]!.tolist(), [1]);
  const refused = (header: unknown, data: number[], message: RegExp, length?: bigint): void => {
    assertRefused(() => safetensors.load(fileOf(header, data, length)), "argument", message);
  };
  refused({ x }, four, /larger than 100 MB/, 100_000_001n);
  refused({ x }, four, /larger than 100 MB/, 2n ** 64n - 1n);
  refused({ x }, four, /cut short: its header has 9000 bytes/, 9000n);
  refused("", [], /does not begin with '\{'/);
  refused(" {}", [], /does not begin with '\{'/);
  refused("[]", [], /does not begin with '\{'/);
  refused('{"x":', [], /is not JSON/);
  refused("{}}", [], /is not JSON/);
  refused('{"\ud800":1', [], /not JSON|not UTF-8/);
  refused({ x }, four.slice(1), /cut short: 'x' ends at byte 4 of 3/);
  refused({ x }, [...four, 0], /1 bytes at its end belong to no tensor/);
  refused({ x, y: { ...x, data_offsets: [2, 6] } }, [...four, 0, 0], /'y' overlap/);
  refused({ x, y: { ...x, data_offsets: [5, 9] } }, [...four, 0, ...four], /hole of 1 bytes before 'y'/);
  refused({ x, y: x }, four, /overlap/);
  refused(
    '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0078":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}',
    four,
    /'x' twice/,
  );
  refused('{"x":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', four, /'dtype' twice/);
  refused({ x: { ...x, dtype: "F8_E4M3" } }, four, /'F8_E4M3', only BOOL/);
  refused({ x: { ...x, dtype: "constructor" } }, four, /'constructor', only BOOL/);
  for (const shape of [[-1], [1.5], ["1"], "1", [2 ** 53], null, {}]) {
    refused({ x: { ...x, shape } }, four, /the shape of 'x'/);
  }
  refused({ x: { ...x, shape: [2] } }, four, /'x' has 4 bytes in the file, 'F32' of \[2\] needs 8/);
  refused({ x: { ...x, shape: [2 ** 31, 2 ** 31, 2 ** 31] } }, four, /needs/);
  refused({ x: { ...x, shape: new Array(13).fill(1) } }, four, /13 dims, 12 is the most/);
  for (const data_offsets of [[0], [0, 4, 8], ["0", 4], [-4, 0], [0, 4.5], null]) {
    refused({ x: { ...x, data_offsets } }, four, /data_offsets of 'x'/);
  }
  refused({ x: { ...x, data_offsets: [4, 0] } }, four, /'x' has -4 bytes/);
  refused({ x: 3 }, four, /'x' must be \{ dtype, shape, data_offsets \}, it is 3/);
  refused({ __metadata__: [] }, [], /metadata must be a record/);
  refused({ __metadata__: { a: 1 } }, [], /metadata 'a' must be a string, it is 1/);
});

test("tensors that begin between two elements are read all the same, bools as 0 and 1", () => {
  const header = {
    flag: { dtype: "BOOL", shape: [3], data_offsets: [0, 3] },
    x: { dtype: "F32", shape: [1], data_offsets: [3, 7] },
  };
  const read = safetensors.load(fileOf(header, [0, 2, 255, 0, 0, 128, 63]));
  assert.deepEqual(read["flag"]!.tolist(), [false, true, true]);
  assert.deepEqual(Array.from(read["flag"]!.data(), Number), [0, 1, 1]);
  assert.deepEqual(read["x"]!.tolist(), [1]);
});

test("a file cut anywhere, or with any bit turned, is read or refused, never more", () => {
  const whole = readFileSync(join(fixtures, "all.safetensors"));
  const path = join(scratch, "broken.safetensors");
  const isRefused = (bytes: Uint8Array): boolean => {
    writeFileSync(path, bytes);
    try {
      for (const x of Object.values(safetensors.load(path))) x.dispose();
      return false;
    } catch (error) {
      assert.ok(error instanceof DescentError, String(error));
      assert.match(error.message, /^safetensors\.load: .*broken\.safetensors: [^\n]+$/);
      return true;
    }
  };
  for (let length = 0; length < whole.length; length++)
    assert.ok(isRefused(whole.subarray(0, length)), `cut at ${length}`);
  const header = 8 + Number(whole.readBigUInt64LE());
  for (let at = 0; at < header; at++) {
    const turned = Buffer.from(whole);
    turned[at]! ^= 1 << (at % 8);
    isRefused(turned);
  }
  copyFileSync(join(fixtures, "all.safetensors"), path);
  assert.equal(Object.keys(safetensors.load(path)).length, Object.keys(expected).length);
});
