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

  /** Where the stream is, for `setState`: 16 bytes. */
  getState(): Uint8Array {
    return new Uint8Array(BigUint64Array.of(this.#seed, this.#state).buffer);
  }

  setState(state: Uint8Array): this {
    if (!(state instanceof Uint8Array) || state.length !== 16) {
      fail("Generator.setState", `give what getState gave, 16 bytes, not ${show(state)}`);
    }
    [this.#seed, this.#state] = new BigUint64Array(state.slice().buffer) as unknown as [bigint, bigint];
    return this;
  }
}

/** Whole numbers below 2^32: xoshiro128** (Blackman & Vigna, 2018), its state filled from the seed by a 32-bit mixer. */
function wholeNumbers(seed: bigint): () => number {
  let counter = Number(seed & 0xffffffffn) | 0;
  const high = Number((seed >> 32n) & 0xffffffffn) | 0;
  const fill = () => {
    counter = (counter + 0x9e3779b9) | 0;
    return mix(mix(counter) ^ high);
  };
  let [a, b, c, d] = [fill(), fill(), fill(), fill() | 1];
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

/** Spreads every bit over all others (the finalizer of MurmurHash3, Appleby). */
function mix(x: number): number {
  let y = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  y = Math.imul(y ^ (y >>> 13), 0xc2b2ae35);
  return y ^ (y >>> 16);
}

/** A function that gives numbers of [0, 1), from the generator or the seed of the whole process. */
export function randomStream(generator?: Generator | null): () => number {
  const next = wholeNumbers(drawSeed(generator));
  return () => (next() * 0x200000 + (next() >>> 11)) / 2 ** 53;
}

/** The numbers below `count` in random order (Fisher & Yates). */
export function randomOrder(count: number, generator?: Generator | null): Int32Array {
  const random = randomStream(generator);
  const order = inOrder(count);
  for (let k = count - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    const value = order[k]!;
    order[k] = order[other]!;
    order[other] = value;
  }
  return order;
}

/** 0, 1, 2, ... */
export function inOrder(count: number): Int32Array {
  const order = new Int32Array(count);
  for (let k = 0; k < count; k++) order[k] = k;
  return order;
}

/** A seed from the generator, or 62 bits of the core's stream, so that manualSeed() governs shuffling too. */
export function drawSeed(generator?: Generator | null): bigint {
  if (generator instanceof Generator) return generator.next();
  const bits = randint(0, 2 ** 31, [2]);
  const [low, high] = bits.data() as BigInt64Array;
  bits.dispose();
  return (high! << 31n) | low!;
}
