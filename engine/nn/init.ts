// Initial values, in place: PyTorch's nn.init. Formulas: Glorot & Bengio (2010), He et al. (2015), PyTorch's documentation.

import { checkChoice, checkNumber, fail, readOptions } from "../errors.js";
import { noGrad } from "../grad-mode.js";
import { full, rand, randn } from "../generated/ops.js";
import { requireTensor, type Tensor } from "../tensor.js";

type Nonlinearity = "linear" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";
const nonlinearities: readonly Nonlinearity[] = ["linear", "sigmoid", "tanh", "relu", "leakyRelu", "selu"];

/** Even between `a` and `b`. */
export function uniform_(x: Tensor, a = 0, b = 1): Tensor {
  checkNumber("uniform_", "a", a);
  checkNumber("uniform_", "b", b, { min: a });
  return fill("uniform_", x, () =>
    random(rand, x)
      .mul(b - a)
      .add(a),
  );
}

export function normal_(x: Tensor, mean = 0, std = 1): Tensor {
  checkNumber("normal_", "mean", mean);
  checkNumber("normal_", "std", std, { min: 0 });
  return fill("normal_", x, () => random(randn, x).mul(std).add(mean));
}

export function constant_(x: Tensor, value: number): Tensor {
  checkNumber("constant_", "value", value);
  return fill("constant_", x, () => full([], value, { dtype: x.dtype, device: x.device }));
}

export function zeros_(x: Tensor): Tensor {
  return constant_(x, 0);
}

export function ones_(x: Tensor): Tensor {
  return constant_(x, 1);
}

/** Bound = gain × √(6 / (fanIn + fanOut)). */
export function xavierUniform_(x: Tensor, options?: { gain?: number }): Tensor {
  const gain = readGain("xavierUniform_", options);
  const { fanIn, fanOut } = fans("xavierUniform_", x);
  const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
  return uniform_(x, -bound, bound);
}

/** Std = gain × √(2 / (fanIn + fanOut)). */
export function xavierNormal_(x: Tensor, options?: { gain?: number }): Tensor {
  const gain = readGain("xavierNormal_", options);
  const { fanIn, fanOut } = fans("xavierNormal_", x);
  return normal_(x, 0, gain * Math.sqrt(2 / (fanIn + fanOut)));
}

export interface KaimingOptions {
  /** Slope of the leaky ReLU that follows. */
  a?: number;
  /** "fanIn" keeps the variance of the forward pass, "fanOut" that of the backward pass. */
  mode?: "fanIn" | "fanOut";
  nonlinearity?: Nonlinearity;
}

/** Bound = gain × √(3 / fan). */
export function kaimingUniform_(x: Tensor, options?: KaimingOptions): Tensor {
  const bound = Math.sqrt(3) * kaimingStd("kaimingUniform_", x, options);
  return uniform_(x, -bound, bound);
}

/** Std = gain / √fan. */
export function kaimingNormal_(x: Tensor, options?: KaimingOptions): Tensor {
  return normal_(x, 0, kaimingStd("kaimingNormal_", x, options));
}

function kaimingStd(op: string, x: Tensor, options: KaimingOptions | undefined): number {
  const defaults: Required<KaimingOptions> = { a: 0, mode: "fanIn", nonlinearity: "leakyRelu" };
  const { a, mode, nonlinearity } = readOptions(op, options, defaults);
  checkChoice(op, "mode", mode, ["fanIn", "fanOut"]);
  const fan = fans(op, x)[mode];
  return calculateGain(nonlinearity, a) / Math.sqrt(Math.max(1, fan));
}

/** How much a nonlinearity shrinks the spread of what passes it, made good. */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  checkChoice("calculateGain", "nonlinearity", nonlinearity, nonlinearities);
  checkNumber("calculateGain", "slope", slope);
  switch (nonlinearity) {
    case "linear":
    case "sigmoid":
      return 1;
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope * slope));
    case "selu":
      return 3 / 4;
  }
}

/** Inputs and outputs of one unit: of a weight [out, in, ...kernel]. */
function fans(op: string, x: Tensor): { fanIn: number; fanOut: number } {
  requireTensor(op, "the tensor", x);
  if (x.shape.length < 2) {
    fail(op, `fans need at least 2 dims, the tensor is [${x.shape.join(", ")}]`, {}, "shape");
  }
  const kernel = x.shape.slice(2).reduce((product, size) => product * size, 1);
  return { fanIn: x.shape[1]! * kernel, fanOut: x.shape[0]! * kernel };
}

function readGain(op: string, options: { gain?: number } | undefined): number {
  return checkNumber(op, "gain", readOptions(op, options, { gain: 1 }).gain);
}

function random(make: typeof rand, x: Tensor): Tensor {
  return make(x.shape, { dtype: x.dtype, device: x.device });
}

function fill(op: string, x: Tensor, values: () => Tensor): Tensor {
  requireTensor(op, "the tensor", x);
  if (!x.isFloatingPoint())
    fail(op, `the tensor must be floating, it is ${x.dtype}`, { dtype: x.dtype }, "dtype");
  return noGrad(() => x.copy_(values()));
}
