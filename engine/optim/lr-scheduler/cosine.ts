// Half cosines, without and with restarts (Loshchilov & Hutter, 2017).

import { checkNumber, readOptions } from "../../errors.js";
import { LRScheduler, type ResumeOptions, type ScheduledOptimizer } from "./scheduler.js";

/** From the rate to `etaMin` in `tMax` epochs, and back. */
export class CosineAnnealingLR extends LRScheduler {
  tMax: number;
  etaMin: number;

  constructor(optimizer: ScheduledOptimizer, tMax: number, options?: ResumeOptions & { etaMin?: number }) {
    const op = "CosineAnnealingLR";
    const given = readOptions(op, options, { etaMin: 0, lastEpoch: -1 });
    super(optimizer, given.lastEpoch);
    this.tMax = checkNumber(op, "tMax", tMax, { min: 1, integer: true });
    this.etaMin = checkNumber(op, "etaMin", given.etaMin);
    this.initialStep();
  }

  /** From the rate before, so that what others do to it stays. */
  getLr(): number[] {
    if (this.isInitial) return this.currentLr();
    const { lastEpoch, tMax, etaMin } = this;
    if ((lastEpoch - 1 - tMax) % (2 * tMax) === 0) {
      const rise = (1 - Math.cos(Math.PI / tMax)) / 2;
      const rises = this.fromBase((base) => (base - etaMin) * rise);
      return this.currentLr().map((rate, k) => rate + rises[k]!);
    }
    const now = 1 + Math.cos((Math.PI * lastEpoch) / tMax);
    const before = 1 + Math.cos((Math.PI * (lastEpoch - 1)) / tMax);
    return this.currentLr().map((rate) => (now / before) * (rate - etaMin) + etaMin);
  }

  protected override closedFormLr(): number[] {
    return this.fromBase((base) => halfCosine(base, this.etaMin, this.lastEpoch / this.tMax));
  }

  protected override savedFields(): Record<string, string> {
    return { T_max: "tMax", eta_min: "etaMin" };
  }
}

/** From the rate to `etaMin` in `t0` epochs, then from the beginning; each time takes `tMult` times as long. */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  t0: number;
  tMult: number;
  etaMin: number;
  /** How long the present course is, and how much of it is done. */
  tI: number;
  tCur: number;

  constructor(
    optimizer: ScheduledOptimizer,
    t0: number,
    // TMult: PyTorch's T_mult read letter by letter.
    options?: ResumeOptions & { tMult?: number; TMult?: number; etaMin?: number },
  ) {
    const op = "CosineAnnealingWarmRestarts";
    const given = readOptions(op, options, {
      tMult: options?.TMult ?? 1,
      TMult: 1,
      etaMin: 0,
      lastEpoch: -1,
    });
    super(optimizer, given.lastEpoch);
    this.t0 = this.tI = checkNumber(op, "t0", t0, { min: 1, integer: true });
    this.tMult = checkNumber(op, "tMult", given.tMult, { min: 1, integer: true });
    this.etaMin = checkNumber(op, "etaMin", given.etaMin);
    this.tCur = this.lastEpoch;
    this.initialStep();
  }

  getLr(): number[] {
    return this.fromBase((base) => halfCosine(base, this.etaMin, this.tCur / this.tI));
  }

  /** An epoch is done; or go to an epoch, which may be a part of one: `step(epoch + batch / batches)`. */
  override step(epoch?: number): void {
    this.stepCount += 1;
    this.updateLr(epoch);
  }

  override updateLr(given?: number): void {
    const epoch = given ?? (this.lastEpoch < 0 ? 0 : undefined);
    if (epoch === undefined) {
      this.lastEpoch += 1;
      this.tCur += 1;
      if (this.tCur >= this.tI) {
        this.tCur %= this.tI;
        this.tI *= this.tMult;
      }
    } else {
      checkNumber("CosineAnnealingWarmRestarts", "epoch", epoch, { min: 0 });
      this.#goTo(epoch);
      this.lastEpoch = Math.floor(epoch);
    }
    this.setLr(this.getLr());
  }

  #goTo(epoch: number): void {
    const { t0, tMult } = this;
    if (epoch < t0) {
      this.tI = t0;
      this.tCur = epoch;
    } else if (tMult === 1) {
      this.tCur = epoch % t0;
    } else {
      const restarts = Math.floor(Math.log((epoch / t0) * (tMult - 1) + 1) / Math.log(tMult));
      this.tCur = epoch - (t0 * (tMult ** restarts - 1)) / (tMult - 1);
      this.tI = t0 * tMult ** restarts;
    }
  }

  protected override savedFields(): Record<string, string> {
    return { T_0: "t0", T_mult: "tMult", T_i: "tI", T_cur: "tCur", eta_min: "etaMin" };
  }
}

function halfCosine(from: number, to: number, share: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
}
