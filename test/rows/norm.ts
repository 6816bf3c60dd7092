// How the ops of the family 'norm' are tested: normalisation.

import { numbers, oneOf } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const normRows: Rows = {
  batchNormCore: { through: "batchNorm" },
  batchNorm: { calls: [[matrix, null, null, { training: true }], [cube, null, null, { weight: numbers([3]), bias: numbers([3]), training: true, eps: 0.1 }], [matrix, oneOf([4], [0, 1, 0, -1]), oneOf([4], [1, 2, 0.5, 1]), { weight: numbers([4]), bias: numbers([4]) }]] },
  rowNorm: { through: "layerNorm" },
  layerNorm: { calls: [[matrix, [4]], [cube, [3, 4], { weight: numbers([3, 4]), bias: numbers([3, 4]) }], [cube, [4], { weight: numbers([4]), eps: 0.1 }], [matrix, [4], { bias: numbers([4]) }]] },
  rmsNorm: { calls: [[matrix, [4]], [cube, [3, 4], { weight: numbers([3, 4]), eps: 0.1 }], [cube, [4], { weight: numbers([4]) }]] },
  groupNorm: { calls: [[numbers([2, 4, 3]), 2], [numbers([2, 4, 3]), 2, { weight: numbers([4]), bias: numbers([4]), eps: 0.1 }], [matrix, 2, { weight: numbers([4]) }], [cube, 1, { bias: numbers([3]) }]] },
  instanceNorm: { calls: [[cube], [numbers([2, 3, 2, 2]), { weight: numbers([3]), bias: numbers([3]) }], [cube, { runningMean: oneOf([3], [0, 1, -1]), runningVar: oneOf([3], [1, 2, 0.5]), weight: numbers([3]), useInputStats: false }]] },
};
