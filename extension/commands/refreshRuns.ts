// 'Refresh Runs': looks at the run folders again at once.

import type { App } from "../app.js";

export async function refreshRuns(app: App): Promise<void> {
  for (const run of app.runs.all()) await app.runs.touch(run.folder);
  await app.runs.scan();
}
