// How the ops of the family 'shape' are tested: views and joined tensors.

import { numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const shapeRows: Rows = {
  view: { calls: [[matrix, [2, 6]], [matrix, [-1]], [matrix, [3, 1, 4]]] },
  reshape: { calls: [[matrix, [2, 6]], [matrix, [-1, 2]]] },
  flatten: { calls: [[cube], [cube, 1], [cube, 0, 1]] },
  permute: { calls: [[cube, [2, 0, 1]]] },
  transpose: { calls: [[cube, 0, 2], [matrix, -1, 0]] },
  t: { calls: [[matrix], [numbers([3])]] },
  movedim: { calls: [[cube, [0], [2]], [cube, [0, 1], [1, 2]]] },
  expand: { calls: [[numbers([3, 1]), [2, 3, 4]]] },
  broadcastTo: { calls: [[numbers([3, 1]), [3, 4]]] },
  squeeze: { calls: [[numbers([1, 3, 1])], [numbers([1, 3, 1]), 0]] },
  unsqueeze: { calls: [[matrix, 1], [matrix, -1]] },
  select: { calls: [[matrix, 1, 2], [cube, 0, -1]] },
  narrow: { calls: [[matrix, 1, 1, 2], [cube, -1, 0, 3]] },
  slice: { through: "narrow" },
  detach: { calls: [[matrix]] },
  cat: { calls: [[[matrix, numbers([2, 4])]], [[matrix, numbers([3, 2])], 1]] },
  stack: { calls: [[[matrix, matrix]], [[matrix, matrix], -1]] },
  sliceBackward: { through: "narrow" },
};
