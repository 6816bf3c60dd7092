// Device names: 'cpu', 'cuda', 'cuda:0', 'opencl:0', 'gpu', between what users write and what native code numbers.

import { isMainThread } from "node:worker_threads";
import { bestGpu, deviceKinds, deviceName, exampleNames, isDeviceName } from "./deviceNames.js";
import { native, type NativeDevice } from "./native.js";
import { fail, show } from "./errors.js";

export interface DeviceNumber {
  kind: number;
  index: number;
}

/** Devices that were there when they were asked for: they stay. */
const parsed = new Map<string, DeviceNumber>();

/** The numbers of a device the user named; 'gpu' is the best GPU present. */
export function parseDevice(op: string, value: unknown): DeviceNumber {
  if (value === "cpu" || value === "cpu:0") return { kind: 0, index: 0 };
  if (!isDeviceName(value)) {
    return fail(op, `no device ${show(value)}, name ${exampleNames("'")}`, { device: show(value) }, "device");
  }
  const before = parsed.get(value);
  if (before !== undefined) return before;
  const present = native.devices().filter((device) => device.usable);
  const found =
    value === "gpu" ? bestGpu(present) : (present.find((device) => matches(device, value)) ?? null);
  if (found !== null) {
    const number = { kind: deviceKinds.indexOf(found.kind), index: found.index };
    parsed.set(value, number);
    return number;
  }
  const list = present.map((device) => (device.kind === "cpu" ? "cpu" : `${device.kind}:${device.index}`));
  const why = reasonsFor(value);
  return fail(
    op,
    `device '${value}' is not usable here, there is ${list.join(", ")}${why === "" ? "" : `. ${why}`}`,
    { device: value },
    "device",
  );
}

let gpuThere: boolean | null = null;

/** Whether any GPU can be used here; looks once. */
export function isGpuThere(): boolean {
  gpuThere ??= native.devices().some((device) => device.usable && device.kind !== "cpu");
  return gpuThere;
}

let defaultDevice = "cpu";

/** Where tensors are made that are not told where. */
export function getDefaultDevice(): string {
  return defaultDevice;
}

/**
 * From here on `tensor`, `zeros`, `randn` and the like, and layers, make their tensors on this device where no other is named; batches of a
 * DataLoader are brought to it. 'gpu' is the best GPU there is. Other threads (the workers of a DataLoader) stay on the CPU.
 */
export function setDefaultDevice(device: string): void {
  const { kind, index } = parseDevice("setDefaultDevice", device);
  native.setDefaultDevice(kind, index);
  defaultDevice = deviceName(kind, index);
}

/** What `descent run --device` asked for, on the main thread. */
export function useDeviceOfRun(): void {
  const asked = process.env["DESCENT_DEVICE"];
  if (isMainThread && asked !== undefined && asked !== "") setDefaultDevice(asked);
}

function matches(device: NativeDevice, name: string): boolean {
  const [kind, index] = name.split(":");
  return device.kind === kind && device.index === Number(index ?? 0);
}

/** Why a device is not there: its own reason, or that of what would have had it. */
function reasonsFor(name: string): string {
  const kind = name.split(":")[0];
  const refused = native
    .devices()
    .filter((device) => device.reason !== null && (kind === "gpu" || device.kind === kind));
  const own = refused.filter((device) => device.name === name);
  return (own.length > 0 ? own : refused)
    .map((device) => {
      const about = device.description === "" ? device.name : `${device.name}, ${device.description}`;
      return `${about}: ${device.reason!}.`;
    })
    .join(" ");
}

/** Every device found, with the reason where one is not usable. */
export function devices(): NativeDevice[] {
  return native.devices();
}
