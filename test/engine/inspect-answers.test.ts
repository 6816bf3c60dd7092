// Tensors of a process that stands at a breakpoint, asked about over its run's socket: every dtype and layout, on every device.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SliceAnswer, SliceAsk } from "../../engine/inspection.js";
import { gpus } from "./gpus.js";
import { askTensorsOf, startAndStop } from "./stoppedProcess.js";

const dtypes = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint8",
  "bool",
] as const;
type DType = (typeof dtypes)[number];

/** Exact in every dtype that has fractions. */
const valueAt = (k: number, dtype: DType): number => {
  const walk = (k * 37) % 101;
  if (dtype === "bool") return walk % 3 === 0 ? 1 : 0;
  if (dtype === "uint8") return walk;
  return dtype.startsWith("int") ? walk - 50 : (walk - 50) / 8;
};

interface Layout {
  name: string;
  base: number[];
  /** From the contiguous tensor `x`. */
  view: string;
  shape: number[];
  /** The place in the base of an index of the view. */
  place: (index: number[]) => number;
}

const rowMajor =
  (sizes: number[]) =>
  (index: number[]): number =>
    index.reduce((place, at, dim) => place * sizes[dim]! + at, 0);

const eight = [2, 1, 3, 2, 1, 2, 5, 4];
const layouts: Layout[] = [
  { name: "contiguous", base: [7, 11], view: "x", shape: [7, 11], place: rowMajor([7, 11]) },
  {
    name: "transposed",
    base: [7, 11],
    view: "x.t()",
    shape: [11, 7],
    place: ([i, j]) => j! * 11 + i!,
  },
  {
    name: "every other, from the middle",
    base: [9, 20],
    view: "x.at(slice(3, 8), slice(1, null, 3))",
    shape: [5, 7],
    place: ([i, j]) => (i! + 3) * 20 + 1 + 3 * j!,
  },
  { name: "expanded", base: [6], view: "x.expand(4, 6)", shape: [4, 6], place: ([, j]) => j! },
  { name: "vector", base: [30], view: "x", shape: [30], place: ([i]) => i! },
  { name: "0-d", base: [], view: "x", shape: [], place: () => 0 },
  { name: "8-d", base: eight, view: "x", shape: eight, place: rowMajor(eight) },
  {
    name: "8-d permuted",
    base: eight,
    view: "x.permute(7, 6, 5, 4, 3, 2, 1, 0)",
    shape: [...eight].reverse(),
    place: (index) => rowMajor(eight)([...index].reverse()),
  },
  { name: "zero-size", base: [3, 0, 4], view: "x", shape: [3, 0, 4], place: () => 0 },
];

const script = `
  import { memory, slice, tensor, zeros, ones, randn, nn, type Tensor } from "descent";
  const device = process.env.TEST_DEVICE!;
  const valueAt = ${valueAt.toString()};
  const layouts = ${JSON.stringify(layouts.map(({ name, base, view }) => ({ name, base, view })))};
  const all: Record<string, Tensor> = {};
  for (const dtype of ${JSON.stringify(dtypes)}) {
    for (const { name, base, view } of layouts) {
      const count = base.reduce((product: number, size: number) => product * size, 1);
      const values = Float64Array.from({ length: count }, (_, k) => valueAt(k, dtype));
      const x = tensor(values, { shape: base, dtype, device });
      all[dtype + " " + name] = new Function("x", "slice", "return " + view)(x, slice);
    }
  }
  const strange = tensor([1, NaN, -2, Infinity, 3, -Infinity, 0, NaN, 5, 6, -7, 0], { shape: [3, 4], device });
  const wide = tensor(new BigInt64Array([2n ** 62n + 1n, -(2n ** 53n) - 1n, 3n]), { device });
  const model = new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2)).to(device);
  model.parameters();
  const made = model.forward(ones([5, 4], { device }));
  const loss = made.square().sum();
  loss.backward({ retainGraph: true });
  const weight = model.parameters()[0]!;
  const long = zeros([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], { device });
  long.label = "x".repeat(2000);
  const gone = zeros([2]);
  gone.dispose();
  const bridge = (globalThis as any)[Symbol.for("descent.debug")];
  // Without what only the collector decides.
  const stats = () => JSON.stringify([device, "cpu"].map((name) =>
    Object.entries(memory.stats(name)).filter(([key]) => /^(allocat|segment|reserved|requested).*(allocated|peak)$/.test(key))));
  debugger;
  strange.fill_(9);
  debugger;
`;

