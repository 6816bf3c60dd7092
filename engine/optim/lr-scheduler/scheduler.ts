// LRScheduler: what all schedulers of learning rates share. Call `step()` once after each epoch (or batch), after the optimizer's.

import { checkNumber, DescentError, fail, show } from "../../errors.js";
import { describeScheduler } from "../../inspect/objects.js";
import { Optimizer, type GroupOptions } from "../optimizer.js";

/** Any optimizer, as a scheduler sees it. */
export interface ScheduledOptimizer {
  readonly paramGroups: readonly GroupOptions[];
  readonly defaults: object;
}

/** The option that every scheduler has. */
export interface ResumeOptions {
  /** The epoch to go on from, where the optimizer's groups have been loaded with their `initialLr`; -1 begins anew. */
  lastEpoch?: number;
}

/** A saved scheduler, with PyTorch's keys. */
export type SchedulerState = Record<string, unknown>;

/**
 * Changes `lr` of every group step by step. A scheduler of your own gives the next rates in `getLr()`, from `this.lastEpoch` and the
 * groups or `this.baseLrs`, and calls `this.initialStep()` at the end of its constructor.
 */
export abstract class LRScheduler {
  readonly optimizer: ScheduledOptimizer;
  /** The rates that the groups began with. */
  baseLrs: number[] = [];
  /** Steps made, from 0. */
  lastEpoch: number;
  /** While the constructor sets the first rates. */
  protected isInitial = false;
  protected stepCount = 0;
  protected lastLr: number[] = [];

  protected constructor(optimizer: ScheduledOptimizer, lastEpoch = -1) {
    const op = this.constructor.name;
    checkOptimizer(op, optimizer);
    this.optimizer = optimizer;
    this.lastEpoch = checkNumber(op, "lastEpoch", lastEpoch, { min: -1, integer: true });
  }

  /** The rates of the epoch that `lastEpoch` now is, one a group. */
  abstract getLr(): number[];

  /** The rates of `lastEpoch` without those before it, where there is a formula; `step(epoch)` takes it. */
  protected closedFormLr(): number[] {
    return this.getLr();
  }

  /** An epoch is done; with `epoch`, go to that one. */
  step(epoch?: number): void {
    if (epoch !== undefined) checkNumber(this.constructor.name, "epoch", epoch, { min: 0, integer: true });
    this.stepCount += 1;
    this.updateLr(epoch);
  }

  /** The rates that the last step set. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /** What a debugger shows on one line. */
  [Symbol.for("debug.description")](): string {
    return describeScheduler(this);
  }

  /** Everything but the optimizer, whose rates its own state has. */
  stateDict(): SchedulerState {
    const own: SchedulerState = {};
    for (const [key, field] of Object.entries(this.savedFields())) own[key] = copyPlain(this.field(field));
    return {
      base_lrs: [...this.baseLrs],
      last_epoch: this.lastEpoch,
      _step_count: this.stepCount,
      _last_lr: [...this.lastLr],
      ...own,
    };
  }

  /** Takes over a saved state. The rates themselves come with the optimizer's state. */
  loadStateDict(state: SchedulerState): void {
    const op = this.constructor.name;
    if (typeof state !== "object" || (state as object | null) === null || Array.isArray(state)) {
      throw stateError(op, `the state must be what stateDict() gave, it is ${show(state)}`);
    }
    const fields = {
      base_lrs: "baseLrs",
      last_epoch: "lastEpoch",
      _step_count: "stepCount",
      _last_lr: "lastLr",
      ...this.savedFields(),
    };
    for (const key of ["last_epoch", ...Object.keys(this.savedFields())]) {
      if (!(key in state)) throw stateError(op, `the state has no ${key}, is it another scheduler's?`);
    }
    for (const [key, field] of Object.entries(fields)) {
      if (key in state) checkKind(op, key, state[key], this.field(field));
    }
    for (const [key, field] of Object.entries(fields)) {
      if (key in state) (this as unknown as Record<string, unknown>)[field] = copyPlain(state[key]);
    }
  }

  /** Fields of this class that are saved, by PyTorch's keys. */
  protected savedFields(): Record<string, string> {
    return {};
  }

  private field(name: string): unknown {
    return (this as unknown as Record<string, unknown>)[name];
  }

  /** Notes down the rates that the groups begin with, and sets the first ones. */
  protected initialStep(): void {
    const { paramGroups } = this.optimizer;
    paramGroups.forEach((group, k) => {
      if (this.lastEpoch === -1) {
        group.initialLr ??= group.lr;
      } else if (group.initialLr === undefined) {
        fail(
          this.constructor.name,
          `group ${k} has no initialLr, load the optimizer's state to go on from an epoch`,
        );
      }
    });
    this.baseLrs = paramGroups.map((group) => group.initialLr!);
    this.beginAnew();
  }

  /** The first step, which counts epoch 0. */
  beginAnew(): void {
    this.stepCount = 0;
    this.isInitial = true;
    try {
      this.step();
    } finally {
      this.isInitial = false;
    }
  }

  /** The next epoch, or a given one, without counting a step. */
  updateLr(epoch?: number): void {
    this.lastEpoch = epoch ?? this.lastEpoch + 1;
    this.setLr(epoch === undefined ? this.getLr() : this.closedFormLr());
  }

  protected setLr(rates: readonly number[]): void {
    this.optimizer.paramGroups.forEach((group, k) => {
      group.lr = checkNumber(this.constructor.name, `the rate of group ${k}`, rates[k]);
    });
    this.lastLr = this.currentLr();
  }

  protected currentLr(): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr);
  }

  /** The current rates times a factor. */
  protected scaledLr(factor: number): number[] {
    return this.optimizer.paramGroups.map((group) => group.lr * factor);
  }

  /** Something of each rate that a group began with. */
  protected fromBase(rate: (base: number, group: number) => number): number[] {
    const groups = this.optimizer.paramGroups.length;
    if (this.baseLrs.length !== groups) {
      fail(
        this.constructor.name,
        `it was made for ${this.baseLrs.length} parameter groups, there are ${groups} now`,
      );
    }
    return this.baseLrs.map(rate);
  }
}

export function checkOptimizer(op: string, optimizer: unknown): void {
  if (!(optimizer instanceof Optimizer)) {
    fail(op, `the first argument must be an optimizer, it is ${show(optimizer)}`);
  }
}

/** One number for all groups, or a list with one for each. */
export function perGroup(op: string, name: string, value: unknown, groups: number): number[] {
  const list: unknown[] = Array.isArray(value) ? value : new Array<unknown>(groups).fill(value);
  if (list.length !== groups)
    fail(op, `${name} has ${list.length} values, there are ${groups} parameter groups`);
  return list.map((each, k) => checkNumber(op, Array.isArray(value) ? `${name}[${k}]` : name, each));
}

export function stateError(op: string, sentence: string): DescentError {
  return new DescentError("state", op, `${op}.loadStateDict: ${sentence}`);
}

/** A saved value must be of the kind that the field has. */
function checkKind(op: string, key: string, value: unknown, current: unknown): void {
  const kind = (each: unknown): string =>
    Array.isArray(each) ? "array" : each === null ? "null" : typeof each;
  if (kind(value) === kind(current) || current === null || current === undefined) {
    const numbers = Array.isArray(value) ? (value as unknown[]) : [value];
    if (!numbers.some((each) => typeof each === "number" && Number.isNaN(each))) return;
  }
  throw stateError(op, `${key} is ${show(value)} in the state`);
}

function copyPlain(value: unknown): unknown {
  return typeof value === "object" && value !== null ? structuredClone(value) : value;
}
