// OneCycleLR and CyclicLR: rates that rise and fall, momentum the other way round (Smith, 2017; Smith & Topin, 2019).

import { checkBoolean, checkChoice, checkFunction, checkNumber, fail, readOptions } from "../../errors.js";
import { type GroupOptions } from "../optimizer.js";
import {
  checkOptimizer,
  LRScheduler,
  perGroup,
  type ResumeOptions,
  type ScheduledOptimizer,
} from "./scheduler.js";

/** A group whose momentum is cycled, under the name its optimizer has for it. */
type MomentumGroup = GroupOptions & { momentum?: number; betas?: readonly [number, number] };

/** Whether momentum is the first of the betas; refused where the optimizer has neither. */
function readMomentumKind(op: string, optimizer: ScheduledOptimizer): boolean {
  if ("betas" in optimizer.defaults) return true;
  if ("momentum" in optimizer.defaults) return false;
  return fail(op, "the optimizer has neither momentum nor betas, give { cycleMomentum: false }");
}

function setMomentum(group: MomentumGroup, momentum: number, isBeta: boolean): void {
  if (isBeta) group.betas = [momentum, group.betas![1]];
  else group.momentum = momentum;
}

/** Notes down the bounds in each group, and begins with the upper one. */
function beginMomentum(
  optimizer: ScheduledOptimizer,
  lowest: readonly number[],
  highest: readonly number[],
  isBeta: boolean,
): void {
  optimizer.paramGroups.forEach((group, k) => {
    setMomentum(group, highest[k]!, isBeta);
    group.maxMomentum = highest[k]!;
    group.baseMomentum = lowest[k]!;
  });
}

export interface OneCycleOptions extends ResumeOptions {
  /** Steps of the whole cycle; or give epochs and stepsPerEpoch. */
  totalSteps?: number | null;
  epochs?: number | null;
  stepsPerEpoch?: number | null;
  /** The part of the cycle in which the rate rises. */
  pctStart?: number;
  annealStrategy?: "cos" | "linear";
  cycleMomentum?: boolean;
  /** One number, or one a group. */
  baseMomentum?: number | readonly number[];
  maxMomentum?: number | readonly number[];
  /** The first rate is maxLr / divFactor. */
  divFactor?: number;
  /** The last rate is the first one / finalDivFactor. */
  finalDivFactor?: number;
  /** Down to the first rate as slowly as up, and only then to the last one. */
  threePhase?: boolean;
}

type BoundKey = "initialLr" | "maxLr" | "minLr" | "maxMomentum" | "baseMomentum";

/** Where a part of the cycle ends, and between which of a group's bounds it goes. */
interface Phase {
  endStep: number;
  lr: [BoundKey, BoundKey];
  momentum: [BoundKey, BoundKey];
}

/** One cycle: from maxLr / divFactor up to maxLr, and down to almost nothing. Call `step()` after each batch. */
export class OneCycleLR extends LRScheduler {
  totalSteps: number;
  annealStrategy: string;
  cycleMomentum: boolean;
  useBeta1 = false;
  protected schedulePhases: Phase[];

  constructor(optimizer: ScheduledOptimizer, maxLr: number | readonly number[], options?: OneCycleOptions) {
    const op = "OneCycleLR";
    const given = readOptions<Required<OneCycleOptions>>(op, options, {
      totalSteps: null,
      epochs: null,
      stepsPerEpoch: null,
      pctStart: 0.3,
      annealStrategy: "cos",
      cycleMomentum: true,
      baseMomentum: 0.85,
      maxMomentum: 0.95,
      divFactor: 25,
      finalDivFactor: 1e4,
      threePhase: false,
      lastEpoch: -1,
    });
    super(optimizer, given.lastEpoch);
    this.totalSteps = readTotal(given);
    const pctStart = checkNumber(op, "pctStart", given.pctStart, { min: 0, max: 1 });
    this.annealStrategy = checkChoice(op, "annealStrategy", given.annealStrategy, ["cos", "linear"]);
    const divFactor = checkNumber(op, "divFactor", given.divFactor, { min: 0, aboveMin: true });
    const finalDivFactor = checkNumber(op, "finalDivFactor", given.finalDivFactor, {
      min: 0,
      aboveMin: true,
    });
    this.cycleMomentum = checkBoolean(op, "cycleMomentum", given.cycleMomentum);
    this.schedulePhases = phasesOf(
      this.totalSteps,
      pctStart,
      checkBoolean(op, "threePhase", given.threePhase),
    );
    const groups = optimizer.paramGroups;
    const rates = perGroup(op, "maxLr", maxLr, groups.length);
    if (this.cycleMomentum) this.useBeta1 = readMomentumKind(op, optimizer);
    const lowest = perGroup(op, "baseMomentum", given.baseMomentum, groups.length);
    const highest = perGroup(op, "maxMomentum", given.maxMomentum, groups.length);
    if (this.lastEpoch === -1) {
      groups.forEach((group, k) => {
        group.initialLr = rates[k]! / divFactor;
        group.maxLr = rates[k]!;
        group.minLr = group.initialLr / finalDivFactor;
      });
      if (this.cycleMomentum) beginMomentum(optimizer, lowest, highest, this.useBeta1);
    }
    this.initialStep();
  }

