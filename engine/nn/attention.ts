// MultiheadAttention: every position looks at others in several ways at once.

import { getDefaultDevice } from "../device.js";
import { checkBoolean, checkNumber, fail, readOptions } from "../errors.js";
import { cat, empty, matmul, zeros, zerosLike } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";
import type { DType } from "../dtype.js";
import * as F from "./functional.js";
import { xavierNormal_, xavierUniform_, zeros_ } from "./init.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

export interface MultiheadAttentionOptions {
  /** The probability to drop an attention weight while training. */
  dropout?: number;
  /** With biases in the projections. */
  bias?: boolean;
  /** Adds a learned key and value behind the others. */
  addBiasKv?: boolean;
  /** Adds a key and value of zeros behind the others. */
  addZeroAttn?: boolean;
  /** Features of keys; embedDim where null. */
  kdim?: number | null;
  /** Features of values; embedDim where null. */
  vdim?: number | null;
  /** Inputs and output are (N, L, E) rather than (L, N, E). */
  batchFirst?: boolean;
  dtype?: DType;
  device?: string;
}

export interface AttentionOptions {
  /** (N, S), or (S) without a batch: true where a key does not count, or numbers added to the scores. */
  keyPaddingMask?: Tensor | null;
  /** Also gives the attention weights. Without them the scores never exist as a whole: faster, and less memory. */
  needWeights?: boolean;
  /** (L, S) or (N · numHeads, L, S): true where a query may not look, or numbers added to the scores. */
  attnMask?: Tensor | null;
  /** Gives the mean of the weights over the heads. */
  averageAttnWeights?: boolean;
  /** Says that attnMask is the causal one. */
  isCausal?: boolean;
}

const pytorchNames: Readonly<Record<string, string>> = {
  inProjWeight: "in_proj_weight",
  qProjWeight: "q_proj_weight",
  kProjWeight: "k_proj_weight",
  vProjWeight: "v_proj_weight",
  inProjBias: "in_proj_bias",
  outProj: "out_proj",
  biasK: "bias_k",
  biasV: "bias_v",
};

const op = "MultiheadAttention";

