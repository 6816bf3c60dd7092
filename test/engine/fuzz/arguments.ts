// Arguments made from nothing but an op's description: most are refused, and many are not.

import { Generator, tensor, Tensor, type DType } from "descent";
import type { OpArgument, OpDescription } from "../../../engine/native.js";
import { dtypes, far, floats, odd, sizeOf, sizes, type Random } from "./random.js";

/** Arguments for one call. Most shapes are kin to one base shape, so that many calls are valid. */
export class ArgumentMaker {
  readonly tensors: Tensor[] = [];
  private readonly random: Random;
  private readonly op: OpDescription;
  private readonly base: number[];
  private readonly dtype: DType;

  constructor(random: Random, op: OpDescription) {
    this.random = random;
    this.op = op;
    this.base = this.shape();
    this.dtype = random.chance(0.7) ? random.oneOf(["float32", "float64"]) : random.oneOf(dtypes);
  }

  all(): unknown[] {
    const described = this.op.arguments;
    const positional = described.filter((argument) => argument.positional);
    const required = positional.filter((argument) => argument.default === null).length;
    const count = required + this.random.below(positional.length - required + 1);
    const args = positional.slice(0, count).map((argument) => this.value(argument));
    const options = described.filter((argument) => !argument.positional && this.random.chance(0.4));
    if (options.length > 0 && count === positional.length)
      args.push(Object.fromEntries(options.map((argument) => [argument.name, this.value(argument)])));
    if (this.random.chance(0.03)) args.pop();
    return args;
  }

  private value(argument: OpArgument): unknown {
    const { random } = this;
    if (random.chance(0.03)) return nonsense(random);
    switch (argument.kind) {
      case "tensor":
        return this.tensor(argument.name);
      case "optionalTensor":
        return random.chance(0.4) ? null : this.tensor(argument.name);
      case "operand":
        return random.chance(0.7) ? this.tensor(argument.name) : this.number();
      case "tensors":
        return Array.from({ length: random.below(5) }, () => this.tensor("tensors"));
      case "number":
        return this.number();
      case "integer":
        return this.integer();
      case "boolean":
        return random.chance(0.5);
      case "generator":
        return random.chance(0.5) ? new Generator(random.below(9)) : null;
      case "integers":
        return this.integers(argument.name);
      case "padding":
        return random.chance(0.2)
          ? random.oneOf(["same", "valid", "nonsense"])
          : this.integers(argument.name);
      case "sizes":
        return random.chance(0.2) ? [null, this.integer()] : this.integers(argument.name);
      case "numbers":
        return random.chance(0.5) ? this.number() : [this.number(), this.number()];
      case "dtype":
        return random.oneOf([...dtypes, "float32", "float16"]);
      case "string":
        return random.oneOf([
          ...Array.from(argument.sentence.matchAll(/"(\w+)"/g), (match) => match[1]!),
          "cpu",
          "floor",
          "mean",
          "nonsense",
        ]);
    }
  }

  private number(): unknown {
    const { random } = this;
    if (random.chance(0.1)) return random.oneOf<unknown>([...odd, ...far, true, false]);
    return random.chance(0.5) ? random.below(7) - 2 : random.next() * 4 - 2;
  }

  private integer(): unknown {
    const { random } = this;
    if (random.chance(0.05)) return random.oneOf<unknown>([...far, 0.5, NaN]);
    return random.below(random.chance(0.8) ? 4 : 16) - (random.chance(0.3) ? 4 : 0);
  }

  private integers(name: string): unknown {
    const { random, base } = this;
    if (name !== "shape") {
      if (random.chance(0.3)) return this.integer();
      const dims = base.map((_, dim) => (random.chance(0.2) ? dim - base.length : dim));
      dims.sort(() => random.next() - 0.5);
      return random.chance(0.5) ? dims : dims.slice(0, random.below(dims.length + 1));
    }
    const kind = random.next();
    if (kind < 0.3) return base; // as it is
    if (kind < 0.5) return [sizeOf(base)];
    if (kind < 0.6) return [-1];
    if (kind < 0.75) return [random.below(4), ...base];
    if (kind < 0.8) return [...base].reverse();
    if (kind < 0.85) return [random.oneOf(far), random.oneOf(far)];
    return this.shape();
  }

