// Initial values, in place: PyTorch's nn.init. Formulas: Glorot & Bengio (2010), He et al. (2015), Saxe et al. (2014), PyTorch's
// documentation. What PyTorch lets you leave out may be given in its order or as one options object.

import { tensor } from "../create.js";
import { checkChoice, checkNumber, fail, readOptions } from "../errors.js";
import { type Generator } from "../generator.js";
import { empty, eye, randperm, where } from "../generated/ops.js";
import { noGrad } from "../grad-mode.js";
import { requireTensor, type Tensor } from "../tensor.js";
import { orthonormalRows } from "./orthogonal.js";

/** What every initialisation that draws takes. */
export interface DrawOptions {
  /** Draws from it instead of from the seed of the process. */
  generator?: Generator | null;
}

/** Options from arguments in their order, from an object in the first one's place, or from both. */
function settle<Options extends object>(
  op: string,
  defaults: Options,
  positional: Record<string, unknown>,
  options: unknown,
): Options {
  const [name, first] = Object.entries(positional)[0]!;
  const isObject = typeof first === "object" && first !== null;
  const given = readOptions(op, isObject ? first : options, defaults) as Record<string, unknown>;
  for (const [key, value] of Object.entries(positional)) {
    if (value !== undefined && !(isObject && key === name)) given[key] = value;
  }
  return given as Options;
}

export interface UniformOptions extends DrawOptions {
  a?: number;
  b?: number;
}

/** Even between `a` and `b`, 0 and 1 unless given. */
export function uniform_(x: Tensor, a?: number | UniformOptions, b?: number, options?: DrawOptions): Tensor {
  const defaults: Required<UniformOptions> = { a: 0, b: 1, generator: null };
  const given = settle("uniform_", defaults, { a, b }, options);
  checkNumber("uniform_", "a", given.a);
  checkNumber("uniform_", "b", given.b, { min: given.a });
  return drawUniform("uniform_", x, given.a, given.b, given.generator);
}

export interface NormalOptions extends DrawOptions {
  mean?: number;
  std?: number;
}

/** Normal, of mean 0 and standard deviation 1 unless given. */
export function normal_(
  x: Tensor,
  mean?: number | NormalOptions,
  std?: number,
  options?: DrawOptions,
): Tensor {
  const defaults: Required<NormalOptions> = { mean: 0, std: 1, generator: null };
  const given = settle("normal_", defaults, { mean, std }, options);
  checkNumber("normal_", "mean", given.mean);
  checkNumber("normal_", "std", given.std, { min: 0 });
  return drawNormal("normal_", x, given.mean, given.std, given.generator);
}

/** One value everywhere; of any dtype. */
export function constant_(x: Tensor, value: number): Tensor {
  requireTensor("constant_", "the tensor", x);
  checkNumber("constant_", "value", value);
  return noGrad(() => x.fill_(value));
}

/** Fills with 0, in place. Returns x. */
export function zeros_(x: Tensor): Tensor {
  return constant_(requireTensor("zeros_", "the tensor", x), 0);
}

/** Fills with 1, in place. Returns x. */
export function ones_(x: Tensor): Tensor {
  return constant_(requireTensor("ones_", "the tensor", x), 1);
}

/** The identity matrix: x is (N, M). */
export function eye_(x: Tensor): Tensor {
  const { shape, dtype, device } = requireDims("eye_", x, 2, 2);
  return noGrad(() => x.copy_(eye(shape[0]!, shape[1], { dtype, device })));
}

/**
 * A convolution weight [out, in / groups, ...kernel] of 1 to 3 kernel dims that hands channel k on as channel k, in each group;
 * channels there is no input for are 0.
 */
export function dirac_(x: Tensor, groups: number | { groups?: number } = 1): Tensor {
  const op = "dirac_";
  const given = settle(op, { groups: 1 }, { groups }, undefined);
  const { shape } = requireDims(op, x, 3, 5);
  const count = checkNumber(op, "groups", given.groups, { min: 1, integer: true });
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
  if (outputs % count !== 0)
    fail(op, `${outputs} output channels do not divide into ${count} groups`, {}, "shape");
  return noGrad(() => {
    x.fill_(0);
    if (x.numel() === 0) return x;
    const centre = kernel.reduce((view, size) => view.select(2, Math.floor(size / 2)), x);
    const each = outputs / count;
    for (let group = 0; group < count; group++) {
      const part = centre.narrow(0, group * each, each);
      part.copy_(eye(each, inputs, { dtype: x.dtype, device: x.device }));
    }
    return x;
  });
}

