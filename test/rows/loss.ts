// How the ops of the family 'loss' are tested: losses.

import { integers, numbers, oneOf } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const lossRows: Rows = {
  crossEntropyCore: { through: "crossEntropy" },
  crossEntropy: { calls: [[matrix, integers([3], 0, 4)], [matrix, integers([3], 0, 4), { weight: oneOf([4], [0.1, 1, 2, 0.5]), labelSmoothing: 0.1, reduction: "sum" }], [matrix, integers([3], 0, 4), { ignoreIndex: 1, reduction: "none" }], [numbers([2, 3, 4]), integers([2, 4], 0, 3)]] },
  nllLoss: { calls: [[numbers([3, 4], -3, 0), integers([3], 0, 4), { weight: oneOf([4], [0.1, 1, 2, 0.5]) }]] },
  mseLoss: { calls: [[matrix, numbers([3, 4], 0, 1)], [matrix, numbers([3, 4], 0, 1), { reduction: "none" }]] },
  smoothL1Loss: { calls: [[matrix, numbers([3, 4])], [matrix, numbers([4]), { beta: 0.31, reduction: "none" }]] },
  huberLoss: { calls: [[matrix, numbers([3, 4])], [matrix, numbers([3, 4]), { delta: 0.31, reduction: "sum" }]] },
  binaryCrossEntropy: { calls: [[numbers([3, 4], 0.05, 0.95), numbers([3, 4], 0, 1)], [numbers([3, 4], 0.05, 0.95), numbers([3, 4], 0, 1), { weight: oneOf([4], [1, 2, 0.5, 1]), reduction: "sum" }]] },
  binaryCrossEntropyWithLogits: { calls: [[matrix, numbers([3, 4], 0, 1)], [matrix, numbers([3, 4], 0, 1), { weight: oneOf([3, 1], [1, 2, 0.5]), posWeight: numbers([4], 0.5, 3), reduction: "none" }]] },
  klDiv: { calls: [[numbers([3, 4], -3, 0), numbers([3, 4], 0.1, 1), { reduction: "batchmean" }], [numbers([3, 4], -3, 0), numbers([3, 4], -3, 0), { logTarget: true }]] },
  cosineEmbeddingLoss: { calls: [[matrix, numbers([3, 4]), integers([3], 1, 2)], [matrix, numbers([3, 4], 0.1, 2), oneOf([3], [1, -1, -1]), { margin: -0.9, reduction: "sum" }]] },
  tripletMarginLoss: { calls: [[matrix, numbers([3, 4]), numbers([3, 4])], [matrix, numbers([3, 4]), numbers([3, 4]), { margin: 3, p: 3, swap: true, reduction: "none" }]] },
  marginRankingLoss: { calls: [[numbers([4]), numbers([4]), oneOf([4], [1, -1, 1, -1]), { margin: 0.51 }]] },
  normalize: { calls: [[matrix], [cube, 3, 0]] },
  cosineSimilarity: { calls: [[matrix, numbers([3, 4])], [cube, numbers([3, 4]), -1]] },
  pairwiseDistance: { calls: [[matrix, numbers([3, 4])], [cube, numbers([4]), 3, { keepdim: true }]] },
  l1Loss: { calls: [[matrix, numbers([3, 4], 2.5, 3)]] },
};
