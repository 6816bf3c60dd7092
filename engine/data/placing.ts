// Batches come to the default device, whichever thread made them.

import { convert } from "../convert.js";
import { getDefaultDevice } from "../device.js";
import { Tensor } from "../tensor.js";

/**
 * The batch with its tensors on the default device, in arrays and plain records too; itself where that is the CPU. Objects of
 * other classes stay as they are.
 */
export function placed<Batch>(batch: Batch): Batch {
  const device = getDefaultDevice();
  return device === "cpu" ? batch : (place(batch, device) as Batch);
}

function place(value: unknown, device: string): unknown {
  if (value instanceof Tensor) return convert(value, { device });
  if (Array.isArray(value)) return value.map((item) => place(item, device));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, place(item, device)]));
}
