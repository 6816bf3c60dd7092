// scope(): frees what was made inside it. Never required: the collector frees tensors too, only later.

import { AsyncLocalStorage } from "node:async_hooks";
import { checkFunction } from "./errors.js";
import { native } from "./native.js";
import { Tensor } from "./tensor.js";

const active = new AsyncLocalStorage<Tensor[]>();
/** Scopes not yet ended: while there are none, a new tensor costs nothing more. */
let open = 0;

/** Every new tensor passes here. */
export function adoptIntoScope(tensor: Tensor): void {
  if (open > 0) active.getStore()?.push(tensor);
}

/** Takes a tensor out of the scope it was made in: the state of modules and optimizers outlives every scope. */
export function leaveScope(tensor: Tensor): void {
  if (open === 0) return;
  const made = active.getStore();
  const at = made?.lastIndexOf(tensor) ?? -1;
  if (at >= 0) made!.splice(at, 1);
}

/**
 * Runs `body` and then frees every tensor that was made inside, except those it returns (also inside arrays, objects
 * and Maps), parameters and buffers. Returned tensors belong to the scope around this one. An async body keeps its own scope
 * across `await`.
 */
export function scope<T>(body: () => T): T {
  checkFunction("scope", "the body", body);
  const outer = active.getStore();
  const made: Tensor[] = [];
  open += 1;
  let result: T;
  try {
    result = active.run(made, body);
  } catch (error) {
    end(made, undefined, outer);
    throw error;
  }
  if (result instanceof Promise) {
    return result.then(
      (value: unknown) => {
        end(made, value, outer);
        return value;
      },
      (error: unknown) => {
        end(made, undefined, outer);
        throw error;
      },
    ) as T;
  }
  end(made, result, outer);
  return result;
}

function end(made: Tensor[], result: unknown, outer: Tensor[] | undefined): void {
  open -= 1;
  const kept = new Set<Tensor>();
  collectTensors(result, kept, new Set());
  for (const tensor of made) {
    if (kept.has(tensor)) outer?.push(tensor);
    else native.dispose(tensor);
  }
}

/** Every tensor reachable from a value through arrays, Maps, Sets and the fields of objects. */
function collectTensors(value: unknown, found: Set<Tensor>, seen: Set<object>): void {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    seen.add(next);
    if (next instanceof Tensor) {
      found.add(next);
    } else if (next instanceof Map || next instanceof Set || Array.isArray(next)) {
      for (const item of next as Iterable<unknown>) pending.push(item); // a Map gives [key, value] arrays
    } else if (!ArrayBuffer.isView(next)) {
      pending.push(...(Object.values(next) as unknown[]));
    }
  }
}