type Rectangle = Omit<SliceAsk, "kind" | "part">;
const whole = (shape: number[], rowDim: number | null, columnDim: number | null): Rectangle => ({
  index: shape.map(() => 0),
  rowDim,
  columnDim,
  row: 0,
  column: 0,
  rows: rowDim === null ? 1 : shape[rowDim]!,
  columns: columnDim === null ? 1 : shape[columnDim]!,
  mostRows: 1000,
  mostColumns: 1000,
  by: "first",
});

const numbersOf = (answer: SliceAnswer): number[] =>
  answer.number === "int64"
    ? Array.from(new BigInt64Array(answer.values), Number)
    : Array.from(new Float64Array(answer.values));

/** What the contract of engine/inspection.ts says, in plain numbers; `at` gives an element. */
function expectedSlice(
  shape: number[],
  ask: Rectangle,
  at: (index: number[]) => number,
): { rows: number; columns: number; values: number[]; flags: number[] } {
  const sizeOf = (dim: number | null): number => (dim === null ? 1 : shape[dim]!);
  const height = Math.max(0, Math.min(ask.rows, sizeOf(ask.rowDim) - ask.row));
  const width = Math.max(0, Math.min(ask.columns, sizeOf(ask.columnDim) - ask.column));
  const cellRows = Math.ceil(ask.rows / ask.mostRows);
  const cellColumns = Math.ceil(ask.columns / ask.mostColumns);
  if (shape.includes(0) || height === 0 || width === 0) return { rows: 0, columns: 0, values: [], flags: [] };
  const rows = Math.ceil(height / cellRows);
  const columns = Math.ceil(width / cellColumns);
  const values: number[] = [];
  const flags: number[] = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const cell: number[] = [];
      for (let i = r * cellRows; i < Math.min(height, (r + 1) * cellRows); i++) {
        for (let j = c * cellColumns; j < Math.min(width, (c + 1) * cellColumns); j++) {
          const index = [...ask.index];
          if (ask.rowDim !== null) index[ask.rowDim] = ask.row + i;
          if (ask.columnDim !== null) index[ask.columnDim] = ask.column + j;
          cell.push(at(index));
        }
      }
      const looked = ask.by === "first" ? cell.slice(0, 1) : cell;
      const finite = looked.filter(Number.isFinite);
      const bits =
        (looked.some(Number.isNaN) ? 1 : 0) |
        (looked.includes(Infinity) ? 2 : 0) |
        (looked.includes(-Infinity) ? 4 : 0);
      flags.push(bits);
      if (ask.by === "first") values.push(cell[0]!);
      else if (finite.length === 0) values.push(bits & 1 ? NaN : bits & 2 ? Infinity : -Infinity);
      else if (ask.by === "mean") values.push(finite.reduce((a, b) => a + b) / finite.length);
      else if (ask.by === "absmax") values.push(Math.max(...finite.map(Math.abs)));
      else values.push(ask.by === "min" ? Math.min(...finite) : Math.max(...finite));
    }
  }
  return { rows, columns, values, flags };
}

function assertSlice(answer: SliceAnswer, expected: ReturnType<typeof expectedSlice>, name: string): void {
  assert.deepEqual([answer.rows, answer.columns], [expected.rows, expected.columns], name);
  const numbers = numbersOf(answer);
  assert.equal(numbers.length, expected.values.length, name);
  numbers.forEach((value, k) => {
    const wanted = expected.values[k]!;
    const isClose =
      Object.is(value, wanted) || Math.abs(value - wanted) <= 1e-6 * Math.max(1, Math.abs(wanted));
    assert.ok(isClose, `${name}: cell ${k} is ${value}, not ${wanted}`);
  });
  assert.deepEqual(Array.from(new Uint8Array(answer.flags)), expected.flags, name);
  const finite = numbers.filter(Number.isFinite);
  assert.equal(answer.min, finite.length === 0 ? null : Math.min(...finite), name);
  assert.equal(answer.max, finite.length === 0 ? null : Math.max(...finite), name);
}