  getLr(): number[] {
    const step = this.lastEpoch;
    if (step > this.totalSteps) {
      fail("OneCycleLR", `the cycle has ${this.totalSteps} steps, this is step ${step}`);
    }
    const phases = this.schedulePhases;
    const found = phases.findIndex((phase) => step <= phase.endStep);
    const at = found === -1 ? phases.length - 1 : found;
    const phase = phases[at]!;
    const begin = at === 0 ? 0 : phases[at - 1]!.endStep;
    const share = phase.endStep === begin ? 1 : (step - begin) / (phase.endStep - begin);
    return this.optimizer.paramGroups.map((group, k) => {
      const bound = (key: BoundKey): number =>
        group[key] ?? fail("OneCycleLR", `group ${k} has no ${key}, load the optimizer's state to go on`);
      if (this.cycleMomentum) {
        const momentum = this.#anneal(bound(phase.momentum[0]), bound(phase.momentum[1]), share);
        setMomentum(group, momentum, this.useBeta1);
      }
      return this.#anneal(bound(phase.lr[0]), bound(phase.lr[1]), share);
    });
  }

  #anneal(from: number, to: number, share: number): number {
    if (this.annealStrategy === "linear") return (to - from) * share + from;
    return to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1);
  }

  protected override savedFields(): Record<string, string> {
    return {
      total_steps: "totalSteps",
      _schedule_phases: "schedulePhases",
      _anneal_func_type: "annealStrategy",
      cycle_momentum: "cycleMomentum",
      use_beta1: "useBeta1",
    };
  }
}

function readTotal(given: Required<OneCycleOptions>): number {
  const op = "OneCycleLR";
  const count = (name: "totalSteps" | "epochs" | "stepsPerEpoch"): number =>
    checkNumber(op, name, given[name], { min: 1, integer: true });
  if (given.totalSteps !== null) return count("totalSteps");
  if (given.epochs === null || given.stepsPerEpoch === null) {
    return fail(op, "give totalSteps, or epochs and stepsPerEpoch");
  }
  return count("epochs") * count("stepsPerEpoch");
}

function phasesOf(total: number, pctStart: number, isThree: boolean): Phase[] {
  const up: Phase = {
    endStep: pctStart * total - 1,
    lr: ["initialLr", "maxLr"],
    momentum: ["maxMomentum", "baseMomentum"],
  };
  if (!isThree) {
    const down: Phase = {
      endStep: total - 1,
      lr: ["maxLr", "minLr"],
      momentum: ["baseMomentum", "maxMomentum"],
    };
    return [up, down];
  }
  const down: Phase = {
    endStep: 2 * pctStart * total - 2,
    lr: ["maxLr", "initialLr"],
    momentum: ["baseMomentum", "maxMomentum"],
  };
  return [
    up,
    down,
    { endStep: total - 1, lr: ["initialLr", "minLr"], momentum: ["maxMomentum", "maxMomentum"] },
  ];
}

export interface CyclicOptions extends ResumeOptions {
  /** Steps in which the rate rises. */
  stepSizeUp?: number;
  /** Steps in which it falls; as many as it rises when not given. */
  stepSizeDown?: number | null;
  /** The height of each cycle: the same, halved each time, or shrinking by `gamma` each step. */
  mode?: "triangular" | "triangular2" | "expRange" | "exp_range";
  gamma?: number;
  /** The height as a function of the cycle or of the step, instead of `mode`. */
  scaleFn?: ((x: number) => number) | null;
  scaleMode?: "cycle" | "iterations";
  cycleMomentum?: boolean;
  baseMomentum?: number | readonly number[];
  maxMomentum?: number | readonly number[];
}

