// How the ops of the family 'pointwise' are tested: composed pointwise ops.

import { numbers } from "../engine/op-inputs.js";
import { matrix, type Rows } from "./row.js";

// prettier-ignore
export const pointwiseRows: Rows = {
  div: { calls: [[matrix, numbers([3, 4], 0.5, 2)], [numbers([3, 4], 2.1, 2.9), numbers([4], 0.55, 0.95), { roundingMode: "floor" }]] },
  clamp: { calls: [[matrix, -0.51, 0.77], [matrix, null, 0.33], [matrix, numbers([4], -1, -0.9), numbers([4], 0.5, 0.6)]] },
  gelu: { calls: [[matrix], [matrix, { approximate: "tanh" }]] },
};
