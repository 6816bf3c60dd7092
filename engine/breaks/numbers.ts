// Conditions on numbers that the recorder has at hand: gradient norms, the loss, memory. Looked at when a step or a backward is told.

import {
  globOf,
  describeCondition,
  bytesText,
  shown,
  type BreakCondition,
  type BreakConditions,
} from "./conditions.js";
import { breaks } from "./slot.js";
import { deviceName } from "../deviceNames.js";
import { deviceMemoryNumbers, memoryCategories } from "../protocol.js";

export class NumberWatch {
  readonly #conditions: BreakCondition[];
  /** Conditions that hold now: a stop is where one begins to. */
  readonly #holding = new Set<BreakCondition>();

  constructor({ conditions }: BreakConditions) {
    this.#conditions = conditions;
  }

  get isEmpty(): boolean {
    return this.#conditions.length === 0;
  }

  /** `backward()` begins at this number. */
  backward(loss: number): void {
    for (const condition of this.#conditions) {
      if (condition.kind === "lossAbove")
        this.#hold(condition, loss > condition.value, () => `The loss is ${shown(loss)}`);
      if (condition.kind === "lossNotFinite")
        this.#hold(condition, !Number.isFinite(loss), () => `The loss is ${loss}`);
    }
  }

  /** A step is done, with these squared norms of the gradients (-1: there was none) and so many devices in `memory`, as `deviceMemory` fills it in. */
  step(names: readonly string[], squaredNorms: Float64Array, memory: Float64Array, devices: number): void {
    for (const condition of this.#conditions) {
      if (condition.kind === "gradNorm") this.#gradNorm(condition, names, squaredNorms);
      if (condition.kind === "totalGradNorm") {
        let sum = 0;
        for (const squared of squaredNorms) if (squared !== -1) sum += squared;
        const norm = Math.sqrt(sum);
        const isMet = isBeyond(norm, condition);
        this.#hold(condition, isMet, () => `The gradient norm of all parameters is ${shown(norm)}`);
      }
      if (condition.kind === "memory") {
        const bytes = bytesOn(condition.device, memory, devices);
        const isMet = bytes > condition.bytes;
        this.#hold(condition, isMet, () => `Tensors use ${bytesText(bytes)} on ${condition.device}`);
      }
    }
  }

  #gradNorm(
    condition: Extract<BreakCondition, { kind: "gradNorm" }>,
    names: readonly string[],
    squaredNorms: Float64Array,
  ): void {
    const fits = globOf(condition.parameter);
    let met = -1;
    for (let k = 0; k < names.length && met < 0; k++) {
      if (squaredNorms[k] === -1 || !fits(names[k]!)) continue;
      if (isBeyond(Math.sqrt(squaredNorms[k]!), condition)) met = k;
    }
    const said = (): string =>
      `The gradient norm of ${names[met]!} is ${shown(Math.sqrt(squaredNorms[met]!))}`;
    this.#hold(condition, met >= 0, said);
  }

  #hold(condition: BreakCondition, isMet: boolean, said: () => string): void {
    if (!isMet) {
      this.#holding.delete(condition);
      return;
    }
    if (this.#holding.has(condition)) return;
    this.#holding.add(condition);
    breaks.stop?.({
      ...{ sentence: `${said()} (${describeCondition(condition)}).`, what: condition.kind, op: null },
      ...{ created: null, inputs: [], outputs: [], line: null, condition },
    });
  }
}

/** A norm that is no number is above everything. */
function isBeyond(norm: number, { compare, value }: { compare: "above" | "below"; value: number }): boolean {
  return compare === "above" ? !(norm <= value) : norm < value;
}

/** NaN where the device holds nothing. */
function bytesOn(device: string, memory: Float64Array, devices: number): number {
  for (let d = 0; d < devices; d++) {
    const at = d * deviceMemoryNumbers;
    if (deviceName(memory[at]!, memory[at + 1]!) !== device) continue;
    let sum = 0;
    for (let n = 0; n < memoryCategories.length; n++) sum += memory[at + 2 + n]!;
    return sum;
  }
  return NaN;
}
