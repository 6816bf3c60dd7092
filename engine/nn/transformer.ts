// Transformer layers, and stacks of them (Vaswani et al., 2017).

import { getDefaultDevice } from "../device.js";
import { checkBoolean, checkChoice, checkNumber, fail, readOptions, show } from "../errors.js";
import { full } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";
import type { DType } from "../dtype.js";
import { asNumbers, MultiheadAttention } from "./attention.js";
import { ModuleList } from "./containers.js";
import { copyModule } from "./copy.js";
import * as F from "./functional.js";
import { xavierUniform_ } from "./init.js";
import { Linear } from "./linear.js";
import { Module, type Layer } from "./module.js";
import { LayerNorm } from "./normalization.js";
import { Dropout } from "./regularization.js";

type Activation = "relu" | "gelu" | ((x: Tensor) => Tensor);

export interface TransformerLayerOptions {
  /** Features between the two linear layers. */
  dimFeedforward?: number;
  dropout?: number;
  activation?: Activation;
  layerNormEps?: number;
  /** Inputs are (N, S, E) rather than (S, N, E). */
  batchFirst?: boolean;
  /** Normalises before attention and linear layers, rather than after. */
  normFirst?: boolean;
  /** With biases in linear layers and norms. */
  bias?: boolean;
  dtype?: DType;
  device?: string;
}

/** Masks: true where not to look, or numbers added to the scores. */
export interface EncoderLayerMasks {
  /** (S, S) or (N · nhead, S, S) */
  srcMask?: Tensor | null;
  /** (N, S) */
  srcKeyPaddingMask?: Tensor | null;
  /** Says that srcMask is the causal one. */
  isCausal?: boolean;
}

/** The same, for a stack. */
export interface EncoderMasks {
  mask?: Tensor | null;
  srcKeyPaddingMask?: Tensor | null;
  isCausal?: boolean | null;
}

export interface DecoderMasks {
  /** (T, T) or (N · nhead, T, T) */
  tgtMask?: Tensor | null;
  /** (T, S) or (N · nhead, T, S) */
  memoryMask?: Tensor | null;
  /** (N, T) */
  tgtKeyPaddingMask?: Tensor | null;
  /** (N, S) */
  memoryKeyPaddingMask?: Tensor | null;
  /** Says that tgtMask is the causal one. */
  tgtIsCausal?: boolean | null;
  memoryIsCausal?: boolean;
}

const layerDefaults: Required<TransformerLayerOptions> = {
  dimFeedforward: 2048,
  dropout: 0.1,
  activation: "relu",
  layerNormEps: 1e-5,
  batchFirst: false,
  normFirst: false,
  bias: true,
  dtype: "float32",
  get device() {
    return getDefaultDevice();
  },
};

const pytorchNames: Readonly<Record<string, string>> = {
  selfAttn: "self_attn",
  multiheadAttn: "multihead_attn",
};

/** What an encoder's and a decoder's layer share: self-attention, and two linear layers at the end. */
abstract class TransformerLayer extends Module {
  readonly normFirst: boolean;
  /** (x) → the same shape, between the linear layers. */
  readonly activation: (x: Tensor) => Tensor;

  constructor(given: Required<TransformerLayerOptions>) {
    super();
    const op = this.constructor.name;
    this.normFirst = checkBoolean(op, "normFirst", given.normFirst);
    this.activation = readActivation(op, given.activation);
    checkNumber(op, "dimFeedforward", given.dimFeedforward, { min: 0, integer: true });
    checkNumber(op, "dropout", given.dropout, { min: 0, max: 1 });
  }

  protected override stateKey(field: string): string {
    return pytorchNames[field] ?? field;
  }
}

function readActivation(op: string, given: Activation): (x: Tensor) => Tensor {
  if (typeof given === "function") return given;
  const known = checkChoice(op, "activation", given, ["relu", "gelu"]);
  return known === "relu" ? F.relu : F.gelu;
}

function attentionOf(dModel: number, nhead: number, given: Required<TransformerLayerOptions>) {
  const { dropout, bias, batchFirst, dtype, device } = given;
  return new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, dtype, device });
}

/**
 * Self-attention, then two linear layers, each added to its input and normalised. src (S, N, dModel), or (N, S, dModel)
 * with `batchFirst`, or (S, dModel) → the same.
 */
