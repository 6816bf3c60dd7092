// Schedulers that scale the rate by a factor: at some epochs, at all of them, or by a function of yours.

import { checkFunction, checkNumber, fail, readOptions, show } from "../../errors.js";
import { LRScheduler, type ResumeOptions, type ScheduledOptimizer } from "./scheduler.js";

/** Times `gamma` every `stepSize` epochs. */
export class StepLR extends LRScheduler {
  stepSize: number;
  gamma: number;

  constructor(optimizer: ScheduledOptimizer, stepSize: number, options?: ResumeOptions & { gamma?: number }) {
    const given = readOptions("StepLR", options, { gamma: 0.1, lastEpoch: -1 });
    super(optimizer, given.lastEpoch);
    this.stepSize = checkNumber("StepLR", "stepSize", stepSize, { min: 1, integer: true });
    this.gamma = checkNumber("StepLR", "gamma", given.gamma);
    this.initialStep();
  }

  getLr(): number[] {
    const isDue = this.lastEpoch > 0 && this.lastEpoch % this.stepSize === 0;
    return isDue ? this.scaledLr(this.gamma) : this.currentLr();
  }

  protected override closedFormLr(): number[] {
    return this.fromBase((base) => base * this.gamma ** Math.floor(this.lastEpoch / this.stepSize));
  }

  protected override savedFields(): Record<string, string> {
    return { step_size: "stepSize", gamma: "gamma" };
  }
}

/** Times `gamma` at each of the epochs named. */
export class MultiStepLR extends LRScheduler {
  milestones: number[];
  gamma: number;

  constructor(
    optimizer: ScheduledOptimizer,
    milestones: readonly number[],
    options?: ResumeOptions & { gamma?: number },
  ) {
    const op = "MultiStepLR";
    const given = readOptions(op, options, { gamma: 0.1, lastEpoch: -1 });
    super(optimizer, given.lastEpoch);
    this.milestones = checkMilestones(op, milestones);
    this.gamma = checkNumber(op, "gamma", given.gamma);
    this.initialStep();
  }

  getLr(): number[] {
    const due = this.milestones.filter((epoch) => epoch === this.lastEpoch).length;
    return due === 0 ? this.currentLr() : this.scaledLr(this.gamma ** due);
  }

  protected override closedFormLr(): number[] {
    const passed = this.milestones.filter((epoch) => epoch <= this.lastEpoch).length;
    return this.fromBase((base) => base * this.gamma ** passed);
  }

  protected override savedFields(): Record<string, string> {
    return { milestones: "milestones", gamma: "gamma" };
  }
}

export function checkMilestones(op: string, milestones: unknown): number[] {
  if (!Array.isArray(milestones)) return fail(op, `milestones must be an array, it is ${show(milestones)}`);
  return milestones.map((epoch) => checkNumber(op, "a milestone", epoch, { min: 0, integer: true }));
}

/** Times `gamma` every epoch. */
export class ExponentialLR extends LRScheduler {
  gamma: number;

  constructor(optimizer: ScheduledOptimizer, gamma: number, options?: ResumeOptions) {
    super(optimizer, readOptions("ExponentialLR", options, { lastEpoch: -1 }).lastEpoch);
    this.gamma = checkNumber("ExponentialLR", "gamma", gamma);
    this.initialStep();
  }

  getLr(): number[] {
    return this.isInitial ? this.currentLr() : this.scaledLr(this.gamma);
  }

  protected override closedFormLr(): number[] {
    return this.fromBase((base) => base * this.gamma ** this.lastEpoch);
  }

  protected override savedFields(): Record<string, string> {
    return { gamma: "gamma" };
  }
}

/** Times `factor` until epoch `totalIters`. */
export class ConstantLR extends LRScheduler {
  factor: number;
  totalIters: number;

  constructor(
    optimizer: ScheduledOptimizer,
    options?: ResumeOptions & { factor?: number; totalIters?: number },
  ) {
    const op = "ConstantLR";
    const given = readOptions(op, options, { factor: 1 / 3, totalIters: 5, lastEpoch: -1 });
    super(optimizer, given.lastEpoch);
    this.factor = checkNumber(op, "factor", given.factor, { min: 0, max: 1 });
    this.totalIters = checkNumber(op, "totalIters", given.totalIters, { min: 0, integer: true });
    this.initialStep();
  }

  getLr(): number[] {
    if (this.lastEpoch === 0) return this.scaledLr(this.factor);
    if (this.lastEpoch !== this.totalIters) return this.currentLr();
    return this.factor === 0 ? this.closedFormLr() : this.scaledLr(1 / this.factor);
  }

  protected override closedFormLr(): number[] {
    const isOver = this.lastEpoch >= this.totalIters;
    return this.fromBase((base) => base * (this.factor + (isOver ? 1 - this.factor : 0)));
  }

  protected override savedFields(): Record<string, string> {
    return { factor: "factor", total_iters: "totalIters" };
  }
}

/** From `startFactor` to `endFactor` of the rate in `totalIters` epochs, evenly. */
export class LinearLR extends LRScheduler {
  startFactor: number;
  endFactor: number;
  totalIters: number;

