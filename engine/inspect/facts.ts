// What is known of a tensor without its numbers, as engine/inspection.ts has it.

import { dtypes, type DType } from "../dtype.js";
import type { Place, TensorFacts } from "../inspection.js";
import { native } from "../native.js";
import { memoryCategories } from "../protocol.js";
import { siteAt } from "../sites.js";
import { countElements, type Tensor } from "../tensor.js";

const bytesOfElement = [1, 1, 1, 2, 4, 8, 2, 2, 4, 8];

export function factsOf(x: Tensor): TensorFacts {
  const [storageBytes, storage, hasGrad, category, site] = native.storageOf(x);
  return {
    shape: [...x.shape],
    dtype: x.dtype,
    device: x.device,
    strides: x.stride(),
    offset: x.storageOffset(),
    contiguous: x.isContiguous(),
    bytes: countElements(x.shape) * bytesOf(x.dtype),
    storageBytes,
    version: native.version(x),
    storage,
    requiresGrad: x.requiresGrad,
    isLeaf: x.isLeaf,
    hasGrad: hasGrad === 1,
    gradFn: native.gradFnName(x),
    label: x.label,
    category: memoryCategories[category]!,
    madeAt: placeOf(site),
  };
}

export function bytesOf(dtype: DType): number {
  return bytesOfElement[dtypes.indexOf(dtype)]!;
}

/** The user's line that a call site stands for; null where it is not known. */
export function placeOf(site: number): Place | null {
  const place = siteAt(site);
  return place === null ? null : { file: place.file, line: place.line, column: place.column };
}
