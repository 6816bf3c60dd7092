// memory: what the allocator holds, by device and by what it is for. All sizes in bytes.

import { checkBoolean, checkNumber } from "./errors.js";
import { getDefaultDevice, parseDevice } from "./device.js";
import { formatBytes } from "./format.js";
import { deviceName } from "./deviceNames.js";
import { native } from "./native.js";
import { callSites, siteAt } from "./sites.js";
import { requireTensor, type Tensor } from "./tensor.js";
import { deviceMemoryNumbers, memoryCategories, type MemoryCategory } from "./protocol.js";

/** Counters under PyTorch's `memory_stats` names in camelCase: "allocatedBytes.all.current", "allocatedBytes.all.peak". */
export type MemoryStats = Record<string, number>;

/** Every counter of a device. */
export function stats(device = getDefaultDevice()): MemoryStats {
  const { kind, index } = parseDevice("memory.stats", device);
  const raw = native.memoryStats(kind, index);
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [camelCase(key), value]));
}

/** Bytes in use by tensors now. */
export function allocated(device = getDefaultDevice()): number {
  return stats(device)["allocatedBytes.all.current"] ?? 0;
}

/** The most bytes in use by tensors since the start, or since `resetPeak()`. */
export function maxAllocated(device = getDefaultDevice()): number {
  return stats(device)["allocatedBytes.all.peak"] ?? 0;
}

/** Bytes taken from the device: those in use, and those kept for reuse. */
export function reserved(device = getDefaultDevice()): number {
  return stats(device)["reservedBytes.all.current"] ?? 0;
}

/** The most bytes taken from the device since the start, or since `resetPeak()`. */
export function maxReserved(device = getDefaultDevice()): number {
  return stats(device)["reservedBytes.all.peak"] ?? 0;
}

/** Bytes in use by what they are for: on a device, or on all of them where none is named. */
export function byCategory(device?: string): Record<MemoryCategory, number> {
  let bytes = new Float64Array(memoryCategories.length);
  if (device === undefined) native.memoryByCategory(bytes);
  else {
    const { kind, index } = parseDevice("memory.byCategory", device);
    const all = new Float64Array(deviceMemoryNumbers * native.devices().length);
    const count = native.deviceMemory(all);
    for (let at = 0; at < count * deviceMemoryNumbers; at += deviceMemoryNumbers) {
      if (all[at] === kind && all[at + 1] === index) bytes = all.slice(at + 2, at + 2 + bytes.length);
    }
  }
  return Object.fromEntries(memoryCategories.map((category, k) => [category, bytes[k]!])) as Record<
    MemoryCategory,
    number
  >;
}

/** One piece of a segment, in use or free. Sizes in bytes. */
export interface MemoryBlock {
  address: number;
  size: number;
  /** As it was asked for, before rounding; 0 for a free block. */
  requestedSize: number;
  /** `active_awaiting_free`: freed, but a stream may still be at work on it. */
  state: "active_allocated" | "active_awaiting_free" | "inactive";
  /** What it is for; null for a free block. */
  category: MemoryCategory | null;
  /** Optimizer steps that were done when it was allocated; null for a free block. */
  step: number | null;
  /** The user's line that allocated it, where it is known: call sites are kept for some calls only (DESCENT_CALL_SITES=1: for all). */
  frames: { filename: string; line: number; column: number; name: string }[];
}

/** Memory taken from the device in one piece, and how it is cut; PyTorch's `memory_snapshot` in camelCase. */
export interface MemorySegment {
  device: string;
  address: number;
  totalSize: number;
  allocatedSize: number;
  activeSize: number;
  requestedSize: number;
  segmentType: "small" | "large";
  blocks: MemoryBlock[];
}

