// The pressure valve: lets the allocator ask for a garbage collection before it takes more memory.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { native } from "./native.js";

type Collect = (options: { type: "minor" | "major"; execution: "sync" }) => void;

/**
 * A loop that never waits gives the collector no reason to run: tensors are small to it, however much memory they hold. So
 * the allocator, which knows, calls this. A minor collection takes about a millisecond.
 */
export function connectCollector(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as Collect;
  native.setCollector((full) => {
    collect({ type: full ? "major" : "minor", execution: "sync" });
  });
}
