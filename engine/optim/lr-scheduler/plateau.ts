// ReduceLROnPlateau: a lower rate when a metric has stopped getting better.

import { checkChoice, checkNumber, fail, readOptions, show } from "../../errors.js";
import { Tensor } from "../../tensor.js";
import { LRScheduler, perGroup, type ScheduledOptimizer } from "./scheduler.js";

export interface PlateauOptions {
  /** Whether the metric should fall ("min") or rise. */
  mode?: "min" | "max";
  /** What the rate is multiplied by. */
  factor?: number;
  /** Epochs without improvement that are let pass. */
  patience?: number;
  /** How much better counts as better: a share of the best, or an amount with thresholdMode "abs". */
  threshold?: number;
  thresholdMode?: "rel" | "abs";
  /** Epochs to wait after a reduction. */
  cooldown?: number;
  /** One number, or one a group. */
  minLr?: number | readonly number[];
  /** A reduction of less than this is not made. */
  eps?: number;
}

/** Times `factor` when `step(metric)` has not seen a better metric for more than `patience` epochs. */
export class ReduceLROnPlateau extends LRScheduler {
  mode: string;
  factor: number;
  patience: number;
  threshold: number;
  thresholdMode: string;
  cooldown: number;
  minLrs: number[];
  eps: number;
  /** The best metric so far. */
  best: number;
  cooldownCounter = 0;
  numBadEpochs = 0;
  readonly #minLr: unknown;

  constructor(optimizer: ScheduledOptimizer, options?: PlateauOptions) {
    const op = "ReduceLROnPlateau";
    const given = readOptions<Required<PlateauOptions>>(op, options, {
      mode: "min",
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: "rel",
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
    });
    super(optimizer);
    this.mode = checkChoice(op, "mode", given.mode, ["min", "max"]);
    this.factor = checkNumber(op, "factor", given.factor, { min: 0 });
    if (this.factor >= 1) fail(op, `factor must be below 1, it is ${this.factor}`);
    this.patience = checkNumber(op, "patience", given.patience, { min: 0, integer: true });
    this.threshold = checkNumber(op, "threshold", given.threshold);
    this.thresholdMode = checkChoice(op, "thresholdMode", given.thresholdMode, ["rel", "abs"]);
    this.cooldown = checkNumber(op, "cooldown", given.cooldown, { min: 0, integer: true });
    this.#minLr = given.minLr;
    this.minLrs = perGroup(op, "minLr", given.minLr, optimizer.paramGroups.length);
    this.eps = checkNumber(op, "eps", given.eps);
    this.best = this.mode === "min" ? Infinity : -Infinity;
    this.lastEpoch = 0;
    this.lastLr = this.currentLr();
  }

  /** An epoch is done, with this loss or accuracy. */
  override step(metric?: number | Tensor, epoch?: number): void {
    const op = "ReduceLROnPlateau";
    const current: unknown = metric instanceof Tensor ? metric.item() : metric;
    if (typeof current !== "number") {
      fail(op, `step needs the metric as a number or a tensor of one element, it got ${show(metric)}`);
    }
    this.lastEpoch =
      epoch === undefined ? this.lastEpoch + 1 : checkNumber(op, "epoch", epoch, { min: 0, integer: true });
    if (this.#isBetter(current)) {
      this.best = current;
      this.numBadEpochs = 0;
    } else {
      this.numBadEpochs += 1;
    }
    if (this.cooldownCounter > 0) {
      this.cooldownCounter -= 1;
      this.numBadEpochs = 0;
    }
    if (this.numBadEpochs > this.patience) {
      this.#reduce();
      this.cooldownCounter = this.cooldown;
      this.numBadEpochs = 0;
    }
    this.lastLr = this.currentLr();
  }

  #isBetter(metric: number): boolean {
    const { best, threshold } = this;
    const isRelative = this.thresholdMode === "rel";
    if (this.mode === "min") return metric < (isRelative ? best * (1 - threshold) : best - threshold);
    return metric > (isRelative ? best * (1 + threshold) : best + threshold);
  }

  #reduce(): void {
    const { paramGroups } = this.optimizer;
    if (this.minLrs.length !== paramGroups.length) {
      this.minLrs = perGroup("ReduceLROnPlateau", "minLr", this.#minLr, paramGroups.length);
    }
    paramGroups.forEach((group, k) => {
      const lower = Math.max(group.lr * this.factor, this.minLrs[k]!);
      if (group.lr - lower > this.eps) group.lr = lower;
    });
  }

  getLr(): number[] {
    return this.currentLr();
  }

  protected override savedFields(): Record<string, string> {
    return {
      mode: "mode",
      factor: "factor",
      patience: "patience",
      threshold: "threshold",
      threshold_mode: "thresholdMode",
      cooldown: "cooldown",
      min_lrs: "minLrs",
      eps: "eps",
      best: "best",
      cooldown_counter: "cooldownCounter",
      num_bad_epochs: "numBadEpochs",
    };
  }
}
