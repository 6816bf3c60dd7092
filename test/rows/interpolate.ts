// How the ops of the family 'interpolate' are tested: planes in other sizes.

import { numbers } from "../engine/op-inputs.js";
import { type Rows } from "./row.js";

const signal = numbers([2, 2, 4]);
const image = numbers([1, 2, 3, 4]);

// prettier-ignore
export const interpolateRows: Rows = {
  interpolate: { calls: [[image, { scaleFactor: 2 }], [signal, { size: 7, mode: "linear" }], [image, { size: [5, 3], mode: "bilinear" }], [image, { size: [5, 7], mode: "bilinear", alignCorners: true }], [image, { scaleFactor: [1.5, 0.7], mode: "bicubic" }], [image, { size: [2, 3], mode: "area" }], [signal, { scaleFactor: 1.7, mode: "nearest-exact" }]] },
};
