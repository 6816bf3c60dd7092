// Writes what the table in contributions.ts says into package.json. Run by the build; prints nothing when nothing changed.

import { readFileSync, writeFileSync } from "node:fs";
import { manifestFields } from "./contributions.manifest.js";

const path = process.argv[2] ?? "package.json";
const before = readFileSync(path, "utf8");
const manifest = JSON.parse(before) as Record<string, unknown>;
const after = JSON.stringify({ ...manifest, ...manifestFields() }, null, 2) + "\n";
if (after !== before) {
  writeFileSync(path, after);
  console.log(`${path}: contributions written from extension/contributions.ts`);
}
