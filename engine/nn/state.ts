// Loading a saved state into a model: says everything that does not fit at once, and changes nothing then.

import { convert } from "../convert.js";
import { DescentError, show } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { Tensor } from "../tensor.js";

export interface LoadResult {
  /** Keys of the model that the state has not. */
  missingKeys: string[];
  /** Keys of the state that the model has not. */
  unexpectedKeys: string[];
}

/** Copies `saved` into `own`, whose tensors share the model's memory. */
export function loadState(
  model: string,
  own: Record<string, Tensor>,
  saved: unknown,
  strict: boolean,
): LoadResult {
  if (typeof saved !== "object" || saved === null || Array.isArray(saved)) {
    throw new DescentError(
      "state",
      "loadStateDict",
      `loadStateDict: the state of ${model} must be a record of tensors, it is ${show(saved)}`,
    );
  }
  const given = saved as Record<string, unknown>;
  const missingKeys = Object.keys(own).filter((key) => !Object.hasOwn(given, key));
  const unexpectedKeys = Object.keys(given).filter((key) => !Object.hasOwn(own, key));
  const problems: string[] = [];
  if (strict && missingKeys.length > 0) problems.push(`missing keys: ${list(missingKeys)}`);
  if (strict && unexpectedKeys.length > 0) problems.push(`unexpected keys: ${list(unexpectedKeys)}`);
  const copies: [Tensor, Tensor][] = [];
  for (const [key, target] of Object.entries(own)) {
    if (!Object.hasOwn(given, key)) continue;
    const value = given[key];
    if (!(value instanceof Tensor)) {
      problems.push(`${key} must be a tensor, it is ${show(value)}`);
    } else if (value.shape.join() !== target.shape.join()) {
      problems.push(
        `${key} is [${value.shape.join(", ")}] in the state, [${target.shape.join(", ")}] in the model`,
      );
    } else {
      copies.push([target, value]);
    }
  }
  if (problems.length > 0) {
    throw new DescentError(
      "state",
      "loadStateDict",
      `loadStateDict: the state does not fit ${model}; ${problems.join("; ")}`,
      { missing: missingKeys.join(" "), unexpected: unexpectedKeys.join(" ") },
    );
  }
  noGrad(() => {
    for (const [target, value] of copies) target.copy_(convert(value, { device: target.device }));
  });
  return { missingKeys, unexpectedKeys };
}

function list(keys: string[]): string {
  const shown = keys.slice(0, 8).map((key) => `'${key}'`);
  return shown.join(", ") + (keys.length > 8 ? ` and ${keys.length - 8} more` : "");
}
