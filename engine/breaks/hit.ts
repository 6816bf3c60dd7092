// What a stop has to say: the locals of the frame in which the process stands, and so what a debugger shows.

import type { Tensor } from "../tensor.js";
import type { BreakCondition } from "./conditions.js";

export interface BreakHit {
  /** What happened and where it came from, for people. */
  sentence: string;
  /** "NaN", "Inf", or the kind of a condition. */
  what: string;
  /** What the user called: "log", "SqrtBackward0", "sgd"; null where no operation is to blame. */
  op: string | null;
  /** The operation made it of inputs that had none; false: an input brought it along. null where that means nothing. */
  created: boolean | null;
  inputs: Tensor[];
  outputs: Tensor[];
  /** The user's line to look at, "train.ts:12:5": for a gradient, the forward call's. null where it is not known. */
  line: string | null;
  /** The condition that was met; null for NaN and Inf. */
  condition: BreakCondition | null;
}
