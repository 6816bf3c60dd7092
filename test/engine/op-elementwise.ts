// One elementwise op under test, and the checks that hold for all of them.

import assert from "node:assert/strict";
import { DescentError, tensor, type DType, type Tensor } from "descent";
import type { ElementwiseRow, Interval } from "../ops.table.js";
import {
  coreCall,
  inPlace,
  listOf,
  opTable,
  publicCall,
  valuesOf,
  withParameters,
  type Call,
} from "./op-calls.js";
import { checkGradients } from "./op-gradients.js";
import { Input, spread } from "./op-inputs.js";

/** What a row of native/ops/elementwise.def says. */
export interface DefinedRow {
  name: string;
  inputs: number;
  rule: "FLOATING" | "FLOATONLY" | "NUMERIC" | "SIGNED" | "DIVIDE" | "COMPARE" | "SELECT";
  /** Of the parameters. */
  defaults: number[];
  /** Some input has a gradient. */
  isDifferentiable: boolean;
  /** Also a method, and in place unless it gives bool. */
  isMethod: boolean;
}

type Precision = "float64" | "float32";

/** Allowed difference, relative to the larger of 1 and the value. */
const allowed = { float64: 1e-13, float32: 3e-6 };
const special = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, 1e-20, 60, -60];

export class ElementwiseOp {
  readonly defined: DefinedRow;
  readonly row: ElementwiseRow;
  readonly call: Call;
  readonly isPublic: boolean;

  constructor(defined: DefinedRow, row: ElementwiseRow) {
    this.defined = defined;
    this.row = row;
    const found = publicCall(defined.name);
    this.isPublic = found !== null;
    this.call = found ?? coreCall(defined.name);
  }

  checkValues(): void {
    const shape = [41];
    for (const precision of ["float64", "float32"] as const) {
      const inputs = this.inputs(shape);
      this.compare(
        "values",
        this.run(inputs.map((input) => input.make(precision))),
        shape,
        inputs.map((input) => input.values),
        precision,
      );
      this.checkSpecialValues(precision);
    }
  }

  /** NaN, infinities, signed zeros and far values, each beside each. */
  private checkSpecialValues(precision: Precision): void {
    const count = this.defined.inputs;
    const combinations = Array.from({ length: special.length ** count }, (_, k) =>
      Array.from(
        { length: count },
        (_unused, i) => special[Math.floor(k / special.length ** i) % special.length]!,
      ),
    );
    const columns = Array.from({ length: count }, (_, i) => combinations.map((values) => values[i]!));
    const made = columns.map((values, i) =>
      tensor(Float64Array.from(values), { dtype: this.isCondition(i) ? "bool" : precision }),
    );
    this.compare("special values", this.run(made), [combinations.length], columns, precision);
  }

  checkLayouts(): void {
    const { inputs } = this.defined;
    const layouts: ((x: Tensor) => Tensor)[] = [
      (x) => x.reshape([4, 3]).transpose(0, 1),
      (x) => x.reshape([3, 2, 2]).select(2, 1),
      (x) => x.reshape([3, 4]).narrow(1, 1, 2),
      (x) => x.reshape([12, 1]).expand([12, 5]),
      (x) => x.narrow(0, 0, 1).reshape([]),
      (x) => x.narrow(0, 3, 0).reshape([0, 2]),
    ];
    for (const layout of layouts) {
      const made = this.inputs([12]).map((input) => layout(input.make("float64")));
      this.compare("layout", this.run(made), made[0]!.shape, made.map(valuesOf), "float64");
      const [first, ...others] = made;
      const mixed = [first!, ...others.map((x) => x.contiguous())];
      this.compare("mixed layouts", this.run(mixed), first!.shape, made.map(valuesOf), "float64");
    }
    if (inputs === 1) return;
    for (const shapes of [
      [[2, 3], [3], [2, 1]],
      [
        [2, 1],
        [1, 3],
        [2, 3],
      ],
      [[], [2, 3], [1]],
      [[4, 1, 2], [3, 1], [2]],
      [[0, 3], [1], [3]],
    ]) {
      this.checkBroadcast(shapes.slice(0, inputs));
    }
    const clash = this.inputs([2, 3]).map((input, k) =>
      (k === 0 ? input : this.inputs([2, 4])[k]!).make("float64"),
    );
    assert.throws(
      () => this.run(clash),
      (error) => error instanceof DescentError && error.code === "shape",
    );
  }

  private checkBroadcast(shapes: number[][]): void {
    const made = shapes.map((shape, k) => this.inputs(shape)[k]!.make("float64"));
    const dims = Math.max(...shapes.map((shape) => shape.length));
    const shape = Array.from({ length: dims }, (_, d) => {
      const sizes = shapes.map((sizesOf) => sizesOf.at(d - dims) ?? 1);
      return sizes.find((size) => size !== 1) ?? 1;
    });
    this.compare(
      `broadcast to [${shape.join(", ")}]`,
      this.run(made),
      shape,
      made.map((x) => valuesOf(x.broadcastTo(shape))),
      "float64",
    );
  }