/**
 * Attention in `numHeads` parts of the features, projected in and out (Vaswani et al., 2017). query (L, N, embedDim), key
 * (S, N, kdim), value (S, N, vdim) → [(L, N, embedDim), weights (N, L, S) or null]; the batch comes first with
 * `batchFirst`, and may be left out.
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  /** [3 · embedDim, embedDim]: of query, key and value; null where kdim or vdim differ. */
  inProjWeight: Parameter | null = null;
  qProjWeight: Parameter | null = null;
  kProjWeight: Parameter | null = null;
  vProjWeight: Parameter | null = null;
  inProjBias: Parameter | null;
  outProj: Linear;
  biasK: Parameter | null;
  biasV: Parameter | null;

  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions) {
    super();
    const defaults: Required<MultiheadAttentionOptions> = {
      dropout: 0,
      bias: true,
      addBiasKv: false,
      addZeroAttn: false,
      kdim: null,
      vdim: null,
      batchFirst: false,
      dtype: "float32",
      device: getDefaultDevice(),
    };
    const given = readOptions(op, options, defaults);
    const place = { dtype: given.dtype, device: given.device };
    const positive = { min: 1, integer: true };
    this.embedDim = checkNumber(op, "embedDim", embedDim, positive);
    this.numHeads = checkNumber(op, "numHeads", numHeads, positive);
    if (embedDim % numHeads !== 0) {
      fail(op, `numHeads must divide embedDim, got ${numHeads} and ${embedDim}`);
    }
    this.headDim = embedDim / numHeads;
    this.kdim = given.kdim === null ? embedDim : checkNumber(op, "kdim", given.kdim, positive);
    this.vdim = given.vdim === null ? embedDim : checkNumber(op, "vdim", given.vdim, positive);
    this.dropout = checkNumber(op, "dropout", given.dropout, { min: 0, max: 1 });
    this.batchFirst = checkBoolean(op, "batchFirst", given.batchFirst);
    this.addZeroAttn = checkBoolean(op, "addZeroAttn", given.addZeroAttn);
    const bias = checkBoolean(op, "bias", given.bias);
    const parameter = (...shape: number[]) => new Parameter(empty(shape, place));
    if (this.kdim === embedDim && this.vdim === embedDim) {
      this.inProjWeight = parameter(3 * embedDim, embedDim);
    } else {
      this.qProjWeight = parameter(embedDim, embedDim);
      this.kProjWeight = parameter(embedDim, this.kdim);
      this.vProjWeight = parameter(embedDim, this.vdim);
    }
    this.inProjBias = bias ? parameter(3 * embedDim) : null;
    this.outProj = new Linear(embedDim, embedDim, { bias, ...place });
    const addsKv = checkBoolean(op, "addBiasKv", given.addBiasKv);
    this.biasK = addsKv ? parameter(1, 1, embedDim) : null;
    this.biasV = addsKv ? parameter(1, 1, embedDim) : null;
    this.resetParameters();
  }

  /** Draws the projections anew, by Glorot and Bengio (2010); biases of projections become zeros. */
  resetParameters(): void {
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) {
      if (weight !== null) xavierUniform_(weight);
    }
    if (this.inProjBias !== null) zeros_(this.inProjBias);
    if (this.outProj.bias !== null) zeros_(this.outProj.bias);
    if (this.biasK !== null) xavierNormal_(this.biasK);
    if (this.biasV !== null) xavierNormal_(this.biasV);
  }

  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options?: AttentionOptions,
  ): [output: Tensor, weights: Tensor | null] {
    const given = readOptions<Required<AttentionOptions>>(op, options, attentionDefaults);
    const { L, S, N } = this.sizesOf(query, key, value);
    const isBatched = query.ndim === 3;
    const projected = this.project(query, key, value);
    const q = this.heads(projected[0], N, L);
    let [k, v] = [this.heads(projected[1], N, S), this.heads(projected[2], N, S)];
    if (this.biasK !== null && this.biasV !== null) {
      k = this.withRow(k, this.biasK);
      v = this.withRow(v, this.biasV);
    }
    if (this.addZeroAttn) {
      k = this.withRow(k, null);
      v = this.withRow(v, null);
    }
    const extra = k.shape[2]! - S;
    const { mask, isCausal } = this.masks(given, isBatched, { L, S, N }, extra, q.dtype);
    const p = this.training ? this.dropout : 0;
    let joined: Tensor;
    let weights: Tensor | null = null;
    if (given.needWeights) {
      const scores = matmul(q.mul(Math.sqrt(1 / this.headDim)), k.transpose(-2, -1));
      weights = (mask === null ? scores : scores.add(mask)).softmax(-1);
      if (p > 0) weights = F.dropout(weights, p);
      joined = matmul(weights, v);
      if (given.averageAttnWeights) weights = weights.mean(1);
      if (!isBatched) weights = weights.squeeze(0);
    } else {
      joined = F.scaledDotProductAttention(q, k, v, { attnMask: mask, dropoutP: p, isCausal });
    }
    const rows = this.batchFirst && isBatched ? joined.transpose(1, 2) : joined.permute(2, 0, 1, 3);
    return [this.outProj.forward(rows.reshape(query.shape)), weights];
  }

  /** The lengths and the batch; refuses what does not fit together. */
  private sizesOf(query: Tensor, key: Tensor, value: Tensor): { L: number; S: number; N: number } {
    const inputs = { query, key, value };
    const features = { query: this.embedDim, key: this.kdim, value: this.vdim };
    for (const name of ["query", "key", "value"] as const) {
      const { shape } = requireTensor(op, name, inputs[name]);
      const isKnown = shape.length === query.ndim && (shape.length === 2 || shape.length === 3);
      if (!isKnown || shape.at(-1) !== features[name]) {
        const sizes = this.batchFirst ? "[N, L, E] or [L, E]" : "[L, N, E] or [L, E]";
        const wanted = `${sizes} with E = ${features[name]}${name === "query" ? "" : ", with as many dims as query"}`;
        fail(
          op,
          `${name} must be ${wanted}, it is [${shape.join(", ")}]`,
          { [name]: shape.join(" ") },
          "shape",
        );
      }
    }
    const positions = this.batchFirst && query.ndim === 3 ? 1 : 0;
    const batchOf = (x: Tensor) => (x.ndim === 3 ? x.shape[1 - positions]! : 1);
    const [L, S, N] = [query.shape[positions]!, key.shape[positions]!, batchOf(query)];
    if (value.shape[positions] !== S || batchOf(value) !== N || batchOf(key) !== N) {
      const shapes = [query, key, value].map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
      fail(
        op,
        `query, key and value must be of one batch, key and value of one length, they are ${shapes}`,
        {},
        "shape",
      );
    }
    return { L, S, N };
  }

  /** Query, key and value by their weights, in as few products as they share inputs. */
  private project(query: Tensor, key: Tensor, value: Tensor): readonly [Tensor, Tensor, Tensor] {
    const { embedDim: E, inProjWeight: weight, inProjBias: bias } = this;
    const part = (x: Tensor, first: number, count: number) => x.narrow(0, first * E, count * E);
    const biasPart = (first: number, count: number) => (bias === null ? null : part(bias, first, count));
    if (weight !== null) {
      const linear = (x: Tensor, first: number, count: number) =>
        F.linear(x, part(weight, first, count), biasPart(first, count)).chunk(count, -1);
      if (query === key && key === value)
        return F.linear(query, weight, bias).chunk(3, -1) as [Tensor, Tensor, Tensor];
      if (key === value) return [...linear(query, 0, 1), ...linear(key, 1, 2)] as [Tensor, Tensor, Tensor];
      return [...linear(query, 0, 1), ...linear(key, 1, 1), ...linear(value, 2, 1)] as [
        Tensor,
        Tensor,
        Tensor,
      ];
    }
    return [
      F.linear(query, this.qProjWeight!, biasPart(0, 1)),
      F.linear(key, this.kProjWeight!, biasPart(1, 1)),
      F.linear(value, this.vProjWeight!, biasPart(2, 1)),
    ];
  }

  /** (L, N, E), (N, L, E) or (L, E) as (N, numHeads, L, headDim). */
  private heads(x: Tensor, N: number, length: number): Tensor {
    const { numHeads, headDim } = this;
    if (this.batchFirst && x.ndim === 3) return x.reshape([N, length, numHeads, headDim]).transpose(1, 2);
    return x.reshape([length, N, numHeads, headDim]).permute(1, 2, 0, 3);
  }

  /** One position more for each head: a learned one [1, 1, embedDim], or zeros. */
  private withRow(x: Tensor, row: Parameter | null): Tensor {
    const shape = [x.shape[0]!, this.numHeads, 1, this.headDim];
    const place = { dtype: x.dtype, device: x.device };
    const added =
      row === null ? zeros(shape, place) : row.view([1, this.numHeads, 1, this.headDim]).expand(shape);
    return cat([x, added], 2);
  }

  /** Both masks as one of numbers that broadcasts to (N, numHeads, L, S + extra), or the hint that stands for it. */
  private masks(
    given: Required<AttentionOptions>,
    isBatched: boolean,
    { L, S, N }: { L: number; S: number; N: number },
    extra: number,
    dtype: DType,
  ): { mask: Tensor | null; isCausal: boolean } {
    const { keyPaddingMask, attnMask } = given;
    if (given.isCausal && attnMask === null) fail(op, "isCausal is a hint, give the attnMask too");
    if (given.isCausal && keyPaddingMask === null && !given.needWeights)
      return { mask: null, isCausal: true };
    const { numHeads } = this;
    let mask: Tensor | null = null;
    if (attnMask !== null) {
      const numbers = asNumbers("attnMask", attnMask, dtype);
      if (numbers.ndim === 2) requireShape("attnMask", numbers, [L, S]);
      else requireShape("attnMask", numbers, [N * numHeads, L, S]);
      mask = numbers.ndim === 2 ? numbers : numbers.reshape([N, numHeads, L, S]);
    }
    if (keyPaddingMask !== null) {
      const numbers = asNumbers("keyPaddingMask", keyPaddingMask, dtype);
      requireShape("keyPaddingMask", numbers, isBatched ? [N, S] : [S]);
      const spread = numbers.reshape([N, 1, 1, S]);
      mask = mask === null ? spread : mask.add(spread);
    }
    if (mask === null || extra === 0) return { mask, isCausal: false };
    const free = zeros([...mask.shape.slice(0, -1), extra], { dtype, device: mask.device });
    return { mask: cat([mask, free], -1), isCausal: false };
  }

  protected override stateKey(field: string): string {
    return pytorchNames[field] ?? field;
  }
}

const attentionDefaults: Required<AttentionOptions> = {
  keyPaddingMask: null,
  needWeights: true,
  attnMask: null,
  averageAttnWeights: true,
  isCausal: false,
};

/** -∞ where a bool mask holds, 0 elsewhere; other masks as they are. */
export function asNumbers(name: string, mask: Tensor, dtype: DType): Tensor {
  requireTensor(op, name, mask);
  if (mask.dtype === "bool") {
    return zerosLike(mask, { dtype }).maskedFill(mask, -Infinity);
  }
  if (!mask.isFloatingPoint()) {
    fail(op, `${name} must be bool or floating, it is ${mask.dtype}`, { dtype: mask.dtype }, "dtype");
  }
  return mask.to(dtype);
}

function requireShape(name: string, mask: Tensor, shape: readonly number[]): void {
  if (mask.shape.join() === shape.join()) return;
  const [wanted, is] = [`[${shape.join(", ")}]`, `[${mask.shape.join(", ")}]`];
  fail(op, `${name} must be ${wanted}, it is ${is}`, { expected: wanted, actual: is }, "shape");
}
