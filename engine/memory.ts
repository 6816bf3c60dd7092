// memory: what the allocator holds, by device and by what it is for. All sizes in bytes.

import { checkNumber } from "./errors.js";
import { deviceName, parseDevice } from "./device.js";
import { native } from "./native.js";
import { memoryCategories, type MemoryCategory } from "./protocol.js";

/** Counters under PyTorch's `memory_stats` names in camelCase: "allocatedBytes.all.current", "allocatedBytes.all.peak". */
export type MemoryStats = Record<string, number>;

/** Every counter of a device. */
export function stats(device = "cpu"): MemoryStats {
  const { kind, index } = parseDevice("memory.stats", device);
  const raw = native.memoryStats(kind, index);
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [camelCase(key), value]));
}

/** Bytes in use by tensors now. */
export function allocated(device = "cpu"): number {
  return stats(device)["allocatedBytes.all.current"] ?? 0;
}

/** The most bytes in use by tensors since the start, or since `resetPeak()`. */
export function maxAllocated(device = "cpu"): number {
  return stats(device)["allocatedBytes.all.peak"] ?? 0;
}

/** Bytes taken from the device: those in use, and those kept for reuse. */
export function reserved(device = "cpu"): number {
  return stats(device)["reservedBytes.all.current"] ?? 0;
}

/** Bytes in use on all devices, by what they are for. */
export function byCategory(): Record<MemoryCategory, number> {
  const bytes = new Float64Array(memoryCategories.length);
  native.memoryByCategory(bytes);
  return Object.fromEntries(memoryCategories.map((category, k) => [category, bytes[k]!])) as Record<
    MemoryCategory,
    number
  >;
}

/** Lets the peaks begin again at what is in use now. */
export function resetPeak(device = "cpu"): void {
  const { kind, index } = parseDevice("memory.resetPeak", device);
  native.resetPeak(kind, index);
}

/** Gives what is kept for reuse back to the devices. */
export function emptyCache(): void {
  native.emptyCache();
}

/** From here on an allocation beyond `bytes` fails with one sentence instead of exhausting the machine; 0: no limit. */
export function setLimit(bytes: number, device = "cpu"): void {
  checkNumber("memory.setLimit", "bytes", bytes, { min: 0, integer: true });
  const { kind, index } = parseDevice("memory.setLimit", device);
  native.setMemoryLimit(kind, index, bytes);
}

/** A table for people. */
export function summary(device = "cpu"): string {
  const { kind, index } = parseDevice("memory.summary", device);
  const rows: [string, number][] = [
    ["in use", allocated(device)],
    ["in use at most", maxAllocated(device)],
    ["taken from the device", reserved(device)],
    ...Object.entries(byCategory()).map(([name, bytes]): [string, number] => [`  ${name}`, bytes]),
  ];
  const lines = rows.map(([name, bytes]) => `${name.padEnd(24)}${formatBytes(bytes).padStart(12)}`);
  return [`memory of ${deviceName(kind, index)}`, ...lines].join("\n");
}

function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]!}`;
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
