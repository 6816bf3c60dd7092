// Which scripts train: those that import descent, and no others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { findDescentImport, isScriptFile } from "../../extension/editor/imports.js";

test("scripts that import descent", () => {
  const sources = [
    'import { nn } from "descent";',
    "import { nn, optim } from 'descent'",
    'import * as d from "descent";',
    'import descent, { nn } from "descent";',
    'import "descent";',
    'import { readFileSync } from "node:fs";\nimport { nn } from "descent";',
    'import {\n  nn,\n  type Tensor,\n} from "descent";',
    'const { nn } = await import("descent");',
    'const { nn } = require("descent");',
    '// train.ts\n/* a comment\n*/ import { nn } from "descent";',
  ];
  for (const source of sources) assert.ok(findDescentImport(source) >= 0, source);
});

test("scripts that do not", () => {
  const sources = [
    "",
    'import { nn } from "descents";',
    'import { nn } from "./descent";',
    'import type { Tensor } from "descent";',
    '// import { nn } from "descent";',
    '/*\nimport { nn } from "descent";\n*/',
    'import { a } from "a"; const b = "from descent";',
    'import fs from "node:fs";\nconsole.log("x", "descent");',
  ];
  for (const source of sources) assert.equal(findDescentImport(source), -1, source);
});

test("the offset is the import's own, so that the lens stands above it", () => {
  const source = 'import fs from "node:fs";\n// what trains\nimport { nn } from "descent";\n';
  assert.equal(findDescentImport(source), source.indexOf("import { nn }"));
});

test("files that can be run", () => {
  for (const file of ["a.ts", "a.mts", "a.js", "b/c.mjs", "A.TS", "a.cts"])
    assert.ok(isScriptFile(file), file);
  for (const file of ["a.d.ts", "a.tsx", "a.json", "a.py", "ts"]) assert.ok(!isScriptFile(file), file);
});