/** A matrix (N, M) of normal numbers of which the share `sparsity` of every column is 0 (Martens, 2010). */
export function sparse_(
  x: Tensor,
  sparsity: number,
  std?: number | (DrawOptions & { std?: number }),
  options?: DrawOptions,
): Tensor {
  const op = "sparse_";
  const defaults: Required<DrawOptions & { std?: number }> = { std: 0.01, generator: null };
  const given = settle(op, defaults, { std }, options);
  checkNumber(op, "sparsity", sparsity, { min: 0, max: 1 });
  checkNumber(op, "std", given.std, { min: 0 });
  const [rows, columns] = requireDims(op, x, 2, 2).shape as [number, number];
  drawNormal(op, x, 0, given.std, given.generator);
  const zeros = Math.ceil(sparsity * rows);
  if (zeros === 0) return x;
  return noGrad(() => {
    for (let column = 0; column < columns; column++) {
      const order = randperm(rows, { device: x.device, generator: given.generator });
      x.select(1, column).maskedFill_(order.lt(zeros), 0);
    }
    return x;
  });
}

export interface GainOptions extends DrawOptions {
  gain?: number;
}

/** Even within ±gain × √(6 / (fanIn + fanOut)). */
export function xavierUniform_(x: Tensor, gain?: number | GainOptions, options?: DrawOptions): Tensor {
  const op = "xavierUniform_";
  const given = readGain(op, gain, options);
  const { fanIn, fanOut } = fans(op, x);
  const bound = given.gain * Math.sqrt(6 / Math.max(1, fanIn + fanOut));
  return drawUniform(op, x, -bound, bound, given.generator);
}

/** Normal, of standard deviation gain × √(2 / (fanIn + fanOut)). */
export function xavierNormal_(x: Tensor, gain?: number | GainOptions, options?: DrawOptions): Tensor {
  const op = "xavierNormal_";
  const given = readGain(op, gain, options);
  const { fanIn, fanOut } = fans(op, x);
  return drawNormal(op, x, 0, given.gain * Math.sqrt(2 / Math.max(1, fanIn + fanOut)), given.generator);
}

const linear = [
  "linear",
  "conv1d",
  "conv2d",
  "conv3d",
  "convTranspose1d",
  "convTranspose2d",
  "convTranspose3d",
] as const;
const curved = ["sigmoid", "tanh", "relu", "leakyRelu", "selu"] as const;
const nonlinearities = [...linear, ...curved];
/** PyTorch's names with underscores are taken too. */
export type Nonlinearity = (typeof nonlinearities)[number] | "leaky_relu";

export interface KaimingOptions extends DrawOptions {
  /** Slope of the leaky ReLU that follows. */
  a?: number;
  /** "fanIn" keeps the variance of the forward pass, "fanOut" that of the backward pass. */
  mode?: "fanIn" | "fanOut" | "fan_in" | "fan_out";
  nonlinearity?: Nonlinearity;
}

type KaimingArguments = [
  a?: number | KaimingOptions,
  mode?: KaimingOptions["mode"],
  nonlinearity?: Nonlinearity,
  options?: DrawOptions,
];

/** Even within ±gain × √(3 / fan). */
export function kaimingUniform_(x: Tensor, ...given: KaimingArguments): Tensor {
  const { std, generator } = readKaiming("kaimingUniform_", x, given);
  const bound = Math.sqrt(3) * std;
  return drawUniform("kaimingUniform_", x, -bound, bound, generator);
}

/** Normal, of standard deviation gain / √fan. */
export function kaimingNormal_(x: Tensor, ...given: KaimingArguments): Tensor {
  const { std, generator } = readKaiming("kaimingNormal_", x, given);
  return drawNormal("kaimingNormal_", x, 0, std, generator);
}

function readKaiming(
  op: string,
  x: Tensor,
  [first, mode, nonlinearity, options]: KaimingArguments,
): { std: number; generator: Generator | null } {
  const defaults: Required<KaimingOptions> = {
    a: 0,
    mode: "fanIn",
    nonlinearity: "leakyRelu",
    generator: null,
  };
  const given = settle(op, defaults, { a: first, mode, nonlinearity }, options);
  checkNumber(op, "a", given.a);
  const fan = fans(op, x)[checkChoice(op, "mode", given.mode, ["fanIn", "fanOut"])];
  const gain = gainOf(op, given.nonlinearity, given.a);
  return { std: gain / Math.sqrt(Math.max(1, fan)), generator: given.generator };
}

/** How much a nonlinearity shrinks the spread of what passes it, made good; `slope` is that of a leaky ReLU. */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  return gainOf("calculateGain", nonlinearity, slope);
}

function gainOf(op: string, given: Nonlinearity, slope: number): number {
  const nonlinearity = checkChoice(op, "nonlinearity", given, nonlinearities);
  checkNumber(op, "slope", slope);
  switch (nonlinearity) {
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope * slope));
    case "selu":
      return 3 / 4;
    default:
      return 1;
  }
}

/**
 * Rows (or columns, where there are fewer) of length `gain` at right angles to each other, any such matrix as likely as any other
 * (Saxe et al., 2014; Mezzadri, 2007). More than two dims count as [first, all others].
 */
