// How the ops of the family 'einsum' are tested: products over named dims.

import { numbers } from "../engine/op-inputs.js";
import { cube, matrix, type Rows } from "./row.js";

// prettier-ignore
export const einsumRows: Rows = {
  einsum: { calls: [["ij,kj->ik", [matrix, numbers([2, 4])]], ["bij,bjk->bik", [cube, numbers([2, 4, 2])]], ["ij->j", [matrix]], ["ii", [numbers([3, 3])]], ["i,j,k->kij", [numbers([2]), numbers([3]), numbers([2])]], ["...j,j", [cube, numbers([4])]]] },
  tensordot: { through: "einsum" },
};
