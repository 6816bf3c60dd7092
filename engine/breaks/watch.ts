// Stops where a NaN or an infinity first comes up, or a watched tensor is written to: turns what the core reports from within a call
// into a sentence, and stops there.

import { native } from "../native.js";
import { callSites, onNewSite, siteAt, siteText } from "../sites.js";
import { noGrad } from "../grad-mode.js";
import { refresh, type Tensor } from "../tensor.js";
import { ActivationWatch } from "./activations.js";
import { stopAt } from "./breakpoint.js";
import { describeCondition, noBreaks, readBreakConditions, type BreakConditions } from "./conditions.js";
import { labelledTensors, onParameters } from "./labelled.js";
import { sentenceOf, type NativeHit } from "./sentences.js";
import { breaks } from "./slot.js";

type Report = NativeHit & { inputs: Tensor[]; outputs: Tensor[] };

let current: BreakConditions = noBreaks;
/** The condition behind each tensor that the core watches, in its order. */
let writtenConditions: BreakConditions["conditions"] = [];
let activations: ActivationWatch | null = null;
let sitesBefore: number | null = null;

/** Takes over what the launcher asked for; from then on whoever changes it calls `breaks.apply`. */
export function connectBreaks(): void {
  breaks.apply = apply;
  breaks.stop = stopAt;
  breaks.step = () => activations?.step();
  native.setWatcher(report);
  const asked = process.env["DESCENT_BREAK_WHEN"];
  if (breaks.conditions === null && asked !== undefined && asked !== "") {
    try {
      breaks.conditions = readBreakConditions(JSON.parse(asked));
    } catch (error) {
      process.stderr.write(`descent: DESCENT_BREAK_WHEN is ignored: ${(error as Error).message}\n`);
    }
  }
  if (breaks.conditions !== null) apply();
}

function apply(): void {
  current = breaks.conditions ?? noBreaks;
  const { nan, infinity, conditions } = current;
  writtenConditions = [];
  const written: Tensor[] = [];
  for (const condition of conditions) {
    for (const tensor of labelledTensors(condition)) {
      written.push(tensor);
      writtenConditions.push(condition);
    }
  }
  const pins: number[] = [];
  for (const condition of conditions) {
    if (condition.kind !== "writtenPin" || !native.hasPin(condition.pin)) continue;
    pins.push(condition.pin);
    writtenConditions.push(condition);
  }
  // Parameters that an optimizer gets later count too.
  onParameters(conditions.some(({ kind }) => kind === "written") ? apply : null);
  const allocations = conditions.filter(({ kind }) => kind === "allocation");
  const looks = conditions.filter(({ kind }) => kind === "dead" || kind === "saturated");
  activations = looks.length > 0 ? new ActivationWatch(looks, stopAt) : null;
  // A line is known to take memory only where every line is read.
  const reads = allocations.length > 0;
  if (reads && sitesBefore === null) sitesBefore = native.setCallSites(callSites.always);
  else if (!reads && sitesBefore !== null) {
    native.setCallSites(sitesBefore);
    sitesBefore = null;
  }
  native.armWatch(nan, infinity, written, pins, activations !== null);
  onNewSite(
    allocations.length === 0
      ? null
      : (number) => {
          const place = siteAt(number);
          const isMeant = allocations.some(
            (each) =>
              each.kind === "allocation" && place?.line === each.line && endsWith(place.file, each.file),
          );
          if (isMeant) native.watchLine(number);
        },
  );
}

function endsWith(path: string, end: string): boolean {
  const [a, b] = [path, end].map((text) => text.replaceAll("\\", "/"));
  return a === b || a!.endsWith(`/${b!.replace(/^\.?\//, "")}`);
}

/** Called by the core, within the call it is about. null: what to stop at has changed. */
function report(hit: Report | null): void {
  if (hit === null) {
    breaks.fetch?.();
    return;
  }
  if (hit.what === "activation") {
    activations?.look(hit.op, hit.outputs[0]!, siteText(hit.site));
    return;
  }
  for (const tensor of [...hit.inputs, ...hit.outputs]) refresh(tensor);
  const { op, inputs, outputs } = hit;
  const line = siteText(hit.site) || null;
  if (hit.what === "written" || hit.what === "allocated") {
    const condition =
      hit.what === "written"
        ? writtenConditions[hit.watched]!
        : (current.conditions.find(
            (each) => each.kind === "allocation" && line?.includes(`:${each.line}:`) === true,
          ) ?? null);
    const why = condition === null ? "" : ` (${describeCondition(condition)})`;
    const sentence =
      hit.what === "written" ? `${op} wrote to a watched tensor${why}.` : `${op} took memory here${why}.`;
    stopAt({ sentence, what: hit.what, op, created: null, inputs, outputs, line, condition });
    return;
  }
  const { count, elements } = countOf(hit.what, outputs);
  const labels = inputs.map(({ label }) => label);
  const sentence = sentenceOf(hit, {
    ...{ count, elements, labels },
    site: siteText(hit.site),
    madeAt: siteText(hit.madeAt),
  });
  stopAt({ sentence, what: hit.what, op, created: hit.created, inputs, outputs, line, condition: null });
}

/** Elements of the first output that has some. */
function countOf(what: string, outputs: readonly Tensor[]): { count: number; elements: number } {
  return noGrad(() => {
    for (const output of outputs) {
      if (!output.isFloatingPoint()) continue;
      const found = what === "NaN" ? output.isnan() : output.isinf();
      const count = found.sum().item();
      if (count > 0) return { count, elements: output.numel() };
    }
    return { count: 0, elements: 0 };
  });
}
