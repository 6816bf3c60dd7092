// How the ops of the family 'scan' are tested: running sums and products.

import { numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const scanRows: Rows = {
  cumsum: { calls: [[matrix, 1], [cube, 0], [cube, -2], [numbers([]), 0], [matrix, 0, { dtype: "float64" }]] },
  cumprod: { calls: [[matrix, 1], [cube, 0], [cube, -2], [numbers([]), 0], [numbers([1]), 0]] },
};
