// Seeds, and the orders that shuffling draws. Random tensors are the core's business.

import { fail, show } from "./errors.js";
import { native } from "./native.js";
import { randint } from "./generated/ops.js";

/** Seeds everything random, shuffling included. The same seed gives the same numbers on every machine and device. */
export function manualSeed(seed: number | bigint): void {
  native.manualSeed(readSeed("manualSeed", seed));
}

/** The seed in use. */
export function initialSeed(): bigint {
  return native.initialSeed();
}

function readSeed(op: string, seed: unknown): bigint {
  const value = typeof seed === "number" && Number.isSafeInteger(seed) ? BigInt(seed) : seed;
  if (typeof value !== "bigint" || value >= 1n << 64n || value < -(1n << 63n)) {
    return fail(op, `the seed must be a whole number of at most 64 bits, it is ${show(seed)}`, {
      seed: show(seed),
    });
  }
  return BigInt.asUintN(64, value);
}

/** A stream of random numbers of its own, for samplers that must not depend on what else is random. */
export class Generator {
  #state: bigint;
  #seed: bigint;

  constructor(seed: number | bigint = 0) {
    this.#seed = this.#state = readSeed("Generator", seed);
  }

  manualSeed(seed: number | bigint): this {
    this.#seed = this.#state = readSeed("Generator.manualSeed", seed);
    return this;
  }

  initialSeed(): bigint {
    return this.#seed;
  }

  /** A new seed for one shuffle. */
  next(): bigint {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n);
    return this.#state;
  }
}

/** Whole numbers below 2^32, by splitmix-style mixing of a counter (Steele et al., 2014), in 32-bit steps. */
function mixer(seed: bigint): () => number {
  let low = Number(seed & 0xffffffffn);
  let high = Number((seed >> 32n) & 0xffffffffn);
  return () => {
    low = (low + 0x9e3779b9) | 0;
    if (low === 0) high = (high + 1) | 0;
    let x = low ^ high;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15) ^ high, 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  };
}

/** A function that gives numbers of [0, 1), from the generator or the seed of the whole process. */
export function randomStream(generator?: Generator | null): () => number {
  const seed = generator instanceof Generator ? generator.next() : drawSeed();
  const next = mixer(seed);
  return () => (next() * 0x200000 + (next() >>> 11)) / 2 ** 53;
}

/** The numbers below `count` in random order (Fisher & Yates). */
export function randomOrder(count: number, generator?: Generator | null): Int32Array {
  const random = randomStream(generator);
  const order = new Int32Array(count);
  for (let k = 0; k < count; k++) order[k] = k;
  for (let k = count - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    const value = order[k]!;
    order[k] = order[other]!;
    order[other] = value;
  }
  return order;
}

/** 62 bits of the core's stream, so that manualSeed() governs shuffling too. */
function drawSeed(): bigint {
  const bits = randint(0, 2 ** 31, [2]);
  const [low, high] = bits.data() as BigInt64Array;
  bits.dispose();
  return (high! << 31n) | low!;
}
