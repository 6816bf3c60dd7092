// When to stop: plain data that comes from an editor or a launch, read strictly.

export type BreakCondition =
  /** Gradient norm of the parameters whose names fit `parameter` ("fc1.*"; "*" for any), at each step. */
  | { kind: "gradNorm"; parameter: string; compare: "above" | "below"; value: number }
  /** Gradient norm of all parameters as one vector. */
  | { kind: "totalGradNorm"; compare: "above" | "below"; value: number }
  /** The number `backward()` begins at. */
  | { kind: "lossAbove"; value: number }
  | { kind: "lossNotFinite" }
  /** So large a share of an activation's outputs is zero, or at the end of its range, for so many steps in a row. */
  | { kind: "dead" | "saturated"; share: number; steps: number }
  /** Bytes in use by tensors on a device ("cpu", "cuda:0"). */
  | { kind: "memory"; device: string; bytes: number }
  /** The line takes memory. `file` is a path, or the end of one. */
  | { kind: "allocation"; file: string; line: number }
  /** The memory of a parameter, by its name, or of a pinned tensor is written to. */
  | { kind: "written"; parameter: string }
  | { kind: "writtenPin"; pin: number };

export interface BreakConditions {
  /** Stop at what makes the first NaN; infinity. */
  nan: boolean;
  infinity: boolean;
  conditions: BreakCondition[];
}

export const noBreaks: BreakConditions = { nan: false, infinity: false, conditions: [] };

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === "string" && value.length > 0 && value.length < 1000;
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const share: Check = (value) => number(value) && (value as number) > 0 && (value as number) <= 1;
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const compare: Check = (value) => value === "above" || value === "below";

const fields: Record<BreakCondition["kind"], Record<string, Check>> = {
  gradNorm: { parameter: text, compare, value: number },
  totalGradNorm: { compare, value: number },
  lossAbove: { value: number },
  lossNotFinite: {},
  dead: { share, steps: count },
  saturated: { share, steps: count },
  memory: { device: text, bytes: count },
  allocation: { file: text, line: count },
  written: { parameter: text },
  writtenPin: { pin: count },
};

/** @throws Error with one sentence when `value` is not what it should be. */
export function readBreakConditions(value: unknown): BreakConditions {
  const given = record(value, "What to break at");
  const { nan = false, infinity = false, conditions = [] } = given;
  if (typeof nan !== "boolean" || typeof infinity !== "boolean")
    throw new Error("What to break at: 'nan' and 'infinity' must be true or false.");
  if (!Array.isArray(conditions)) throw new Error("What to break at: 'conditions' must be a list.");
  return { nan, infinity, conditions: conditions.map(readCondition) };
}

function readCondition(value: unknown, k: number): BreakCondition {
  const given = record(value, `Condition ${k + 1}`);
  const { kind } = given;
  if (typeof kind !== "string" || !Object.hasOwn(fields, kind))
    throw new Error(`Condition ${k + 1} is of no known kind; there are ${Object.keys(fields).join(", ")}.`);
  const checks = fields[kind as BreakCondition["kind"]];
  const read: Record<string, unknown> = { kind };
  for (const [name, check] of Object.entries(checks)) {
    if (!check(given[name])) throw new Error(`Condition ${k + 1} (${kind}): '${name}' is missing or wrong.`);
    read[name] = given[name];
  }
  return read as BreakCondition;
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${what} must be an object.`);
  return value as Record<string, unknown>;
}

/** A condition in words, as lists show it and stops quote it. */
export function describeCondition(condition: BreakCondition): string {
  switch (condition.kind) {
    case "gradNorm":
      return `Gradient norm of ${condition.parameter === "*" ? "any parameter" : condition.parameter} ${condition.compare} ${shown(condition.value)}`;
    case "totalGradNorm":
      return `Gradient norm of all parameters ${condition.compare} ${shown(condition.value)}`;
    case "lossAbove":
      return `Loss above ${shown(condition.value)}`;
    case "lossNotFinite":
      return "Loss not finite";
    case "dead":
      return `More than ${percent(condition.share)} of an activation is zero${during(condition.steps)}`;
    case "saturated":
      return `More than ${percent(condition.share)} of an activation is saturated${during(condition.steps)}`;
    case "memory":
      return `More than ${bytesText(condition.bytes)} in use on ${condition.device}`;
    case "allocation":
      return `Memory taken at ${condition.file}:${condition.line}`;
    case "written":
      return `Write to ${condition.parameter}`;
    case "writtenPin":
      return `Write to pinned tensor ${condition.pin}`;
  }
}

export function shown(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e6
    ? String(value)
    : String(Number(value.toPrecision(4)));
}

export function percent(value: number): string {
  return `${shown(100 * value)} %`;
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${shown(Number((bytes / 2 ** (10 * power)).toPrecision(3)))} ${units[power]!}`;
}

function during(steps: number): string {
  return steps === 1 ? "" : ` for ${steps} steps in a row`;
}

/** "fc1.*" as a test of names: * stands for any characters. */
export function globOf(pattern: string): (name: string) => boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`);
  return (name) => expression.test(name);
}
