// Numbers of tensors of a stopped process: statistics, histograms, channels, searches, differences and files, on every device; and what is
// refused.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { npy } from "descent";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PinResult, Statistics } from "../../engine/inspection.js";
import { gpus } from "./gpus.js";
import { connect, until } from "./processes.js";
import { askTensorsOf, startAndStop } from "./stoppedProcess.js";

const strange = [1, NaN, -2, Infinity, 3, -Infinity, 0, NaN, 5, 6, -7, 0];
const values = (k: number): number => (((k * 37) % 101) - 50) / 8;
const sizes = [6, 5, 40];
const count = 1200;

const script = `
  import { memory, tensor, zeros, ones, type Tensor } from "descent";
  const device = process.env.TEST_DEVICE!;
  const strange = tensor(${JSON.stringify(strange.map(String))}.map(Number), { shape: [3, 4], device });
  const values = ${values.toString()};
  const x = tensor(Float64Array.from({ length: ${count} }, (_, k) => values(k)), { shape: ${JSON.stringify(sizes)}, dtype: "float32", device });
  const turned = x.permute(2, 0, 1);
  const half = x.half();
  const brain = x.bfloat16();
  const integers = x.mul(8).long();
  const flags = x.gt(0);
  const doubled = x.mul(2).double();
  const shifted = x.add(1).half();
  const twin = x.cpu();
  const endless = x.at(0, 0, 0).expand(1000, 2 ** 30, 1000);
  const none = zeros([0, 3], { device });
  const scalar = tensor(0.1, { device });
  const nothingFinite = tensor([NaN, Infinity], { device });
  const w = ones([2, 3], { device });
  w.requiresGrad = true;
  w.mul(tensor([1, 2, 3], { device })).sum().backward();
  const copied = ones([4], { device });
  const long = zeros([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], { device });
  long.label = "x".repeat(2000);
  const gone = zeros([2]);
  gone.dispose();
  const stats = () => JSON.stringify([device, "cpu"].map((name) =>
    Object.entries(memory.stats(name)).filter(([key]) => /^(allocat|segment|reserved|requested).*(allocated|peak)$/.test(key))));
  const allocated = () => memory.allocated(device);
  debugger;
  copied.fill_(9);
  debugger;
`;

/** What the contract says, in plain numbers. */
function statisticsOf(all: number[]): Statistics {
  const finite = all.filter(Number.isFinite);
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  const isThere = finite.length > 0;
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    count: all.length,
    nan: all.filter(Number.isNaN).length,
    positiveInfinity: all.filter((value) => value === Infinity).length,
    negativeInfinity: all.filter((value) => value === -Infinity).length,
    zeros: all.filter((value) => value === 0).length,
    min: isThere ? Math.min(...finite) : null,
    max: isThere ? Math.max(...finite) : null,
    mean: isThere ? mean : null,
    std: isThere ? Math.sqrt(squares / finite.length) : null,
    norm: isThere ? Math.sqrt(finite.reduce((sum, value) => sum + value * value, 0)) : null,
    sampled: false,
  };
}

function assertStatistics(found: Statistics, expected: Statistics, what: string): void {
  for (const [key, wanted] of Object.entries(expected)) {
    const value = found[key as keyof Statistics];
    const isClose =
      typeof wanted === "number" && typeof value === "number"
        ? Math.abs(value - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted))
        : value === wanted;
    assert.ok(isClose, `${what}: ${key} is ${String(value)}, not ${String(wanted)}`);
  }
}

const all = Array.from({ length: count }, (_, k) => values(k));
const value = { part: "value" } as const;

