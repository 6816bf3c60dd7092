// The runs of a workspace, as its folders tell: find, read, rename, delete. Plain Node; knows no addon and no editor.

import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { isLive, runsFolder, type RunRecord } from "../protocol.js";
import { isProcessAlive } from "./processes.js";
import { readRecord, recordName, writeRecord } from "./record.js";

export interface StoredRun {
  /** The run's own folder: run.json and its event files. */
  folder: string;
  /** Its `state` is the effective one: `lost` where the record says live and the process is gone. */
  record: RunRecord;
}

export interface BrokenRun {
  folder: string;
  /** One sentence: what is wrong with the folder. */
  problem: string;
}

export interface Runs {
  /** Newest first. */
  runs: StoredRun[];
  broken: BrokenRun[];
}

/** All runs below a workspace folder; none when it has no `.descent`. */
export function findRuns(workspace: string): Runs {
  const found: Runs = { runs: [], broken: [] };
  let names: string[] = [];
  try {
    names = readdirSync(join(workspace, runsFolder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return found;
  }
  for (const name of names) {
    const folder = join(workspace, runsFolder, name);
    try {
      found.runs.push(readRun(folder));
    } catch (error) {
      found.broken.push({ folder, problem: (error as Error).message });
    }
  }
  found.runs.sort((a, b) => b.record.startTime - a.record.startTime || (a.record.id < b.record.id ? 1 : -1));
  return found;
}

/** @throws Error with one sentence when the folder holds no readable record. */
export function readRun(folder: string): StoredRun {
  const record = readRecord(folder);
  if (isLive(record.state) && !isProcessAlive(record.pid, record.pidStart)) {
    record.state = "lost";
    record.endTime = statSync(join(folder, recordName)).mtimeMs;
    const { step } = record.progress;
    record.note ??=
      step === 0
        ? "The process ended without a word before its first step."
        : `The process ended without a word; the ${step} ${step === 1 ? "step" : "steps"} it had written ${step === 1 ? "is" : "are"} kept.`;
    record.socket = record.token = null;
  }
  return { folder, record };
}

/** @throws Error when the run is live (ask the run itself, see runtime/client) or the name is empty. */
export function renameEndedRun(folder: string, name: string): RunRecord {
  const { record } = readRun(folder);
  if (isLive(record.state)) throw new Error(`Run ${record.id} is still ${record.state}: it renames itself.`);
  const renamed = { ...record, name: checkedName(name) };
  writeRecord(folder, renamed);
  return renamed;
}

/** The name as it is kept: one line, without surrounding space. */
export function checkedName(name: string): string {
  const kept = name.replace(/\s+/g, " ").trim();
  if (kept === "") throw new Error("A run's name may not be empty.");
  return kept.slice(0, 200);
}

/** Deletes a run's folder for good. @throws Error for a live run, or a folder that is not a run's. */
export function deleteRun(folder: string): void {
  const full = resolve(folder);
  if (!dirname(full).replaceAll("\\", "/").endsWith(`/${runsFolder}`) || basename(full).startsWith(".")) {
    throw new Error(`${full} is not a run's folder: nothing was deleted.`);
  }
  let live = false;
  try {
    live = isLive(readRun(full).record.state);
  } catch {
    live = false; // a broken record may be deleted
  }
  if (live) throw new Error(`Run ${basename(full)} is still running: stop it before deleting it.`);
  rmSync(full, { recursive: true, force: true });
}

/**
 * The run that `id` means: a whole id, the beginning of exactly one, a name that exactly one run has, or the beginning of exactly one name.
 * @throws Error with one sentence that lists the candidates.
 */
export function findRun(workspace: string, id: string): StoredRun {
  const { runs, broken } = findRuns(workspace);
  const exact = runs.find((run) => run.record.id === id);
  if (exact !== undefined) return exact;
  let matches = runs.filter((run) => run.record.id.startsWith(id));
  if (matches.length === 0) matches = runs.filter((run) => run.record.name === id);
  if (matches.length === 0) matches = runs.filter((run) => run.record.name.startsWith(id));
  if (matches.length === 1) return matches[0]!;
  if (matches.length > 1) {
    const ids = matches.slice(0, 5).map((run) => run.record.id);
    throw new Error(`'${id}' means ${matches.length} runs (${ids.join(", ")}): give more of the id.`);
  }
  const damaged = broken.find((run) => basename(run.folder).startsWith(id));
  if (damaged !== undefined) throw new Error(damaged.problem);
  throw new Error(
    runs.length === 0
      ? `There are no runs in ${join(workspace, runsFolder)}.`
      : `No run's id or name begins with '${id}'; 'descent runs' lists the ${runs.length} there are.`,
  );
}

/**
 * The workspace folder a script's runs belong to: `folder` or the nearest one above it that already has runs, else the nearest
 * that is an editor's or a repository's root, else `folder` itself. The home folder and the root are never taken for one.
 */
export function workspaceOf(folder: string): string {
  const candidates: string[] = [];
  for (let at = resolve(folder); dirname(at) !== at && at !== homedir(); at = dirname(at))
    candidates.push(at);
  const having = (name: string): string | undefined => candidates.find((at) => existsSync(join(at, name)));
  return having(runsFolder) ?? having(".vscode") ?? having(".git") ?? resolve(folder);
}

/** Makes a new run's folder in a workspace that exists. `.descent` gets a .gitignore of its own: runs are large and nobody means to commit them. */
export function createRunFolder(workspace: string, id: string): string {
  if (!existsSync(workspace)) throw new Error(`There is no folder ${workspace}.`);
  const all = join(workspace, runsFolder);
  mkdirSync(all, { recursive: true });
  const ignore = join(dirname(all), ".gitignore");
  if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
  const folder = join(all, id);
  mkdirSync(folder);
  return folder;
}
