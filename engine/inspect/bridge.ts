// What a debugger reaches in a stopped process, through globalThis: it costs nothing until it is used.

import { isMainThread } from "node:worker_threads";
import type { DebugBridge } from "../inspection.js";
import { pin, release } from "./pins.js";
import { stopped } from "./stopped.js";

export function offerDebugBridge(): void {
  if (!isMainThread) return;
  const bridge: DebugBridge = { stopped, pin, release };
  const shared = globalThis as unknown as Record<symbol, DebugBridge>;
  shared[Symbol.for("descent.debug")] = bridge;
}
