// nn.functional: what layers and losses compute, as functions. All of it is the op table's.

export * from "../generated/functional.js";
// These are also functions of the package itself.
export {
  celu,
  elu,
  gelu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  logSoftmax,
  logsigmoid,
  mish,
  oneHot,
  pad,
  prelu,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softshrink,
  softsign,
  tanh,
  tanhshrink,
} from "../generated/ops.js";
