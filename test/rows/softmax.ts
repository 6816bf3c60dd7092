// How the ops of the family 'softmax' are tested: softmax.

import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const softmaxRows: Rows = {
  softmax: { calls: [[matrix, 1], [cube, 0], [cube, 1]] },
  logSoftmax: { calls: [[matrix, 1], [cube, 0], [cube, 1]] },
};
