// Names of devices, and which one 'gpu' means.

import { native, type NativeDevice } from "./native.js";

/** What the kinds of devices are called, each in the place of its number: "cpu", then the kinds that the core's back ends register. */
export const deviceKinds: readonly string[] = native.deviceKinds();

const gpuKinds = deviceKinds.slice(1);
const pattern = new RegExp(`^(gpu|cpu|cpu:0${gpuKinds.map((kind) => `|${kind}(:\\d{1,3})?`).join("")})$`);

/** Whether a text can be the name of a device: "gpu", "cuda", "opencl:1". */
export function isDeviceName(value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}

/** Names to choose from, for sentences: "cpu, gpu or cuda:0". */
export function exampleNames(quote = ""): string {
  const names = ["cpu", "gpu", ...gpuKinds.map((kind) => `${kind}:0`)].map((name) => quote + name + quote);
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)!}`;
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

/** What 'gpu' means: the first that the core lists, by the ranks of the kinds, cards before processors. */
export function bestGpu(found: readonly NativeDevice[]): NativeDevice | null {
  return found.find((device) => device.usable && device.kind !== "cpu") ?? null;
}
