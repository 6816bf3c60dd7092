// How the ops of the family 'loss' are tested: losses.

import { integers, numbers, oneOf } from "../engine/op-inputs.js";
import { matrix, type Rows } from "./row.js";

// prettier-ignore
export const lossRows: Rows = {
  crossEntropyCore: { through: "crossEntropy" },
  crossEntropy: { calls: [[matrix, integers([3], 0, 4)], [matrix, integers([3], 0, 4), { weight: oneOf([4], [0.1, 1, 2, 0.5]), labelSmoothing: 0.1, reduction: "sum" }], [matrix, integers([3], 0, 4), { ignoreIndex: 1, reduction: "none" }], [numbers([2, 3, 4]), integers([2, 4], 0, 3)]] },
  nllLoss: { calls: [[numbers([3, 4], -3, 0), integers([3], 0, 4), { weight: oneOf([4], [0.1, 1, 2, 0.5]) }]] },
  mseLoss: { calls: [[matrix, numbers([3, 4], 0, 1)], [matrix, numbers([3, 4], 0, 1), { reduction: "none" }]] },
  l1Loss: { calls: [[matrix, numbers([3, 4], 2.5, 3)]] },
};