for (const device of ["cpu", ...gpus]) {
  describe(`at a breakpoint, on ${device}`, async () => {
    const stopped = await startAndStop({ "train.ts": script }, "train.ts", { TEST_DEVICE: device });
    const { connection, pin, ask } = await askTensorsOf(stopped);
    const before = await stopped.evaluate<string>("stats()");

    test("slices of every dtype and layout, one element to a cell and several", async () => {
      for (const dtype of dtypes) {
        for (const { name, shape, place } of layouts) {
          const { pin: number, facts } = await pin(`all["${dtype} ${name}"]`);
          assert.deepEqual([facts.shape, facts.dtype, facts.device], [shape, dtype, device]);
          const at = (index: number[]): number => valueAt(place(index), dtype);
          const dims = shape.length;
          const asks: Rectangle[] = [
            whole(shape, dims > 1 ? dims - 2 : null, dims > 0 ? dims - 1 : null),
            whole(shape, null, null),
          ];
          if (dims > 1) {
            asks.push({ ...whole(shape, 0, 1), index: shape.map((size) => Math.max(0, size - 1)) });
            asks.push({ ...whole(shape, 1, null), rows: 1000 });
            for (const by of ["first", "mean", "min", "max", "absmax"] as const) {
              const limits = { mostRows: 3, mostColumns: 4, by };
              asks.push({ ...whole(shape, dims - 1, 0), ...limits });
              asks.push({ ...whole(shape, 0, dims - 1), ...limits, row: 1, column: 1, rows: 20, columns: 9 });
            }
          }
          for (const rectangle of asks) {
            const answer = await ask(number, { kind: "slice", part: "value", ...rectangle });
            const what = `${dtype} ${name} ${JSON.stringify(rectangle)}`;
            assertSlice(answer, expectedSlice(shape, rectangle, at), what);
            assert.equal(answer.sampled && rectangle.by !== "first", false, what);
          }
          await stopped.evaluate(`bridge.release(${number})`);
        }
      }
    });

    test("NaN and infinities, wide integers", async () => {
      const { pin: number } = await pin("strange");
      const values = [1, NaN, -2, Infinity, 3, -Infinity, 0, NaN, 5, 6, -7, 0];
      const at = ([i, j]: number[]): number => values[i! * 4 + j!]!;
      for (const by of ["first", "mean", "min", "max", "absmax"] as const) {
        for (const [mostRows, mostColumns] of [
          [3, 4],
          [2, 2],
          [3, 1],
          [1, 1],
        ] as const) {
          const rectangle = { ...whole([3, 4], 0, 1), mostRows, mostColumns, by };
          const answer = await ask(number, { kind: "slice", part: "value", ...rectangle });
          assertSlice(answer, expectedSlice([3, 4], rectangle, at), `${by} ${mostRows} ${mostColumns}`);
        }
      }
      const { pin: wide } = await pin("wide");
      const answer = await ask(wide, { kind: "slice", part: "value", ...whole([3], null, 0) });
      assert.equal(answer.number, "int64");
      assert.deepEqual([...new BigInt64Array(answer.values)], [2n ** 62n + 1n, -(2n ** 53n) - 1n, 3n]);
    });

    test("the graph, with parameters by their names and lines", async () => {
      const { pin: number, facts } = await pin("loss");
      assert.equal(facts.gradFn, "SumBackward0");
      const { nodes, truncated } = await ask(number, { kind: "graph", most: 100 });
      assert.equal(truncated, false);
      assert.deepEqual(
        nodes.slice(0, 3).map(({ name, shape }) => [name, shape]),
        [
          ["SumBackward0", []],
          ["PowBackward0", [5, 2]],
          ["AddmmBackward0", [5, 2]],
        ],
      );
      const leaves = nodes.filter(({ name }) => name === "AccumulateGrad");
      assert.deepEqual(leaves.map(({ label }) => label).sort(), ["0.bias", "0.weight", "2.bias", "2.weight"]);
      assert.deepEqual(leaves.find(({ label }) => label === "0.weight")!.shape, [3, 4]);
      assert.match(nodes[0]!.madeAt!.file, /train\.ts$/);
      const few = await ask(number, { kind: "graph", most: 2 });
      assert.deepEqual([few.nodes.length, few.truncated, few.nodes[1]!.next], [2, true, []]);
      const { pin: leaf } = await pin("strange");
      assert.deepEqual(await ask(leaf, { kind: "graph", most: 5 }), {
        kind: "graph",
        nodes: [],
        truncated: false,
      });
    });

    test("looking changes no figure of memory", async () => {
      assert.equal(await stopped.evaluate<string>("stats()"), before);
      connection.close();
    });
  });
}
