// Long rows, many rows and long indices on every GPU, beside the CPU: sizes on both sides of where kernels change their ways
// (tiles of a sort, pieces of a scan, an index that is walked along or sorted), all dtypes, several layouts. Bad indices are named.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import * as descent from "descent";
import { DescentError, nn, setDefaultDevice, tensor, type DType, type Tensor } from "descent";
import { native } from "../../../engine/native.js";
import { dtypes, Random } from "../fuzz/random.js";
import { gpus } from "../gpus.js";

after(() => {
  setDefaultDevice("cpu");
});

const floating: readonly DType[] = ["float32", "float64", "float16", "bfloat16"];
const ordered = dtypes.filter((dtype) => dtype !== "bool");
const tolerances: Partial<Record<DType, number>> = {
  float32: 3e-4,
  float64: 1e-7,
  float16: 4e-3,
  bfloat16: 3e-2,
};

/** What a case draws its tensors from: the same on each device. */
class Draw {
  private readonly random: Random;
  readonly dtype: DType;

  constructor(seed: number, dtype: DType) {
    this.random = new Random(seed);
    this.dtype = dtype;
  }

  /** Small whole numbers and halves, so that there are equal ones; some NaN where there is NaN. */
  values(shape: number[], { scale = 1, around = 0, nan = 0 } = {}): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    const numbers = Float64Array.from({ length: count }, () =>
      this.random.chance(nan) ? NaN : around + (scale * (this.random.below(41) - 20)) / 2,
    );
    return tensor(numbers, { shape, dtype: this.dtype });
  }

  index(shape: number[], size: number, dtype: DType = "int64"): Tensor {
    const count = shape.reduce((product, one) => product * one, 1);
    return tensor(
      Int32Array.from({ length: count }, () => this.random.below(size)),
      { shape, dtype },
    );
  }
}

interface Row {
  dtypes: readonly DType[];
  call: (draw: Draw) => Tensor | Tensor[];
}
const isFloat = (dtype: DType): boolean => floating.includes(dtype);
const nanOf = (draw: Draw): number => (isFloat(draw.dtype) ? 0.02 : 0);

const rows: Record<string, Row> = {};
for (const shape of [[3, 1023], [5, 1025], [4097], [900, 7], [2, 3, 300]]) {
  const of = `of [${shape.join(", ")}]`;
  rows[`sort ${of}`] = {
    dtypes,
    call: (draw) => descent.sort(draw.values(shape, { nan: nanOf(draw) }), -1),
  };
  rows[`sort ${of} along the first dim, from the largest`] = {
    dtypes,
    call: (draw) => descent.sort(draw.values(shape, { nan: nanOf(draw) }), 0, { descending: true }),
  };
  for (const k of [1, 7, 200]) {
    if (k > shape.at(-1)!) continue;
    rows[`topk of ${k} ${of}`] = {
      dtypes: ordered,
      call: (draw) => descent.topk(draw.values(shape, { nan: nanOf(draw) }), k, -1, { largest: k !== 7 }),
    };
  }
  rows[`median ${of}`] = { dtypes: ordered, call: (draw) => descent.median(draw.values(shape), -1) };
  rows[`median ${of} with NaN`] = {
    dtypes: floating,
    call: (draw) => descent.median(draw.values(shape, { nan: 0.001 }), -1),
  };
  rows[`unique ${of}`] = {
    dtypes,
    call: (draw) => descent.unique(draw.values(shape), { returnInverse: true, returnCounts: true }),
  };
  rows[`nonzero ${of}`] = { dtypes, call: (draw) => descent.nonzero(draw.values(shape)) };
}
rows["unique rows"] = {
  dtypes,
  call: (draw) => descent.unique(draw.values([400, 2], { scale: 0.2 }), { dim: 0, returnInverse: true }),
};
rows["nonzero of a transposed"] = { dtypes, call: (draw) => descent.nonzero(draw.values([90, 70]).t()) };

