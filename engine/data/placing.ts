// Batches come to the default device, whichever thread made them, while the device computes; or into pinned memory.

import { convert } from "../convert.js";
import { getDefaultDevice, isGpuThere } from "../device.js";
import { Tensor } from "../tensor.js";

/**
 * The batch with its tensors on the default device, in arrays and plain records too. Where that is the CPU: in pinned memory if that is
 * wanted and there is a GPU to copy to, else itself. Objects of other classes stay as they are.
 */
export function placed<Batch>(batch: Batch, isPinned: boolean): Batch {
  const device = getDefaultDevice();
  if (device !== "cpu") return place(batch, (x) => convert(x, { device, nonBlocking: true })) as Batch;
  if (!isPinned || !isGpuThere()) return batch;
  return place(batch, (x) => (x.device === "cpu" ? x.pinMemory() : x)) as Batch;
}

function place(value: unknown, move: (x: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return move(value);
  if (Array.isArray(value)) return value.map((item) => place(item, move));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, place(item, move)]));
}
