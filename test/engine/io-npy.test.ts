// .npy and .npz files: as NumPy writes them, as NumPy reads them, and broken ones.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { crc32 } from "node:zlib";
import { DescentError, npy, randn, tensor, zeros } from "descent";
import { root } from "../root.js";
import { assertRefused } from "./fixtures.js";

const fixtures = join(root, "test/reference/fixtures/files");
const scratch = mkdtempSync(join(tmpdir(), "descent-npy-"));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

interface Expected {
  npy: Record<string, { shape: number[]; values: unknown }>;
}
const expected = (JSON.parse(readFileSync(join(fixtures, "expected.json"), "utf8")) as Expected).npy;
const dtypes: Record<string, string> = {
  f8: "float64",
  f2: "float16",
  f8bigfortran: "float64",
  i8: "int64",
  i4big: "int32",
  i2: "int16",
  i1: "int8",
  u1: "uint8",
  u2big: "int32",
  u4: "int64",
  u8: "int64",
  b1: "bool",
  scalar: "float64",
  vector: "int32",
};

/** A .npy file made by hand. */
function fileOf(header: string, data: number[] = [], version = 1): string {
  const start = Buffer.alloc(version === 1 ? 10 : 12);
  start.set([0x93, ...Buffer.from("NUMPY"), version, 0]);
  if (version === 1) start.writeUInt16LE(header.length, 8);
  else start.writeUInt32LE(header.length, 8);
  const path = join(scratch, "made.npy");
  writeFileSync(path, Buffer.concat([start, Buffer.from(header), Uint8Array.from(data)]));
  return path;
}

test("NumPy's archives are read, stored and deflated, every dtype, both byte orders, both orders of dims", () => {
  for (const archive of ["stored.npz", "deflated.npz"]) {
    const read = npy.loadNpz(join(fixtures, archive));
    assert.deepEqual(Object.keys(read).sort(), Object.keys(expected).sort());
    for (const [name, { shape, values }] of Object.entries(expected)) {
      const x = read[name]!;
      assert.equal(x.dtype, dtypes[name] ?? "float32", name);
      assert.deepEqual(x.shape, shape, name);
      assert.ok(x.isContiguous());
      assert.deepEqual(x.tolist(), values, name);
    }
  }
});

test("every version of the header is read", () => {
  for (const version of [1, 2, 3]) {
    assert.deepEqual(npy.load(join(fixtures, `version${version}.npy`)).tolist(), expected["f4"]!.values);
  }
});

test("what is written is read again, and one file is NumPy's own byte for byte", () => {
  const path = join(scratch, "x.npy");
  const x = randn([5, 3]);
  for (const given of [
    x,
    x.t(),
    x.narrow(0, 1, 2),
    tensor(3),
    zeros([0, 2]),
    tensor([1n, -5n]),
    tensor([true, false]),
  ]) {
    npy.save(path, given);
    const read = npy.load(path);
    assert.equal(read.dtype, given.dtype);
    assert.deepEqual(read.tolist(), given.tolist());
    assert.deepEqual(read.shape, given.shape);
  }
  npy.save(path, npy.load(join(fixtures, "version1.npy")));
  assert.deepEqual(readFileSync(path), readFileSync(join(fixtures, "version1.npy")));
  const arrays = npy.loadNpz(join(fixtures, "stored.npz"));
  for (const compressed of [false, true]) {
    const archive = join(scratch, "x.npz");
    npy.saveNpz(archive, { ...arrays, "a/b ü": x }, { compressed });
    const again = npy.loadNpz(archive);
    assert.deepEqual(again["a/b ü"]!.tolist(), x.tolist());
    for (const [name, { values }] of Object.entries(expected)) {
      assert.deepEqual(again[name]!.tolist(), values);
    }
  }
});

test("what is no plain array is refused, and so are bad arguments", () => {
  const load = (name: string) => () => npy.load(join(fixtures, name));
  assertRefused(
    load("records.npy"),
    "argument",
    /^npy.load: .*records.npy: it has records with named fields/,
  );
  assertRefused(load("objects.npy"), "argument", /it holds Python objects/);
  assertRefused(load("complex.npy"), "argument", /its elements are <c8/);
  assertRefused(load("strings.npy"), "argument", /its elements are <U2/);
  assertRefused(load("stored.npz"), "argument", /an .npz archive, use npy.loadNpz/);
  assertRefused(load("expected.json"), "argument", /it is no .npy file/);
  assertRefused(() => npy.loadNpz(join(fixtures, "version1.npy")), "argument", /it is no zip archive/);
  assertRefused(() => npy.load(join(scratch, "none.npy")), "argument", /there is no such file/);
  assertRefused(
    () => {
      npy.save(join(scratch, "a.npy"), [1] as never);
    },
    "argument",
    /must be a tensor/,
  );
  assertRefused(
    () => {
      npy.saveNpz(join(scratch, "a.npz"), { "": tensor(1) });
    },
    "argument",
    /no name/,
  );
  assertRefused(
    () => {
      npy.saveNpz(join(scratch, "a.npz"), { a: tensor(1) }, { compress: true } as never);
    },
    "argument",
    /no option/,
  );
});

