// What happens when a debugger has stopped the program: the numbers that descriptions show are brought up to date.

import { native, type NativeFault } from "../native.js";
import { renewCallSites, siteText } from "../sites.js";
import { textsOf } from "./descriptions.js";
import { columns, hasGradNumbers, hasNumbers, rowLength, table } from "./table.js";

/** What looking may take, and making texts: an editor waits for both before it shows a single variable. */
const milliseconds = 40;
const textMilliseconds = 25;
/** So many texts are made however long it takes: to make one while it is described takes thirty times as long. */
const leastTexts = 2000;
/** An editor cuts what it evaluates to 1,000 characters. */
const mostFaults = 2;
const mostCharacters = 300;

/** Looks at every tensor of this thread, as far as time allows, and says as JSON what came of it; a second call goes on where the first ended. */
export function stopped(): string {
  const begun = performance.now();
  renewCallSites();
  try {
    let look = native.lookAtAll(table.rows, milliseconds);
    while (typeof look === "number") {
      table.rows = new Float64Array(look + Math.ceil(look / 2));
      look = native.lookAtAll(table.rows, milliseconds);
    }
    table.stop = look.stop;
    table.gradFns = look.gradFns;
    prepare(performance.now() + textMilliseconds);
    const { stop, described, left, faults, problem } = look;
    return JSON.stringify({
      stop,
      described,
      left,
      milliseconds: Math.round(performance.now() - begun),
      faults: faults.slice(0, mostFaults).map(shortened),
      ...(problem === undefined ? {} : { problem: problem.slice(0, mostCharacters) }),
    });
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    return JSON.stringify({ problem: sentence.slice(0, mostCharacters) });
  }
}

function shortened(fault: NativeFault): NativeFault {
  const { message } = fault;
  return message.length <= mostCharacters
    ? fault
    : { ...fault, message: `${message.slice(0, mostCharacters - 1)}…` };
}

/**
 * Texts for the rows of this stop, as far as time allows; where it does not, whoever describes a tensor makes them. Those of call sites in
 * any case: asking for one while a value is described would be a side effect.
 */
function prepare(deadline: number): void {
  const { rows, stop, sites, texts } = table;
  let hasTime = true;
  let made = 0;
  for (let slot = 0, begin = 0; begin < rows.length; slot++, begin += rowLength) {
    if (rows[begin] !== stop) continue;
    const site = rows[begin + columns.site]!;
    if (site > 0) sites[site] ??= siteText(site);
    if (!hasTime || texts[slot]?.stop === stop || !hasNumbers(begin)) continue;
    if (rows[begin + columns.hasGrad] === 1 && !hasGradNumbers(begin)) continue; // the next call has it
    texts[slot] = textsOf(begin);
    made += 1;
    if (made % 64 === 0) hasTime = made < leastTexts || performance.now() < deadline;
  }
}
