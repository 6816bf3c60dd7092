// Which device 'gpu' means; without the native part, for whoever asks what it said.

import type { NativeDevice } from "./native.js";

/** What 'gpu' means: a CUDA device before an OpenCL one; the core lists cards before processors. */
export function bestGpu(found: readonly NativeDevice[]): NativeDevice | null {
  const usable = found.filter((device) => device.usable);
  const first = (kind: string) => usable.find((device) => device.kind === kind);
  return first("cuda") ?? first("opencl") ?? null;
}
