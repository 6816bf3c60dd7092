// The tests' side of the op table: one row for each op of native/ops. A new elementwise op needs one line here.
//
// An elementwise row says what the op computes in plain numbers, and from which interval each input may be taken (default:
// -2 to 2). Its values, gradients, second gradients, dtypes, broadcasting, layouts and errors are all tested from that.
// The other rows give calls to make.

import { bits, erf, integers, numbers, oneOf, roundHalfToEven, type Argument } from "./engine/op-inputs.js";

export interface ElementwiseRow {
  /** What one element becomes; the op's parameters come last. */
  value: (...values: number[]) => number | boolean;
  /** [low, high] of all inputs, or of each. */
  domain?: Interval | Interval[];
  /** Values of the parameters to test besides the defaults. */
  parameters?: number[];
}

export type Interval = readonly [low: number, high: number];

const positive: Interval = [0.2, 3];
const inside: Interval = [-0.9, 0.9];
const apart: Interval[] = [
  [2.1, 2.9],
  [0.55, 0.95],
];

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const tanhInner = (x: number): number => 0.7978845608028654 * (x + 0.044715 * x ** 3);
const normalCdf = (x: number): number => 0.5 * (1 + erf(x * Math.SQRT1_2));
const normalDensity = (x: number): number => 0.3989422804014327 * Math.exp(-0.5 * x * x);
const geluTanhSlope = (x: number): number => {
  const tanh = Math.tanh(tanhInner(x));
  return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x);
};

/** As in C, where JavaScript has NaN: 1 to any power, and ±1 to an infinite one. */
const power = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
const floorModulo = (a: number, b: number): number => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};
const floorQuotient = (a: number, b: number): number => {
  const rest = a % b;
  const quotient = b === 0 ? a / b : (a - rest) / b;
  return rest !== 0 && rest < 0 !== b < 0 ? quotient - 1 : quotient;
};

export const elementwise: Record<string, ElementwiseRow> = {
  neg: { value: (x) => -x },
  abs: { value: Math.abs },
  sign: { value: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0) },
  square: { value: (x) => x * x },
  reciprocal: { value: (x) => 1 / x, domain: positive },
  sqrt: { value: Math.sqrt, domain: positive },
  rsqrt: { value: (x) => 1 / Math.sqrt(x), domain: positive },
  add: { value: (a, b, alpha) => a + alpha * b, parameters: [3] },
  sub: { value: (a, b, alpha) => a - alpha * b, parameters: [3] },
  mul: { value: (a, b) => a * b },
  trueDivide: { value: (a, b) => a / b, domain: [[-2, 2], positive] },
  floorDivide: { value: floorQuotient, domain: apart },
  truncDivide: { value: (a, b) => Math.trunc(a / b), domain: apart },
  pow: { value: power, domain: [positive, [1, 3]] },
  fmod: { value: (a, b) => a % b, domain: apart },
  remainder: { value: floorModulo, domain: apart },
  lerp: { value: (a, b, weight) => a + weight * (b - a) },
  exp: { value: Math.exp },
  expm1: { value: Math.expm1 },
  log: { value: Math.log, domain: positive },
  log1p: { value: Math.log1p, domain: positive },
  log2: { value: Math.log2, domain: positive },
  log10: { value: Math.log10, domain: positive },
  sin: { value: Math.sin },
  cos: { value: Math.cos },
  tan: { value: Math.tan, domain: [-1.2, 1.2] },
  asin: { value: Math.asin, domain: inside },
  acos: { value: Math.acos, domain: inside },
  atan: { value: Math.atan },
  atan2: { value: Math.atan2, domain: [[-2, 2], positive] },
  sinh: { value: Math.sinh },
  cosh: { value: Math.cosh },
  tanh: { value: Math.tanh },
  sigmoid: { value: sigmoid },
  erf: { value: erf },
  floor: { value: Math.floor },
  ceil: { value: Math.ceil },
  round: { value: roundHalfToEven },
  trunc: { value: Math.trunc },
  maximum: { value: Math.max },
  minimum: { value: Math.min },
  clampMin: { value: Math.max },
  clampMax: { value: Math.min },
  eq: { value: (a, b) => a === b },
  ne: { value: (a, b) => a !== b },
  lt: { value: (a, b) => a < b },
  le: { value: (a, b) => a <= b },
  gt: { value: (a, b) => a > b },
  ge: { value: (a, b) => a >= b },
  isnan: { value: Number.isNaN },
  isinf: { value: (x) => Math.abs(x) === Infinity },
  isfinite: { value: Number.isFinite },
  logicalNot: { value: (x) => x === 0 },
  logicalAnd: { value: (a, b) => a !== 0 && b !== 0 },
  logicalOr: { value: (a, b) => a !== 0 || b !== 0 },
  logicalXor: { value: (a, b) => (a !== 0) !== (b !== 0) },
  where: { value: (condition, a, b) => (condition === 0 ? b : a) },
  relu: { value: (x) => Math.max(x, 0) },
  leakyRelu: { value: (x, slope) => (x > 0 ? x : x * slope), parameters: [0.3] },
  elu: { value: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)), parameters: [0.7] },
  selu: { value: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)) },
  silu: { value: (x) => x * sigmoid(x) },
  geluExact: { value: (x) => x * normalCdf(x) },
  geluTanh: { value: (x) => 0.5 * x * (1 + Math.tanh(tanhInner(x))) },
  softplus: {
    value: (x, beta, threshold) => (x * beta > threshold ? x : Math.log1p(Math.exp(x * beta)) / beta),
    parameters: [2, 3.1],
  },
  logsigmoid: { value: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))) },
  hardtanh: { value: (x, low, high) => Math.min(Math.max(x, low), high), parameters: [-0.52, 1.23] },
  hardswish: { value: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6, domain: [-4, 4] },
  mish: { value: (x) => x * Math.tanh(Math.log1p(Math.exp(x))) },
  reluBackward: { value: (g, y) => (y <= 0 ? 0 : g) },
  leakyReluBackward: { value: (g, x, slope) => (x > 0 ? g : g * slope), parameters: [0.3] },
  eluBackward: { value: (g, x, alpha) => (x > 0 ? g : g * alpha * Math.exp(x)), parameters: [0.7] },
  tanhBackward: { value: (g, y) => g * (1 - y * y) },
  sigmoidBackward: { value: (g, y) => g * y * (1 - y) },
  siluBackward: { value: (g, x) => g * sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
  geluExactBackward: { value: (g, x) => g * (normalCdf(x) + x * normalDensity(x)) },
  geluTanhBackward: { value: (g, x) => g * geluTanhSlope(x) },
};

