// How the ops of the family 'conv' are tested: convolutions.

import { numbers } from "../engine/op-inputs.js";
import { type Rows } from "./row.js";

// prettier-ignore
export const convRows: Rows = {
  conv1d: { calls: [[numbers([2, 2, 5]), numbers([3, 2, 3])], [numbers([2, 4, 6]), numbers([2, 2, 3]), numbers([2]), { stride: 2, padding: 1, groups: 2 }], [numbers([2, 5]), numbers([1, 2, 2]), null, { padding: "same", dilation: 2 }]] },
  conv2d: { calls: [[numbers([2, 2, 4, 3]), numbers([2, 2, 3, 2])], [numbers([1, 2, 5, 4]), numbers([4, 1, 3, 2]), numbers([4]), { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 }], [numbers([2, 3, 4]), numbers([1, 2, 2, 3]), numbers([1]), { padding: "same" }], [numbers([2, 2, 3, 3]), numbers([3, 2, 1, 1]), numbers([3])], [numbers([1, 3, 4, 5]), numbers([3, 1, 2, 3]), null, { stride: 2, padding: 1, groups: 3 }]] },
  convTranspose1d: { calls: [[numbers([2, 2, 3]), numbers([2, 3, 2])], [numbers([2, 4]), numbers([2, 1, 3]), numbers([2]), { stride: 2, padding: 1, outputPadding: 1, groups: 2 }]] },
  convTranspose2d: { calls: [[numbers([1, 2, 3, 2]), numbers([2, 2, 2, 3])], [numbers([1, 2, 2, 3]), numbers([2, 2, 3, 2]), numbers([2]), { stride: [2, 3], padding: [1, 0], outputPadding: [1, 2] }], [numbers([2, 3, 3]), numbers([2, 1, 2, 2]), null, { groups: 2, dilation: 2 }], [numbers([1, 1, 2, 2]), numbers([1, 1, 2, 2]), numbers([1]), { dilation: 3, outputPadding: 2 }]] },
};
