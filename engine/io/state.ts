// States as files hold them: plain data becomes JSON, and each tensor in it goes into the file under the path it had.

import { fail, show } from "../errors.js";
import { Tensor } from "../tensor.js";

/** Values that JSON has not, and records whose keys could be taken for them. */
type Marked =
  | { $tensor: string }
  | { $number: string }
  | { $bigint: string }
  | { $bytes: string }
  | { $undefined: true }
  | { $record: [string, unknown][] };

const deepest = 200;

/** The JSON of a state; its tensors are added to `tensors` under names that begin with `path`. */
export function encodeState(op: string, path: string, state: unknown, tensors: Map<string, Tensor>): unknown {
  const inside = new Set<object>();
  const encode = (value: unknown, path: string): unknown => {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : mark({ $number: value === 0 ? "-0" : String(value) });
      case "bigint":
        return mark({ $bigint: String(value) });
      case "undefined":
        return mark({ $undefined: true });
      case "object":
        break;
      default:
        return fail(op, `${path} is ${show(value)}, a checkpoint holds plain data and tensors`);
    }
    if (value === null) return null;
    if (value instanceof Tensor) return mark({ $tensor: addTensor(path, value) });
    if (value instanceof Uint8Array) return mark({ $bytes: Buffer.from(value).toString("base64") });
    if (inside.has(value)) fail(op, `${path} is part of itself, which no checkpoint can hold`);
    if (inside.size > deepest) fail(op, `${path} lies more than ${deepest} records deep`);
    inside.add(value);
    const encoded = Array.isArray(value)
      ? value.map((item, k) => encode(item, `${path}.${k}`))
      : encodeRecord(value, path);
    inside.delete(value);
    return encoded;
  };
  const encodeRecord = (value: object, path: string): unknown => {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      return fail(op, `${path} is ${show(value)}, a checkpoint holds plain data and tensors`);
    }
    const entries = Object.entries(value).map(
      ([key, item]) => [key, encode(item, `${path}.${key}`)] as [string, unknown],
    );
    const isPlain = entries.every(([key]) => !key.startsWith("$") && key !== "__proto__");
    return isPlain ? Object.fromEntries(entries) : mark({ $record: entries });
  };
  const addTensor = (path: string, tensor: Tensor): string => {
    let name = path;
    for (let k = 2; tensors.has(name); k++) name = `${path}#${k}`;
    tensors.set(name, tensor);
    return name;
  };
  return encode(state, path);
}

function mark(value: Marked): Marked {
  return value;
}

/** The state again; `damaged` throws the sentence. */
export function decodeState(
  encoded: unknown,
  tensors: Readonly<Record<string, Tensor>>,
  damaged: (what: string) => never,
): unknown {
  const decode = (value: unknown, depth: number): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (depth > deepest + 1) return damaged("its state is nested too deep");
    if (Array.isArray(value)) return value.map((item) => decode(item, depth + 1));
    const entries = Object.entries(value) as [string, unknown][];
    const [first] = entries;
    if (entries.length === 1 && first![0].startsWith("$")) return decodeMarked(first![0], first![1], depth);
    return Object.fromEntries(entries.map(([key, item]) => [key, decode(item, depth + 1)]));
  };
  const decodeMarked = (kind: string, value: unknown, depth: number): unknown => {
    if (kind === "$undefined") return undefined;
    if (kind === "$tensor" && typeof value === "string") {
      return Object.hasOwn(tensors, value) ? tensors[value]! : damaged(`it has no tensor '${value}'`);
    }
    if (kind === "$number") return Number(value);
    if (kind === "$bigint" && typeof value === "string" && /^-?\d+$/.test(value)) return BigInt(value);
    if (kind === "$bytes" && typeof value === "string") return new Uint8Array(Buffer.from(value, "base64"));
    if (kind === "$record" && Array.isArray(value)) {
      const entries = value as unknown[];
      const isEntry = (entry: unknown): entry is [string, unknown] =>
        Array.isArray(entry) && typeof entry[0] === "string";
      if (entries.every(isEntry))
        return Object.fromEntries(entries.map(([key, item]) => [key, decode(item, depth + 1)]));
    }
    return damaged(`its state has ${kind}, which means nothing here`);
  };
  return decode(encoded, 0);
}