export type OtherRow =
  /** Calls whose values stand in the PyTorch fixtures: here their gradients, layouts and precisions are tested. */
  | { calls: Argument[][] }
  /** Calls with what they give, flat. */
  | { gives: [args: Argument[], shape: number[], values: number[]][] }
  /** Random numbers: the call, and what must hold for its flat values whatever the seed. */
  | { draws: [args: Argument[], holds: (values: number[]) => boolean][] }
  /** Tested through the ops that are made of it. */
  | { through: string };

const matrix = numbers([3, 4]);
const cube = numbers([2, 3, 4]);
const within = (low: number, high: number) => (values: number[]) => values.every((x) => x >= low && x < high);
const normalLike = (values: number[]) =>
  Math.abs(mean(values)) < 0.1 && Math.abs(deviation(values) - 1) < 0.1;
const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const deviation = (values: number[]) => Math.sqrt(mean(values.map((x) => (x - mean(values)) ** 2)));
const onesOrZeros = (share: number) => (values: number[]) =>
  values.every((x) => x === 0 || x === 1) && Math.abs(mean(values) - share) < 0.05;

// prettier-ignore
export const others: Record<string, OtherRow> = {
  empty: { gives: [[[[0, 2]], [0, 2], []]] },
  zeros: { gives: [[[[2, 1]], [2, 1], [0, 0]]] },
  ones: { gives: [[[[2]], [2], [1, 1]]] },
  full: { gives: [[[[2], 2.5], [2], [2.5, 2.5]]] },
  arange: { gives: [[[4], [4], [0, 1, 2, 3]], [[1, 3, 0.5], [4], [1, 1.5, 2, 2.5]], [[3, 0, -1], [3], [3, 2, 1]]] },
  linspace: { gives: [[[0, 1, 5], [5], [0, 0.25, 0.5, 0.75, 1]], [[2, 3, 1], [1], [2]]] },
  eye: { gives: [[[2], [2, 2], [1, 0, 0, 1]], [[2, 3], [2, 3], [1, 0, 0, 0, 1, 0]]] },
  emptyLike: { gives: [[[numbers([0, 3])], [0, 3], []]] },
  zerosLike: { gives: [[[numbers([2])], [2], [0, 0]]] },
  onesLike: { gives: [[[numbers([2])], [2], [1, 1]]] },
  fullLike: { gives: [[[numbers([2]), 7], [2], [7, 7]]] },
  clone: { calls: [[matrix]] },
  contiguous: { calls: [[matrix]] },
  cast: { through: "toType" },
  toType: { calls: [[matrix, "float64"], [integers([3], -3, 3), "float64"]] },
  oneHot: { gives: [[[integers([3], 0, 3), 3], [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]]] },
  tril: { calls: [[matrix], [matrix, 1], [cube, -1]] },
  triu: { calls: [[matrix], [matrix, 1], [cube, -1]] },
  fill_: { calls: [[matrix, 2.5]] },
  zero_: { calls: [[matrix]] },
  copy_: { calls: [[matrix, numbers([4])]] },
  rand: { draws: [[[[2000]], within(0, 1)]] },
  randn: { draws: [[[[4000]], normalLike]] },
  randint: { draws: [[[3, 7, [2000]], within(3, 7)]] },
  randperm: { draws: [[[50], (values) => new Set(values).size === 50 && within(0, 50)(values)]] },
  randLike: { draws: [[[numbers([2000])], within(0, 1)]] },
  randnLike: { draws: [[[numbers([4000])], normalLike]] },
  normal: { draws: [[[0, 1, [4000]], normalLike]] },
  bernoulli: { draws: [[[numbers([4000], 0.3, 0.3)], onesOrZeros(0.3)]] },
  multinomial: { draws: [[[numbers([6], 1, 2), 2000, { replacement: true }], within(0, 6)], [[numbers([6], 1, 2), 6], (v) => new Set(v).size === 6]] },
  uniform_: { draws: [[[numbers([2000]), -1, 3], within(-1, 3)]] },
  normal_: { draws: [[[numbers([4000])], normalLike]] },
  bernoulli_: { draws: [[[numbers([4000]), 0.2], onesOrZeros(0.2)]] },
  dropoutCore: { through: "dropout" },
  dropout: { draws: [[[numbers([4000], 1, 1), 0.25], (values) => values.every((x) => x === 0 || Math.abs(x - 4 / 3) < 1e-6) && Math.abs(mean(values) - 1) < 0.1]] },
  view: { calls: [[matrix, [2, 6]], [matrix, [-1]], [matrix, [3, 1, 4]]] },
  reshape: { calls: [[matrix, [2, 6]], [matrix, [-1, 2]]] },
  flatten: { calls: [[cube], [cube, 1], [cube, 0, 1]] },
  permute: { calls: [[cube, [2, 0, 1]]] },
  transpose: { calls: [[cube, 0, 2], [matrix, -1, 0]] },
  t: { calls: [[matrix], [numbers([3])]] },
  movedim: { calls: [[cube, [0], [2]], [cube, [0, 1], [1, 2]]] },
  expand: { calls: [[numbers([3, 1]), [2, 3, 4]]] },
  broadcastTo: { calls: [[numbers([3, 1]), [3, 4]]] },
  squeeze: { calls: [[numbers([1, 3, 1])], [numbers([1, 3, 1]), 0]] },
  unsqueeze: { calls: [[matrix, 1], [matrix, -1]] },
  select: { calls: [[matrix, 1, 2], [cube, 0, -1]] },
  narrow: { calls: [[matrix, 1, 1, 2], [cube, -1, 0, 3]] },
  slice: { through: "narrow" },
  detach: { calls: [[matrix]] },
  cat: { calls: [[[matrix, numbers([2, 4])]], [[matrix, numbers([3, 2])], 1]] },
  stack: { calls: [[[matrix, matrix]], [[matrix, matrix], -1]] },
  sliceBackward: { through: "narrow" },
  sum: { calls: [[matrix], [cube, [0, 2]], [matrix, 1, { keepdim: true }]] },
  mean: { calls: [[matrix], [cube, [0, 2]], [matrix, 1, { keepdim: true }]] },
  prod: { calls: [[numbers([4])], [matrix, 1]] },
  amax: { calls: [[matrix], [cube, [0, 2]]] },
  amin: { calls: [[matrix], [cube, [0, 2]]] },
  max: { calls: [[matrix], [cube, 1], [matrix, 0, { keepdim: true }]] },
  min: { calls: [[matrix], [cube, 1], [matrix, 0, { keepdim: true }]] },
  argmax: { calls: [[matrix], [cube, 1]] },
  argmin: { calls: [[matrix], [cube, 1]] },
  any: { calls: [[bits([2, 3])], [bits([2, 3]), 1]] },
  all: { calls: [[bits([2, 3])], [bits([2, 3]), 1]] },
  var: { calls: [[matrix], [matrix, 1], [cube, [0, 2], { unbiased: false }]] },
  std: { calls: [[matrix], [matrix, 1], [cube, [0, 2], { unbiased: false }]] },
  norm: { calls: [[matrix], [matrix, 1, 1], [matrix, 3, 0, { keepdim: true }]] },
  logsumexp: { calls: [[matrix, 1], [cube, [0, 2]]] },
  matmul: { calls: [[matrix, numbers([4, 2])], [cube, numbers([4, 2])], [cube, numbers([2, 4, 2])], [numbers([3]), matrix], [cube, numbers([4])]] },
  mm: { calls: [[matrix, numbers([4, 2])]] },
  bmm: { calls: [[cube, numbers([2, 4, 2])]] },
  mv: { calls: [[matrix, numbers([4])]] },
  dot: { calls: [[numbers([4]), numbers([4], 0, 1)]] },
  outer: { calls: [[numbers([3]), numbers([2])]] },
  addmm: { calls: [[numbers([2]), matrix, numbers([4, 2]), { beta: 0.5, alpha: 2 }]] },
  linear: { calls: [[matrix, numbers([2, 4])], [cube, numbers([2, 4]), numbers([2])]] },
  softmax: { calls: [[matrix, 1], [cube, 0], [cube, 1]] },
  logSoftmax: { calls: [[matrix, 1], [cube, 0], [cube, 1]] },
  crossEntropyCore: { through: "crossEntropy" },
  crossEntropy: { calls: [[matrix, integers([3], 0, 4)], [matrix, integers([3], 0, 4), { weight: oneOf([4], [0.1, 1, 2, 0.5]), labelSmoothing: 0.1, reduction: "sum" }], [matrix, integers([3], 0, 4), { ignoreIndex: 1, reduction: "none" }], [numbers([2, 3, 4]), integers([2, 4], 0, 3)]] },
  nllLoss: { calls: [[numbers([3, 4], -3, 0), integers([3], 0, 4), { weight: oneOf([4], [0.1, 1, 2, 0.5]) }]] },
  mseLoss: { calls: [[matrix, numbers([3, 4], 0, 1)], [matrix, numbers([3, 4], 0, 1), { reduction: "none" }]] },
  l1Loss: { calls: [[matrix, numbers([3, 4], 2.5, 3)]] },
  batchNormCore: { through: "batchNorm" },
  batchNorm: { calls: [[matrix, null, null, { training: true }], [cube, null, null, { weight: numbers([3]), bias: numbers([3]), training: true, eps: 0.1 }], [matrix, oneOf([4], [0, 1, 0, -1]), oneOf([4], [1, 2, 0.5, 1]), { weight: numbers([4]), bias: numbers([4]) }]] },
  indexSelect: { calls: [[matrix, 1, integers([3], 0, 4)], [cube, 0, integers([4], 0, 2)]] },
  indexAddInto: { through: "indexSelect" },
  gather: { calls: [[matrix, 1, integers([3, 2], 0, 4)], [matrix, 0, integers([2, 4], 0, 3)]] },
  scatterAdd: { calls: [[matrix, 1, integers([3, 2], 0, 4), numbers([3, 2])]] },
  maskedFill: { calls: [[matrix, bits([3, 4]), 1.5], [matrix, bits([4]), -2]] },
  div: { calls: [[matrix, numbers([3, 4], 0.5, 2)], [numbers([3, 4], 2.1, 2.9), numbers([4], 0.55, 0.95), { roundingMode: "floor" }]] },
  clamp: { calls: [[matrix, -0.51, 0.77], [matrix, null, 0.33], [matrix, numbers([4], -1, -0.9), numbers([4], 0.5, 0.6)]] },
  gelu: { calls: [[matrix], [matrix, { approximate: "tanh" }]] },
};
