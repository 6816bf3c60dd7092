// How the ops of the family 'arrange' are tested: elements repeated, turned round, padded, seen through windows.

import { integers, numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const arrangeRows: Rows = {
  flip: { calls: [[matrix, [0]], [cube, [0, -1]]] },
  roll: { calls: [[matrix, 2], [cube, [1, -1], [0, 2]]] },
  repeat: { calls: [[matrix, [2, 3]], [numbers([3]), [2, 1, 2]]] },
  repeatInterleave: { calls: [[matrix, 2], [cube, 3, 1], [matrix, integers([3], 0, 3), 0]] },
  constantPad: { through: "pad" },
  pad: { calls: [[matrix, [1, 2]], [matrix, [-1, 2, 1, 0], { value: 1.5 }], [matrix, [2, 1], { mode: "reflect" }], [matrix, [2, 3], { mode: "replicate" }], [cube, [4, -1, 1, 1], { mode: "circular" }]] },
  unfold: { calls: [[matrix, 1, 2, 1], [numbers([7]), 0, 3, 2], [cube, -1, 4, 1]] },
  unfoldBackward: { through: "unfold" },
  diagonal: { calls: [[matrix], [matrix, 1], [cube, -1, 2, 0]] },
  diagonalBackward: { through: "diagonal" },
  diag: { calls: [[matrix, 1], [numbers([3]), -1]] },
  unflatten: { calls: [[matrix, 1, [2, 2]], [cube, 0, [-1, 2]]] },
  expandAs: { calls: [[numbers([3, 1]), matrix]] },
  viewAs: { through: "reshapeAs" },
  reshapeAs: { calls: [[numbers([2, 6]), matrix]] },
};
