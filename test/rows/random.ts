// How the ops of the family 'random' are tested: random numbers.

import { numbers } from "../engine/op-inputs.js";
import { type Rows } from "./row.js";

const within = (low: number, high: number) => (values: number[]) => values.every((x) => x >= low && x < high);
const normalLike = (values: number[]) =>
  Math.abs(mean(values)) < 0.1 && Math.abs(deviation(values) - 1) < 0.1;
const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const deviation = (values: number[]) => Math.sqrt(mean(values.map((x) => (x - mean(values)) ** 2)));
const onesOrZeros = (share: number) => (values: number[]) =>
  values.every((x) => x === 0 || x === 1) && Math.abs(mean(values) - share) < 0.05;

// prettier-ignore
export const randomRows: Rows = {
  rand: { draws: [[[[2000]], within(0, 1)]] },
  randn: { draws: [[[[4000]], normalLike]] },
  randint: { draws: [[[3, 7, [2000]], within(3, 7)], [[7, [2000]], within(0, 7)]] },
  randperm: { draws: [[[50], (values) => new Set(values).size === 50 && within(0, 50)(values)]] },
  randLike: { draws: [[[numbers([2000])], within(0, 1)]] },
  randnLike: { draws: [[[numbers([4000])], normalLike]] },
  randintLike: { draws: [[[numbers([2000]), 3, 7], within(3, 7)], [[numbers([2000]), 7], within(0, 7)]] },
  normal: { draws: [[[0, 1, [4000]], normalLike], [[numbers([4000], 0, 0), numbers([4000], 1, 1)], normalLike]] },
  bernoulli: { draws: [[[numbers([4000], 0.3, 0.3)], onesOrZeros(0.3)], [[numbers([4000]), 0.6], onesOrZeros(0.6)]] },
  multinomial: { draws: [[[numbers([6], 1, 2), 2000, { replacement: true }], within(0, 6)], [[numbers([6], 1, 2), 6], (v) => new Set(v).size === 6]] },
  uniform_: { draws: [[[numbers([2000]), -1, 3], within(-1, 3)]] },
  normal_: { draws: [[[numbers([4000])], normalLike]] },
  bernoulli_: { draws: [[[numbers([4000]), 0.2], onesOrZeros(0.2)], [[numbers([4000]), numbers([4000], 0.2, 0.2)], onesOrZeros(0.2)]] },
  exponential_: { draws: [[[numbers([4000]), 2], (values) => values.every((x) => x >= 0) && Math.abs(mean(values) - 0.5) < 0.05]] },
  random_: { draws: [[[numbers([2000]), 3, 7], within(3, 7)], [[numbers([2000]), 7], within(0, 7)], [[numbers([2000])], within(0, 2 ** 54)]] },
  dropoutCore: { through: "dropout" },
  dropout2d: { draws: [[[numbers([2000, 2, 3], 1, 1), 0.25], (values) => values.every((x, k) => x === values[k - (k % 3)] && (x === 0 || Math.abs(x - 4 / 3) < 1e-6)) && Math.abs(mean(values) - 1) < 0.1]] },
  dropout: { draws: [[[numbers([4000], 1, 1), 0.25], (values) => values.every((x) => x === 0 || Math.abs(x - 4 / 3) < 1e-6) && Math.abs(mean(values) - 1) < 0.1]] },
};
