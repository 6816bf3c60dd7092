// optim: what changes parameters by their gradients.

export { Optimizer, type OptimizerState, type ParamGroup, type ParamsInput } from "./optimizer.js";
export { SGD, type SGDOptions } from "./sgd.js";
export { Adam, AdamW, type AdamOptions } from "./adam.js";
export * as lrScheduler from "./lr-scheduler.js";