  private shape(): number[] {
    const { random } = this;
    if (random.chance(0.02)) return random.oneOf([[20_011], [257, 83], [3, 65, 130], [129, 131]]);
    const dims = random.oneOf([0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]);
    const made = Array.from({ length: dims }, () => random.oneOf(dims > 3 ? sizes.slice(0, 7) : sizes));
    return sizeOf(made) > 40_000 ? [random.below(9)] : made;
  }

  /** The base shape, one it broadcasts with, a matrix that it may be multiplied by, or one of its sizes. */
  private relatedShape(): number[] {
    const { random, base } = this;
    const kind = random.next();
    if (kind < 0.45) return base;
    if (kind < 0.6) return base.map((size) => (random.chance(0.4) ? 1 : size));
    if (kind < 0.7) return base.slice(random.below(base.length + 1));
    if (kind < 0.8) return [...base.slice(0, -2), base.at(-1) ?? 1, random.oneOf(sizes)];
    if (kind < 0.9) return base.length > 0 ? [random.oneOf(base)] : [];
    return this.shape();
  }

  private tensor(name: string): Tensor {
    const { random } = this;
    const isIndex = (name === "index" || name === "target") && random.chance(0.8);
    const isMask = (name === "mask" || name === "condition") && random.chance(0.8);
    let dtype = random.chance(0.85) ? this.dtype : random.oneOf(dtypes);
    if (isIndex) dtype = random.oneOf(["int64", "int32"]);
    if (isMask) dtype = "bool";
    const shape = this.tensors.length === 0 ? this.base : this.relatedShape();
    const made = laidOut(random, shape, (of) => this.filled(of, dtype, isIndex));
    if (made.isFloatingPoint() && random.chance(0.4) && !made.requiresGrad) made.requiresGrad_();
    this.tensors.push(made);
    return made;
  }

  private filled(shape: readonly number[], dtype: DType, isIndex: boolean): Tensor {
    const { random } = this;
    const count = sizeOf(shape);
    const values = isIndex
      ? Float64Array.from({ length: count }, () => (random.chance(0.002) ? -7 : random.below(3)))
      : floats(random, count);
    return tensor(values, { shape, dtype });
  }
}

/** A tensor of this shape in one of many memory layouts. */
export function laidOut(
  random: Random,
  shape: readonly number[],
  plain: (shape: readonly number[]) => Tensor,
): Tensor {
  const dims = shape.length;
  if (dims === 0) return random.chance(0.3) ? plain([5]).select(0, 3) : plain([]);
  const dim = random.below(dims);
  const changed = (size: number): number[] => shape.map((old, k) => (k === dim ? size : old));
  switch (random.below(8)) {
    case 0: // transposed
      return plain([...shape].reverse()).permute(shape.map((_, k) => dims - 1 - k));
    case 1: // expanded
      return plain(changed(1)).expand(shape);
    case 2: // a part, at an offset
      return plain(changed(shape[dim]! + 3)).narrow(dim, 2, shape[dim]!);
    case 3: // every second element
      return plain([...shape.slice(0, dim + 1), 2, ...shape.slice(dim + 1)]).select(dim + 1, 1);
    case 4: {
      // not a leaf
      const leaf = plain(shape);
      if (leaf.isFloatingPoint()) leaf.requiresGrad_();
      return leaf.mul(1);
    }
    default:
      return plain(shape);
  }
}

/** What a user may pass by mistake. */
export function nonsense(random: Random): unknown {
  const disposed = tensor([1, 2]);
  disposed.dispose();
  return random.oneOf<unknown>([
    null,
    undefined,
    "text",
    { nonsense: 1 },
    ["a"],
    [undefined, 1],
    [NaN],
    () => 0,
    Symbol("s"),
    ...odd,
    ...far,
    new Array<number>(40).fill(1),
    disposed,
    new Tensor(),
    Object.create(Tensor.prototype),
    tensor([1], { shape: new Array<number>(12).fill(1) }),
    tensor([2 ** 40, -1, 3], { dtype: "int64" }),
  ]);
}