/** Between baseLr and maxLr, up and down again and again. Call `step()` after each batch. */
export class CyclicLR extends LRScheduler {
  maxLrs: number[];
  totalSize: number;
  stepRatio: number;
  mode: string;
  gamma: number;
  scaleMode: string;
  cycleMomentum: boolean;
  useBeta1 = false;
  baseMomentums: number[];
  maxMomentums: number[];
  readonly #scaleFn: ((x: number) => number) | null;

  constructor(
    optimizer: ScheduledOptimizer,
    baseLr: number | readonly number[],
    maxLr: number | readonly number[],
    options?: CyclicOptions,
  ) {
    const op = "CyclicLR";
    checkOptimizer(op, optimizer);
    const given = readOptions<Required<CyclicOptions>>(op, options, {
      stepSizeUp: 2000,
      stepSizeDown: null,
      mode: "triangular",
      gamma: 1,
      scaleFn: null,
      scaleMode: "cycle",
      cycleMomentum: true,
      baseMomentum: 0.8,
      maxMomentum: 0.9,
      lastEpoch: -1,
    });
    super(optimizer, given.lastEpoch);
    const groups = optimizer.paramGroups;
    const lowest = perGroup(op, "baseLr", baseLr, groups.length);
    this.maxLrs = perGroup(op, "maxLr", maxLr, groups.length);
    const up = checkNumber(op, "stepSizeUp", given.stepSizeUp, { min: 0, aboveMin: true });
    const down = checkNumber(op, "stepSizeDown", given.stepSizeDown ?? up, { min: 0, aboveMin: true });
    this.totalSize = up + down;
    this.stepRatio = up / this.totalSize;
    this.gamma = checkNumber(op, "gamma", given.gamma);
    if (given.scaleFn !== null) checkFunction(op, "scaleFn", given.scaleFn);
    this.#scaleFn = given.scaleFn;
    this.mode = checkChoice(op, "mode", given.mode, ["triangular", "triangular2", "expRange"]);
    const scaleMode = checkChoice(op, "scaleMode", given.scaleMode, ["cycle", "iterations"]);
    const ofMode = this.mode === "expRange" ? "iterations" : "cycle";
    this.scaleMode = this.#scaleFn === null ? ofMode : scaleMode;
    this.cycleMomentum = checkBoolean(op, "cycleMomentum", given.cycleMomentum);
    if (this.cycleMomentum) this.useBeta1 = readMomentumKind(op, optimizer);
    this.baseMomentums = perGroup(op, "baseMomentum", given.baseMomentum, groups.length);
    this.maxMomentums = perGroup(op, "maxMomentum", given.maxMomentum, groups.length);
    if (this.lastEpoch === -1) {
      groups.forEach((group, k) => (group.lr = lowest[k]!));
      if (this.cycleMomentum) beginMomentum(optimizer, this.baseMomentums, this.maxMomentums, this.useBeta1);
    }
    this.initialStep();
    this.baseLrs = lowest;
  }

  getLr(): number[] {
    const cycle = Math.floor(1 + this.lastEpoch / this.totalSize);
    const x = 1 + this.lastEpoch / this.totalSize - cycle;
    const share = x <= this.stepRatio ? x / this.stepRatio : (x - 1) / (this.stepRatio - 1);
    const scale = this.#scale(this.scaleMode === "cycle" ? cycle : this.lastEpoch);
    if (this.cycleMomentum) {
      this.optimizer.paramGroups.forEach((group, k) => {
        const highest = this.maxMomentums[k]!;
        setMomentum(group, highest - (highest - this.baseMomentums[k]!) * share * scale, this.useBeta1);
      });
    }
    return this.fromBase((base, k) => base + (this.maxLrs[k]! - base) * share * scale);
  }

  #scale(x: number): number {
    if (this.#scaleFn !== null) return checkNumber("CyclicLR", "what scaleFn gives", this.#scaleFn(x));
    if (this.mode === "triangular2") return 1 / 2 ** (x - 1);
    return this.mode === "expRange" ? this.gamma ** x : 1;
  }

  protected override savedFields(): Record<string, string> {
    return {
      max_lrs: "maxLrs",
      total_size: "totalSize",
      step_ratio: "stepRatio",
      mode: "mode",
      gamma: "gamma",
      scale_mode: "scaleMode",
      cycle_momentum: "cycleMomentum",
      use_beta1: "useBeta1",
      base_momentums: "baseMomentums",
      max_momentums: "maxMomentums",
    };
  }
}
