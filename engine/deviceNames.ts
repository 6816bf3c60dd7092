// Names of devices, and which one 'gpu' means; without the native part, for whoever asks what that said.

import type { NativeDevice } from "./native.js";

/** In the order of DeviceKind in native/tensor/place.h. */
export const deviceKinds = ["cpu", "cuda", "opencl"] as const;

const names = new Map<number, string>();

/** The name of a device as `Tensor.device` has it: "cpu", "cuda:0". */
export function deviceName(kind: number, index: number): string {
  if (kind === 0) return "cpu";
  const key = kind * 256 + index;
  let name = names.get(key);
  if (name === undefined) {
    name = `${deviceKinds[kind] ?? "device"}:${index}`;
    names.set(key, name);
  }
  return name;
}

/** What 'gpu' means: a CUDA device before an OpenCL one; the core lists cards before processors. */
export function bestGpu(found: readonly NativeDevice[]): NativeDevice | null {
  const usable = found.filter((device) => device.usable);
  const first = (kind: string) => usable.find((device) => device.kind === kind);
  return first("cuda") ?? first("opencl") ?? null;
}
