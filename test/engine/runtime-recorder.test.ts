// What recording costs a training step: the main thread's part of it, measured over many steps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runToEnd } from "./processes.js";

test("recording a step of a small model costs at most 5 µs of the main thread", async () => {
  const script = `
    import { step } from "./engine";
    step(0, 1);
    const rounds: number[] = [];
    for (let round = 0; round < 40; round++) {
      const began = performance.now();
      for (let k = 0; k < 2000; k++) step(k + 1, 0.5);
      rounds.push((performance.now() - began) / 2);
    }
    console.log(rounds.sort((a, b) => a - b)[10]);`;
  const { said } = await runToEnd({ "train.ts": script }, "train.ts");
  // The quarter of the rounds that other processes disturbed least; batch, backward and step together.
  const microseconds = Number(said.out);
  console.log(`${microseconds.toFixed(2)} µs a step`);
  assert.ok(microseconds > 0 && microseconds < 5, `${said.out} µs, ${said.err}`);
});