  constructor(
    optimizer: ScheduledOptimizer,
    options?: ResumeOptions & { startFactor?: number; endFactor?: number; totalIters?: number },
  ) {
    const op = "LinearLR";
    const given = readOptions(op, options, {
      startFactor: 1 / 3,
      endFactor: 1,
      totalIters: 5,
      lastEpoch: -1,
    });
    super(optimizer, given.lastEpoch);
    this.startFactor = checkNumber(op, "startFactor", given.startFactor, { min: 0, aboveMin: true, max: 1 });
    this.endFactor = checkNumber(op, "endFactor", given.endFactor, { min: 0, max: 1 });
    this.totalIters = checkNumber(op, "totalIters", given.totalIters, { min: 1, integer: true });
    this.initialStep();
  }

  getLr(): number[] {
    if (this.lastEpoch === 0) return this.scaledLr(this.startFactor);
    if (this.isInitial || this.lastEpoch > this.totalIters) return this.currentLr();
    const rise = this.endFactor - this.startFactor;
    return this.scaledLr(1 + rise / (this.totalIters * this.startFactor + (this.lastEpoch - 1) * rise));
  }

  protected override closedFormLr(): number[] {
    const share = Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.fromBase((base) => base * (this.startFactor + (this.endFactor - this.startFactor) * share));
  }

  protected override savedFields(): Record<string, string> {
    return { start_factor: "startFactor", end_factor: "endFactor", total_iters: "totalIters" };
  }
}

/** Down to 0 in `totalIters` epochs, as (1 − epoch / totalIters)^power. */
export class PolynomialLR extends LRScheduler {
  totalIters: number;
  power: number;

  constructor(
    optimizer: ScheduledOptimizer,
    options?: ResumeOptions & { totalIters?: number; power?: number },
  ) {
    const op = "PolynomialLR";
    const given = readOptions(op, options, { totalIters: 5, power: 1, lastEpoch: -1 });
    super(optimizer, given.lastEpoch);
    this.totalIters = checkNumber(op, "totalIters", given.totalIters, { min: 1, integer: true });
    this.power = checkNumber(op, "power", given.power);
    this.initialStep();
  }

  getLr(): number[] {
    if (this.isInitial || this.lastEpoch > this.totalIters) return this.currentLr();
    const now = 1 - this.lastEpoch / this.totalIters;
    const before = 1 - (this.lastEpoch - 1) / this.totalIters;
    return this.scaledLr((now / before) ** this.power);
  }

  protected override closedFormLr(): number[] {
    const left = 1 - Math.min(this.totalIters, this.lastEpoch) / this.totalIters;
    return this.fromBase((base) => base * left ** this.power);
  }

  protected override savedFields(): Record<string, string> {
    return { total_iters: "totalIters", power: "power" };
  }
}

/** A factor by epoch. */
export type LrLambda = (epoch: number) => number;

/** Schedulers by a function of yours, which is not saved. */
abstract class ByFunction extends LRScheduler {
  readonly lrLambdas: readonly LrLambda[];

  protected constructor(
    op: string,
    optimizer: ScheduledOptimizer,
    lrLambda: LrLambda | readonly LrLambda[],
    options: unknown,
  ) {
    super(optimizer, readOptions(op, options, { lastEpoch: -1 }).lastEpoch);
    const groups = optimizer.paramGroups.length;
    const list: readonly unknown[] = Array.isArray(lrLambda)
      ? lrLambda
      : new Array<unknown>(groups).fill(lrLambda);
    if (list.length !== groups)
      fail(op, `give one function, or ${groups} for the groups, not ${list.length}`);
    for (const each of list) checkFunction(op, "lrLambda", each);
    this.lrLambdas = list as readonly LrLambda[];
  }

  protected factor(group: number): number {
    const op = this.constructor.name;
    const lrLambda = this.lrLambdas[group];
    if (lrLambda === undefined)
      fail(op, `it was made for ${this.lrLambdas.length} parameter groups, there are more now`);
    return checkNumber(op, "what lrLambda gives", lrLambda(this.lastEpoch));
  }

  override stateDict(): Record<string, unknown> {
    return { ...super.stateDict(), lr_lambdas: this.lrLambdas.map(() => null) };
  }
}

/** The first rate times what `lrLambda(epoch)` gives; one function for all groups or one each. */
export class LambdaLR extends ByFunction {
  constructor(
    optimizer: ScheduledOptimizer,
    lrLambda: LrLambda | readonly LrLambda[],
    options?: ResumeOptions,
  ) {
    super("LambdaLR", optimizer, lrLambda, options);
    this.initialStep();
  }

  getLr(): number[] {
    return this.fromBase((base, k) => base * this.factor(k));
  }
}

/** The last rate times what `lrLambda(epoch)` gives; one function for all groups or one each. */
export class MultiplicativeLR extends ByFunction {
  constructor(
    optimizer: ScheduledOptimizer,
    lrLambda: LrLambda | readonly LrLambda[],
    options?: ResumeOptions,
  ) {
    super("MultiplicativeLR", optimizer, lrLambda, options);
    this.initialStep();
  }

  getLr(): number[] {
    if (this.isInitial) return this.currentLr();
    return this.optimizer.paramGroups.map((group, k) => group.lr * this.factor(k));
  }
}
