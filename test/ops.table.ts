// The tests' side of the op table: one row for each op of native/ops. A new elementwise op needs one line here.
//
// An elementwise row says what the op computes in plain numbers, and from which interval each input may be taken (default:
// -2 to 2). Its values, gradients, second gradients, dtypes, broadcasting, layouts and errors are all tested from that.
// The other rows give calls to make; they stand in test/rows, a file for each family.

import { erf, roundHalfToEven } from "./engine/op-inputs.js";
import { attentionRows } from "./rows/attention.js";
import { convRows } from "./rows/conv.js";
import { arrangeRows } from "./rows/arrange.js";
import { createRows } from "./rows/create.js";
import { embeddingRows } from "./rows/embedding.js";
import { einsumRows } from "./rows/einsum.js";
import { indexRows } from "./rows/index.js";
import { interpolateRows } from "./rows/interpolate.js";
import { lossRows } from "./rows/loss.js";
import { matmulRows } from "./rows/matmul.js";
import { normRows } from "./rows/norm.js";
import { pointwiseRows } from "./rows/pointwise.js";
import { poolRows } from "./rows/pool.js";
import { randomRows } from "./rows/random.js";
import { reduceRows } from "./rows/reduce.js";
import { scanRows } from "./rows/scan.js";
import { shapeRows } from "./rows/shape.js";
import { softmaxRows } from "./rows/softmax.js";
import { sortRows } from "./rows/sort.js";
import type { Rows } from "./rows/row.js";

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
  hardtanhCore: { value: (x, low, high) => Math.min(Math.max(x, low), high), parameters: [-0.52, 1.23] },
  hardswish: { value: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6, domain: [-4, 4] },
  mish: { value: (x) => x * Math.tanh(Math.log1p(Math.exp(x))) },
  relu6: { value: (x) => Math.min(Math.max(x, 0), 6), domain: [-4, 8] },
  hardsigmoid: { value: (x) => Math.min(Math.max(x + 3, 0), 6) / 6, domain: [-4, 4] },
  softsign: { value: (x) => x / (1 + Math.abs(x)) },
  tanhshrink: { value: (x) => x - Math.tanh(x) },
  celuCore: { value: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x / alpha)), parameters: [0.7] },
  softshrinkCore: {
    value: (x, width) => (x > width ? x - width : x < -width ? x + width : x * 0),
    parameters: [0.77],
  },
  hardshrink: { value: (x, width) => (x >= -width && x <= width ? 0 : x), parameters: [0.77] },
  preluCore: { value: (x, weight) => (x > 0 ? x : x * weight) },
  smoothL1: {
    value: (x, target, beta) => {
      const size = Math.abs(x - target);
      return size < beta ? (0.5 * size * size) / beta : size - 0.5 * beta;
    },
    parameters: [0.77],
  },
  binaryCrossEntropyCore: {
    value: (x, target) =>
      (target - 1) * Math.max(Math.log1p(-x), -100) - target * Math.max(Math.log(x), -100),
    domain: [
      [0.1, 0.9],
      [0, 1],
    ],
  },
  logitsCore: { value: (x, target) => (1 - target) * x + Math.log1p(Math.exp(-x)) },
  logitsBackward: { value: (g, x, target) => g * (sigmoid(x) - target) },
  weightedLogitsCore: {
    value: (x, target, weight) => (1 - target) * x + ((weight - 1) * target + 1) * Math.log1p(Math.exp(-x)),
  },
  divergenceCore: {
    value: (x, target) => (target === 0 ? 0 : target * Math.log(target)) - target * x,
    domain: [[-3, 0], positive],
  },
  logDivergenceCore: { value: (x, target) => Math.exp(target) * (target - x) },
  reluBackward: { value: (g, y) => (y <= 0 ? 0 : g) },
  leakyReluBackward: { value: (g, x, slope) => (x > 0 ? g : g * slope), parameters: [0.3] },
  eluBackward: { value: (g, x, alpha) => (x > 0 ? g : g * alpha * Math.exp(x)), parameters: [0.7] },
  tanhBackward: { value: (g, y) => g * (1 - y * y) },
  sigmoidBackward: { value: (g, y) => g * y * (1 - y) },
  siluBackward: { value: (g, x) => g * sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
  geluExactBackward: { value: (g, x) => g * (normalCdf(x) + x * normalDensity(x)) },
  geluTanhBackward: { value: (g, x) => g * geluTanhSlope(x) },
};

export const others: Rows = {
  ...convRows,
  ...arrangeRows,
  ...createRows,
  ...einsumRows,
  ...indexRows,
  ...interpolateRows,
  ...lossRows,
  ...matmulRows,
  ...normRows,
  ...attentionRows,
  ...embeddingRows,
  ...pointwiseRows,
  ...poolRows,
  ...randomRows,
  ...reduceRows,
  ...scanRows,
  ...shapeRows,
  ...softmaxRows,
  ...sortRows,
};
