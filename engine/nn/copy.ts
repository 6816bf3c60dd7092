// A module copied with all below it: the same settings, values in memory of their own.

import { Tensor } from "../tensor.js";
import { declaredBuffers, Module } from "./module.js";
import { Parameter } from "./parameter.js";

/**
 * A deep copy: parameters, buffers, submodules, arrays and plain records; what is shared inside stays shared. Hooks are not
 * copied, nor fields written `#name`.
 */
export function copyModule<T extends Module>(module: T): T {
  return copyValue(module, new Map<unknown, unknown>()) as T;
}

function copyValue(value: unknown, known: Map<unknown, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (known.has(value)) return known.get(value);
  if (value instanceof Tensor) return note(value, copyTensor(value), known);
  if (value instanceof Module) return copyFields(value, known);
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    known.set(value, items);
    for (const item of value as unknown[]) items.push(copyValue(item, known));
    return items;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const record: Record<string, unknown> = {};
  known.set(value, record);
  for (const [key, item] of Object.entries(value)) record[key] = copyValue(item, known);
  return record;
}

function copyTensor(value: Tensor): Tensor {
  const values = value.detach().clone();
  return value instanceof Parameter ? new Parameter(values, { requiresGrad: value.requiresGrad }) : values;
}

function copyFields(module: Module, known: Map<unknown, unknown>): Module {
  const copy = Object.create(Object.getPrototypeOf(module) as object) as Module;
  known.set(module, copy);
  const fields = copy as unknown as Record<string, unknown>;
  for (const [field, value] of Object.entries(module)) fields[field] = copyValue(value, known);
  for (const [field, { persistent }] of declaredBuffers(module)) {
    copy.registerBuffer(field, fields[field] as Tensor | null, { persistent });
  }
  return copy;
}

function note<T>(value: unknown, copy: T, known: Map<unknown, unknown>): T {
  known.set(value, copy);
  return copy;
}
