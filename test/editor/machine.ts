// What scenarios need of the machine: a browser, waiting for a state, the processes that run.

import { readFileSync, readdirSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";
import { findBrowser } from "../../extension/start/browser.mjs";

export type Present<T> = Exclude<T, null | undefined | false | 0 | "">;

/** Waits until `look` gives something, and returns that; what it throws counts as nothing yet. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  limit = 30_000,
): Promise<Present<T>> {
  let last: unknown = null;
  for (const deadline = Date.now() + limit; ;) {
    try {
      const found = await look();
      if (found) return found as Present<T>;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${limit / 1000} s: ${what}`, last === null ? {} : { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function launchBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (!executablePath) throw new Error("no Chromium: run 'npm run setup -- --browser'");
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Ids of all processes below one. */
export function descendants(pid: number): number[] {
  const parents = new Map(processIds().map((id) => [id, parentOf(id)]));
  const below = (id: number): number[] =>
    [...parents].filter(([, parent]) => parent === id).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

export function commandLine(pid: number): string {
  return read(pid, "cmdline").replaceAll("\0", " ");
}

/** Ids of the processes that were started with `NAME=value` in their environment. */
export function processesWith(variable: string): number[] {
  return processIds().filter((pid) => read(pid, "environ").split("\0").includes(variable));
}

function processIds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number {
  const status = read(pid, "stat"); // 12 (name, with any character) S 1 ...
  return Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]);
}

/** A file of a process; empty where it has ended meanwhile. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
