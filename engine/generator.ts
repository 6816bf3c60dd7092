// Generator: a stream of random numbers of its own, for what must not depend on whatever else is random.

import { tensor } from "./create.js";
import { parseDevice } from "./device.js";
import { DescentError, fail, readOptions, show } from "./errors.js";
import { Tensor } from "./tensor.js";

/** What PyTorch's generators begin with. */
const defaultSeed = 67280421310721n;

/** A seed as the core has it. */
export function readSeed(op: string, seed: unknown): bigint {
  const value = typeof seed === "number" && Number.isSafeInteger(seed) ? BigInt(seed) : seed;
  if (typeof value !== "bigint" || value >= 1n << 64n || value < -(1n << 63n)) {
    return fail(op, `the seed must be a whole number of at most 64 bits, it is ${show(seed)}`, {
      seed: show(seed),
    });
  }
  return BigInt.asUintN(64, value);
}

/** A seed as users see it: a number where it is exact. */
export function plainSeed(seed: bigint): number | bigint {
  return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
}

/** A seed that nobody can foresee. */
export function freshSeed(): bigint {
  const [seed] = globalThis.crypto.getRandomValues(new BigUint64Array(1));
  return seed! >> 11n; // a whole number in JavaScript
}

/** The bytes of a state: a seed, and how many numbers were drawn. */
const stateBytes = 16;

/** The state of each generator, its seed and how many numbers were drawn: the core counts on in place, nobody else may. */
const states = new WeakMap<Generator, BigUint64Array>();

/**
 * Random numbers that depend on its seed and on how many were drawn from it, alike on every device:
 * `randn([2, 3], { generator })`, `new data.RandomSampler(set, { generator })`. It begins with the seed that is given, or with PyTorch's.
 */
export class Generator {
  /** Where it was made for; the numbers are the same on all devices. */
  readonly device: string;

  constructor(seed?: number | bigint | string | { device?: string }) {
    const { device, first } = readStart(seed);
    this.device = device;
    states.set(this, BigUint64Array.of(first, 0n));
  }

  /** Begins anew with this seed. */
  manualSeed(seed: number | bigint): this {
    states.get(this)!.set([readSeed("Generator.manualSeed", seed), 0n]);
    return this;
  }

  /** Begins anew with a seed that nobody can foresee, and returns it. */
  seed(): number | bigint {
    const seed = freshSeed();
    this.manualSeed(seed);
    return plainSeed(seed);
  }

  /** The seed it began with. */
  initialSeed(): number | bigint {
    return plainSeed(states.get(this)![0]!);
  }

  /** The seed and the count of numbers drawn, as a uint8 tensor that `setState` takes. */
  getState(): Tensor {
    return tensor(bytesOf(this), { dtype: "uint8", device: "cpu" });
  }

  /** Goes on exactly where the generator was that gave this state. */
  setState(state: Tensor | Uint8Array): this {
    states.get(this)!.set(new BigUint64Array(readState("Generator.setState", state).buffer));
    return this;
  }

  /** Another generator that will give the same numbers. */
  cloneState(): Generator {
    return new Generator(this.device).setState(this.getState());
  }
}

/** A seed, or a device as PyTorch's Generator takes it, or neither. */
function readStart(given: unknown): { device: string; first: bigint } {
  const isOptions = typeof given === "object" && given !== null;
  const named = isOptions ? readOptions("Generator", given, { device: "cpu" }).device : given;
  const isDevice = isOptions || typeof named === "string";
  if (isDevice) parseDevice("Generator", named);
  return {
    device: isDevice ? (named as string) : "cpu",
    first: isDevice || given === undefined ? defaultSeed : readSeed("Generator", given),
  };
}

/** What an op draws from, for the core: a generator's state, or undefined for that of the process. */
export function generatorState(op: string, generator: unknown): BigUint64Array | undefined {
  if (generator === undefined || generator === null) return undefined;
  if (generator instanceof Generator) return states.get(generator)!;
  return fail(op, `the generator must be a Generator, it is ${show(generator)}`, {
    generator: show(generator),
  });
}

/** The state as bytes, which `setState` takes as well as the tensor. */
export function bytesOf(generator: Generator): Uint8Array {
  return new Uint8Array(states.get(generator)!.slice().buffer);
}

/** The bytes of a saved state. */
export function readState(op: string, state: unknown): Uint8Array {
  const bytes = state instanceof Tensor && state.dtype === "uint8" ? state.data() : state;
  if (bytes instanceof Uint8Array && bytes.length === stateBytes) return Uint8Array.from(bytes);
  const sentence = `the state must be the uint8 tensor of [${stateBytes}] that was saved, it is ${show(state)}`;
  throw new DescentError("state", op, `${op}: ${sentence}`);
}
