// Files as bytes: reading at any place, writing so that a reader never sees half a file, and one sentence when it fails.

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, fstatSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { DescentError, fail, show } from "../errors.js";
import { Tensor } from "../tensor.js";

/** Bytes to read from: a file, or part of one, or memory. */
export interface Source {
  readonly size: number;
  /** Fills `into` with the bytes from `offset` on; all of them are there. */
  read(offset: number, into: Uint8Array): void;
}

export function readPath(op: string, path: unknown): string {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) return path;
  if (path instanceof URL && path.protocol === "file:") return fileURLToPath(path);
  return fail(op, `the path must be a string, it is ${show(path)}`, { path: show(path) });
}

/** Opens `path` for `body`, and closes it whatever happens. */
export function withFile<T>(op: string, path: string, body: (source: Source) => T): T {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    return failFile(op, path, "read", error);
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) fail(op, `${path} is not a file`, { path });
    return body({
      size: status.size,
      read: (offset, into) => {
        for (let done = 0; done < into.length;) {
          const count = readSync(file, into, done, into.length - done, offset + done);
          if (count === 0) fail(op, `${path} became shorter while it was read`, { path });
          done += count;
        }
      },
    });
  } catch (error) {
    return failFile(op, path, "read", error);
  } finally {
    closeSync(file);
  }
}

/** Where `writeAtomically` writes to. */
export interface Sink {
  /** Bytes written so far. */
  readonly position: number;
  write(bytes: Uint8Array): void;
  /** Writes over what is there already. */
  patch(offset: number, bytes: Uint8Array): void;
}

/** What `body` writes becomes the file `path` in one moment: a crash leaves the old file, or none, never half of the new. */
export function writeAtomically(op: string, path: string, body: (sink: Sink) => void): void {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  let file: number;
  try {
    file = openSync(temporary, "wx");
  } catch (error) {
    failFile(op, path, "written", error);
  }
  let isOpen = true;
  try {
    let position = 0;
    body({
      get position() {
        return position;
      },
      write: (bytes) => {
        writeAll(file, bytes, position);
        position += bytes.length;
      },
      patch: (offset, bytes) => {
        writeAll(file, bytes, offset);
      },
    });
    fsyncSync(file);
    closeSync(file);
    isOpen = false;
    renameSync(temporary, path);
  } catch (error) {
    if (isOpen) closeSync(file);
    rmSync(temporary, { force: true });
    failFile(op, path, "written", error);
  }
  syncFolder(dirname(path));
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}

/** So that the new name survives a power cut. Not every system allows it; the file itself is safe either way. */
function syncFolder(folder: string): void {
  try {
    const file = openSync(folder, "r");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    // nothing to do about it
  }
}

/** Passes our own errors on; the system's become a sentence. */
function failFile(op: string, path: string, doing: string, error: unknown): never {
  if (error instanceof DescentError) throw error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const reasons: Record<string, string> = {
    ENOENT: doing === "read" ? "there is no such file" : "its folder does not exist",
    ENOTDIR: "part of its path is not a folder",
    EISDIR: "it is a folder",
    EACCES: "it is not permitted",
    EPERM: "it is not permitted",
    ENOSPC: "the disk is full",
    EROFS: "the disk is read-only",
  };
  if (typeof code !== "string") throw error;
  fail(op, `${path} cannot be ${doing}: ${reasons[code] ?? String(message)}`, { path, reason: code });
}

export function requireRecord(op: string, what: string, value: unknown): Record<string, unknown> {
  const isRecord =
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Tensor);
  if (!isRecord) fail(op, `${what} must be a record such as { weight: x }, it is ${show(value)}`);
  return value as Record<string, unknown>;
}
