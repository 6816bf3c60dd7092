// What trainings under the debugger stop at: kept for the workspace, told to each at its launch and whenever it changes.

import type { Memento } from "vscode";
import {
  noBreaks,
  readBreakConditions,
  type BreakCondition,
  type BreakConditions,
} from "../../engine/breaks/conditions.js";
import { isLive } from "../../engine/protocol.js";
import { Emitter } from "../event.js";
import type { RunRegistry } from "../runs/registry.js";

/** A condition that may be off: it is kept for another time. */
export interface KeptCondition {
  condition: BreakCondition;
  enabled: boolean;
}
export interface Kept {
  nan: boolean;
  infinity: boolean;
  conditions: KeptCondition[];
}

const key = "breakWhen";

export class BreakWhen {
  readonly #memory: Memento;
  readonly #runs: RunRegistry;
  readonly #changes = new Emitter<undefined>();
  readonly onDidChange = this.#changes.on;
  #kept: Kept;

  constructor(memory: Memento, runs: RunRegistry) {
    this.#memory = memory;
    this.#runs = runs;
    this.#kept = readKept(memory.get(key));
  }

  get kept(): Readonly<Kept> {
    return this.#kept;
  }

  /** What is on. */
  get conditions(): BreakConditions {
    const { nan, infinity, conditions } = this.#kept;
    return {
      ...{ nan, infinity },
      conditions: conditions.filter(({ enabled }) => enabled).map(({ condition }) => condition),
    };
  }

  toggle(what: "nan" | "infinity", on: boolean): Promise<void> {
    return this.#change({ ...this.#kept, [what]: on });
  }

  enable(at: number, enabled: boolean): Promise<void> {
    const conditions = this.#kept.conditions.map((one, k) => (k === at ? { ...one, enabled } : one));
    return this.#change({ ...this.#kept, conditions });
  }

  /** In the place of number `at`, else at the end. */
  put(condition: BreakCondition, at = this.#kept.conditions.length): Promise<void> {
    const conditions = [...this.#kept.conditions];
    conditions.splice(at, 1, { condition, enabled: true });
    return this.#change({ ...this.#kept, conditions });
  }

  remove(at: number): Promise<void> {
    return this.#change({ ...this.#kept, conditions: this.#kept.conditions.filter((_, k) => k !== at) });
  }

  /** Every training that a debugger started is told; one that ends in that moment is no fault. */
  async #change(kept: Kept): Promise<void> {
    this.#kept = kept;
    this.#changes.fire(undefined);
    await this.#memory.update(key, kept);
    const { conditions } = this;
    const debugged = this.#runs
      .all()
      .filter(({ record }) => record.debugged === true && isLive(record.state));
    await Promise.allSettled(debugged.map((run) => this.#runs.breakWhen(run, conditions)));
  }

  dispose(): void {
    this.#changes.dispose();
  }
}

/** What is not as it should be is left out: an older version may have written it. */
function readKept(value: unknown): Kept {
  const { nan, infinity, conditions } = (value ?? {}) as Partial<Kept>;
  const kept: Kept = { nan: nan === true, infinity: infinity === true, conditions: [] };
  for (const one of Array.isArray(conditions) ? conditions : []) {
    try {
      const [condition] = readBreakConditions({ ...noBreaks, conditions: [one.condition] }).conditions;
      kept.conditions.push({ condition: condition!, enabled: one.enabled });
    } catch {
      continue;
    }
  }
  return kept;
}