for (const shape of [[3, 31], [3, 1100], [300, 40], [9000], [2, 20_000]]) {
  const of = `of [${shape.join(", ")}]`;
  for (const dim of [0, -1]) {
    rows[`cumsum ${of} along ${dim}`] = {
      dtypes,
      call: (draw) => descent.cumsum(draw.values(shape, { scale: 0.01 }), dim),
    };
    rows[`cumprod ${of} along ${dim}`] = {
      dtypes,
      call: (draw) => descent.cumprod(draw.values(shape, { scale: 0.001, around: 1 }), dim),
    };
  }
  rows[`cumprod's gradient ${of}`] = {
    dtypes: ["float32", "float64"],
    call: (draw) => {
      const x = draw.values(shape, { scale: 0.001, around: 1 }).requiresGrad_();
      descent.cumprod(x, -1).sum().backward();
      return x.grad!;
    },
  };
}

for (const count of [3, 64, 65, 500, 2000]) {
  const of = `at ${count} places`;
  for (const indexed of ["int32", "int64"] as const) {
    rows[`scatterAdd ${of} (${indexed}), an index for each line`] = {
      dtypes,
      call: (draw) =>
        descent.scatterAdd(
          draw.values([9, 5]),
          0,
          draw.index([count, 5], 9, indexed),
          draw.values([count, 5]),
        ),
    };
    rows[`scatter ${of} (${indexed}), along the last dim`] = {
      dtypes,
      call: (draw) =>
        descent.scatter(draw.values([5, 9]), 1, draw.index([5, count], 9, indexed), draw.values([5, count])),
    };
    rows[`indexAdd ${of} (${indexed})`] = {
      dtypes,
      call: (draw) =>
        descent.indexAdd(
          draw.values([2, 9, 5]),
          1,
          draw.index([count], 9, indexed),
          draw.values([2, count, 5]),
        ),
    };
    rows[`gather and indexSelect ${of} (${indexed})`] = {
      dtypes,
      call: (draw) => [
        descent.gather(draw.values([9, 6]).t(), 1, draw.index([6, count], 9, indexed)),
        descent.indexSelect(draw.values([4, 9, 3]), 1, draw.index([count], 9, indexed)),
        descent.indexSelect(draw.values([9, 6]).t(), 1, draw.index([count], 9, indexed)),
      ],
    };
  }
  rows[`scatterMultiply ${of}, one index for all lines`] = {
    dtypes,
    call: (draw) =>
      descent.scatter(
        draw.values([9, 5]),
        0,
        draw.index([count, 1], 9).expand([count, 5]),
        draw.values([count, 5], isFloat(draw.dtype) ? { scale: 0.001, around: 1 } : {}),
        { reduce: "multiply" },
      ),
  };
  rows[`indexCopy ${of}`] = {
    dtypes,
    call: (draw) =>
      descent.indexCopy(draw.values([9, 5]), 0, draw.index([count], 9), draw.values([count, 5])),
  };
  for (const options of [{}, { paddingIdx: 3 }, { scaleGradByFreq: true }]) {
    rows[`embedding's gradient ${of}, ${JSON.stringify(options)}`] = {
      dtypes: floating,
      call: (draw) => {
        const weight = draw.values([40, 7]).requiresGrad_();
        const y = nn.functional.embedding(draw.index([count], 40), weight, options);
        y.backward(draw.values([count, 7]));
        return weight.grad!;
      },
    };
  }
}
rows["scatterAdd of one place named ten thousand times"] = {
  dtypes: ["float32", "int64"],
  call: (draw) => descent.scatterAdd(draw.values([2]), 0, draw.index([10_000], 1), draw.values([10_000])),
};
rows["scatterAdd of many lines"] = {
  dtypes: ["float32"],
  call: (draw) =>
    descent.scatterAdd(draw.values([3, 17_000]), 0, draw.index([70, 17_000], 3), draw.values([70, 17_000])),
};

