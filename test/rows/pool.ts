// How the ops of the family 'pool' are tested: pooling.

import { numbers } from "../engine/op-inputs.js";
import { type Rows } from "./row.js";

// prettier-ignore
export const poolRows: Rows = {
  maxPool1d: { calls: [[numbers([2, 2, 6]), 2], [numbers([2, 7]), 3, { stride: 2, padding: 1, dilation: 2, ceilMode: true, returnIndices: true }]] },
  maxPool2d: { calls: [[numbers([2, 2, 4, 5]), 2], [numbers([2, 5, 6]), [3, 2], { stride: [2, 1], padding: 1, dilation: [1, 2], ceilMode: true, returnIndices: true }]] },
  adaptiveMaxPool1d: { calls: [[numbers([2, 2, 5]), 3, { returnIndices: true }]] },
  adaptiveMaxPool2d: { calls: [[numbers([2, 2, 5, 4]), [3, null]], [numbers([2, 3, 4]), 2, { returnIndices: true }]] },
  avgPool1d: { calls: [[numbers([2, 2, 6]), 2], [numbers([2, 7]), 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }]] },
  avgPool2d: { calls: [[numbers([2, 2, 4, 5]), 2], [numbers([2, 5, 6]), [3, 2], { stride: [2, 1], padding: 1, ceilMode: true, countIncludePad: false }], [numbers([1, 1, 4, 4]), 2, { stride: 1, divisorOverride: 3 }]] },
  adaptiveAvgPool1d: { calls: [[numbers([2, 2, 5]), 3]] },
  adaptiveAvgPool2d: { calls: [[numbers([2, 2, 5, 4]), [3, null]], [numbers([2, 3, 4]), 2]] },
};
