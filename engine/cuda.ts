// cuda: PyTorch's names for CUDA devices. Without one, questions are answered and orders refused in one sentence.

import { checkNumber, fail } from "./errors.js";
import * as memory from "./memory.js";
import { native, type NativeDevice } from "./native.js";

function usable(): NativeDevice[] {
  return native.devices().filter((device) => device.kind === "cuda" && device.usable);
}

/** Whether tensors can be put on a CUDA device. */
export function isAvailable(): boolean {
  return usable().length > 0;
}

/** How many CUDA devices can be used. */
export function deviceCount(): number {
  return usable().length;
}

/** The name the driver gives a device. */
export function getDeviceName(index = 0): string {
  return getDeviceProperties(index).description;
}

/** What is known of a device; memory in bytes. */
export function getDeviceProperties(index = 0): NativeDevice {
  checkNumber("cuda", "the index", index, { min: 0, integer: true });
  const found = usable().find((device) => device.index === index);
  if (found !== undefined) return found;
  const refused = native.devices().find((device) => device.kind === "cuda" && device.reason !== null);
  const why = refused?.reason ?? "no CUDA device was found";
  return fail("cuda", `cuda:${index} is not usable here: ${why}`, { device: `cuda:${index}` }, "device");
}

/** Waits until everything asked of the device is done. */
export function synchronize(index = 0): void {
  getDeviceProperties(index);
  native.synchronize();
}

/** The device that "cuda" means. */
export function currentDevice(): number {
  return getDeviceProperties(0).index;
}

/** Gives back what the caches of all devices hold free. */
export function emptyCache(): void {
  if (isAvailable()) memory.emptyCache();
}

/** Bytes; 0 without a CUDA device, as in PyTorch. */
export function memoryAllocated(index = 0): number {
  return isAvailable() ? memory.allocated(`cuda:${index}`) : 0;
}

/** The most bytes that tensors held at once since the start or `resetPeakMemoryStats`. */
export function maxMemoryAllocated(index = 0): number {
  return isAvailable() ? memory.maxAllocated(`cuda:${index}`) : 0;
}

/** Bytes taken from the device, those in the cache included. */
export function memoryReserved(index = 0): number {
  return isAvailable() ? memory.reserved(`cuda:${index}`) : 0;
}

/** The most bytes taken from the device at once. */
export function maxMemoryReserved(index = 0): number {
  return isAvailable() ? memory.maxReserved(`cuda:${index}`) : 0;
}

/** Begins anew with what `maxMemoryAllocated` and `maxMemoryReserved` tell. */
export function resetPeakMemoryStats(index = 0): void {
  getDeviceProperties(index);
  memory.resetPeak(`cuda:${index}`);
}

/** From here on no more than this part of the device's memory is taken: above 0, and at most 1. */
export function setPerProcessMemoryFraction(fraction: number, index = 0): void {
  getDeviceProperties(index);
  memory.setFraction(fraction, `cuda:${index}`);
}

/** Every block of the device, as `memory.snapshot` has it. */
export function memorySnapshot(index = 0): memory.MemorySegment[] {
  getDeviceProperties(index);
  return memory.snapshot(`cuda:${index}`);
}

/** All counters, by PyTorch's names, as `memory.stats` has them. */
export function memoryStats(index = 0): memory.MemoryStats {
  return isAvailable() ? memory.stats(`cuda:${index}`) : {};
}

/** The counters as a table to print. */
export function memorySummary(index = 0): string {
  getDeviceProperties(index);
  return memory.summary(`cuda:${index}`);
}
