// Learning rates that change over the epochs. Call `scheduler.step()` once after each epoch.

import { checkFunction, checkNumber, fail, readOptions, show } from "../errors.js";
import { Optimizer } from "./optimizer.js";

type AnyOptimizer = Optimizer<never> | Optimizer<{ lr: number }>;

/** Sets `lr` of every group from the rate it began with and the number of epochs done. */
export abstract class LRScheduler {
  readonly optimizer: { readonly paramGroups: readonly { lr: number }[] };
  /** Rates before the first step, one a group. */
  readonly baseLrs: readonly number[];
  /** Epochs done. */
  lastEpoch = 0;

  protected constructor(optimizer: AnyOptimizer) {
    if (!((optimizer as unknown) instanceof Optimizer)) {
      fail(new.target.name, `the first argument must be an optimizer, it is ${show(optimizer)}`);
    }
    this.optimizer = optimizer;
    this.baseLrs = this.optimizer.paramGroups.map((group) => group.lr);
  }

  /** The rate of a group after `epoch` epochs. */
  protected abstract rate(base: number, epoch: number, group: number): number;

  /** An epoch is done. */
  step(): void {
    this.lastEpoch += 1;
    this.update();
  }

  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  stateDict(): { last_epoch: number; base_lrs: number[] } {
    return { last_epoch: this.lastEpoch, base_lrs: [...this.baseLrs] };
  }

  loadStateDict(state: { last_epoch: number; base_lrs: number[] }): void {
    const op = this.constructor.name;
    const { epoch, bases } = readSaved(op, state, this.baseLrs.length);
    this.lastEpoch = epoch;
    (this as { baseLrs: readonly number[] }).baseLrs = bases;
    this.update();
  }

  protected update(): void {
    this.optimizer.paramGroups.forEach((group, k) => {
      group.lr = this.rate(this.baseLrs[k]!, this.lastEpoch, k);
    });
  }
}

function readSaved(op: string, state: unknown, count: number): { epoch: number; bases: number[] } {
  const { last_epoch: epoch, base_lrs: bases } = Object(state) as Record<string, unknown>;
  if (!Array.isArray(bases) || bases.length !== count) {
    return fail(op, `the state must have base_lrs for ${count} groups, it is ${show(state)}`, {}, "state");
  }
  return {
    epoch: checkNumber(op, "last_epoch", epoch, { min: 0, integer: true }),
    bases: bases.map((base) => checkNumber(op, "base_lrs", base)),
  };
}

/** Times `gamma` every `stepSize` epochs. */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(optimizer: AnyOptimizer, stepSize: number, options?: { gamma?: number }) {
    super(optimizer);
    this.stepSize = checkNumber("StepLR", "stepSize", stepSize, { min: 1, integer: true });
    this.gamma = checkNumber("StepLR", "gamma", readOptions("StepLR", options, { gamma: 0.1 }).gamma);
  }

  protected rate(base: number, epoch: number): number {
    return base * this.gamma ** Math.floor(epoch / this.stepSize);
  }
}

/** Times `gamma` at each of the epochs named. */
export class MultiStepLR extends LRScheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(optimizer: AnyOptimizer, milestones: readonly number[], options?: { gamma?: number }) {
    super(optimizer);
    if (!Array.isArray(milestones))
      fail("MultiStepLR", `milestones must be an array, it is ${show(milestones)}`);
    for (const epoch of milestones)
      checkNumber("MultiStepLR", "a milestone", epoch, { min: 0, integer: true });
    this.milestones = [...(milestones as readonly number[])];
    this.gamma = checkNumber(
      "MultiStepLR",
      "gamma",
      readOptions("MultiStepLR", options, { gamma: 0.1 }).gamma,
    );
  }

  protected rate(base: number, epoch: number): number {
    return base * this.gamma ** this.milestones.filter((milestone) => milestone <= epoch).length;
  }
}

/** Times `gamma` every epoch. */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: AnyOptimizer, gamma: number) {
    super(optimizer);
    this.gamma = checkNumber("ExponentialLR", "gamma", gamma);
  }

  protected rate(base: number, epoch: number): number {
    return base * this.gamma ** epoch;
  }
}

/** Half a cosine from the base rate to `etaMin` in `tMax` epochs, and back (Loshchilov & Hutter, 2017). */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;

  constructor(optimizer: AnyOptimizer, tMax: number, options?: { etaMin?: number }) {
    super(optimizer);
    this.tMax = checkNumber("CosineAnnealingLR", "tMax", tMax, { min: 1, integer: true });
    const { etaMin } = readOptions("CosineAnnealingLR", options, { etaMin: 0 });
    this.etaMin = checkNumber("CosineAnnealingLR", "etaMin", etaMin);
  }

  protected rate(base: number, epoch: number): number {
    return this.etaMin + ((base - this.etaMin) * (1 + Math.cos((Math.PI * epoch) / this.tMax))) / 2;
  }
}

/** Times what `factor(epoch)` gives, from the beginning on; one function for all groups or one each. */
export class LambdaLR extends LRScheduler {
  readonly factors: readonly ((epoch: number) => number)[];

  constructor(
    optimizer: AnyOptimizer,
    factor: ((epoch: number) => number) | readonly ((epoch: number) => number)[],
  ) {
    super(optimizer);
    const factors = typeof factor === "function" ? this.baseLrs.map(() => factor) : factor;
    if (!Array.isArray(factors) || factors.length !== this.baseLrs.length) {
      fail("LambdaLR", `give one function, or ${this.baseLrs.length} for the groups`);
    }
    for (const each of factors) checkFunction("LambdaLR", "the factor", each);
    this.factors = factors;
    this.update();
  }

  protected rate(base: number, epoch: number, group: number): number {
    return base * checkNumber("LambdaLR", "the factor", this.factors[group]!(epoch));
  }
}