for (const device of ["cpu", ...gpus]) {
  describe(`numbers at a breakpoint, on ${device}`, async () => {
    const stopped = await startAndStop({ "train.ts": script }, "train.ts", { TEST_DEVICE: device });
    const { connection, pin, problemOf, ask } = await askTensorsOf(stopped);
    const before = await stopped.evaluate<string>("stats()");
    const pinned = async (expression: string): Promise<number> => (await pin(expression)).pin;
    const text = (bytes: ArrayBuffer): string => new TextDecoder().decode(bytes);

    test("statistics, of a value, a gradient, and nothing", async () => {
      for (const [name, numbers] of [
        ["strange", strange],
        ["x", all],
        ["turned", all],
        ["half", all],
        ["brain", all],
        ["integers", all.map((number) => number * 8)],
        ["flags", all.map((number) => (number > 0 ? 1 : 0))],
        ["none", []],
        ["nothingFinite", [NaN, Infinity]],
        ["scalar", [Math.fround(0.1)]],
      ] as const) {
        const { statistics } = await ask(await pinned(name), { kind: "statistics", ...value });
        assertStatistics(statistics, statisticsOf([...numbers]), name);
      }
      const { pin: w, facts } = await pin("w");
      assert.deepEqual([facts.hasGrad, facts.requiresGrad, facts.isLeaf], [true, true, true]);
      const { statistics } = await ask(w, { kind: "statistics", part: "grad" });
      assertStatistics(statistics, statisticsOf([1, 2, 3, 1, 2, 3]), "grad");
      await assert.rejects(
        ask(await pinned("x"), { kind: "statistics", part: "grad" }),
        /The tensor had no gradient when it was pinned\.$/,
      );
    });

    test("histograms", async () => {
      const found = await ask(await pinned("turned"), { kind: "histogram", ...value, bins: 10 });
      const [least, greatest] = [Math.min(...all), Math.max(...all)];
      const bins = new Array<number>(10).fill(0);
      for (const number of all)
        bins[Math.min(9, Math.floor((10 * (number - least)) / (greatest - least)))]!++;
      assert.deepEqual(found, {
        kind: "histogram",
        from: least,
        to: greatest,
        counts: bins,
        below: 0,
        above: 0,
        sampled: false,
      });
      const limits = { from: -1, to: 4 };
      const part = await ask(await pinned("strange"), { kind: "histogram", ...value, bins: 5, ...limits });
      assert.deepEqual([part.counts, part.below, part.above], [[0, 2, 1, 0, 1], 2, 2]);
      const nothing = await ask(await pinned("none"), { kind: "histogram", ...value, bins: 3 });
      assert.deepEqual(nothing.counts, [0, 0, 0]);
      await assert.rejects(
        ask(await pinned("x"), { kind: "histogram", ...value, bins: 3, from: 2, to: 1 }),
        /cannot reach from 2 to 1\.$/,
      );
    });

    test("statistics of each index of a dim", async () => {
      const x = await pinned("x");
      for (const dim of [0, 1, 2]) {
        const { channels } = await ask(x, { kind: "channels", ...value, dim, first: 1, most: 3 });
        assert.equal(channels.length, 3);
        channels.forEach((channel, k) => {
          const own = all.filter((_, place) => {
            const index = [Math.floor(place / 200), Math.floor(place / 40) % 5, place % 40];
            return index[dim] === k + 1;
          });
          assertStatistics(channel, statisticsOf(own), `dim ${dim}, index ${k + 1}`);
        });
      }
      const beyond = await ask(x, { kind: "channels", ...value, dim: 1, first: 4, most: 100 });
      assert.equal(beyond.channels.length, 1);
      await assert.rejects(
        ask(x, { kind: "channels", ...value, dim: 3, first: 0, most: 1 }),
        /There is no dim 3 in \[6, 5, 40\]\.$/,
      );
    });

    test("the first of a kind after an index, and the place of an extreme", async () => {
      const x = await pinned("strange");
      const find = async (what: "nan" | "infinity" | "nonFinite" | "min" | "max", after?: number[]) => {
        const answer = await ask(x, {
          kind: "find",
          ...value,
          what,
          ...(after === undefined ? {} : { after }),
        });
        return [answer.index, answer.value];
      };
      assert.deepEqual(await find("nan"), [[0, 1], null]);
      assert.deepEqual(await find("nan", [0, 1]), [[1, 3], null]);
      assert.deepEqual(await find("nan", [1, 3]), [null, null]);
      assert.deepEqual(await find("infinity", [0, 3]), [[1, 1], null]);
      assert.deepEqual(await find("nonFinite", [0, 1]), [[0, 3], null]);
      assert.deepEqual(await find("min"), [[2, 2], -7]);
      assert.deepEqual(await find("max"), [[2, 1], 6]);
      await assert.rejects(find("nan", [3, 0]), /\[3, 0\] is no index of a tensor of shape \[3, 4\]\.$/);
      for (const name of ["turned", "integers", "half"]) {
        const scale = name === "integers" ? 8 : 1;
        const found = await ask(await pinned(name), { kind: "find", ...value, what: "max" });
        assert.equal(found.value, Math.max(...all) * scale);
        const [i, j, k] = found.index!;
        const place = name === "turned" ? j! * 200 + k! * 40 + i! : i! * 200 + j! * 40 + k!;
        assert.equal(all[place]! * scale, found.value);
      }
      assert.equal(
        (await ask(await pinned("integers"), { kind: "find", ...value, what: "nan" })).index,
        null,
      );
      assert.equal((await ask(await pinned("none"), { kind: "find", ...value, what: "min" })).index, null);
    });

    test("the difference to another tensor, also of another dtype, and to the same one earlier", async () => {
      const [x, doubled, shifted] = [await pinned("x"), await pinned("doubled"), await pinned("shifted")];
      const [integers, flags] = [await pinned("integers"), await pinned("flags")];
      const minus = (pin: number) => ({ ...value, minus: pin });
      const { statistics } = await ask(doubled, { kind: "statistics", ...minus(x) });
      assertStatistics(statistics, statisticsOf(all), "2x - x");
      const { statistics: exact } = await ask(integers, { kind: "statistics", ...minus(flags) });
      const wanted = all.map((number) => number * 8 - (number > 0 ? 1 : 0));
      assertStatistics(exact, statisticsOf(wanted), "integers - flags");
      const { counts } = await ask(shifted, { kind: "histogram", ...minus(x), bins: 3, from: 0.5, to: 2 });
      assert.deepEqual(
        counts,
        [0, count, 0].map((c, k) => (k === 1 ? c : 0)),
      );
      const { channels } = await ask(doubled, { kind: "channels", ...minus(x), dim: 2, first: 7, most: 1 });
      assertStatistics(channels[0]!, statisticsOf(all.filter((_, k) => k % 40 === 7)), "channel of 2x - x");
      const found = await ask(doubled, { kind: "find", ...minus(x), what: "max" });
      assert.equal(found.value, Math.max(...all));
      const rectangle = { index: [2, 0, 0], rowDim: 1, columnDim: 2, row: 1, column: 3, rows: 4, columns: 9 };
      const cells = { mostRows: 100, mostColumns: 100, by: "mean" } as const;
      const slice = await ask(doubled, { kind: "slice", ...minus(x), ...rectangle, ...cells });
      assert.deepEqual(
        [...new Float64Array(slice.values)],
        Array.from({ length: 36 }, (_, k) => all[400 + (1 + Math.floor(k / 9)) * 40 + 3 + (k % 9)]),
      );
      await assert.rejects(
        ask(x, { kind: "statistics", ...minus(await pinned("strange")) }),
        /Only tensors of one shape can be subtracted, these are \[6, 5, 40\] and \[3, 4\]\.$/,
      );
      const twin = await pinned("twin");
      const elsewhere = await ask(doubled, { kind: "slice", ...minus(twin), ...rectangle, ...cells });
      assert.deepEqual(new Float64Array(elsewhere.values), new Float64Array(slice.values));
      const { statistics: brought } = await ask(twin, { kind: "statistics", ...minus(doubled) });
      assertStatistics(brought, statisticsOf(all.map((number) => -number)), "x - 2x, on two devices");
    });

    test("a tensor of a number repeated without end is no trap", async () => {
      const { pin: endless, facts } = await pin("endless");
      assert.deepEqual([facts.shape, facts.storageBytes], [[1000, 2 ** 30, 1000], count * 4]);
      const { statistics } = await ask(endless, { kind: "statistics", ...value });
      assert.deepEqual([statistics.min, statistics.max, statistics.sampled], [all[0], all[0], true]);
      const { index } = await ask(endless, { kind: "find", ...value, what: "max" });
      assert.deepEqual(index, [0, 0, 0]);
      assert.equal((await ask(endless, { kind: "find", ...value, what: "nan" })).index, null);
      await assert.rejects(
        ask(endless, { kind: "find", ...value, what: "nan", after: [0, 0, 1] }),
        /A search looks at no more than 17179869184 elements, here are \d+\.$/,
      );
      await assert.rejects(ask(endless, { kind: "export", ...value, format: "csv" }), /at most 64 MiB leave/);
      assert.match(await problemOf("endless", "{ copy: true }"), /all together may have 1024 MiB/);
      const overview = {
        index: [0, 0, 0],
        rowDim: 0,
        columnDim: 1,
        row: 0,
        column: 0,
        rows: 1000,
        columns: 2 ** 30,
      };
      const cells = { mostRows: 10, mostColumns: 10, by: "mean" } as const;
      const slice = await ask(endless, { kind: "slice", ...value, ...overview, ...cells });
      assert.deepEqual([slice.rows, slice.columns, slice.min, slice.sampled], [10, 10, all[0], true]);
    });

    test("files and text, all of it and a part", async () => {
      const folder = mkdtempSync(join(tmpdir(), "descent-export-"));
      const load = (bytes: ArrayBuffer) => {
        const path = join(folder, "x.npy");
        writeFileSync(path, new Uint8Array(bytes));
        return npy.load(path);
      };
      for (const [name, dtype, scale] of [
        ["turned", "float32", 1],
        ["half", "float16", 1],
        ["brain", "float32", 1],
        ["integers", "int64", 8],
        ["doubled", "float64", 2],
      ] as const) {
        const { bytes } = await ask(await pinned(name), { kind: "export", ...value, format: "npy" });
        const loaded = load(bytes);
        assert.equal(loaded.dtype, dtype);
        assert.deepEqual(loaded.shape, name === "turned" ? [40, 6, 5] : sizes);
        const inOrder = name === "turned" ? loaded.permute(1, 2, 0) : loaded;
        assert.deepEqual(
          Array.from(inOrder.contiguous().data() as ArrayLike<number | bigint>, Number),
          all.map((number) => number * scale),
        );
      }
      rmSync(folder, { recursive: true });
      const strangePin = await pinned("strange");
      const csv = await ask(strangePin, { kind: "export", ...value, format: "csv" });
      assert.equal(text(csv.bytes), "1,NaN,-2,Infinity\n3,-Infinity,0,NaN\n5,6,-7,0\n");
      const slice = { index: [0, 0], rowDim: 1, columnDim: 0, row: 2, column: 1, rows: 9, columns: 2 };
      const part = await ask(strangePin, { kind: "export", ...value, format: "csv", slice });
      assert.equal(text(part.bytes), "0,-7\nNaN,0\n");
      const typeScript = async (name: string) =>
        text((await ask(await pinned(name), { kind: "export", ...value, format: "typescript" })).bytes);
      assert.equal(await typeScript("scalar"), 'tensor(0.1, { dtype: "float32" })');
      assert.equal(await typeScript("none"), 'tensor([], { dtype: "float32", shape: [0, 3] })');
      assert.equal(await typeScript("w"), 'tensor([\n  [1, 1, 1],\n  [1, 1, 1],\n], { dtype: "float32" })');
      assert.match(await typeScript("integers"), /^tensor\(\[\n {2}\[\n {4}\[-50n, -13n, 24n, /);
      assert.match(await typeScript("flags"), /\[false, false, true, /);
    });

    test("a copy stays as it was", async () => {
      const [now, then] = [await pinned("copied"), (await pin("copied", "{ copy: true }")).pin];
      await stopped.resume();
      const mean = async (number: number) =>
        (await ask(number, { kind: "statistics", ...value })).statistics.mean;
      assert.deepEqual([await mean(now), await mean(then)], [9, 1]);
      const { statistics } = await ask(now, { kind: "statistics", ...value, minus: then });
      assert.equal(statistics.mean, 8);
    });

    test("what cannot be pinned or asked is one sentence", async () => {
      assert.match(await problemOf("7"), /^Only a tensor can be inspected, this is 7\.$/);
      assert.match(await problemOf("null"), /^Only a tensor can be inspected/);
      assert.match(await problemOf("gone"), /^This tensor was disposed/);
      const { facts } = await pin("long");
      assert.equal(facts.label!.length, 80);
      const x = await pinned("x");
      const rectangle = { index: [0, 0, 0], rowDim: 0, columnDim: 1, row: 0, column: 0, rows: 5, columns: 5 };
      const slice = { kind: "slice", part: "value", ...rectangle, mostRows: 5, mostColumns: 5, by: "first" };
      const wrong: [pin: unknown, ask: unknown, sentence: RegExp][] = [
        [x, null, /it is no object/],
        [x, [], /it is no object/],
        [x, { kind: "all" }, /'kind' must be one of slice, statistics, /],
        [x, { kind: "statistics", part: "both" }, /'part' must be one of value, grad/],
        [x, { kind: "statistics", part: "value", minus: "x" }, /'x' is no pinned tensor/],
        [x, { ...slice, rows: -1 }, /'rows' must be a whole number from 0 /],
        [x, { ...slice, rows: 1.5 }, /'rows' must be a whole number/],
        [x, { ...slice, mostRows: 0 }, /'mostRows' must be a whole number from 1/],
        [x, { ...slice, index: [0, 0, -1] }, /'index' must be a list/],
        [x, { ...slice, index: "000" }, /'index' must be a list/],
        [x, { ...slice, index: [0, 0] }, /The index has 2 numbers, the shape is \[6, 5, 40\]/],
        [x, { ...slice, index: [0, 0, 40] }, /Index 40 of dim 2 is outside of \[6, 5, 40\]/],
        [x, { ...slice, rowDim: 3 }, /There is no dim 3 in \[6, 5, 40\]/],
        [x, { ...slice, rowDim: 1 }, /'rowDim' and 'columnDim' must be two dims/],
        [x, { ...slice, by: "median" }, /'by' must be one of first, mean/],
        [
          x,
          { ...slice, rows: 9e9, columns: 9e9, mostRows: 5000, mostColumns: 5000 },
          /25000000 cells are more/,
        ],
        [x, { kind: "histogram", part: "value", bins: 0 }, /'bins' must be a whole number from 1 to 2048/],
        [x, { kind: "histogram", part: "value", bins: 5, from: "a" }, /'from' must be a finite number/],
        [x, { kind: "channels", part: "value", dim: -1, first: 0, most: 1 }, /'dim' must be/],
        [x, { kind: "find", part: "value", what: "zero" }, /'what' must be one of nan, /],
        [x, { kind: "graph", most: 0 }, /'most' must be/],
        [x, { kind: "export", part: "value", format: "png" }, /'format' must be one of npy, csv/],
        [x, { kind: "export", part: "value", format: "npy", slice: 5 }, /'slice' is no object/],
        [0, { kind: "statistics", part: "value" }, /'0' is no pinned tensor/],
        ["1", { kind: "statistics", part: "value" }, /no pinned tensor/],
        [
          123456,
          { kind: "statistics", part: "value" },
          /There is no pin 123456: it was let go, pin the tensor again\./,
        ],
      ];
      for (const [number, asked, sentence] of wrong) {
        await assert.rejects(
          connection.request("inspect", { pin: number, ask: asked } as never),
          sentence,
          JSON.stringify(asked),
        );
      }
      await assert.rejects(connection.request("release", { pins: "all" } as never), /list of numbers/);
      await assert.rejects(connection.request("release", {} as never), /list of numbers/);
    });

    test("pins are let go by the bridge, by the socket, and with the connection that asked", async () => {
      const statistics = { kind: "statistics", ...value } as const;
      const [a, b, c, d] = [await pinned("x"), await pinned("x"), await pinned("x"), await pinned("x")];
      assert.equal(new Set([a, b, c, d]).size, 4);
      assert.equal(
        await stopped.evaluate(`globalThis[Symbol.for("descent.debug")].release(${a}, 99999)`),
        '{"released":1}',
      );
      await connection.request("release", { pins: [b, 99999] });
      for (const number of [a, b]) await assert.rejects(ask(number, statistics), /it was let go/);
      await ask(c, statistics);
      const other = await connect(stopped.folder);
      for (const number of [c, d]) await other.request("inspect", { pin: number, ask: statistics });
      other.close();
      await until("the pin that only the other asked about to be let go", async () =>
        ask(d, statistics).then(
          () => false,
          () => true,
        ),
      );
      await ask(c, statistics);

      const many = await stopped.evaluate<string[]>(
        'Array.from({ length: 300 }, () => globalThis[Symbol.for("descent.debug")].pin(strange))',
      );
      const kept = many.map((result) => JSON.parse(result) as PinResult).filter((result) => "pin" in result);
      assert.ok(kept.length > 100 && kept.length < 300, `${kept.length} pins`);
      await Promise.all(kept.map((result) => ask(result.pin, statistics)));
      assert.match(await problemOf("strange"), /^256 tensors are kept for inspection/);
      connection.close();
      await until("room again", async () =>
        (await stopped.evaluate<string>('globalThis[Symbol.for("descent.debug")].pin(strange)')).includes(
          "facts",
        ),
      );
    });

    test("looking changes no figure of memory", async () => {
      assert.equal(await stopped.evaluate<string>("stats()"), before);
    });
  });
}

for (const device of gpus) {
  test(`on ${device}, what a kernel has found wrong is told to the program, not to whoever looks`, async () => {
    const faulty = `
      import { tensor, zeros } from "descent";
      const x = zeros([4], { device: "${device}" });
      const y = x.indexSelect(0, tensor([9n], { device: "${device}" }));
      debugger;
      try { x.sum().item(); } catch (error) { console.log((error as Error).message); }
    `;
    const stopped = await startAndStop({ "train.ts": faulty }, "train.ts");
    const { pin, ask } = await askTensorsOf(stopped);
    const { pin: number } = await pin("x");
    const { statistics } = await ask(number, { kind: "statistics", ...value });
    assert.equal(statistics.zeros, 4);
    assert.equal((await ask(number, { kind: "find", ...value, what: "max" })).value, 0);
    await ask(number, { kind: "export", ...value, format: "npy" });
    stopped.detach();
    assert.equal(await stopped.ended, 0);
    assert.match(stopped.said.out, /^indexSelect: index 9 at position 0 is outside \[0, 4\)/);
  });
}
