// Generators: every op that draws can draw from one, states are saved and restored bit for bit, and threads make no difference.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bernoulli,
  data,
  full,
  Generator,
  getRngState,
  init,
  initialSeed,
  manualSeed,
  multinomial,
  normal,
  ones,
  rand,
  randint,
  randn,
  randperm,
  seed,
  setRngState,
  tensor,
  zeros,
  type Tensor,
} from "descent";
import { native } from "../../engine/native.js";
import { assertRefused } from "./fixtures.js";

const valuesOf = (x: Tensor): number[] => Array.from(x.data(), Number);

/** One call for each op that draws. */
const draws: Record<string, (options: { generator?: Generator | null }) => Tensor> = {
  rand: (options) => rand([5], options),
  randn: (options) => randn([5], options),
  randint: (options) => randint(0, 1000, [5], options),
  randperm: (options) => randperm(9, options),
  normal: (options) => normal(0, 1, [5], options),
  bernoulli: (options) => bernoulli(full([40], 0.5), null, options),
  multinomial: (options) => multinomial(ones([50]), 20, options),
  "multinomial with replacement": (options) => multinomial(ones([50]), 20, { ...options, replacement: true }),
  uniform_: (options) => zeros([5]).uniform_(0, 1, options),
  normal_: (options) => zeros([5]).normal_(0, 1, options),
  bernoulli_: (options) => zeros([40]).bernoulli_(0.5, options),
  exponential_: (options) => zeros([5]).exponential_(1, options),
  random_: (options) => zeros([5]).random_(0, 1000, options),
  "init.uniform_": (options) => init.uniform_(zeros([5]), 0, 1, options),
  "init.kaimingNormal_": (options) => init.kaimingNormal_(zeros([5, 2]), options),
  "init.truncNormal_": (options) => init.truncNormal_(zeros([5]), options),
  "init.orthogonal_": (options) => init.orthogonal_(zeros([3, 2]), options),
};

describe("generators", () => {
  for (const [name, draw] of Object.entries(draws)) {
    it(`${name} draws from the generator and leaves the process's numbers alone`, () => {
      manualSeed(20);
      const before = valuesOf(getRngState());
      const generator = new Generator(7);
      const first = valuesOf(draw({ generator }));
      const second = valuesOf(draw({ generator }));
      assert.notDeepEqual(first, second);
      assert.deepEqual(valuesOf(getRngState()), before);
      assert.deepEqual(valuesOf(draw({ generator: new Generator(7) })), first);
      manualSeed(7);
      assert.deepEqual(valuesOf(draw({})), first, "as the process with the same seed");
      generator.manualSeed(7);
      assert.deepEqual(valuesOf(draw({ generator })), first);
      assertRefused(
        () => draw({ generator: 3 as never }),
        "argument",
        /the generator must be a Generator, it is 3/,
      );
    });
  }

  it("give the same bits on any number of threads", () => {
    const threads = native.getNumThreads();
    try {
      const byThreads = [1, 2, 3].map((count) => {
        native.setNumThreads(count);
        const generator = new Generator(3);
        const drawn = [
          randn([100_003], { generator }),
          rand([100_003], { generator, dtype: "float16" }),
          randint(0, 10, [100_003], { generator }),
          randperm(1003, { generator }),
          multinomial(ones([3, 1000]), 300, { generator }),
        ];
        return drawn.map(valuesOf);
      });
      assert.deepEqual(byThreads[1], byThreads[0]);
      assert.deepEqual(byThreads[2], byThreads[0]);
    } finally {
      native.setNumThreads(threads);
    }
  });

  it("go on from a saved state bit for bit", () => {
    const generator = new Generator(5);
    rand([3], { generator });
    const state = generator.getState();
    assert.deepEqual([state.dtype, state.shape], ["uint8", [16]]);
    const other = generator.cloneState();
    const next = valuesOf(randn([7], { generator }));
    assert.deepEqual(valuesOf(randn([7], { generator: other })), next);
    assert.deepEqual(valuesOf(randn([7], { generator: new Generator().setState(state) })), next);
    assert.equal(other.initialSeed(), 5);
    manualSeed(5);
    rand([3]);
    assert.deepEqual(valuesOf(getRngState()), valuesOf(state));
    const saved = getRngState();
    const drawn = valuesOf(randn([7]));
    assert.deepEqual(drawn, next);
    setRngState(saved);
    assert.deepEqual(valuesOf(randn([7])), drawn);
  });

  it("say their seed", () => {
    assert.equal(new Generator().initialSeed(), 67280421310721);
    assert.equal(new Generator("cpu").device, "cpu");
    assert.equal(new Generator(9).initialSeed(), 9);
    assert.equal(new Generator(2n ** 63n).initialSeed(), 2n ** 63n);
    manualSeed(12);
    assert.equal(initialSeed(), 12);
    const fresh = seed();
    assert.equal(initialSeed(), fresh);
    assert.notEqual(seed(), fresh);
    const generator = new Generator(1);
    assert.equal(generator.seed(), generator.initialSeed());
    assert.ok(generator instanceof data.Generator);
  });

  it("refuse what is no seed, device or state", () => {
    for (const wrong of [NaN, 0.5, null, true, 2n ** 64n, 2 ** 60])
      assertRefused(() => new Generator(wrong as never), "argument", /^Generator: the seed must be/);
    assert.throws(() => new Generator("nowhere"), { name: "DescentError" });
    assertRefused(() => new Generator({ seed: 1 } as never), "argument", /no option 'seed'/);
    for (const wrong of [
      undefined,
      null,
      3,
      "x",
      new Uint8Array(3),
      zeros([16]),
      tensor(new Uint8Array(15)),
    ]) {
      assertRefused(
        () => new Generator().setState(wrong as never),
        "state",
        /^Generator.setState: the state must be/,
      );
      assertRefused(
        () => {
          setRngState(wrong as never);
        },
        "state",
        /^setRngState: the state must be/,
      );
    }
    for (const wrong of ["1", null, undefined, 1.5, NaN])
      assertRefused(
        () => {
          manualSeed(wrong as never);
        },
        "argument",
        /^manualSeed: the seed must be/,
      );
  });
});
