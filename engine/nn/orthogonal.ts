// Rows at right angles to each other, by Gram and Schmidt in blocks, so that most of the work is matrix products.

import { type Tensor } from "../tensor.js";

/** Rows that are projected one by one. */
const blockSize = 64;

/**
 * The rows of a float64 matrix (N, M), N ≤ M, made orthonormal in place, in order: the Q of its LQ factorization whose L has a positive
 * diagonal, so that normal numbers become a rotation as likely as any other (Mezzadri, 2007). Each projection is made twice, which
 * is enough (Giraud et al., 2005).
 */
export function orthonormalRows(rows: Tensor): Tensor {
  const count = rows.shape[0]!;
  for (let from = 0; from < count; from += blockSize) {
    const size = Math.min(blockSize, count - from);
    const block = rows.narrow(0, from, size);
    if (from > 0) {
      const done = rows.narrow(0, 0, from);
      for (let time = 0; time < 2; time++) block.sub_(block.matmul(done.t()).matmul(done));
    }
    for (let k = 0; k < size; k++) {
      const row = block.select(0, k);
      if (k > 0) {
        const before = block.narrow(0, 0, k);
        for (let time = 0; time < 2; time++) row.sub_(before.mv(row).unsqueeze(0).matmul(before).squeeze(0));
      }
      row.div_(row.norm());
    }
  }
  return rows;
}
