// nn: layers, losses, initial values.

export { Module, type ForwardHook, type HookHandle, type Layer } from "./module.js";
export { Parameter } from "./parameter.js";
export type { LoadResult } from "./state.js";
export { ModuleDict, ModuleList, Sequential } from "./containers.js";
export { Bilinear, Identity, Linear, type LinearOptions } from "./linear.js";
export { GRUCell, LSTMCell, RNNCell, type CellOptions, type RNNCellOptions } from "./recurrentCells.js";
export { GRU, LSTM, RNN, type LSTMOptions, type RecurrentOptions, type RNNOptions } from "./recurrent.js";
export * from "./conv.js";
export * from "./pooling.js";
export * from "./upsample.js";
export * from "./activations.js";
export { Dropout, Dropout2d, Flatten } from "./regularization.js";
export * from "./normalization.js";
export { Embedding, type EmbeddingOptions, type PretrainedOptions } from "./embedding.js";
export { MultiheadAttention, type AttentionOptions, type MultiheadAttentionOptions } from "./attention.js";
export * from "./transformer.js";
export {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
  type CrossEntropyLossOptions,
  type Reduction,
} from "./losses.js";
export * from "./distances.js";
export * as functional from "./functional.js";
export * as init from "./init.js";
export * as utils from "./utils.js";
