// How the ops of the family 'sort' are tested: sorting, and what follows from it.

import { numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

const long = numbers([90], -9, 9);

// prettier-ignore
export const sortRows: Rows = {
  sort: { calls: [[matrix], [cube, 1], [cube, 0, { descending: true }], [long], [numbers([])]] },
  argsort: { calls: [[matrix], [cube, 1], [cube, 0, { descending: true }], [long], [numbers([])]] },
  topk: { calls: [[matrix, 2], [cube, 2, 1], [cube, 1, -1, { largest: false }], [long, 3], [long, 80]] },
  median: { calls: [[matrix], [matrix, 1], [cube, 0, { keepdim: true }], [long], [numbers([]), 0]] },
};