export class TransformerEncoderLayer extends TransformerLayer {
  selfAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions) {
    const given = readOptions("TransformerEncoderLayer", options, layerDefaults);
    super(given);
    const { dimFeedforward, dropout, layerNormEps: eps, bias, dtype, device } = given;
    this.selfAttn = attentionOf(dModel, nhead, given);
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype, device });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype, device });
    this.norm1 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.norm2 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  forward(src: Tensor, masks?: EncoderLayerMasks): Tensor {
    const none: Required<EncoderLayerMasks> = { srcMask: null, srcKeyPaddingMask: null, isCausal: false };
    const {
      srcMask: attnMask,
      srcKeyPaddingMask,
      isCausal,
    } = readOptions(this.constructor.name, masks, none);
    const attend = (x: Tensor) =>
      this.dropout1.forward(
        this.selfAttn.forward(x, x, x, {
          attnMask,
          keyPaddingMask: srcKeyPaddingMask,
          isCausal,
          needWeights: false,
        })[0],
      );
    const x = requireTensor(this.constructor.name, "src", src);
    if (this.normFirst) {
      const attended = x.add(attend(this.norm1.forward(x)));
      return attended.add(this.feedForward(this.norm2.forward(attended)));
    }
    const attended = this.norm1.forward(x.add(attend(x)));
    return this.norm2.forward(attended.add(this.feedForward(attended)));
  }

  private feedForward(x: Tensor): Tensor {
    const inner = this.dropout.forward(this.activation(this.linear1.forward(x)));
    return this.dropout2.forward(this.linear2.forward(inner));
  }
}

/**
 * Self-attention, attention to an encoder's output, then two linear layers. tgt (T, N, dModel), memory (S, N, dModel) →
 * (T, N, dModel); the batch comes first with `batchFirst`.
 */
export class TransformerDecoderLayer extends TransformerLayer {
  selfAttn: MultiheadAttention;
  multiheadAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions) {
    const given = readOptions("TransformerDecoderLayer", options, layerDefaults);
    super(given);
    const { dimFeedforward, dropout, layerNormEps: eps, bias, dtype, device } = given;
    this.selfAttn = attentionOf(dModel, nhead, given);
    this.multiheadAttn = attentionOf(dModel, nhead, given);
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype, device });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype, device });
    this.norm1 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.norm2 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.norm3 = new LayerNorm(dModel, { eps, bias, dtype, device });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
  }

  forward(tgt: Tensor, memory: Tensor, masks?: DecoderMasks): Tensor {
    const given = readOptions(this.constructor.name, masks, noDecoderMasks);
    const attendSelf = (x: Tensor) =>
      this.dropout1.forward(
        this.selfAttn.forward(x, x, x, {
          attnMask: given.tgtMask,
          keyPaddingMask: given.tgtKeyPaddingMask,
          isCausal: given.tgtIsCausal ?? false,
          needWeights: false,
        })[0],
      );
    const attendMemory = (x: Tensor) =>
      this.dropout2.forward(
        this.multiheadAttn.forward(x, memory, memory, {
          attnMask: given.memoryMask,
          keyPaddingMask: given.memoryKeyPaddingMask,
          isCausal: given.memoryIsCausal,
          needWeights: false,
        })[0],
      );
    let x = requireTensor(this.constructor.name, "tgt", tgt);
    if (this.normFirst) {
      x = x.add(attendSelf(this.norm1.forward(x)));
      x = x.add(attendMemory(this.norm2.forward(x)));
      return x.add(this.feedForward(this.norm3.forward(x)));
    }
    x = this.norm1.forward(x.add(attendSelf(x)));
    x = this.norm2.forward(x.add(attendMemory(x)));
    return this.norm3.forward(x.add(this.feedForward(x)));
  }

  private feedForward(x: Tensor): Tensor {
    const inner = this.dropout.forward(this.activation(this.linear1.forward(x)));
    return this.dropout3.forward(this.linear2.forward(inner));
  }
}

const noDecoderMasks: Required<DecoderMasks> = {
  tgtMask: null,
  memoryMask: null,
  tgtKeyPaddingMask: null,
  memoryKeyPaddingMask: null,
  tgtIsCausal: null,
  memoryIsCausal: false,
};

export interface TransformerStackOptions {
  /** Normalises the output. */
  norm?: Layer | null;
}

function copiesOf<T extends Module>(op: string, layer: T, count: number): ModuleList<T> {
  if (!(layer instanceof Module)) fail(op, `the layer must be a module, it is ${show(layer)}`);
  checkNumber(op, "numLayers", count, { min: 0, integer: true });
  return new ModuleList(Array.from({ length: count }, () => copyModule(layer)));
}

