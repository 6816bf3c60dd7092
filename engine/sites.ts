// Call sites: the user's lines as small numbers. The core asks for the number of the running call and keeps it with what the call
// makes (native/device/site.h); errors, memory.snapshot() and debuggers turn it back into a line.

import { findSourceMap } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { native } from "./native.js";
import { readUserFrame, type Frame } from "./stack.js";

/** Number k is entry k - 1. */
const sites: Frame[] = [];
const numbers = new Map<string, Map<number, number>>();

/** 0: never. 1: as long as it costs little (native/binding/sites.h). 2: at every call. */
export const callSites = { never: 0, affordable: 1, always: 2 } as const;

/**
 * Lets the core read lines. At every call where DESCENT_CALL_SITES=1, never with DESCENT_CALL_SITES=0; otherwise for the first few thousand calls
 * that need one, and then as often as costs at most a hundredth of the time. An attached debugger alone changes nothing: with it a step
 * would take half as long again.
 */
export function connectCallSites(): void {
  native.setCallSiteFunctions(siteHere, siteText);
  const wanted = process.env["DESCENT_CALL_SITES"];
  if (wanted === "0") native.setCallSites(callSites.never);
  else if (wanted === "1") native.setCallSites(callSites.always);
}

/** The next few thousand calls are read again: somebody looks at this program, and at what it makes until they look again. */
export function renewCallSites(): void {
  const before = native.setCallSites(callSites.affordable);
  if (before !== callSites.affordable) native.setCallSites(before);
}

/** The number of the user's line that is running now; 0 where there is none. */
export function siteHere(): number {
  return readUserFrame((file, position, frame) => {
    let ofFile = numbers.get(file);
    if (ofFile === undefined) numbers.set(file, (ofFile = new Map<number, number>()));
    let number = ofFile.get(position);
    if (number === undefined) {
      number = sites.push(frame());
      ofFile.set(position, number);
      newSite?.(number);
    }
    return number;
  });
}

let newSite: ((number: number) => void) | null = null;

/** `listener` hears of every number: of those that are given already, at once. */
export function onNewSite(listener: ((number: number) => void) | null): void {
  newSite = listener;
  if (listener !== null) for (let number = 1; number <= sites.length; number++) listener(number);
}

/** The place of a number in the user's own source; null for 0. */
export function siteAt(number: number): Frame | null {
  const frame = sites[number - 1];
  if (frame === undefined) return null;
  const path = frame.file.startsWith("file:") ? fileURLToPath(frame.file) : frame.file;
  const entry = findSourceMap(frame.file)?.findEntry(frame.line - 1, frame.column - 1);
  if (entry === undefined || !("originalSource" in entry)) return { ...frame, file: path };
  const file = entry.originalSource.startsWith("file:")
    ? fileURLToPath(entry.originalSource)
    : entry.originalSource;
  return { ...frame, file, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

/** "train.ts:12:5", from the working folder where that is shorter. */
export function siteText(number: number): string {
  const site = siteAt(number);
  if (site === null) return "";
  const near = relative(process.cwd(), site.file);
  return `${near !== "" && !near.startsWith("..") ? near : site.file}:${site.line}:${site.column}`;
}
