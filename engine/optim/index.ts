// optim: what changes parameters by their gradients.

export {
  Optimizer,
  type GroupOptions,
  type OptimizerState,
  type ParamGroup,
  type ParamsInput,
  type SavedState,
} from "./optimizer.js";
export { SGD, type SGDOptions } from "./sgd.js";
export { Adam, AdamW, type AdamOptions, type AdamWOptions } from "./adam.js";
export { NAdam, RAdam, type NAdamOptions, type RAdamOptions } from "./adam-variants.js";
export { RMSprop, type RMSpropOptions } from "./rmsprop.js";
export { Adagrad, type AdagradOptions } from "./adagrad.js";
export { Adadelta, type AdadeltaOptions } from "./adadelta.js";
export { LBFGS, type LBFGSOptions } from "./lbfgs.js";
export * as lrScheduler from "./lr-scheduler/index.js";
