// Every elementwise row of the op table beside what test/ops.table.ts says it computes: values, layouts, broadcasting,
// dtypes, parameters, gradients and second gradients.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { elementwise } from "../ops.table.js";
import { root } from "../root.js";
import { ElementwiseOp, type DefinedRow } from "./op-elementwise.js";

const definition = readFileSync(join(root, "native/ops/elementwise.def"), "utf8");
/** Rows whose derivatives are all ZERO. */
const noGradient = {
  UNARY: /, ZERO, [A-Z]+, "/,
  BINARY: /, ZERO, ZERO, [A-Z]+, "/,
  TERNARY: /, ZERO, ZERO, ZERO, [A-Z]+, "/,
};

const definedRows = [
  ...definition.matchAll(/^(UNARY|BINARY|TERNARY)\((\w+), (NONE|P\d\(([^)]*)\)), ([A-Z]+),.*/gm),
].map(([line, kind, name, , parameters, rule]): DefinedRow => ({
  name: name!,
  inputs: { UNARY: 1, BINARY: 2, TERNARY: 3 }[kind as "UNARY" | "BINARY" | "TERNARY"],
  rule: rule as DefinedRow["rule"],
  // "alpha, 1, threshold, 20": every other one is a default.
  defaults: (parameters ?? "").split(",").flatMap((text, k) => (k % 2 === 1 ? [Number(text)] : [])),
  isDifferentiable: !noGradient[kind as keyof typeof noGradient].test(line),
  isMethod: line.includes(', METHOD, "'),
}));

it("each elementwise row of native/ops/elementwise.def has a line in test/ops.table.ts, and the other way round", () => {
  const defined = new Set(definedRows.map((row) => row.name));
  assert.ok(defined.size > 0, "native/ops/elementwise.def has rows");
  for (const { name } of definedRows) {
    assert.ok(
      name in elementwise,
      `the op '${name}' has no line in test/ops.table.ts: say what it computes there`,
    );
  }
  for (const name of Object.keys(elementwise)) {
    assert.ok(
      defined.has(name),
      `test/ops.table.ts has a line for '${name}', native/ops/elementwise.def has no such op`,
    );
  }
});

for (const defined of definedRows) {
  const row = elementwise[defined.name];
  if (row === undefined) continue; // the test above says so
  const op = new ElementwiseOp(defined, row);
  describe(defined.name, () => {
    it("gives the right values", () => {
      op.checkValues();
    });
    it("takes any layout and broadcasts", () => {
      op.checkLayouts();
    });
    it("gives the right dtypes", () => {
      op.checkDTypes();
    });
    if (defined.defaults.length > 0)
      it("takes its parameters", () => {
        op.checkParameters();
      });
    if (defined.isMethod)
      it("works as a method and in place", () => {
        op.checkMethods();
      });
    if (defined.isDifferentiable)
      it("has the right gradients", () => {
        op.checkGradients();
      });
  });
}
