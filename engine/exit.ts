// What is left to do when the process ends: devices finish, and what their kernels found wrong is told.

import { isMainThread } from "node:worker_threads";
import { native } from "./native.js";

/**
 * A driver compiles and runs kernels on threads of its own, and ending the process takes its libraries apart under them: it must have nothing
 * left to do by then. First among the listeners, so that a run whose last calls failed is recorded as failed.
 */
export function finishDevicesAtExit(): void {
  if (!isMainThread) return; // a thread that ends leaves the devices to the others; the last one is native/binding's
  process.prependListener("exit", (code) => {
    const faults = native.pendingFaults().filter((fault) => fault.code !== "device");
    for (const fault of faults) process.stderr.write(`DescentError [${fault.code}]: ${fault.message}\n`);
    if (faults.length > 0 && code === 0 && Number(process.exitCode ?? 0) === 0) process.exitCode = 1;
  });
}
