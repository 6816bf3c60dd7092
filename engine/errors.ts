// The one error that everything here throws, and the checks at the public edge that throw it.

import { beginAtUser } from "./stack.js";

/** Stable, for programs: what kind of thing went wrong. */
export type ErrorCode =
  | "shape" // sizes that do not fit together
  | "dtype" // an element type that the operation has not
  | "device" // tensors on different devices, or a device that is not there
  | "argument" // any other bad argument
  | "index" // an index outside its dimension, a class outside its range
  | "disposed" // a tensor used after dispose()
  | "autograd" // no graph, a graph used twice, a saved value changed in place
  | "memory" // the device or the limit has no room
  | "state" // a saved state that does not fit the model or optimizer
  | "worker" // code of the user's that failed in a data worker
  | "stop" // the run was asked to stop
  | "internal"; // a mistake of ours

/**
 * What every failing call throws. `message` begins with the operation and names both sides:
 * `matmul: inner sizes differ, [32, 784] x [128, 10]`; `facts` has the same things one by one.
 */
export class DescentError extends Error {
  readonly code: ErrorCode;
  readonly op: string;
  readonly facts: Readonly<Record<string, string>>;

  constructor(code: string, op: string, message: string, facts: Record<string, string> = {}) {
    super(message);
    this.code = code as ErrorCode;
    this.op = op;
    this.facts = facts;
    beginAtUser(this);
  }

  override get name(): string {
    return "DescentError";
  }
}

/** Throws `op: sentence`. */
export function fail(
  op: string,
  sentence: string,
  facts: Record<string, string> = {},
  code: ErrorCode = "argument",
): never {
  throw new DescentError(code, op, `${op}: ${sentence}`, facts);
}

/** A value as an error message shows it: short, and never itself the cause of an error. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  switch (typeof value) {
    case "string":
      return value.length > 40 ? `'${value.slice(0, 37)}...'` : `'${value}'`;
    case "number":
    case "boolean":
      return String(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    case "object": {
      if (Array.isArray(value)) {
        return value.length <= 8 && value.every((item) => typeof item === "number")
          ? `[${value.join(", ")}]`
          : `an array of ${value.length}`;
      }
      const name = className(value);
      return name === "" || name === "Object" ? "an object" : `a ${name}`;
    }
    default:
      return typeof value;
  }
}

function className(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null;
  const name = prototype?.constructor?.name;
  return typeof name === "string" ? name : "";
}

export interface NumberRange {
  /** Smallest allowed value. */
  min?: number;
  /** Largest allowed value. */
  max?: number;
  /** `min` itself is not allowed. */
  aboveMin?: boolean;
  integer?: boolean;
}

/** A finite number in a range; `name` as the caller wrote it. */
export function checkNumber(op: string, name: string, value: unknown, range: NumberRange = {}): number {
  const wanted = describeRange(range);
  if (typeof value !== "number" || !Number.isFinite(value)) {
    return fail(op, `${name} must be ${wanted}, it is ${show(value)}`, { [name]: show(value) });
  }
  const tooSmall =
    range.min !== undefined && (range.aboveMin === true ? value <= range.min : value < range.min);
  const tooLarge = range.max !== undefined && value > range.max;
  if (tooSmall || tooLarge || (range.integer === true && !Number.isSafeInteger(value))) {
    return fail(op, `${name} must be ${wanted}, it is ${value}`, { [name]: String(value) });
  }
  return value;
}

function describeRange(range: NumberRange): string {
  const kind = range.integer === true ? "a whole number" : "a number";
  const from =
    range.min === undefined ? "" : range.aboveMin === true ? `above ${range.min}` : `at least ${range.min}`;
  const to = range.max === undefined ? "" : `at most ${range.max}`;
  return [kind, [from, to].filter((part) => part !== "").join(" and ")].join(" ").trim();
}

export function checkBoolean(op: string, name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  return fail(op, `${name} must be true or false, it is ${show(value)}`, { [name]: show(value) });
}

export function checkFunction(op: string, name: string, value: unknown): void {
  if (typeof value !== "function") {
    fail(op, `${name} must be a function, it is ${show(value)}`, { [name]: show(value) });
  }
}

/** A list of sizes: whole numbers, none negative. */
export function checkShape(op: string, name: string, value: unknown): number[] {
  if (!Array.isArray(value)) {
    return fail(
      op,
      `${name} must be an array of sizes, it is ${show(value)}`,
      { [name]: show(value) },
      "shape",
    );
  }
  const sizes: unknown[] = value;
  for (const [at, size] of sizes.entries()) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      fail(op, `${name}[${at}] must be a whole number at least 0, it is ${show(size)}`, {}, "shape");
    }
  }
  return sizes as number[];
}

/** One of a few words; PyTorch's spelling with underscores ("fan_in") is taken too. */
export function checkChoice<T extends string>(
  op: string,
  name: string,
  value: unknown,
  choices: readonly T[],
): T {
  const camel =
    typeof value === "string" ? value.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()) : "";
  const found = choices.find((choice) => choice === value || choice === camel);
  if (found !== undefined) return found;
  const list = choices.map((choice) => `'${choice}'`).join(", ");
  return fail(op, `${name} must be one of ${list}, it is ${show(value)}`, { [name]: show(value) });
}

/**
 * The options a caller gave over the defaults. An unknown key is refused, with the nearest known one, because a
 * misspelt option that is silently ignored costs hours of training.
 */
export function readOptions<T extends object>(op: string, options: unknown, defaults: T): T {
  if (options === undefined) return { ...defaults };
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    return fail(op, `options must be an object such as ${example(defaults)}, it is ${show(options)}`);
  }
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(options)) {
    if (!(key in defaults)) {
      const camel = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const known = Object.keys(defaults).join(", ");
      const hint =
        camel !== key && camel in defaults ? `, it is called ${camel} here` : `, there are ${known}`;
      fail(op, `no option '${key}'${known === "" ? "" : hint}`, { option: key });
    }
    if (value !== undefined) result[key] = value;
  }
  return result as T;
}

function example(defaults: object): string {
  const first = Object.keys(defaults)[0];
  return first === undefined ? "{}" : `{ ${first}: ... }`;
}
