// Embedding: a table of learned vectors, one for each word, character or class.

import { getDefaultDevice } from "../device.js";
import { checkBoolean, checkNumber, fail, readOptions } from "../errors.js";
import { empty } from "../generated/ops.js";
import { noGrad } from "../grad-mode.js";
import { requireTensor, type Tensor } from "../tensor.js";
import type { DType } from "../dtype.js";
import * as F from "./functional.js";
import { normal_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

interface LookupOptions {
  /** A row that begins as zeros and never learns; negative counts from the end. */
  paddingIdx?: number | null;
  /** Rows that are looked up and longer than this are shortened to it first, in place. */
  maxNorm?: number | null;
  /** The exponent of that norm. */
  normType?: number;
  /** Divides a row's gradient by how often the batch names it. */
  scaleGradByFreq?: boolean;
}

export interface EmbeddingOptions extends LookupOptions {
  dtype?: DType;
  device?: string;
}

export interface PretrainedOptions extends LookupOptions {
  /** Whether the rows stay as they are. */
  freeze?: boolean;
}

const lookupDefaults: Required<LookupOptions> = {
  paddingIdx: null,
  maxNorm: null,
  normType: 2,
  scaleGradByFreq: false,
};

/** Rows of `weight` [numEmbeddings, embeddingDim] by index: (...) int64 or int32 → (..., embeddingDim). Rows begin normal. */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  readonly maxNorm: number | null;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options?: EmbeddingOptions) {
    super();
    const op = "Embedding";
    const defaults: Required<EmbeddingOptions> = {
      ...lookupDefaults,
      dtype: "float32",
      device: getDefaultDevice(),
    };
    const given = readOptions(op, options, defaults);
    this.numEmbeddings = checkNumber(op, "numEmbeddings", numEmbeddings, { min: 0, integer: true });
    this.embeddingDim = checkNumber(op, "embeddingDim", embeddingDim, { min: 0, integer: true });
    this.paddingIdx = readPadding(given.paddingIdx, numEmbeddings);
    this.maxNorm = given.maxNorm === null ? null : checkNumber(op, "maxNorm", given.maxNorm);
    this.normType =
      given.normType === Infinity ? Infinity : checkNumber(op, "normType", given.normType, { min: 0 });
    this.scaleGradByFreq = checkBoolean(op, "scaleGradByFreq", given.scaleGradByFreq);
    this.weight = new Parameter(
      empty([numEmbeddings, embeddingDim], { dtype: given.dtype, device: given.device }),
    );
    this.resetParameters();
  }

  /** With the rows of a matrix, which stay as they are unless `freeze` is false. The memory is shared. */
  static fromPretrained(embeddings: Tensor, options?: PretrainedOptions): Embedding {
    const op = "fromPretrained";
    const { shape, dtype, device } = requireTensor(op, "the embeddings", embeddings);
    if (shape.length !== 2) {
      fail(
        op,
        `the embeddings must be [numEmbeddings, embeddingDim], they are [${shape.join(", ")}]`,
        {},
        "shape",
      );
    }
    const defaults: Required<PretrainedOptions> = { ...lookupDefaults, freeze: true };
    const { freeze, ...lookup } = readOptions(op, options, defaults);
    const requiresGrad = !checkBoolean(op, "freeze", freeze);
    const made = new Embedding(0, shape[1]!, { ...lookup, paddingIdx: null, dtype, device });
    Object.assign(made, {
      numEmbeddings: shape[0]!,
      paddingIdx: readPadding(lookup.paddingIdx, shape[0]!),
      weight: new Parameter(embeddings, { requiresGrad }),
    });
    return made;
  }

  /** Draws the rows anew, normal with mean 0 and deviation 1; zeros for paddingIdx. */
  resetParameters(): void {
    normal_(this.weight);
    const { paddingIdx, weight } = this;
    if (paddingIdx !== null) noGrad(() => weight.detach().select(0, paddingIdx).fill_(0));
  }

  forward(x: Tensor): Tensor {
    return F.embedding(x, this.weight, {
      paddingIdx: this.paddingIdx,
      maxNorm: this.maxNorm,
      normType: this.normType,
      scaleGradByFreq: this.scaleGradByFreq,
    });
  }

  protected override extraRepr(): string {
    const { paddingIdx, maxNorm, normType, scaleGradByFreq } = this;
    const more = [
      ...(paddingIdx === null ? [] : [`paddingIdx=${paddingIdx}`]),
      ...(maxNorm === null ? [] : [`maxNorm=${maxNorm}`]),
      ...(normType === 2 ? [] : [`normType=${normType}`]),
      ...(scaleGradByFreq ? ["scaleGradByFreq=true"] : []),
    ];
    return [this.numEmbeddings, this.embeddingDim, ...more].join(", ");
  }
}

/** Counted from the start. */
function readPadding(given: number | null, count: number): number | null {
  if (given === null) return null;
  checkNumber("Embedding", "paddingIdx", given, { min: -count, max: count - 1, integer: true });
  return given < 0 ? given + count : given;
}