/** Every segment and block of a device as they are now, in the order of their addresses. */
export function snapshot(device = getDefaultDevice()): MemorySegment[] {
  const { kind, index } = parseDevice("memory.snapshot", device);
  const numbers = native.memorySnapshot(kind, index);
  const segments: MemorySegment[] = [];
  let current = -1;
  for (let at = 0; at < numbers.length; at += numbersPerBlock) {
    const [number, address, size, requestedSize, state, category, isSmall, site, step] = numbers.subarray(
      at,
      at + numbersPerBlock,
    ) as unknown as [number, number, number, number, number, number, number, number, number];
    if (number !== current) {
      current = number;
      const sizes = { totalSize: 0, allocatedSize: 0, activeSize: 0, requestedSize: 0 };
      const segmentType = isSmall === 1 ? "small" : "large";
      segments.push({ device: deviceName(kind, index), address, ...sizes, segmentType, blocks: [] });
    }
    const segment = segments.at(-1)!;
    segment.totalSize += size;
    segment.requestedSize += requestedSize;
    const isActive = state !== 0;
    if (isActive) segment.activeSize += size;
    if (state === 1) segment.allocatedSize += size;
    segment.blocks.push({
      address,
      size,
      requestedSize,
      state: blockStates[state]!,
      category: isActive ? memoryCategories[category]! : null,
      step: isActive ? step : null,
      frames: isActive ? framesOf(site) : [],
    });
  }
  return segments.sort((a, b) => a.address - b.address);
}

const numbersPerBlock = 9;
/** By the number that the core tells. */
const blockStates = ["inactive", "active_allocated", "active_awaiting_free"] as const;

function framesOf(site: number): MemoryBlock["frames"] {
  const frame = siteAt(site);
  if (frame === null) return [];
  return [{ filename: frame.file, line: frame.line, column: frame.column, name: frame.name ?? "<module>" }];
}

/** The user's line that made a tensor, where it is known: see `recordHistory`. */
export function madeAt(x: Tensor): MemoryBlock["frames"][number] | null {
  return framesOf(native.siteOf(requireTensor("memory.madeAt", "x", x)))[0] ?? null;
}

/**
 * Keeps the line of every allocation from here on, for `snapshot()`, or stops; slow, as PyTorch's `_record_memory_history`. Without it lines
 * are kept for some allocations only.
 */
export function recordHistory(enabled = true): void {
  native.setCallSites(
    checkBoolean("memory.recordHistory", "enabled", enabled) ? callSites.always : callSites.affordable,
  );
}

/** Lets the peaks begin again at what is in use now. */
export function resetPeak(device = getDefaultDevice()): void {
  const { kind, index } = parseDevice("memory.resetPeak", device);
  native.resetPeak(kind, index);
}

/** Gives what is kept for reuse back to the devices. */
export function emptyCache(): void {
  native.emptyCache();
}

/** From here on an allocation beyond `bytes` fails with one sentence instead of exhausting the machine; 0: no limit. */
export function setLimit(bytes: number, device = getDefaultDevice()): void {
  checkNumber("memory.setLimit", "bytes", bytes, { min: 0, integer: true });
  const { kind, index } = parseDevice("memory.setLimit", device);
  native.setMemoryLimit(kind, index, bytes);
}

/** `setLimit` as a part of the memory that the device has: above 0, and at most 1. */
export function setFraction(fraction: number, device = "cpu"): void {
  checkNumber("memory.setFraction", "fraction", fraction, { min: 0, aboveMin: true, max: 1 });
  const { kind, index } = parseDevice("memory.setFraction", device);
  const name = deviceName(kind, index);
  const total = native.devices().find((found) => found.usable && found.name === name)?.memoryBytes ?? 0;
  native.setMemoryLimit(kind, index, Math.floor(fraction * total));
}

/** A table for people. */
export function summary(device = getDefaultDevice()): string {
  const { kind, index } = parseDevice("memory.summary", device);
  const rows: [string, number][] = [
    ["in use", allocated(device)],
    ["in use at most", maxAllocated(device)],
    ["taken from the device", reserved(device)],
    ...Object.entries(byCategory(device)).map(([name, bytes]): [string, number] => [`  ${name}`, bytes]),
  ];
  const lines = rows.map(([name, bytes]) => `${name.padEnd(24)}${formatBytes(bytes).padStart(12)}`);
  return [`memory of ${deviceName(kind, index)}`, ...lines].join("\n");
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
