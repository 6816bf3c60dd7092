// run.json: written by replacing it as a whole, read with a sentence for whatever may be wrong with it.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { protocolVersion, type RunProgress, type RunRecord, type RunState } from "../protocol.js";

export const recordName = "run.json";

const states: readonly RunState[] = [
  "starting",
  "running",
  "paused",
  "stopping",
  "stopped",
  "finished",
  "failed",
  "lost",
];

/** Atomic: a reader sees the old record or the new one. Only the owner may read it, because it holds the token. */
export function writeRecord(folder: string, record: RunRecord): void {
  const temporary = join(folder, `${recordName}.${process.pid}.tmp`);
  writeFileSync(temporary, JSON.stringify(record, null, 2) + "\n", { mode: 0o600 });
  renameSync(temporary, join(folder, recordName));
}

/** @throws Error with one sentence that names the file and what is wrong with it. */
export function readRecord(folder: string): RunRecord {
  const file = join(folder, recordName);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new Error(missing ? `${file} does not exist.` : `${file} cannot be read: ${sentence(error)}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is not valid JSON (${sentence(error)}); the run's data beside it is untouched.`);
  }
  return recordFrom(parsed, file);
}

/** Fields that later versions may add are kept, missing ones get the value that says 'not known'. */
function recordFrom(parsed: unknown, file: string): RunRecord {
  if (!isObject(parsed)) throw new Error(`${file} is not a run record: it holds no object.`);
  const { version, id, state } = parsed;
  if (typeof version !== "number" || typeof id !== "string" || id === "") {
    throw new Error(`${file} is not a run record: 'version' or 'id' is missing.`);
  }
  if (version > protocolVersion) {
    throw new Error(
      `${file} was written by a newer Descent (format ${version}, this one reads up to ${protocolVersion}); update Descent.`,
    );
  }
  if (!states.includes(state as RunState)) {
    throw new Error(`${file} has the state '${String(state)}', which this version does not know.`);
  }
  const text = (key: string, fallback: string): string =>
    typeof parsed[key] === "string" ? parsed[key] : fallback;
  const number = (key: string): number | null => (typeof parsed[key] === "number" ? parsed[key] : null);
  const record = (key: string): Record<string, unknown> => (isObject(parsed[key]) ? parsed[key] : {});
  const nullableText = (key: string): string | null => (typeof parsed[key] === "string" ? parsed[key] : null);
  return {
    ...parsed,
    version,
    id,
    name: text("name", id),
    script: text("script", ""),
    args: Array.isArray(parsed["args"]) ? parsed["args"].map(String) : [],
    cwd: text("cwd", ""),
    state: state as RunState,
    startTime: number("startTime") ?? 0,
    endTime: number("endTime"),
    pid: number("pid") ?? 0,
    pidStart: nullableText("pidStart"),
    exitCode: number("exitCode"),
    error: isObject(parsed["error"]) ? (parsed["error"] as unknown as RunRecord["error"]) : null,
    note: nullableText("note"),
    progress: { ...emptyProgress(), ...(record("progress") as Partial<RunProgress>) },
    config: record("config"),
    summary: record("summary"),
    device: text("device", "cpu"),
    deviceDescription: nullableText("deviceDescription"),
    socket: nullableText("socket"),
    token: nullableText("token"),
    nodeVersion: text("nodeVersion", ""),
    descentVersion: text("descentVersion", ""),
    findings: Array.isArray(parsed["findings"]) ? (parsed["findings"] as RunRecord["findings"]) : [],
  };
}

export function emptyProgress(): RunProgress {
  return { step: 0, epoch: 0, epochs: null, batch: 0, batches: null, loss: null, secondsLeft: null };
}

/** A number as JSON can carry it. */
export function jsonNumber(value: number): number | "NaN" | "Infinity" | "-Infinity" {
  return Number.isFinite(value) ? value : (String(value) as "NaN" | "Infinity" | "-Infinity");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
