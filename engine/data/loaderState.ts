// Where a DataLoader is in its epoch, saved and taken up again: the random state the epoch began with, and the batches done.

import { checkNumber, DescentError, show } from "../errors.js";
import { bytesOf } from "../generator.js";
import { native } from "../native.js";
import { Generator } from "../random.js";

/** An epoch under way. */
export interface Epoch {
  start: RandomStart;
  /** The seed of the workers. */
  seed: bigint;
  /** The item numbers of the batches that are left; null for a stream. */
  order: Iterator<ArrayLike<number>> | null;
  batches: number | null;
  /** The number of the next batch. */
  index: number;
  /** Batches before this one were handed out before the state was saved, and must be loaded once more to get past them. */
  skip: number;
  workerStates: readonly (Uint8Array | null)[];
}

/** What was random before the order of an epoch was drawn. */
export interface RandomStart {
  process: Uint8Array;
  generators: Uint8Array[];
}

/** A saved loader: plain data. Random states are written in hexadecimal digits. */
export interface LoaderState {
  version: 1;
  /** Batches handed out in the epoch under way; null where none is. */
  position: number | null;
  start: { process: string; generators: string[] } | null;
  generators: string[];
  workers: (string | null)[];
}

export interface ResumedEpoch {
  start: RandomStart;
  position: number;
  generators: Uint8Array[];
  workers: (Uint8Array | null)[];
}

export function randomStart(generators: readonly Generator[]): RandomStart {
  return { process: native.getRandomState(), generators: generators.map(bytesOf) };
}

/** Runs `body` from the random state that the epoch began with; all else that is random is as if it had not been run. */
export function fromStart<T>(resumed: ResumedEpoch, generators: readonly Generator[], body: () => T): T {
  const process = native.getRandomState();
  native.setRandomState(resumed.start.process);
  restoreGenerators(generators, resumed.start.generators);
  try {
    return body();
  } finally {
    native.setRandomState(process);
    restoreGenerators(generators, resumed.generators);
  }
}

export function restoreGenerators(generators: readonly Generator[], states: readonly Uint8Array[]): void {
  generators.forEach((each, k) => each.setState(states[k]!));
}

/** Generators of the loader and of its samplers, each once. */
export function findGenerators(...owners: unknown[]): Generator[] {
  const found = new Set<Generator>();
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Generator) {
      found.add(value);
      return;
    }
    const { generator, sampler } = value as { generator?: unknown; sampler?: unknown };
    look(generator);
    look(sampler);
  };
  owners.forEach(look);
  return [...found];
}

export function loaderState(
  running: Epoch | null,
  generators: readonly Generator[],
  workers: readonly (Uint8Array | null)[],
): LoaderState {
  return {
    version: 1,
    position: running?.index ?? null,
    start:
      running === null
        ? null
        : { process: toHex(running.start.process), generators: running.start.generators.map(toHex) },
    generators: generators.map((each) => toHex(bytesOf(each))),
    workers: workers.map((state) => (state === null ? null : toHex(state))),
  };
}

/** Checks a saved state without changing anything. */
export function readLoaderState(
  state: unknown,
  generatorCount: number,
): { generators: Uint8Array[]; running: ResumedEpoch | null } {
  const { version, position, start, generators, workers } = Object(state) as Partial<LoaderState>;
  if (version !== 1 || !Array.isArray(generators) || !Array.isArray(workers)) {
    refuse(`the state must be what stateDict() of a loader gave, it is ${show(state)}`);
  }
  if (generators.length !== generatorCount) {
    refuse(`the state has ${generators.length} generators, this loader ${generatorCount}`);
  }
  const now = generators.map((text) => fromHex(text));
  if (position === null) return { generators: now, running: null };
  const done = checkNumber("DataLoader.loadStateDict", "position", position, { min: 0, integer: true });
  const begun = Object(start) as Partial<NonNullable<LoaderState["start"]>>;
  if (!Array.isArray(begun.generators) || begun.generators.length !== generatorCount) {
    refuse("the state does not say how its epoch began");
  }
  return {
    generators: now,
    running: {
      position: done,
      start: { process: fromHex(begun.process), generators: begun.generators.map((text) => fromHex(text)) },
      generators: now,
      workers: workers.map((text) => (text === null ? null : fromHex(text))),
    },
  };
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function fromHex(text: unknown): Uint8Array {
  if (typeof text !== "string" || !/^[0-9a-f]{32}$/.test(text)) refuse(`${show(text)} is no random state`);
  return new Uint8Array(Buffer.from(text, "hex"));
}

function refuse(sentence: string): never {
  const op = "DataLoader.loadStateDict";
  throw new DescentError("state", op, `${op}: ${sentence}`);
}