  checkDTypes(): void {
    const { rule, inputs, name } = this.defined;
    const kinds: DType[] = ["bool", "uint8", "int32", "int64", "float32", "float64"];
    for (const kind of kinds) {
      const values = Array.from({ length: inputs }, (_, i) =>
        kind === "bool" ? [1, 1, 0] : [1, 2, 3].map((x) => x + i),
      );
      if (name === "hardtanhCore" && kind === "uint8") continue; // its bounds are negative
      if (rule === "DIVIDE" && kind === "bool") values.fill([1, 1, 1], 1);
      const made = values.map((list, i) => tensor(list, { dtype: this.isCondition(i) ? "bool" : kind }));
      const isFloat = kind.startsWith("float");
      const isRefused =
        rule === "FLOATONLY" ? !isFloat : kind === "bool" && ["SIGNED", "DIVIDE"].includes(rule);
      if (isRefused) {
        assert.throws(
          () => this.run(made),
          (error) => error instanceof DescentError && error.code === "dtype",
          `${name} of ${kind}`,
        );
        continue;
      }
      const expected =
        rule === "COMPARE"
          ? "bool"
          : rule === "FLOATING" && !isFloat
            ? "float32"
            : name === "square" && kind === "bool"
              ? "int64"
              : kind;
      const result = this.run(made);
      assert.equal(result.dtype, expected, `${name} of ${kind}`);
      if (kind === "bool" && rule === "NUMERIC") continue; // arithmetic of bool is PyTorch's, in the fixtures
      const fitted = values.map((list, i) =>
        this.isCondition(i) ? list.map((x) => (x === 0 ? 0 : 1)) : list,
      );
      this.compare(`${kind} values`, result, [3], fitted, expected === "float64" ? "float64" : "float32");
    }
  }

  checkParameters(): void {
    const parameters = this.row.parameters;
    assert.ok(
      parameters?.length === this.defined.defaults.length,
      `test/ops.table.ts gives ${this.defined.name} other parameters`,
    );
    const inputs = this.inputs([30]);
    const result = this.run(
      inputs.map((input) => input.make("float64")),
      parameters,
    );
    this.compare(
      "with parameters",
      result,
      [30],
      inputs.map((input) => input.values),
      "float64",
      parameters,
    );
    checkGradients((...made) => this.run(made as Tensor[], parameters), this.inputs([5]));
  }

  checkMethods(): void {
    const made = this.inputs([2, 3]).map((input) => input.make("float64"));
    const expected = this.run(made);
    const methods = made[0] as unknown as Record<string, Call>;
    const [self, ...args] = made as [Tensor, ...Tensor[]];
    assert.deepEqual(
      valuesOf(Reflect.apply(methods[this.defined.name]!, self, args) as Tensor),
      valuesOf(expected),
      "as a method",
    );
    const method = `${this.defined.name}_`;
    if (this.defined.rule === "COMPARE" || this.defined.rule === "SELECT" || !(method in self)) return;
    const changed = inPlace(method, self.clone(), args);
    assert.deepEqual(valuesOf(changed), valuesOf(expected), "in place");
    assert.deepEqual(valuesOf(self), this.inputs([2, 3])[0]!.values, "the original of the copy is as it was");
  }

  checkGradients(): void {
    checkGradients((...made) => this.run(made as Tensor[]), this.inputs([7]));
    if (this.defined.inputs === 1) return;
    const shapes = [[2, 1], [3], [1]];
    checkGradients(
      (...made) => this.run(made as Tensor[]),
      shapes.slice(0, this.defined.inputs).map((shape, k) => this.inputs(shape)[k]!),
    );
  }

  /** One input for each argument, with values of its domain. */
  inputs(shape: number[]): Input[] {
    const count = shape.reduce((product, size) => product * size, 1);
    return Array.from({ length: this.defined.inputs }, (_, i) => {
      if (this.isCondition(i))
        return new Input(
          shape,
          Array.from({ length: count }, (_unused, k) => (k % 3 === 0 ? 1 : 0)),
          "bool",
        );
      const [low, high] = this.domain(i);
      return new Input(shape, spread(count, low, high, i + 1).map(Math.fround), "float");
    });
  }

  private domain(i: number): Interval {
    const { domain } = this.row;
    if (domain === undefined) return [-2, 2];
    return (typeof domain[0] === "number" ? domain : domain[i]!) as Interval;
  }

  private isCondition(i: number): boolean {
    return this.defined.rule === "SELECT" && i === 0;
  }

  private run(inputs: Tensor[], parameters: readonly number[] = []): Tensor {
    const op = opTable.find((described) => described.name === this.defined.name);
    const given = this.isPublic ? parameters : parameters.length > 0 ? parameters : this.defined.defaults;
    return listOf(this.call(...withParameters(op, inputs, given)))[0]!;
  }

  private compare(
    what: string,
    result: Tensor,
    shape: number[],
    inputs: readonly (readonly number[])[],
    precision: Precision,
    parameters: readonly number[] = this.defined.defaults,
  ): void {
    assert.deepEqual(result.shape, shape, `${what}: shape`);
    const round = precision === "float32" ? Math.fround : (x: number) => x;
    const wrap = result.dtype === "uint8" ? (x: number) => x & 255 : round;
    valuesOf(result).forEach((got, k) => {
      const element = inputs.map((values) => round(values[k]!));
      const wanted = wrap(Number(this.row.value(...element, ...parameters)));
      const isEqual = Object.is(got, wanted) || got === wanted;
      if (isEqual || Math.abs(got - wanted) <= allowed[precision] * Math.max(1, Math.abs(wanted))) return;
      const call = `${this.defined.name}(${[...element, ...parameters].join(", ")})`;
      assert.fail(`${what}, ${precision}: ${call} is ${got}, it should be ${wanted}`);
    });
  }
}
