// Every recorded case of every op, in float64 and float32, beside what PyTorch gave.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { caseModules, readFixture, replay, type Precision, type RecordedCase } from "../reference/replay.js";

const counts = new Map<string, number>();

for (const name of caseModules()) {
  const cases = readFixture(`cases/${name}`) as RecordedCase[];
  counts.set(name, cases.length);
  describe(`${name} as PyTorch`, () => {
    for (const [call, group] of byCall(cases)) {
      it(`${call}, ${group.length} cases`, () => {
        replayAll(group);
      });
    }
  });
}

after(() => {
  console.log(`note: ${[...counts].map(([name, count]) => `${name}: ${count} cases`).join(", ")}`);
});

function byCall(cases: RecordedCase[]): Map<string, RecordedCase[]> {
  const groups = new Map<string, RecordedCase[]>();
  for (const recorded of cases) groups.set(recorded.call, [...(groups.get(recorded.call) ?? []), recorded]);
  return groups;
}

/** All of them, so that one failure does not hide the next. */
function replayAll(cases: RecordedCase[]): void {
  const failures: string[] = [];
  for (const recorded of cases) {
    for (const precision of precisionsOf(recorded)) {
      try {
        replay(recorded, precision);
      } catch (error) {
        const inputs = recorded.in.map(
          (input) => `${input.d} [${input.s.join(", ")}]${input.via ? " view" : ""}`,
        );
        const call = `${recorded.call}(${JSON.stringify(recorded.args).slice(1, -1)}) with ${inputs.join("; ")}`;
        failures.push(`${call} in ${precision}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  assert.ok(failures.length === 0, `${failures.length} differ\n${failures.slice(0, 8).join("\n")}`);
}

function precisionsOf(recorded: RecordedCase): Precision[] {
  return recorded.only === undefined ? ["float64", "float32"] : [recorded.only];
}
