// How the ops of the family 'interpolate' are tested: planes in other sizes.

import { numbers } from "../engine/op-inputs.js";
import { type Rows } from "./row.js";

const signal = numbers([2, 2, 4]);
const image = numbers([1, 2, 3, 4]);

// prettier-ignore
export const interpolateRows: Rows = {
  pixelShuffle: { calls: [[numbers([2, 8, 2, 3]), 2], [numbers([9, 1, 2]), 3]] },
  pixelUnshuffle: { calls: [[numbers([2, 2, 4, 6]), 2], [numbers([1, 3, 6]), 3]] },
  interpolate: { calls: [[image, { scaleFactor: 2 }], [signal, { size: 7, mode: "linear" }], [image, { size: [5, 3], mode: "bilinear" }], [image, { size: [5, 7], mode: "bilinear", alignCorners: true }], [image, { scaleFactor: [1.5, 0.7], mode: "bicubic" }], [image, { size: [2, 3], mode: "area" }], [signal, { scaleFactor: 1.7, mode: "nearest-exact" }]] },
};
