// 'Stop': asks a run to end; its 'finally' blocks and a last flush run.

import { isLive } from "../../engine/protocol.js";
import type { App } from "../app.js";
import { chooseRun, orSay } from "./choose.js";

export async function stopRun(app: App, argument?: unknown): Promise<void> {
  const run = await chooseRun(app, argument, ({ record }) => isLive(record.state), "No run is live.");
  if (run) await orSay(app, () => app.runs.control(run, "stop"));
}
