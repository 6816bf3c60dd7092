// Seeds, and the orders that shuffling draws. Random tensors are the core's business.

import { tensor } from "./create.js";
import { Generator, freshSeed, plainSeed, readSeed, readState } from "./generator.js";
import { randint } from "./generated/ops.js";
import { native } from "./native.js";
import { type Tensor } from "./tensor.js";

export { Generator };

/** Seeds everything random, shuffling included. The same seed gives the same numbers on every machine and device. */
export function manualSeed(seed: number | bigint): void {
  native.manualSeed(readSeed("manualSeed", seed));
}

/** The seed in use. */
export function initialSeed(): number | bigint {
  return plainSeed(native.initialSeed());
}

/** Seeds everything random with a number that nobody can foresee, and returns it. */
export function seed(): number | bigint {
  const fresh = freshSeed();
  native.manualSeed(fresh);
  return plainSeed(fresh);
}

/** The state of the random numbers of the process, as a uint8 tensor that `setRngState` takes. */
export function getRngState(): Tensor {
  return tensor(native.getRandomState(), { dtype: "uint8", device: "cpu" });
}

/** Goes on exactly where the random numbers were when the state was saved. */
export function setRngState(state: Tensor): void {
  native.setRandomState(readState("setRngState", state));
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

/** A seed of 62 bits from the generator, or from the process's stream, so that manualSeed() governs shuffling too. */
export function drawSeed(generator?: Generator | null): bigint {
  const bits = randint(0, 2 ** 31, [2], { device: "cpu", generator: generator ?? null });
  const [low, high] = bits.data() as BigInt64Array;
  bits.dispose();
  return (high! << 31n) | low!;
}
