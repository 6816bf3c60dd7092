// How the ops of the family 'index' are tested: indexing.

import { bits, integers, numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const indexRows: Rows = {
  indexSelect: { calls: [[matrix, 1, integers([3], 0, 4)], [cube, 0, integers([4], 0, 2)]] },
  indexAddInto: { through: "indexSelect" },
  gather: { calls: [[matrix, 1, integers([3, 2], 0, 4)], [matrix, 0, integers([2, 4], 0, 3)]] },
  scatterAdd: { calls: [[matrix, 1, integers([3, 2], 0, 4), numbers([3, 2])]] },
  scatter: { calls: [[matrix, 1, integers([3, 2], 0, 2), numbers([3, 2])], [matrix, 0, integers([1, 4], 0, 3), 2.5], [matrix, 1, integers([3, 2], 0, 4), numbers([3, 3]), { reduce: "add" }], [matrix, 1, integers([3, 2], 0, 4), numbers([3, 2], 1, 2), { reduce: "multiply" }]] },
  scatterCore: { through: "scatter" },
  scatterMultiply: { through: "scatter" },
  indexAdd: { calls: [[matrix, 1, integers([3], 0, 2), numbers([3, 3]), { alpha: 2 }], [cube, 0, integers([2], 0, 2), numbers([2, 3, 4])]] },
  indexCopy: { calls: [[matrix, 1, integers([2], 1, 3), numbers([3, 2])], [cube, 0, integers([2], 0, 2), numbers([2, 3, 4])]] },
  indexFill: { calls: [[matrix, 1, integers([2], -1, 1), 1.5], [matrix, 0, integers([2], 0, 2), numbers([])]] },
  maskedFill: { calls: [[matrix, bits([3, 4]), 1.5], [matrix, bits([4]), -2], [matrix, bits([3, 1]), numbers([])]] },
  maskedSelect: { calls: [[matrix, bits([3, 4])], [cube, bits([3, 1])]] },
};
