// How the ops of the family 'norm' are tested: normalisation.

import { numbers, oneOf } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const normRows: Rows = {
  batchNormCore: { through: "batchNorm" },
  batchNorm: { calls: [[matrix, null, null, { training: true }], [cube, null, null, { weight: numbers([3]), bias: numbers([3]), training: true, eps: 0.1 }], [matrix, oneOf([4], [0, 1, 0, -1]), oneOf([4], [1, 2, 0.5, 1]), { weight: numbers([4]), bias: numbers([4]) }]] },
};
