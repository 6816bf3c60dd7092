// Every function of the package with arguments that make no sense: a DescentError with a sentence, or a result, never anything else.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as descent from "descent";
import { DescentError, ones, Tensor, tensor } from "descent";

// Some functions write files, and "text" is a path.
const folder = mkdtempSync(join(tmpdir(), "descent-bad-arguments-"));
const home = process.cwd();
before(() => {
  process.chdir(folder);
});
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

type Anything = (...values: unknown[]) => unknown;

const x = ones([2, 3]);
const values: unknown[] = [
  undefined,
  null,
  "no/such/folder/text",
  3,
  -1,
  2.5,
  NaN,
  7n,
  true,
  {},
  [],
  ["a"],
  [1, 2],
  x,
  tensor(1n),
  () => 1,
  Symbol("s"),
  new Map(),
];

/** No arguments, each value alone, and each beside a tensor or a number. */
function* argumentLists(): Generator<unknown[]> {
  yield [];
  for (const value of values) {
    yield [value];
    yield [value, x];
    yield [x, value];
    yield [2, value];
    yield [x, value, value];
    yield [x, x, value, value];
  }
}

/** `op: sentence`: one line that a person can act on. */
function check(name: string, call: () => unknown, given: unknown[]): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch (error) {
    const shown = given
      .map((value) => (typeof value === "symbol" ? "symbol" : String(value).split("\n")[0]))
      .join(" | ");
    assert.ok(error instanceof DescentError, `${name}(${shown}) threw ${String((error as Error).stack)}`);
    assert.match(error.message, /^\w[\w.]*: \S|^\w/, `${name}(${shown})`);
    assert.ok(
      !error.message.includes("\n") && error.message.length < 400,
      `${name}(${shown}): ${error.message}`,
    );
    assert.notEqual(error.code, "internal", `${name}(${shown}): ${error.message}`);
  }
}

function isClass(value: Anything): boolean {
  return Function.prototype.toString.call(value).startsWith("class");
}

/** Functions that are meant to run what they are given, or to change the whole process. */
const skipped = new Set(["setLimit", "install", "DescentError", "Tensor", "manualSeed"]);

function* publicFunctions(space: object, path: string): Generator<[string, Anything]> {
  for (const [name, value] of Object.entries(space)) {
    const full = path === "" ? name : `${path}.${name}`;
    if (skipped.has(name)) continue;
    if (typeof value === "function") yield [full, value as Anything];
    else if (typeof value === "object" && value !== null && !(value instanceof Tensor)) {
      yield* publicFunctions(value as object, full);
    }
  }
}

for (const [name, call] of publicFunctions(descent, "")) {
  test(`${name} refuses what makes no sense`, () => {
    for (const given of argumentLists()) {
      check(name, () => (isClass(call) ? Reflect.construct(call, given) : call(...given)) as unknown, given);
    }
  });
}

test("methods of Tensor refuse what makes no sense", () => {
  const names = Object.getOwnPropertyNames(Tensor.prototype).filter((name) => name !== "constructor");
  assert.ok(names.length > 80, `${names.length} methods`);
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(Tensor.prototype, name)!;
    if (typeof descriptor.value !== "function") continue;
    for (const given of argumentLists()) {
      const self = ones([2, 3]);
      check(name, () => (descriptor.value as Anything).apply(self, given), given);
    }
  }
});

test("layers refuse what makes no sense as input", () => {
  const { nn } = descent;
  const layers: { forward: (...inputs: never[]) => unknown }[] = [
    new nn.Linear(3, 2),
    new nn.BatchNorm1d(3),
    new nn.Dropout(),
    new nn.Flatten(),
    new nn.Identity(),
    new nn.ReLU(),
    new nn.Softmax(1),
    new nn.Sequential(new nn.Linear(3, 2), new nn.Tanh()),
    new nn.CrossEntropyLoss(),
    new nn.NLLLoss(),
    new nn.MSELoss(),
    new nn.BCEWithLogitsLoss(),
  ];
  for (const layer of layers) {
    for (const given of argumentLists()) {
      check(layer.constructor.name, () => (layer.forward as unknown as Anything).apply(layer, given), given);
    }
  }
});
