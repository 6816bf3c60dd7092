// How the ops of the family 'reduce' are tested: reductions.

import { bits, numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const reduceRows: Rows = {
  sum: { calls: [[matrix], [cube, [0, 2]], [matrix, 1, { keepdim: true }]] },
  mean: { calls: [[matrix], [cube, [0, 2]], [matrix, 1, { keepdim: true }]] },
  prod: { calls: [[numbers([4])], [matrix, 1]] },
  amax: { calls: [[matrix], [cube, [0, 2]]] },
  amin: { calls: [[matrix], [cube, [0, 2]]] },
  max: { calls: [[matrix], [cube, 1], [matrix, 0, { keepdim: true }]] },
  min: { calls: [[matrix], [cube, 1], [matrix, 0, { keepdim: true }]] },
  argmax: { calls: [[matrix], [cube, 1]] },
  argmin: { calls: [[matrix], [cube, 1]] },
  countNonzero: { calls: [[bits([2, 3])], [matrix, [0, 1]], [cube, -1]] },
  any: { calls: [[bits([2, 3])], [bits([2, 3]), 1]] },
  all: { calls: [[bits([2, 3])], [bits([2, 3]), 1]] },
  var: { calls: [[matrix], [matrix, 1], [cube, [0, 2], { unbiased: false }]] },
  std: { calls: [[matrix], [matrix, 1], [cube, [0, 2], { unbiased: false }]] },
  norm: { calls: [[matrix], [matrix, 1, 1], [matrix, 3, 0, { keepdim: true }]] },
  logsumexp: { calls: [[matrix, 1], [cube, [0, 2]]] },
};
