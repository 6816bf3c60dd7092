// Names of devices, and which one 'gpu' means; without the native part, for whoever asks what that said.

import type { NativeDevice } from "./native.js";

/** In the order of DeviceKind in native/tensor/place.h. */
export const deviceKinds = ["cpu", "cuda", "opencl"] as const;
export type DeviceKind = (typeof deviceKinds)[number];

const pattern = new RegExp(`^(gpu|cpu|cpu:0|(${deviceKinds.slice(1).join("|")})(:\\d{1,3})?)$`);

/** Whether a text can be the name of a device: "gpu", "cuda", "opencl:1". */
export function isDeviceName(value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}

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

/** What 'gpu' means: the first that the core lists, CUDA before OpenCL and cards before processors. */
export function bestGpu(found: readonly NativeDevice[]): NativeDevice | null {
  return found.find((device) => device.usable && device.kind !== "cpu") ?? null;
}
