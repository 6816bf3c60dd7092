// The GPUs that tests run on: every one that is found.

import { devices } from "descent";

export const gpus = devices()
  .filter(({ kind, usable }) => kind !== "cpu" && usable)
  .map(({ name }) => name);

/** For a test that wants one. */
export const needsGpu = { skip: gpus.length > 0 ? false : "no GPU and no PoCL here" };
