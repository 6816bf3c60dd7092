// What the engine tells whoever records a run. The engine knows nothing of files, sockets or processes: it calls this.

import type { Tensor } from "./tensor.js";

export interface StepInfo {
  /** Learning rate of each parameter group. */
  learningRates: readonly number[];
  /** Names of the parameters updated, as their module tree has them, in the order of `squaredNorms`. Same array while nothing changed. */
  names: readonly string[];
  /** Squared L2 norm of each parameter's gradient, in the order of `names`; valid during the call. NaN and Inf arrive as they are; -1: no gradient. */
  squaredNorms: Float64Array;
}

export interface BatchInfo {
  /** Samples in this batch. */
  samples: number;
  /** Index of this batch in the epoch, from 0. */
  index: number;
  /** Batches an epoch has; null when the dataset has no length. */
  batches: number | null;
}

/** What a recorder wants of the native core; `Native` has it. */
export interface EngineServices {
  deviceMemory(into: Float64Array): number;
  deviceSamples(): {
    name: string;
    /** 0..1 */
    utilisation: number | null;
    celsius: number | null;
    watts: number | null;
  }[];
  devices(): { name: string; description: string }[];
  attachControl(control: Int32Array): void;
}

export interface TrainingObserver {
  /** The engine is loaded. Called once, by the module that loads the addon; `addon` is its file. */
  attach(engine: EngineServices, addon?: string): void;
  /** `backward()` began at this scalar. */
  backward(loss: Tensor): void;
  /** An optimizer step is done. May block (pause) and may throw (stop). */
  step(info: StepInfo): void;
  /** A loader's iteration begins: a new epoch when it is the training loader's. */
  epoch(loader: object, batches: number | null): void;
  /** A loader hands out a batch. May throw (stop). */
  batch(loader: object, info: BatchInfo): void;
  log(values: Record<string, number>, step?: number): void;
  config(values: Record<string, unknown>): void;
  summary(values: Record<string, unknown>): void;
  text(tag: string, text: string, step?: number): void;
  image(tag: string, image: Tensor, step?: number): void;
  histogram(tag: string, values: Tensor, step?: number): void;
  checkpoint(path: string): void;
  readonly id: string;
  readonly dir: string;
}

interface ObserverSlot {
  current: TrainingObserver | null;
}

const key = Symbol.for("descent.observer.1");
const shared = globalThis as unknown as Record<symbol, ObserverSlot | undefined>;

/**
 * The recorder of this process, or null where nobody records (a test, a plain `node` process). Set once, by
 * runtime/register. It hangs on globalThis because the import hook and the user's `descent` are two bundles.
 */
export const observer: ObserverSlot = (shared[key] ??= { current: null });
