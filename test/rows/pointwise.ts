// How the ops of the family 'pointwise' are tested: composed pointwise ops.

import { numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const pointwiseRows: Rows = {
  div: { calls: [[matrix, numbers([3, 4], 0.5, 2)], [numbers([3, 4], 2.1, 2.9), numbers([4], 0.55, 0.95), { roundingMode: "floor" }]] },
  clamp: { calls: [[matrix, -0.51, 0.77], [matrix, null, 0.33], [matrix, numbers([4], -1, -0.9), numbers([4], 0.5, 0.6)]] },
  celu: { calls: [[matrix], [matrix, { alpha: 0.7 }]] },
  softshrink: { calls: [[matrix], [matrix, { lambd: 0.77 }]] },
  hardtanh: { calls: [[matrix], [matrix, { minVal: -0.52, maxVal: 1.23 }]] },
  prelu: { calls: [[matrix, numbers([1])], [cube, numbers([3])], [numbers([4]), numbers([])]] },
  glu: { calls: [[matrix], [cube, 0]] },
  threshold: { calls: [[matrix, 0.51, -3]] },
  softmin: { calls: [[matrix, 1]] },
  frac: { calls: [[matrix]] },
  addcmul: { calls: [[matrix, numbers([4]), numbers([3, 1]), { value: 2 }]] },
  addcdiv: { calls: [[matrix, numbers([4]), numbers([3, 1], 1, 2), { value: 2 }]] },
  gelu: { calls: [[matrix], [matrix, { approximate: "tanh" }]] },
};
