// The same bits whatever the number of threads, and the same numbers whatever instructions the processor has.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { autograd, manualSeed, nn, rand, randn, tensor, type Tensor } from "descent";
import { native } from "../../engine/native.js";
import { elementwise } from "../ops.table.js";
import { coreCall, listOf, publicCall, valuesOf, withParameters, opTable } from "./op-calls.js";
import { Input, spread } from "./op-inputs.js";

type Capability = Parameters<typeof native.setCpuCapability>[0];

const best = native.cpuCapability() as Capability;
const ladder: Capability[] = ["portable", "AVX2", "AVX-512"];
const available = ladder.slice(0, ladder.indexOf(best) + 1);
const threads = native.getNumThreads();

after(() => {
  native.setCpuCapability(best);
  native.setNumThreads(threads);
  console.log(`kernels compared: ${available.join(", ")}`);
});

/** Long enough to be split among threads, and no multiple of a vector. */
const long = 101_909; // 1009 × 101

const calls: Record<string, (x: Tensor) => Tensor | Tensor[]> = {
  "sum of all": (x) => x.sum(),
  "mean of all": (x) => x.mean(),
  "sum over rows": (x) => x.reshape([1009, -1]).sum(0),
  "sum over columns": (x) => x.reshape([1009, -1]).sum(1),
  prod: (x) => x.abs().add(0.5).narrow(0, 0, 3000).prod(),
  "amax over rows": (x) => x.reshape([1009, -1]).amax(0),
  argmax: (x) => x.reshape([1009, -1]).argmax(1),
  var: (x) => x.reshape([1009, -1]).var(0),
  logsumexp: (x) => x.reshape([1009, -1]).logsumexp(1),
  softmax: (x) => x.reshape([1009, -1]).softmax(1),
  "logSoftmax over rows": (x) => x.reshape([1009, -1]).logSoftmax(0),
  matmul: (x) =>
    x
      .narrow(0, 0, 90_000)
      .reshape([300, 300])
      .matmul(x.narrow(0, 9, 90_000).reshape([300, 300])),
  "matmul of views": (x) =>
    x
      .narrow(0, 0, 90_000)
      .reshape([250, 360])
      .t()
      .matmul(x.narrow(0, 9, 90_000).reshape([250, 360])),
  "batched matmul": (x) =>
    x
      .narrow(0, 0, 96_000)
      .reshape([30, 80, 40])
      .matmul(x.narrow(0, 0, 1600).reshape([40, 40])),
  "copy of a transposed": (x) => x.reshape([1009, -1]).t().contiguous(),
  cat: (x) => x.reshape([1009, -1]).narrow(1, 1, 60).add(1).contiguous(),
  indexSelect: (x) =>
    x.indexSelect(0, tensor(Int32Array.from({ length: 70_000 }, (_, k) => (k * 37) % long))),
  "cross entropy": (x) =>
    nn.functional.crossEntropy(x.narrow(0, 0, 100_000).reshape([10_000, 10]), labels(10_000, 10)),
  convolution: (x) => convolved(x, [8, 12, 24, 24], [20, 12, 3, 3], { padding: 1 }),
  "convolution of one image": (x) => convolved(x, [1, 16, 40, 50], [24, 16, 3, 3], { padding: 1 }),
  "convolution of small images": (x) => convolved(x, [24, 24, 7, 7], [40, 24, 3, 3], { padding: 1 }),
  "convolution with steps and groups": (x) =>
    convolved(x, [6, 16, 30, 30], [32, 8, 3, 3], { stride: 2, padding: 1, groups: 2 }),
  "pointwise convolution": (x) => convolved(x, [8, 32, 14, 14], [48, 32, 1, 1], {}),
  "depthwise convolution": (x) => convolved(x, [4, 24, 30, 30], [24, 1, 3, 3], { padding: 1, groups: 24 }),
  "transposed convolution": (x) =>
    nn.functional.convTranspose2d(
      x.narrow(0, 0, 36_864).reshape([8, 32, 12, 12]),
      weightOf(x, [32, 20, 3, 3]),
      null,
      {
        stride: 2,
        padding: 1,
      },
    ),
  "max pool": (x) =>
    nn.functional.maxPool2d(x.narrow(0, 0, 100_000).reshape([4, 10, 50, 50]), 3, { stride: 2 }),
  "average pool": (x) => nn.functional.avgPool2d(x.narrow(0, 0, 100_000).reshape([4, 10, 50, 50]), 3),
  interpolate: (x) =>
    nn.functional.interpolate(x.narrow(0, 0, 40_000).reshape([4, 10, 25, 40]), {
      scaleFactor: 2,
      mode: "bicubic",
    }),
  "batch norm": (x) =>
    nn.functional.batchNorm(x.narrow(0, 0, 100_000).reshape([5000, 20]), null, null, { training: true }),
};

