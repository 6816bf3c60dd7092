// How the ops of the family 'embedding' are tested: embeddings. Gradients of paddingIdx and scaleGradByFreq are not slopes: PyTorch's
// stand in the fixtures.

import { integers, numbers } from "../engine/op-inputs.js";
import type { Rows } from "./row.js";

const index = integers([2, 3], 0, 4);

// prettier-ignore
export const embeddingRows: Rows = {
  embeddingCore: { through: "embedding" },
  embeddingBackward: { through: "embedding" },
  embedding: { calls: [[index, numbers([5, 3])], [integers([7], 0, 3, "int32"), numbers([3, 2])]] },
};
