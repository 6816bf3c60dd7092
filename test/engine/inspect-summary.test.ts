// Statistics and histograms of tensors for somebody who looks at them: on every device, of every dtype and layout, beside numbers computed
// here, and without a trace in what the program could notice.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  getRngState,
  manualSeed,
  memory,
  randn,
  slice,
  tensor,
  zeros,
  type DType,
  type Tensor,
} from "descent";
import { native } from "../../engine/native.js";
import { dtypes, Random } from "./fuzz/random.js";
import { gpus } from "./gpus.js";

const devices = ["cpu", ...gpus];

/** What `native.summarize` gives for one tensor. */
function expected(values: number[]): number[] {
  const finite = values.filter(Number.isFinite);
  const count = (is: (x: number) => boolean): number => values.filter(is).length;
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length;
  const squares = finite.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return [
    values.length,
    count(Number.isNaN),
    count((x) => x === Infinity),
    count((x) => x === -Infinity),
    count((x) => x === 0),
    finite.length ? Math.min(...finite) : NaN,
    finite.length ? Math.max(...finite) : NaN,
    mean,
    Math.sqrt(squares / finite.length),
    Math.hypot(...finite),
    0,
  ];
}

function assertClose(got: number[], wanted: number[], what: string, tolerance = 1e-9): void {
  assert.equal(got.length, wanted.length, what);
  for (const [k, right] of wanted.entries()) {
    const mine = got[k]!;
    const isRight =
      Object.is(mine, right) || Math.abs(mine - right) <= tolerance * Math.max(1, Math.abs(right));
    assert.ok(isRight, `${what}: number ${k} is ${mine}, not ${right}`);
  }
}

const plain = (x: Tensor): number[] => (x.tolist() as (number | bigint | boolean)[]).map(Number);

/** Some tensors of a dtype in odd layouts. */
function* tensorsOf(dtype: DType, device: string, random: Random): Generator<[string, Tensor]> {
  const isFloating = dtype.includes("float");
  const some = (count: number): number[] =>
    Array.from({ length: count }, () => {
      if (isFloating && random.chance(0.1)) return random.oneOf([NaN, Infinity, -Infinity, 0]);
      return dtype === "bool"
        ? random.below(2)
        : (random.below(200) - (dtype === "uint8" ? 0 : 100)) / (isFloating ? 8 : 1);
    });
  const make = (shape: number[]): Tensor =>
    tensor(some(shape.reduce((product, size) => product * size, 1)), { dtype, device }).reshape(shape);
  yield ["a scalar", make([])];
  yield ["empty", make([0])];
  yield ["empty within", make([3, 0, 2])];
  yield ["a vector", make([1003])];
  yield ["more than a tile", make([5000])];
  yield ["transposed", make([37, 53]).t()];
  yield ["cut", make([40, 50]).at(slice(3, 38, 2), slice(1, 45, 3))];
  yield ["repeated", make([1, 70]).expand([9, 70])];
  yield ["permuted", make([4, 5, 6, 7]).permute([2, 0, 3, 1])];
  yield ["more than a group", make([70000])];
}

for (const device of devices) {
  describe(`statistics on ${device}`, () => {
    for (const dtype of dtypes) {
      it(`${dtype} in all layouts`, () => {
        const random = new Random(7);
        const rows = [...tensorsOf(dtype, device, random)];
        const all = native.summarize(rows.map(([, x]) => x));
        for (const [k, [name, x]] of rows.entries()) {
          const values = plain(x.contiguous().flatten());
          assertClose(
            all.slice(11 * k, 11 * (k + 1)),
            expected(values).map((y, i) => (values.length || i < 9 ? y : 0)),
            name,
          );
        }
      });
    }

    it("a mean that is large beside the deviation keeps its digits", () => {
      const x = randn([100_000], { dtype: "float64", device }).mul(1e-3).add(1e6);
      const [, , , , , , , mean, std] = native.summarize([x]);
      assertClose([mean!, std!], expected(plain(x)).slice(7, 9), "large mean", 1e-7);
    });

    it("numbers at the end of the range stay what they are", () => {
      const x = tensor([3e38, -3e38, 3e38], { device });
      const numbers = native.summarize([x]);
      assert.ok(numbers[5]! < -2.9e38 && numbers[6]! > 2.9e38 && Math.abs(numbers[7]! - 1e38) < 1e33);
      assertClose([numbers[8]! / 1e38], [Math.sqrt(8)], "deviation", 1e-5);
    });

    it("bins count every finite element once", () => {
      for (const dtype of dtypes) {
        for (const [name, x] of tensorsOf(dtype, device, new Random(11))) {
          const values = plain(x.contiguous().flatten()).filter(Number.isFinite);
          const [from, to, bins] = [-4, 5.5, 19];
          const wanted = new Array<number>(bins + 3).fill(0);
          for (const value of values) {
            const place =
              value < from
                ? bins
                : value > to
                  ? bins + 1
                  : Math.min(bins - 1, Math.floor((value - from) * (bins / (to - from))));
            wanted[place]!++;
          }
          assert.deepEqual(native.bins(x, from, to, bins), wanted, `${dtype}, ${name}`);
        }
      }
    });

    it("one bin, the most there may be, and one of no width", () => {
      const x = tensor([1, 1, 2, NaN], { device });
      assert.deepEqual(native.bins(x, 1, 1, 1), [2, 0, 1, 0]);
      assert.equal(native.bins(x, 0, 4, 2048).length, 2051);
      assert.deepEqual(native.bins(x, 1, 2, 4).slice(0, 4), [2, 0, 0, 1]);
      assert.throws(() => native.bins(x, 0, 1, 0), /the number of bins must be within \[1, 2048\]/);
      assert.throws(() => native.bins(x, 0, 1, 2049), /within \[1, 2048\]/);
    });

    it("an even sample of a large tensor says that it is one, and is near the whole", () => {
      const x = randn([1024, 1024], { device });
      const whole = native.summarize([x]),
        part = native.summarize([x], 65536);
      assert.equal(whole[10], 0);
      assert.equal(part[10], 1);
      assert.equal(part[0], 65536);
      assert.ok(Math.abs(part[7]!) < 0.03 && Math.abs(part[8]! - 1) < 0.03, part.join(" "));
      // A column that is not the same as the others is seen however the sample falls.
      const stripes = zeros([4096, 1024], { device });
      stripes.narrow(1, 1000, 24).fill_(1);
      assert.ok(Math.abs(native.summarize([stripes], 65536)[7]! - 24 / 1024) < 0.008);
    });

    it("many small tensors are asked at once", () => {
      const all = Array.from({ length: 300 }, (_, k) => zeros([3], { device }).add(k));
      const numbers = native.summarize(all);
      for (let k = 0; k < 300; k++) assert.equal(numbers[11 * k + 7], k);
    });

    it("leaves no trace: random numbers, statistics of memory and their peaks, versions", () => {
      manualSeed(3);
      const x = randn([300, 300], { device });
      const turned = x.t();
      const state = String(getRngState().tolist());
      const version = native.version(x);
      const before = memory.stats(device);
      native.summarize([x, turned]);
      native.bins(x, -1, 1, 16);
      assert.deepEqual(memory.stats(device), before);
      assert.equal(String(getRngState().tolist()), state);
      assert.equal(native.version(x), version);
    });
  });
}
