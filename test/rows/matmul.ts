// How the ops of the family 'matmul' are tested: matrix products.

import { numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const matmulRows: Rows = {
  matmul: { calls: [[matrix, numbers([4, 2])], [cube, numbers([4, 2])], [cube, numbers([2, 4, 2])], [numbers([3]), matrix], [cube, numbers([4])]] },
  mm: { calls: [[matrix, numbers([4, 2])]] },
  bmm: { calls: [[cube, numbers([2, 4, 2])]] },
  mv: { calls: [[matrix, numbers([4])]] },
  dot: { calls: [[numbers([4]), numbers([4], 0, 1)]] },
  outer: { calls: [[numbers([3]), numbers([2])]] },
  addmm: { calls: [[numbers([2]), matrix, numbers([4, 2]), { beta: 0.5, alpha: 2 }]] },
  baddbmm: { calls: [[numbers([3, 1]), cube, numbers([2, 4, 2]), { beta: 0.5, alpha: 2 }]] },
  trace: { calls: [[matrix]] },
  linear: { calls: [[matrix, numbers([2, 4])], [cube, numbers([2, 4]), numbers([2])]] },
  bilinear: { calls: [[matrix, numbers([3, 5]), numbers([2, 4, 5])], [numbers([4]), numbers([5]), numbers([2, 4, 5]), numbers([2])]] },
};
