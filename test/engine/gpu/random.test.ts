// Random numbers on every GPU here: the same as the CPU's, element by element, from the same seed.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  Generator,
  devices,
  full,
  manualSeed,
  nn,
  rand,
  randint,
  randn,
  tensor,
  zeros,
  type DType,
  type Tensor,
} from "descent";

const gpus = devices().filter((device) => device.kind !== "cpu" && device.usable);
const floating: DType[] = ["float32", "float64", "float16", "bfloat16"];
const all: DType[] = [...floating, "int64", "int32", "int16", "int8", "uint8", "bool"];
/** Of one ulp of the dtype, for what goes through a logarithm. */
const closeness: Partial<Record<DType, number>> = {
  float32: 1e-6,
  float64: 1e-13,
  float16: 2e-3,
  bfloat16: 2e-2,
};
const shapes = [[0], [], [1], [5], [3, 1117]];

interface Draw {
  dtypes: DType[];
  tolerance?: Partial<Record<DType, number>>;
  make: (shape: number[], options: { dtype: DType; device: string }, generator: Generator) => Tensor;
}
const draws: Record<string, Draw> = {
  rand: { dtypes: floating, make: (shape, options, generator) => rand(shape, { ...options, generator }) },
  uniform_: {
    dtypes: floating,
    make: (shape, options, generator) => zeros(shape, options).uniform_(-3.3, 1.7, { generator }),
  },
  randn: {
    dtypes: floating,
    tolerance: closeness,
    make: (shape, options, generator) => randn(shape, { ...options, generator }),
  },
  normal_: {
    dtypes: floating,
    tolerance: closeness,
    make: (shape, options, generator) => zeros(shape, options).normal_(0, 0.02, { generator }),
  },
  bernoulli_: {
    dtypes: all,
    make: (shape, options, generator) => zeros(shape, options).bernoulli_(0.3, { generator }),
  },
  exponential_: {
    dtypes: floating,
    tolerance: closeness,
    make: (shape, options, generator) => zeros(shape, options).exponential_(2, { generator }),
  },
  randint: {
    dtypes: all,
    make: (shape, options, generator) =>
      randint(0, options.dtype === "bool" ? 2 : 100, shape, { ...options, generator }),
  },
};

/** One that has drawn so many numbers. */
function generatorAt(seed: bigint, drawn: bigint): Generator {
  return new Generator().setState(tensor(new Uint8Array(BigUint64Array.of(seed, drawn).buffer)));
}

const listOf = (x: Tensor): number[] => Array.from(x.cpu().data(), Number);

function compare(wanted: Tensor, got: Tensor, tolerance: number, what: string): void {
  const left = listOf(wanted);
  const right = listOf(got);
  assert.equal(right.length, left.length, what);
  left.forEach((value, k) => {
    const close = value === right[k] || Math.abs(value - right[k]!) <= tolerance * Math.abs(value);
    assert.ok(close, `${what}: element ${k} is ${right[k]!} and should be ${value}`);
  });
}

for (const gpu of gpus) {
  describe(gpu.name, () => {
    for (const [name, draw] of Object.entries(draws)) {
      it(`${name} draws the CPU's numbers`, () => {
        for (const dtype of draw.dtypes) {
          for (const shape of shapes) {
            const make = (device: string): Tensor => {
              return draw.make(shape, { dtype, device }, generatorAt(77n, 6n));
            };
            const got = make(gpu.name);
            assert.equal(got.device, gpu.name);
            compare(make("cpu"), got, draw.tolerance?.[dtype] ?? 0, `${name} ${dtype} ${shape.join("×")}`);
          }
        }
      });
    }

    it("large normal numbers, and those next to zero, are as exact as the others", () => {
      const make = (device: string): Tensor =>
        randn([300_000], { device, generator: new Generator().manualSeed(5) });
      compare(make("cpu"), make(gpu.name), 1e-6, "randn");
    });

    it("dropout keeps what the CPU keeps, of strided tensors too", () => {
      for (const dtype of floating) {
        const on = (device: string): Tensor => {
          const x = full([40, 30], 1.37, { dtype, device });
          manualSeed(3);
          return nn.functional.dropout(x.t(), 0.4);
        };
        compare(on("cpu"), on(gpu.name), 0, dtype);
      }
    });
  });
}
