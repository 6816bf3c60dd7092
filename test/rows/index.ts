// How the ops of the family 'index' are tested: indexing.

import { bits, integers, numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const indexRows: Rows = {
  indexSelect: { calls: [[matrix, 1, integers([3], 0, 4)], [cube, 0, integers([4], 0, 2)]] },
  indexAddInto: { through: "indexSelect" },
  gather: { calls: [[matrix, 1, integers([3, 2], 0, 4)], [matrix, 0, integers([2, 4], 0, 3)]] },
  scatterAdd: { calls: [[matrix, 1, integers([3, 2], 0, 4), numbers([3, 2])]] },
  maskedFill: { calls: [[matrix, bits([3, 4]), 1.5], [matrix, bits([4]), -2]] },
};