function convolved(x: Tensor, images: number[], weight: number[], options: object): Tensor {
  const count = images.reduce((product, size) => product * size, 1);
  return nn.functional.conv2d(x.narrow(0, 0, count).reshape(images), weightOf(x, weight), null, options);
}

function weightOf(x: Tensor, shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return x.narrow(0, 7, count).reshape(shape).mul(0.1);
}

function labels(count: number, classes: number): Tensor {
  return tensor(Int32Array.from({ length: count }, (_, k) => (k * 7) % classes));
}

/** The outputs of a call and, where it has them, the gradients of its input. */
function outcome(call: (x: Tensor) => Tensor | Tensor[], precision: "float32" | "float64"): Tensor[] {
  const x = tensor(Float64Array.from(spread(long, -2, 2, 3)), { dtype: precision }).requiresGrad_();
  const outputs = listOf(call(x));
  const tracked = outputs.filter((output) => output.requiresGrad);
  if (tracked.length === 0) return outputs;
  return [...outputs, ...autograd.grad(tracked, x, { gradOutputs: tracked.map(weights) })];
}

function weights(output: Tensor): Tensor {
  return tensor(Float64Array.from(spread(output.numel(), -1, 1, 5)), {
    shape: output.shape,
    dtype: output.dtype,
  });
}

for (const [name, call] of Object.entries(calls)) {
  it(`${name}: same bits on 1, 2 and 3 threads, same numbers on ${available.join(", ")}`, () => {
    for (const precision of ["float32", "float64"] as const)
      compareAll(() => outcome(call, precision), precision);
  });
}

describe("elementwise ops", () => {
  for (const [name, row] of Object.entries(elementwise)) {
    it(`${name}: same bits on 1, 2 and 3 threads, same numbers on ${available.join(", ")}`, () => {
      const op = opTable.find((described) => described.name === name);
      const call = publicCall(name) ?? coreCall(name);
      const domain = row.domain ?? [-2, 2];
      const inputs = Array.from({ length: operandsOf(name) }, (_, i) => {
        const [low, high] = (typeof domain[0] === "number" ? domain : domain[i]!) as [number, number];
        if (name === "where" && i === 0)
          return new Input(
            [long],
            Array.from({ length: long }, (_unused, k) => k % 2),
            "bool",
          );
        return new Input([long], spread(long, low, high, i + 1), "float");
      });
      for (const precision of ["float32", "float64"] as const) {
        const made = inputs.map((input) => input.make(precision));
        compareAll(() => listOf(call(...withParameters(op, made, row.parameters ?? []))), precision);
      }
    });
  }
});

function operandsOf(name: string): number {
  const op = opTable.find((described) => described.name === name);
  if (op !== undefined)
    return op.arguments.filter(({ kind }) => kind === "tensor" || kind === "operand").length;
  const { value, parameters } = elementwise[name]!;
  return value.length - (parameters?.length ?? 0);
}

it("random numbers do not depend on the threads", () => {
  const draw = (): Tensor[] => {
    manualSeed(7);
    return [rand([long]), randn([long]), nn.functional.dropout(rand([long]), 0.3)];
  };
  compareAll(draw, "float32");
});

function compareAll(run: () => Tensor[], precision: "float32" | "float64"): void {
  native.setNumThreads(1);
  native.setCpuCapability("portable");
  const reference = run().map(valuesOf);
  for (const capability of available) {
    native.setCpuCapability(capability);
    const byThreads = [1, 2, 3].map((count) => {
      native.setNumThreads(count);
      return run().map((output) => output.data());
    });
    for (const other of byThreads.slice(1)) sameBits(byThreads[0]!, other, `${capability}, ${precision}`);
    byThreads[0]!.forEach((values, i) => {
      const tolerance = precision === "float32" ? 2e-4 : 1e-10;
      const wanted = reference[i]!;
      for (let k = 0; k < values.length; k++) {
        const got = Number(values[k]!);
        if (
          Object.is(got, wanted[k]) ||
          Math.abs(got - wanted[k]!) <= tolerance * Math.max(1, Math.abs(wanted[k]!))
        )
          continue;
        assert.fail(
          `${capability}, ${precision}: output ${i}[${k}] is ${got}, the portable kernel gives ${wanted[k]!}`,
        );
      }
    });
  }
}

/** Says the first difference: assert.deepEqual would draw up all of them, and take minutes and gigabytes. */
function sameBits(one: ReturnType<Tensor["data"]>[], other: typeof one, where: string): void {
  one.forEach((values, i) => {
    const bytes = (array: (typeof one)[number]): Buffer =>
      Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    if (bytes(values).equals(bytes(other[i]!))) return;
    const k = values.findIndex((value: number | bigint, at: number) => !Object.is(value, other[i]![at]));
    assert.fail(
      `${where}: output ${i}[${k}] is ${values[k]!} on one number of threads and ${other[i]![k]!} on another`,
    );
  });
}