test("every broken header is refused in one sentence", () => {
  const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
  const one = [0, 0, 128, 63];
  assert.deepEqual(npy.load(fileOf(good, one)).tolist(), [1]);
  assert.deepEqual(
    npy.load(fileOf(`{"shape":(1L,),"descr":"<f4","fortran_order":True}`, one, 2)).tolist(),
    [1],
  );
  const refused = (header: string, message: RegExp, data = one, version = 1): void => {
    assertRefused(() => npy.load(fileOf(header, data, version)), "argument", message);
  };
  refused(good, /it is cut short: \[1\] needs 4 bytes, 3 are there/, one.slice(1));
  refused(good, /of version 4.0/, one, 4);
  refused(good.replace("(1,)", "(2**3,)"), /no dictionary/);
  refused(good.replace("(1,)", "(-1,)"), /its shape has -1/);
  refused(good.replace("(1,)", "(99999999999,99999999999)"), /cut short/);
  refused(good.replace("(1,)", "(9007199254740993,)"), /no size|cut short/);
  refused(good.replace("(1,)", `(${"1,".repeat(13)})`), /13 dims/);
  refused(good.replace("(1,)", "1"), /must say descr/);
  refused(good.replace("False", "'no'"), /must say descr/);
  refused(good.replace("<f4", "<q4"), /its elements are <q4/);
  refused(good.replace("<f4", "constructor"), /its elements are constructor/);
  refused(good.replace("'<f4'", "[('a', '<f4')]"), /records with named fields/);
  refused(good.replace("'<f4'", "[".repeat(1000)), /no dictionary/);
  refused("", /no dictionary/);
  refused(good.replace("}", "} + open('x')"), /no dictionary/);
  refused("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", /no dictionary/);
  refused(good.replace("<f4", "<u8"), /uint64 of 2\^63 or more/, [0, 0, 0, 0, 0, 0, 0, 128]);
});

test("an archive that lies about itself is refused", () => {
  const path = join(scratch, "lying.npz");
  npy.saveNpz(path, { x: tensor([1, 2, 3]) }, { compressed: true });
  const good = readFileSync(path);
  const directory = good.indexOf(Buffer.from("PK\x01\x02", "latin1"));
  const refused = (change: (bytes: Buffer) => void, message: RegExp): void => {
    const bytes = Buffer.from(good);
    change(bytes);
    writeFileSync(path, bytes);
    assertRefused(() => npy.loadNpz(path), "argument", message);
  };
  refused((bytes) => bytes.writeUInt16LE(1, directory + 8), /'x.npy' is encrypted/);
  refused((bytes) => bytes.writeUInt16LE(12, directory + 10), /packed by method 12/);
  refused((bytes) => bytes.writeUInt32LE(crc32("other"), directory + 16), /its checksum is another/);
  const wide = directory + 46 + 5 + 4;
  refused((bytes) => bytes.writeBigUInt64LE(1n << 40n, wide), /cannot be as large as it says/);
  refused((bytes) => bytes.writeBigUInt64LE(1n << 60n, wide), /is damaged/);
  refused((bytes) => bytes.writeBigUInt64LE(200n, wide), /its checksum is another/);
  refused((bytes) => bytes.writeBigUInt64LE(20n, wide), /cannot be inflated/);
  refused((bytes) => bytes.writeBigUInt64LE(1n << 30n, wide + 8), /is cut short/);
  refused((bytes) => bytes.writeBigUInt64LE(1n << 30n, wide + 16), /lies outside the file/);
});

test("files cut anywhere, or with any bit turned, are read or refused, never more", () => {
  const path = join(scratch, "broken");
  const attempt = (load: (path: string) => unknown, bytes: Uint8Array): boolean => {
    writeFileSync(path, bytes);
    try {
      load(path);
      return false;
    } catch (error) {
      assert.ok(error instanceof DescentError, String(error));
      assert.match(error.message, /^npy\.\w+: .*broken: [^\n]+$/);
      return true;
    }
  };
  const files: [string, (path: string) => unknown][] = [
    ["version1.npy", npy.load],
    ["stored.npz", npy.loadNpz],
    ["deflated.npz", npy.loadNpz],
  ];
  for (const [name, load] of files) {
    const whole = readFileSync(join(fixtures, name));
    const step = Math.ceil(whole.length / 1000);
    for (let length = 0; length < whole.length; length += step) {
      assert.ok(attempt(load, whole.subarray(0, length)), `${name} cut at ${length}`);
    }
    for (let at = 0; at < whole.length; at += step) {
      const turned = Buffer.from(whole);
      turned[at]! ^= 1 << (at % 8);
      attempt(load, turned);
    }
  }
});
