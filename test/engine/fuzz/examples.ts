// Arguments made from calls that work, the rows of the op table: sizes are changed everywhere alike, so that most calls stay valid,
// and then dtypes, layouts, values, or one argument altogether.

import { tensor, type DType, type Tensor } from "descent";
import { others } from "../../ops.table.js";
import { Input, type Argument } from "../op-inputs.js";
import { laidOut, nonsense } from "./arguments.js";
import { dtypes, far, floats, odd, sizeOf, sizes, type Random } from "./random.js";

/** The calls of an op's row; none for elementwise ops, whose description says enough. */
export function examplesOf(name: string): readonly (readonly Argument[])[] {
  const row = others[name];
  if (row === undefined || "through" in row) return [];
  if ("calls" in row) return row.calls;
  return "gives" in row ? row.gives.map(([args]) => args) : row.draws.map(([args]) => args);
}

export class ExampleMaker {
  readonly tensors: Tensor[] = [];
  private readonly random: Random;
  /** What each size of the example has become. */
  private readonly renamed = new Map<number, number>();
  private readonly dtype: DType;
  private readonly spoiled: number;
  private places = 0;

  constructor(random: Random) {
    this.random = random;
    this.dtype = random.chance(0.8)
      ? random.oneOf(["float32", "float64", "float16", "bfloat16"])
      : random.oneOf(dtypes);
    if (random.chance(0.7)) {
      for (let k = random.below(3) + 1; k > 0; k--)
        this.renamed.set(1 + random.below(6), random.oneOf(sizes));
    }
    this.spoiled = random.chance(0.4) ? random.below(8) : -1;
  }

  all(example: readonly Argument[]): unknown[] {
    const args = example.map((argument) => this.value(argument));
    if (this.random.chance(0.02)) args.pop();
    return args;
  }

  private value(argument: Argument): unknown {
    const { random } = this;
    const isSpoiled = this.places++ === this.spoiled;
    if (isSpoiled && random.chance(0.2)) return nonsense(random);
    if (argument instanceof Input) return this.tensor(argument, isSpoiled);
    if (Array.isArray(argument)) return (argument as Argument[]).map((item) => this.value(item));
    if (typeof argument === "object" && argument !== null)
      return Object.fromEntries(Object.entries(argument).map(([key, item]) => [key, this.value(item)]));
    if (typeof argument === "number") return this.number(argument, isSpoiled);
    if (typeof argument === "boolean") return isSpoiled ? !argument : argument;
    return argument;
  }

  private number(value: number, isSpoiled: boolean): unknown {
    const { random } = this;
    if (isSpoiled) {
      const kind = random.next();
      if (kind < 0.3) return value + random.below(5) - 2;
      return kind < 0.6 ? random.below(9) - 3 : random.oneOf<unknown>([...odd, ...far, 0.5, -1]);
    }
    return random.chance(0.7) ? (this.renamed.get(value) ?? value) : value;
  }

  private tensor(input: Input, isSpoiled: boolean): Tensor {
    const { random } = this;
    let shape = input.shape.map((size) => this.renamed.get(size) ?? size);
    if (isSpoiled && random.chance(0.6)) {
      shape = random.chance(0.5)
        ? shape.map((size) => (random.chance(0.4) ? random.oneOf(sizes) : size))
        : random.chance(0.5)
          ? shape.slice(1)
          : [random.below(3), ...shape];
    }
    if (sizeOf(shape) > 40_000) shape = [...input.shape];
    const isIndex = input.dtype !== "float";
    const dtype = isIndex
      ? isSpoiled && random.chance(0.3)
        ? random.oneOf(dtypes)
        : input.dtype
      : isSpoiled && random.chance(0.3)
        ? random.oneOf(dtypes)
        : this.dtype;
    const made = laidOut(random, shape, (of) => {
      const count = sizeOf(of);
      const values = isIndex
        ? Float64Array.from({ length: count }, (_, k) =>
            random.chance(0.002)
              ? random.below(100) - 50
              : input.values[k % Math.max(1, input.values.length)]!,
          )
        : floats(random, count);
      return tensor(values, { shape: of, dtype: dtype });
    });
    if (made.isFloatingPoint() && random.chance(0.5) && !made.requiresGrad) made.requiresGrad_();
    this.tensors.push(made);
    return made;
  }
}
