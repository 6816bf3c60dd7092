// Turns whatever a script threw into the record's error: one sentence, and the place in the user's own source.

import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import type { RunError, SourceLocation } from "../protocol.js";
import { findSyntaxError } from "./transform.js";

export interface UserCode {
  script: string;
  workspace: string;
  /** Folders whose frames are never the user's: this installation's code. */
  internal: string[];
}

export function describeFailure(thrown: unknown, user: UserCode): RunError {
  if (!(thrown instanceof Error)) {
    const shown = typeof thrown === "string" ? thrown : inspect(thrown, { depth: 1, breakLength: Infinity });
    return {
      name: "Error",
      message: firstLine(`The script threw ${shown}, which is not an Error and has no place.`),
      location: null,
      stack: shown,
    };
  }
  const stack = typeof thrown.stack === "string" ? thrown.stack : `${thrown.name}: ${thrown.message}`;
  const location =
    placeInText(thrown) ??
    userFrame(stack, user) ??
    (thrown.name === "SyntaxError" ? findSyntaxError(user.script) : null);
  return { name: thrown.name, message: firstLine(thrown.message || thrown.name), location, stack };
}

/**
 * An error of the engine's as the terminal shows it: the user's own line with a mark below it, the sentence, the stack. Null for any other
 * error, which Node shows well enough.
 */
export function engineFailureText(thrown: unknown, user: UserCode): string | null {
  if (!(thrown instanceof Error) || thrown.name !== "DescentError" || typeof thrown.stack !== "string")
    return null;
  const place = userFrame(thrown.stack, user);
  if (place === null) return `${thrown.stack}\n`;
  const { file, line, column } = place;
  const text = readFileSync(file, "utf8").split("\n")[line - 1] ?? "";
  const mark = text.slice(0, column - 1).replace(/[^\t]/g, " ");
  return `${file}:${line}\n${text}\n${mark}^\n\n${thrown.stack}\n`;
}

/** True for a syntax error that the import hook found: its text is a whole sentence. */
export function isSyntaxError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && placeInText(thrown) !== null;
}

/** "/path/train.ts:3:14: Expected ...": from the hooks' own thread, an error keeps its text but none of its fields. */
function placeInText(error: Error): SourceLocation | null {
  if (error.name !== "SyntaxError") return null;
  const match = /^(.+?):(\d+):(\d+): /.exec(error.message);
  if (match === null || !isAbsolute(match[1]!)) return null;
  return { file: match[1]!, line: Number(match[2]), column: Number(match[3]) };
}

/** The first frame in the script's workspace, else the first in any code that is not ours, a package's or Node's. */
export function userFrame(stack: string, { script, workspace, internal }: UserCode): SourceLocation | null {
  const frames = framesOf(stack).filter(
    ({ file }) =>
      !file.includes(`${sep}node_modules${sep}`) && !internal.some((folder) => isBelow(file, folder)),
  );
  const near = frames.find(({ file }) => isBelow(file, workspace) || isBelow(file, dirname(script)));
  return near ?? frames[0] ?? null;
}

/** "    at f (file:///x/train.ts:3:14)", "    at /x/train.ts:3:14", and the first line of Node's own syntax errors, "file:///x/train.js:3". */
function framesOf(stack: string): SourceLocation[] {
  const frames: SourceLocation[] = [];
  for (const text of stack.split("\n")) {
    const match =
      /^\s+at (?:.*?\()?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)\)?$/.exec(text) ??
      /^((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+)()$/.exec(text);
    if (match === null) continue;
    const file = match[1]!.startsWith("file://") ? fileURLToPath(match[1]!) : match[1]!;
    if (existsSync(file))
      frames.push({ file, line: Number(match[2]), column: match[3] === "" ? 1 : Number(match[3]) });
  }
  return frames;
}

function isBelow(file: string, folder: string): boolean {
  const path = relative(folder, file);
  return path !== "" && !path.startsWith("..") && !isAbsolute(path);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!.trim();
}
