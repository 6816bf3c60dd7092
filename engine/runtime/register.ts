// The import hook: `node --import dist/runtime/register.mjs train.ts` records the script and lets it import "descent" and TypeScript.
// The same for Run, Debug and `descent run`. In a run's worker threads and child processes it only installs the module hooks.

import { isMainThread } from "node:worker_threads";
import { installHooks } from "./install.js";
import { shouldRecord, startRun } from "./start.js";

process.setSourceMapsEnabled(true);
// First the run: its worker must not load through the hooks.
if (isMainThread && shouldRecord()) startRun();
installHooks();
