// How the ops of the family 'attention' are tested: attention.

import { bits, numbers } from "../engine/op-inputs.js";
import type { Rows } from "./row.js";

const [q, k, v] = [numbers([2, 3, 4]), numbers([2, 5, 4]), numbers([2, 5, 2])];

// prettier-ignore
export const attentionRows: Rows = {
  attentionCore: { through: "scaledDotProductAttention" },
  scaledDotProductAttention: { calls: [[q, k, v], [q, k, v, { isCausal: true, scale: 0.7 }], [q, k, v, { attnMask: bits([3, 5]) }], [q, k, v, { attnMask: numbers([2, 1, 5]) }], [numbers([2, 4, 3, 2]), numbers([2, 2, 4, 2]), numbers([1, 2, 4, 2]), { enableGqa: true }]] },
};
