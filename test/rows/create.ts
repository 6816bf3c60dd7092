// How the ops of the family 'create' are tested: new tensors and conversions.

import { integers, numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const createRows: Rows = {
  empty: { gives: [[[[0, 2]], [0, 2], []]] },
  zeros: { gives: [[[[2, 1]], [2, 1], [0, 0]]] },
  ones: { gives: [[[[2]], [2], [1, 1]]] },
  full: { gives: [[[[2], 2.5], [2], [2.5, 2.5]]] },
  arange: { gives: [[[4], [4], [0, 1, 2, 3]], [[1, 3, 0.5], [4], [1, 1.5, 2, 2.5]], [[3, 0, -1], [3], [3, 2, 1]]] },
  linspace: { gives: [[[0, 1, 5], [5], [0, 0.25, 0.5, 0.75, 1]], [[2, 3, 1], [1], [2]]] },
  eye: { gives: [[[2], [2, 2], [1, 0, 0, 1]], [[2, 3], [2, 3], [1, 0, 0, 0, 1, 0]]] },
  emptyLike: { gives: [[[numbers([0, 3])], [0, 3], []]] },
  zerosLike: { gives: [[[numbers([2])], [2], [0, 0]]] },
  onesLike: { gives: [[[numbers([2])], [2], [1, 1]]] },
  fullLike: { gives: [[[numbers([2]), 7], [2], [7, 7]]] },
  clone: { calls: [[matrix]] },
  contiguous: { calls: [[matrix]] },
  cast: { through: "toType" },
  toType: { calls: [[matrix, "float64"], [integers([3], -3, 3), "float64"]] },
  oneHot: { gives: [[[integers([3], 0, 3), 3], [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]]] },
  tril: { calls: [[matrix], [matrix, 1], [cube, -1]] },
  triu: { calls: [[matrix], [matrix, 1], [cube, -1]] },
  fill_: { calls: [[matrix, 2.5]] },
  zero_: { calls: [[matrix]] },
  copy_: { calls: [[matrix, numbers([4])]] },
};