export function orthogonal_(x: Tensor, gain?: number | GainOptions, options?: DrawOptions): Tensor {
  const op = "orthogonal_";
  const given = readGain(op, gain, options);
  const { shape } = requireDims(op, x, 2, Infinity);
  checkFloating(op, x);
  if (x.numel() === 0) return x;
  const rows = shape[0]!;
  const columns = x.numel() / rows;
  return noGrad(() => {
    const [count, size] = [Math.min(rows, columns), Math.max(rows, columns)];
    const drawn = empty([count, size], { dtype: "float64", device: x.device });
    const q = orthonormalRows(drawn.normal_(0, 1, { generator: given.generator }));
    return x.copy_((rows <= columns ? q : q.t()).mul(given.gain).reshape(shape));
  });
}

export interface TruncNormalOptions extends NormalOptions {
  a?: number;
  b?: number;
}

/** Normal, but drawn again until within `a` and `b` (−2 and 2 unless given, which are values, not multiples of std). */
export function truncNormal_(
  x: Tensor,
  mean?: number | TruncNormalOptions,
  std?: number,
  a?: number,
  b?: number,
  options?: DrawOptions,
): Tensor {
  const op = "truncNormal_";
  const defaults: Required<TruncNormalOptions> = { mean: 0, std: 1, a: -2, b: 2, generator: null };
  const given = settle(op, defaults, { mean, std, a, b }, options);
  checkNumber(op, "mean", given.mean);
  checkNumber(op, "std", given.std, { min: 0, aboveMin: true });
  if (typeof given.a !== "number" || typeof given.b !== "number" || !(given.a < given.b)) {
    fail(op, `a must be a number below b, they are ${String(given.a)} and ${String(given.b)}`);
  }
  checkFloating(op, x);
  return noGrad(() => x.copy_(drawTruncated(x, given)));
}

function drawTruncated(x: Tensor, { mean, std, a, b, generator }: Required<TruncNormalOptions>): Tensor {
  const dtype = x.dtype === "float64" ? "float64" : "float32";
  const make = (): Tensor => empty(x.shape, { dtype, device: x.device });
  const limits = tensor([a, b], { dtype: "float64" })
    .sub(mean)
    .div(std * Math.SQRT2)
    .erf();
  const share = limits.at(1).sub(limits.at(0)).item() / 2;
  if (share > 0.3)
    return redraw(
      () => make().normal_(mean, std, { generator }),
      (value) => value.lt(a).logicalOr(value.gt(b)),
    );
  // Far from the mean nearly all would be thrown away: draw evenly, and keep by the density. Beyond ten deviations nothing is left.
  const peak = Math.max(a, Math.min(mean, b));
  const [low, high] = [Math.max(a, peak - 10 * std), Math.min(b, peak + 10 * std)];
  const peakHeight = ((peak - mean) / std) ** 2;
  return redraw(
    () => make().uniform_(low, high, { generator }),
    (value) => {
      const height = value.sub(mean).div(std).square().sub(peakHeight).mul(-0.5).exp();
      return make().uniform_(0, 1, { generator }).gt(height);
    },
  );
}

/** Draws, and draws those again that are rejected. */
function redraw(draw: () => Tensor, isRejected: (value: Tensor) => Tensor): Tensor {
  let value = draw();
  let rejected = isRejected(value);
  while (value.numel() > 0 && rejected.any().item<boolean>()) {
    const next = draw();
    const stillRejected = rejected.logicalAnd(isRejected(next));
    value = where(rejected, next, value);
    rejected = stillRejected;
  }
  return value;
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

function readGain(
  op: string,
  gain: number | GainOptions | undefined,
  options: unknown,
): Required<GainOptions> {
  const defaults: Required<GainOptions> = { gain: 1, generator: null };
  const given = settle(op, defaults, { gain }, options);
  checkNumber(op, "gain", given.gain);
  return given;
}

function requireDims(op: string, x: Tensor, least: number, most: number): Tensor {
  const { length } = requireTensor(op, "the tensor", x).shape;
  if (length >= least && length <= most) return x;
  const wanted =
    least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  return fail(op, `the tensor must have ${wanted} dims, it is [${x.shape.join(", ")}]`, {}, "shape");
}

function checkFloating(op: string, x: Tensor): void {
  requireTensor(op, "the tensor", x);
  if (!x.isFloatingPoint())
    fail(op, `the tensor must be floating, it is ${x.dtype}`, { dtype: x.dtype }, "dtype");
}

/** Bounds that are alike at both ends may have signs the other way round: a gain may be negative. */
function drawUniform(op: string, x: Tensor, from: number, to: number, generator: Generator | null): Tensor {
  checkFloating(op, x);
  return noGrad(() => x.uniform_(Math.min(from, to), Math.max(from, to), { generator }));
}

function drawNormal(op: string, x: Tensor, mean: number, std: number, generator: Generator | null): Tensor {
  checkFloating(op, x);
  return noGrad(() => x.normal_(mean, Math.abs(std), { generator }));
}
