// Which colours a tensor gets: the palette by the sign of its values, the limits by the user, by all values, or by most of them.

import type { HistogramAsk, Statistics } from "../../../engine/inspection.js";
import type { Answers } from "./answers.js";
import type { Choices, SharedChoices } from "./choices.js";
import { choosePalette, isDiverging, oddStyles, rampOf } from "./colours.js";
import { automaticLimits, isCoarse, isSigned, quantiles, type Limits } from "./limits.js";
import type { Source } from "./model.js";
import type { Paint } from "./plane.js";

const fineBins = 1024;
/** Each is about a hundred times as fine as the one before. */
const mostRounds = 5;

export function paintFor(
  source: Source,
  choices: Choices,
  shared: SharedChoices,
  statistics: Statistics | null,
  answers: Answers,
  dark: boolean,
): Paint {
  const name = choosePalette(shared.palette, isSigned(statistics));
  const own = choices.limits[source.part];
  let limits = own;
  if (limits === null && choices.robust) limits = robustLimits(source, answers, isDiverging(name));
  limits ??= automaticLimits(statistics?.min ?? NaN, statistics?.max ?? NaN);
  return { ramp: rampOf(name, dark), limits, odd: oddStyles(dark) };
}

/** From the 1st to the 99th percentile; null until the histogram has come. */
function robustLimits(source: Source, answers: Answers, aroundZero: boolean): Limits | null {
  const ask: HistogramAsk & { kind: "histogram" } = { kind: "histogram", part: source.part, bins: fineBins };
  let found: Limits | null = null;
  let wanted = ask;
  for (let round = 0; round < mostRounds; round++) {
    const outcome = answers.want(source, wanted);
    if (outcome === null || "problem" in outcome) break;
    found = quantiles(outcome.answer, 0.01, 0.99);
    if (!isCoarse(outcome.answer, found)) break;
    // Outliers are so far away that most values share a few bins: the same again for those bins.
    const bin = (outcome.answer.to - outcome.answer.from) / fineBins;
    wanted = { ...ask, from: found.low - bin, to: found.high + bin };
  }
  if (found === null) return null;
  if (!aroundZero || found.low >= 0 || found.high <= 0) return found.low < found.high ? found : null;
  const most = Math.max(-found.low, found.high);
  return { low: -most, high: most };
}
