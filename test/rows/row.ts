// What a row for an op that is not elementwise may say, and inputs that many rows use.

import { numbers, type Argument } from "../engine/op-inputs.js";

export type OtherRow =
  /** Calls whose values stand in the PyTorch fixtures: here their gradients, layouts and precisions are tested. */
  | { calls: Argument[][] }
  /** Calls with what they give, flat. */
  | { gives: [args: Argument[], shape: number[], values: number[]][] }
  /** Random numbers: the call, and what must hold for its flat values whatever the seed. */
  | { draws: [args: Argument[], holds: (values: number[]) => boolean][] }
  /** Tested through the ops that are made of it. */
  | { through: string };

export type Rows = Record<string, OtherRow>;

export const matrix = numbers([3, 4]);
export const cube = numbers([2, 3, 4]);