/** An index of `count` elements along a dim of 9, one of which is bad. */
function spoiled(count: number, bad: number): Tensor {
  return tensor(Int32Array.from({ length: count }, (_, k) => (k === 13 ? bad : k % 9)));
}
const zeros = (...shape: number[]): Tensor => descent.zeros(shape);
const faults: Record<string, (bad: number, count: number) => Tensor> = {
  indexSelect: (bad, count) => descent.indexSelect(zeros(9, 4), 0, spoiled(count, bad)),
  gather: (bad, count) => descent.gather(zeros(9, 2), 0, spoiled(count, bad).reshape([-1, 2])),
  scatter: (bad, count) =>
    descent.scatter(zeros(2, 9), 1, spoiled(2 * count, bad).reshape([2, -1]), zeros(2, count)),
  scatterAdd: (bad, count) =>
    descent.scatterAdd(zeros(9, 2), 0, spoiled(2 * count, bad).reshape([-1, 2]), zeros(count, 2)),
  indexAdd: (bad, count) => descent.indexAdd(zeros(9, 2), 0, spoiled(count, bad), zeros(count, 2)),
  embedding: (bad, count) => nn.functional.embedding(spoiled(count, bad), zeros(9, 4)),
};

for (const device of gpus) {
  describe(`on ${device}`, () => {
    for (const [name, row] of Object.entries(rows)) {
      it(name, () => {
        for (const dtype of row.dtypes) {
          const expected = resultsOn("cpu", row, dtype);
          const got = resultsOn(device, row, dtype);
          assert.equal(got.length, expected.length, dtype);
          for (const [k, wanted] of expected.entries()) compare(got[k]!, wanted, `${dtype}, result ${k}`);
        }
      });
    }

    it("adds up in the same order every time", () => {
      const row = rows["embedding's gradient at 2000 places, {}"]!;
      const values = (): number[] => resultsOn(device, row, "float32")[0]!.values;
      assert.deepEqual(values(), values());
    });

    for (const [name, call] of Object.entries(faults)) {
      for (const bad of [-1, 9, 2 ** 31 - 1]) {
        for (const count of [20, 200]) {
          it(`names index ${bad} of ${count} in ${name}`, () => {
            const facts = ["cpu", device].map((where) => factsOf(where, () => call(bad, count)));
            assert.deepEqual(facts[1], facts[0]);
            setDefaultDevice(device);
            assert.equal(tensor([1, 2]).sum().item(), 3, "the device works on");
          });
        }
      }
    }
  });
}

interface Result {
  shape: number[];
  dtype: DType;
  values: number[];
}

function resultsOn(device: string, row: Row, dtype: DType): Result[] {
  setDefaultDevice(device);
  const results = [row.call(new Draw(7, dtype))].flat();
  return results.map((x) => ({
    shape: [...x.shape],
    dtype: x.dtype,
    values: Array.from(x.data() as ArrayLike<number | bigint>, Number),
  }));
}

function compare(got: Result, expected: Result, what: string): void {
  assert.deepEqual([got.dtype, got.shape], [expected.dtype, expected.shape], what);
  const largest = expected.values.reduce((most, value) => {
    return Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most;
  }, 1);
  const tolerance = (tolerances[expected.dtype] ?? 0) * largest;
  const at = expected.values.findIndex((value, k) => {
    const other = got.values[k]!;
    return !(Object.is(value, other) || value === other || Math.abs(value - other) <= tolerance);
  });
  assert.ok(at < 0, `${what}: element ${at} is ${got.values[at]}, not ${expected.values[at]}`);
}

/** What the error says of the index. */
function factsOf(device: string, call: () => Tensor): unknown {
  setDefaultDevice(device);
  try {
    call().sum().item();
    native.synchronize();
  } catch (error) {
    assert.ok(error instanceof DescentError && error.code === "index", String(error));
    return /^\w+: index -?\d+ at position \d+ is outside \[0, \d+\)/.exec(error.message)?.[0];
  }
  assert.fail(`nothing was said on ${device}`);
}
