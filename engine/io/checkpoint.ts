// checkpoint: all that a training needs to go on bit for bit, in one file: models, optimizers, schedulers, loaders,
// random numbers, and whatever else the script wants to keep. The file is a safetensors file, its metadata has the rest.

import { checkBoolean, DescentError, fail, readOptions, show } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { native } from "../native.js";
import { Tensor } from "../tensor.js";
import { readPath, requireRecord } from "./file.js";
import { readFile, writeFile } from "./safetensors.js";
import { decodeState, encodeState } from "./state.js";

/** Modules, optimizers, schedulers and loaders are such; a data.Generator is one too, and so is what has these two of its own. */
export type Part =
  | { stateDict(): unknown; loadStateDict(state: never): unknown }
  | { getState(): unknown; setState(state: never): unknown };

/** Parts by names of your own, and `extra`: plain data and tensors. */
export interface Parts {
  /** Plain data and tensors: the epoch, the best accuracy, ... */
  extra?: unknown;
  /** Each a `Part`. */
  [name: string]: unknown;
}

export interface Loaded<Extra = Record<string, unknown>> {
  /** What `extra` was when the checkpoint was saved; {} where there was none. */
  extra: Extra;
}

const versionKey = "descent.checkpoint";

/**
 * Writes the state of every part, `extra`, and the state of the random numbers. The file appears in one moment, complete.
 * Save after `optimizer.step()`, also in the middle of an epoch: a loader in the parts knows its place.
 * Errors: a part without a state, plain data that JSON and tensors cannot hold, a folder that is not there.
 */
export function save(path: string, parts: Parts): void {
  const op = "checkpoint.save";
  const file = readPath(op, path);
  const { extra, ...others } = requireRecord(op, "the parts", parts);
  const tensors = new Map<string, Tensor>();
  const states = Object.entries(others).map(([name, part]) => [
    name,
    encodeState(op, name, stateOf(requirePart(op, name, part)), tensors),
  ]);
  const state = {
    parts: Object.fromEntries(states) as unknown,
    extra: extra === undefined ? {} : encodeState(op, "extra", extra, tensors),
    random: Buffer.from(native.getRandomState()).toString("hex"),
  };
  writeFile(op, file, Object.fromEntries(tensors), { [versionKey]: "1", state: JSON.stringify(state) });
}

/**
 * Brings every part, and the random numbers, to where they were when the checkpoint was saved, and returns `extra`. Parts
 * that the file has and that are not asked for stay unread: `checkpoint.load(path, { model })` is enough to evaluate.
 * `random: false` leaves the random numbers alone. Where anything does not fit, one error says what, and nothing has changed.
 */
export function load<Extra = Record<string, unknown>>(
  path: string,
  parts: Parts = {},
  options?: { random?: boolean },
): Loaded<Extra> {
  const op = "checkpoint.load";
  const file = readPath(op, path);
  const { extra: _, ...others } = requireRecord(op, "the parts", parts);
  const { random } = readOptions(op, options, { random: true });
  checkBoolean(op, "random", random);
  const wanted = Object.entries(others).map(([name, part]) => [name, requirePart(op, name, part)] as const);
  const { states, extra, randomState } = read(op, file);
  for (const [name] of wanted) {
    if (states.has(name)) continue;
    const there = [...states.keys()].join(", ");
    stateError(op, file, `it has no part '${name}', there ${there === "" ? "are none" : `are ${there}`}`);
  }
  apply(op, file, wanted, states);
  if (random) native.setRandomState(randomState);
  return { extra: extra as Extra };
}

/** All parts or, where one refuses, none: those already changed get back what they had. */
function apply(
  op: string,
  file: string,
  wanted: readonly (readonly [string, Part])[],
  states: ReadonlyMap<string, unknown>,
): void {
  const before: [Part, unknown][] = [];
  for (const [name, part] of wanted) {
    before.push([part, copyTensors(stateOf(part))]);
    try {
      setState(part, states.get(name));
    } catch (error) {
      for (const [changed, state] of before.reverse()) setState(changed, state);
      if (!(error instanceof DescentError)) throw error;
      stateError(op, file, `its '${name}' does not fit; ${error.message}`, error);
    }
  }
}

interface Contents {
  states: Map<string, unknown>;
  extra: unknown;
  randomState: Uint8Array;
}

function read(op: string, file: string): Contents {
  const { tensors, metadata } = readFile(op, file, "cpu");
  const version = Object.hasOwn(metadata, versionKey) ? metadata[versionKey] : undefined;
  if (version === undefined) stateError(op, file, "it is no checkpoint; safetensors.load reads its tensors");
  if (version !== "1")
    stateError(op, file, `it is a checkpoint of version ${show(version)}, this Descent reads version 1`);
  const damaged = (what: string): never => stateError(op, file, `it is damaged: ${what}`);
  let state: unknown;
  try {
    state = JSON.parse(metadata["state"] ?? "");
  } catch {
    return damaged("its state is not JSON");
  }
  const { parts, extra, random } = Object(state) as { parts?: unknown; extra?: unknown; random?: unknown };
  if (
    typeof parts !== "object" ||
    parts === null ||
    typeof random !== "string" ||
    !/^[0-9a-f]{32}$/.test(random)
  ) {
    return damaged("its state is incomplete");
  }
  const states = Object.entries(parts).map(
    ([name, encoded]) => [name, decodeState(encoded, tensors, damaged)] as const,
  );
  return {
    states: new Map(states),
    extra: decodeState(extra, tensors, damaged),
    randomState: new Uint8Array(Buffer.from(random, "hex")),
  };
}

function requirePart(op: string, name: string, value: unknown): Part {
  if (typeof value === "object" && value !== null) {
    const { stateDict, loadStateDict, getState, setState } = value as Record<string, unknown>;
    if (typeof stateDict === "function" && typeof loadStateDict === "function") return value as Part;
    if (typeof getState === "function" && typeof setState === "function") return value as Part;
  }
  return fail(
    op,
    `'${name}' must have stateDict() and loadStateDict(), it is ${show(value)}; plain data goes into extra`,
  );
}

function stateOf(part: Part): unknown {
  return "stateDict" in part ? part.stateDict() : part.getState();
}

function setState(part: Part, state: unknown): void {
  if ("stateDict" in part) part.loadStateDict(state as never);
  else part.setState(state as never);
}

/** A state whose tensors do not change with those of the part. */
function copyTensors(state: unknown): unknown {
  if (state instanceof Tensor) return noGrad(() => state.detach().clone());
  if (Array.isArray(state)) return state.map(copyTensors);
  const isRecord = typeof state === "object" && state !== null && !ArrayBuffer.isView(state);
  return isRecord
    ? Object.fromEntries(Object.entries(state).map(([key, value]) => [key, copyTensors(value)]))
    : state;
}

function stateError(op: string, file: string, sentence: string, cause?: unknown): never {
  const error = new DescentError("state", op, `${op}: ${file}: ${sentence}`, { path: file });
  if (cause !== undefined) error.cause = cause;
  throw error;
}
