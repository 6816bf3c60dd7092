// optim.lrScheduler: learning rates that change over the epochs.

export {
  LRScheduler,
  type ResumeOptions,
  type ScheduledOptimizer,
  type SchedulerState,
} from "./scheduler.js";
export {
  ConstantLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiplicativeLR,
  MultiStepLR,
  PolynomialLR,
  StepLR,
  type LrLambda,
} from "./decay.js";
export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from "./cosine.js";
export { CyclicLR, OneCycleLR, type CyclicOptions, type OneCycleOptions } from "./cycles.js";
export { ReduceLROnPlateau, type PlateauOptions } from "./plateau.js";
export { ChainedScheduler, SequentialLR } from "./composed.js";