/** `numLayers` copies of an encoder layer, one behind the other: they begin with the same values and learn each their own. */
export class TransformerEncoder extends Module {
  layers: ModuleList<TransformerEncoderLayer>;
  readonly numLayers: number;
  norm: Layer | null;

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, options?: TransformerStackOptions) {
    super();
    const { norm } = readOptions<Required<TransformerStackOptions>>("TransformerEncoder", options, {
      norm: null,
    });
    this.layers = copiesOf("TransformerEncoder", encoderLayer, numLayers);
    this.numLayers = numLayers;
    this.norm = norm;
  }

  forward(src: Tensor, masks?: EncoderMasks): Tensor {
    const none: Required<EncoderMasks> = { mask: null, srcKeyPaddingMask: null, isCausal: null };
    const { mask, srcKeyPaddingMask, isCausal } = readOptions("TransformerEncoder", masks, none);
    let x = requireTensor("TransformerEncoder", "src", src);
    // Made once rather than in each layer.
    const layerMasks: Required<EncoderLayerMasks> = {
      srcMask: mask === null ? null : asNumbers("mask", mask, x.dtype),
      srcKeyPaddingMask:
        srcKeyPaddingMask === null ? null : asNumbers("srcKeyPaddingMask", srcKeyPaddingMask, x.dtype),
      isCausal: isCausal ?? false,
    };
    for (const layer of this.layers) x = layer.forward(x, layerMasks);
    return this.norm === null ? x : this.norm.forward(x);
  }
}

/** `numLayers` copies of a decoder layer, one behind the other. */
export class TransformerDecoder extends Module {
  layers: ModuleList<TransformerDecoderLayer>;
  readonly numLayers: number;
  norm: Layer | null;

  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, options?: TransformerStackOptions) {
    super();
    const { norm } = readOptions<Required<TransformerStackOptions>>("TransformerDecoder", options, {
      norm: null,
    });
    this.layers = copiesOf("TransformerDecoder", decoderLayer, numLayers);
    this.numLayers = numLayers;
    this.norm = norm;
  }

  forward(tgt: Tensor, memory: Tensor, masks?: DecoderMasks): Tensor {
    let x = requireTensor("TransformerDecoder", "tgt", tgt);
    for (const layer of this.layers) x = layer.forward(x, memory, masks);
    return this.norm === null ? x : this.norm.forward(x);
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  numEncoderLayers?: number;
  numDecoderLayers?: number;
}

export interface TransformerMasks extends DecoderMasks {
  srcMask?: Tensor | null;
  srcKeyPaddingMask?: Tensor | null;
  srcIsCausal?: boolean | null;
}

/** Encoder and decoder: src (S, N, dModel), tgt (T, N, dModel) → (T, N, dModel); the batch comes first with `batchFirst`. */
export class Transformer extends Module {
  encoder: TransformerEncoder;
  decoder: TransformerDecoder;

  constructor(dModel = 512, nhead = 8, options?: TransformerOptions) {
    super();
    const defaults: Required<TransformerOptions> = {
      ...layerDefaults,
      numEncoderLayers: 6,
      numDecoderLayers: 6,
    };
    const { numEncoderLayers, numDecoderLayers, ...layer } = readOptions("Transformer", options, defaults);
    const { layerNormEps: eps, bias, dtype, device } = layer;
    const norm = () => new LayerNorm(dModel, { eps, bias, dtype, device });
    const encoderLayer = new TransformerEncoderLayer(dModel, nhead, layer);
    this.encoder = new TransformerEncoder(encoderLayer, numEncoderLayers, { norm: norm() });
    const decoderLayer = new TransformerDecoderLayer(dModel, nhead, layer);
    this.decoder = new TransformerDecoder(decoderLayer, numDecoderLayers, { norm: norm() });
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter);
  }

  forward(src: Tensor, tgt: Tensor, masks?: TransformerMasks): Tensor {
    const none: Required<TransformerMasks> = {
      ...noDecoderMasks,
      srcMask: null,
      srcKeyPaddingMask: null,
      srcIsCausal: null,
    };
    const given = readOptions("Transformer", masks, none);
    const { srcMask: mask, srcKeyPaddingMask, srcIsCausal: isCausal, ...decoderMasks } = given;
    const memory = this.encoder.forward(src, { mask, srcKeyPaddingMask, isCausal });
    return this.decoder.forward(tgt, memory, decoderMasks);
  }

  /** The causal mask [size, size]: -∞ above the diagonal, 0 elsewhere. */
  static generateSquareSubsequentMask(size: number, options?: { dtype?: DType; device?: string }): Tensor {
    checkNumber("generateSquareSubsequentMask", "size", size, { min: 0, integer: true });
    return full([size, size], -Infinity, options).triu(1);
  }
}
