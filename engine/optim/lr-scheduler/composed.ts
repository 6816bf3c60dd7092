// Schedulers made of schedulers: one after the other, or all at once.

import { checkNumber, fail, readOptions, show } from "../../errors.js";
import { checkMilestones } from "./decay.js";
import { ReduceLROnPlateau } from "./plateau.js";
import {
  checkOptimizer,
  LRScheduler,
  stateError,
  type ScheduledOptimizer,
  type SchedulerState,
} from "./scheduler.js";

function readSchedulers(op: string, optimizer: unknown, schedulers: unknown): LRScheduler[] {
  if (!Array.isArray(schedulers) || schedulers.length === 0) {
    return fail(op, `give an array of schedulers, not ${show(schedulers)}`);
  }
  for (const [k, scheduler] of (schedulers as unknown[]).entries()) {
    if (!(scheduler instanceof LRScheduler))
      fail(op, `scheduler ${k} must be a scheduler, it is ${show(scheduler)}`);
    if (scheduler instanceof ReduceLROnPlateau) {
      fail(op, `scheduler ${k} is a ReduceLROnPlateau, whose step needs a metric; step it on its own`);
    }
    if (optimizer !== undefined && scheduler.optimizer !== optimizer) {
      fail(op, `scheduler ${k} belongs to another optimizer`);
    }
  }
  return [...(schedulers as LRScheduler[])];
}

/** What is saved of a composed scheduler: itself, and its parts. */
abstract class Composed extends LRScheduler {
  protected abstract readonly schedulers: readonly LRScheduler[];

  getLr(): number[] {
    return this.currentLr();
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), _schedulers: this.schedulers.map((scheduler) => scheduler.stateDict()) };
  }

  override loadStateDict(state: SchedulerState): void {
    const parts: unknown = (state as SchedulerState | null)?.["_schedulers"];
    const wanted = this.schedulers.length;
    if (!Array.isArray(parts) || parts.length !== wanted) {
      throw stateError(this.constructor.name, `the state must have _schedulers, a list of ${wanted}`);
    }
    super.loadStateDict(state);
    this.schedulers.forEach((scheduler, k) => {
      scheduler.loadStateDict(parts[k] as SchedulerState);
    });
  }

  /** The simple schedulers it is made of. */
  leaves(): LRScheduler[] {
    return this.schedulers.flatMap((scheduler) =>
      scheduler instanceof Composed ? scheduler.leaves() : [scheduler],
    );
  }
}

/** Schedulers one after the other: number k + 1 begins, with its own epoch 0, at epoch `milestones[k]`. */
export class SequentialLR extends Composed {
  protected readonly schedulers: readonly LRScheduler[];
  protected milestones: number[];

  constructor(
    optimizer: ScheduledOptimizer,
    schedulers: readonly LRScheduler[],
    milestones: readonly number[],
    options?: { lastEpoch?: number },
  ) {
    const op = "SequentialLR";
    checkOptimizer(op, optimizer);
    const given = readOptions(op, options, { lastEpoch: -1 });
    super(optimizer, given.lastEpoch);
    this.schedulers = readSchedulers(op, optimizer, schedulers);
    this.milestones = checkMilestones(op, milestones);
    const [parts, ends] = [this.schedulers.length, this.milestones.length];
    if (ends !== parts - 1) fail(op, `${parts} schedulers need ${parts - 1} milestones, there are ${ends}`);
    this.lastEpoch = given.lastEpoch + 1;
    // Each part made its first step when it was made: only the first one's counts.
    for (const group of optimizer.paramGroups) group.lr = group.initialLr ?? group.lr;
    for (const leaf of this.leaves()) leaf.lastEpoch -= 1;
    const first = this.schedulers[this.#indexAt(0)]!;
    first.beginAnew();
    this.lastLr = first.getLastLr();
  }

  override step(): void {
    this.#goTo(this.lastEpoch + 1);
  }

  override updateLr(epoch?: number): void {
    this.#goTo(
      epoch === undefined ? this.lastEpoch + 1 : checkNumber("SequentialLR", "epoch", epoch, { min: 0 }),
    );
  }

  #goTo(epoch: number): void {
    this.lastEpoch = epoch;
    const index = this.#indexAt(epoch);
    const scheduler = this.schedulers[index]!;
    const begins = epoch === 0 || (index > 0 && this.milestones[index - 1] === epoch);
    if (begins) scheduler.updateLr(0);
    else scheduler.step();
    this.lastLr = scheduler.getLastLr();
  }

  /** Which scheduler an epoch belongs to. */
  #indexAt(epoch: number): number {
    return this.milestones.filter((milestone) => milestone <= epoch).length;
  }

  protected override savedFields(): Record<string, string> {
    return { _milestones: "milestones" };
  }
}

/** All schedulers step together, each on what the others made of the rate. */
export class ChainedScheduler extends Composed {
  protected readonly schedulers: readonly LRScheduler[];

  constructor(schedulers: readonly LRScheduler[], options?: { optimizer?: ScheduledOptimizer | null }) {
    const op = "ChainedScheduler";
    const given = readOptions<{ optimizer: ScheduledOptimizer | null }>(op, options, { optimizer: null });
    const list = readSchedulers(op, given.optimizer ?? undefined, schedulers);
    const optimizer = given.optimizer ?? list[0]!.optimizer;
    readSchedulers(op, optimizer, list);
    super(optimizer);
    this.schedulers = list;
    this.lastLr = this.currentLr();
  }

  override step(): void {
    for (const scheduler of this.schedulers) scheduler.step();
    this.lastLr = this.currentLr();
  }

  override updateLr(epoch?: number): void {
    for (const scheduler of this.schedulers) scheduler.updateLr(epoch);
    this.lastLr = this.currentLr();
  }
}
