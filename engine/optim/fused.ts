// FusedOptimizer: an optimizer whose step is one kernel call over all parameters of a group. Each such optimizer is a row in
// native/ops/optimize.cpp, a kernel, and a class that says which states it keeps and which numbers the kernel gets.

import { checkNumber } from "../errors.js";
import { native } from "../native.js";
import { observer } from "../observer.js";
import { Tensor } from "../tensor.js";
import { Optimizer, type GroupOptions, type ParamGroup, type SavedState } from "./optimizer.js";
import { copyState, readState } from "./state.js";

/** How far a parameter has come. A step in which it has no gradient does not count. */
export interface Progress {
  step: number;
  /** NAdam's product of all momenta so far; 1 elsewhere. */
  product: number;
}

/** What belongs to one parameter. */
interface Own {
  progress: Progress;
  /** By PyTorch's keys. A tensor that no step has made yet is empty. */
  states: Map<string, Tensor>;
}

/** The parameters of one call and what belongs to them, in the same order. */
interface Members {
  params: Tensor[];
  keys: readonly string[];
  owners: Own[];
  /** One list for each key. */
  states: Tensor[][];
}

/** No optimizer's kernel wants more (native/device/KERNELS.md). */
const mostNumbers = 9;

export abstract class FusedOptimizer<Options extends GroupOptions> extends Optimizer<Options> {
  /** The name of its row in native/ops/optimize.cpp. */
  protected abstract readonly kernel: string;
  /** Whether steps are counted at all, only saved, or also used by `writeNumbers`. */
  protected abstract readonly counting: "none" | "saved" | "used";
  readonly #numbers = new Float64Array(mostNumbers);
  readonly #owners = new Map<Tensor, Own>();
  readonly #members = new WeakMap<ParamGroup<Options>, Members>();

  /** PyTorch's keys of the states that a group keeps, in the kernel's order; the same array while the options are the same. */
  protected abstract stateKeys(group: ParamGroup<Options>): readonly string[];

  /** What the kernel gets, as KERNELS.md lists it; `progress` counts the step that is being made. */
  protected abstract writeNumbers(
    numbers: Float64Array,
    group: ParamGroup<Options>,
    progress: Readonly<Progress>,
  ): void;

  /** Where a parameter is after one more step. */
  protected advance(progress: Readonly<Progress>, _group: ParamGroup<Options>): Progress {
    return { step: progress.step + 1, product: progress.product };
  }

  /** A state before the first step: an empty tensor, which the kernel call fills with zeros. */
  protected makeState(_parameter: Tensor, _group: ParamGroup<Options>): Tensor {
    return new Tensor();
  }

  protected updateGroup(group: ParamGroup<Options>, norms: Float64Array): void {
    const members = this.#membersOf(group);
    const first = members.owners[0]?.progress;
    if (first === undefined) return;
    if (this.counting !== "used" || members.owners.every((own) => isSame(own.progress, first))) {
      this.#update(group, members, norms);
      return;
    }
    // Parameters that sat a step out are behind the others: a call for each number of steps made.
    for (const part of splitByProgress(members.owners)) {
      const partNorms = new Float64Array(part.length);
      this.#update(group, pickMembers(members, part), partNorms);
      if (observer.current !== null) native.readNorms();
      part.forEach((k, position) => (norms[k] = partNorms[position]!));
    }
  }

  #update(group: ParamGroup<Options>, members: Members, norms: Float64Array): void {
    const { params, owners, states } = members;
    const next = this.advance(owners[0]!.progress, group);
    this.writeNumbers(this.#numbers, group, next);
    native.optimizerStep(this.kernel, params, states, this.#numbers, norms, observer.current !== null);
    if (this.counting === "none") return;
    for (let k = 0; k < owners.length; k++) {
      if (norms[k] === -1) continue; // no gradient
      const { progress } = owners[k]!;
      if (this.counting === "used") progress.product = next.product;
      progress.step += 1;
    }
  }

  #ownOf(parameter: Tensor): Own {
    let own = this.#owners.get(parameter);
    if (own === undefined) {
      own = { progress: { step: 0, product: 1 }, states: new Map() };
      this.#owners.set(parameter, own);
    }
    return own;
  }

  #membersOf(group: ParamGroup<Options>): Members {
    const keys = this.stateKeys(group);
    const cached = this.#members.get(group);
    const isCurrent = cached?.keys === keys && cached.owners.length === group.params.length;
    if (isCurrent && cached.params === group.params) return cached;
    const owners = group.params.map((parameter) => this.#ownOf(parameter));
    const states = keys.map((key) =>
      owners.map((own, k) => {
        const made = own.states.get(key) ?? this.makeState(group.params[k]!, group);
        own.states.set(key, made);
        return made;
      }),
    );
    const members: Members = { params: group.params, keys, owners, states };
    this.#members.set(group, members);
    return members;
  }

  protected saveState(parameter: Tensor, group: ParamGroup<Options>): SavedState {
    this.#membersOf(group);
    const own = this.#ownOf(parameter);
    const saved: SavedState = {};
    for (const [key, state] of own.states) {
      const made = readState(state);
      if (made !== null) saved[key] = made;
    }
    if (this.counting === "none") return saved;
    if (Object.keys(saved).length === 0) return {};
    return { step: own.progress.step, ...this.saveProduct(own.progress.product), ...saved };
  }

  /** NAdam's product under its key; nothing elsewhere. */
  protected saveProduct(_product: number): Record<string, number> {
    return {};
  }

  protected loadState(parameter: Tensor, group: ParamGroup<Options>, saved: Readonly<SavedState>): void {
    const op = this.constructor.name;
    const own: Own = {
      progress: {
        step: readCount(op, "step", saved["step"], 0),
        product: readCount(op, "mu_product", saved["mu_product"], 1),
      },
      states: new Map(),
    };
    for (const [key, value] of Object.entries(saved)) {
      if (key === "step" || key === "mu_product") continue;
      const copy = copyState(op, key, value, parameter);
      if (copy !== null) own.states.set(key, copy);
    }
    this.#owners.set(parameter, own);
    this.#members.delete(group);
  }
}

/** A saved count, which PyTorch keeps as a tensor. */
function readCount(op: string, name: string, saved: unknown, otherwise: number): number {
  if (saved === undefined) return otherwise;
  return checkNumber(op, name, saved instanceof Tensor ? saved.item() : saved, { min: 0 });
}

function isSame(a: Progress, b: Progress): boolean {
  return a.step === b.step && a.product === b.product;
}

/** The positions of those that have come equally far, in the order in which they first appear. */
function splitByProgress(owners: readonly Own[]): number[][] {
  const parts: number[][] = [];
  owners.forEach((own, k) => {
    const part = parts.find((members) => isSame(owners[members[0]!]!.progress, own.progress));
    if (part === undefined) parts.push([k]);
    else part.push(k);
  });
  return parts;
}

function pickMembers(members: Members, positions: readonly number[]): Members {
  const pick = <T>(list: readonly T[]): T[] => positions.map((k) => list[k]!);
  return {
    params: pick(members.params),
    keys: members.keys,
    owners: pick(members.owners),
    states: members.states.map(pick),
  };
}
