// Follows a folder of TensorBoard event files, ours or anybody's: each poll reads what has been added since the last.

import { open, readdir, type FileHandle } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { EventParser, type TextPoint } from "./eventParser.js";
import { SeriesTable } from "./seriesTable.js";
import type { Series } from "./series.js";

/** Small enough that parsing one stays well below a frame of the editor. */
const chunkBytes = 256 * 1024;

interface EventFile {
  path: string;
  parser: EventParser;
  /** Everything before is read. */
  offset: number;
  stopped: boolean;
}

export class EventFolder {
  readonly folder: string;
  /** One sentence for each file that could not be read to its end. */
  readonly problems: string[] = [];
  private readonly table = new SeriesTable();
  private readonly files = new Map<string, EventFile>();
  private polling: Promise<boolean> | null = null;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** By tag, derived series included, in the order they first appeared. */
  get series(): ReadonlyMap<string, Series> {
    return this.table.series;
  }

  get texts(): TextPoint[] {
    return [...this.files.values()].flatMap((file) => file.parser.texts);
  }

  /** Reads what is new in all files; true when there was anything. Calls that overlap share one reading. */
  poll(): Promise<boolean> {
    this.polling ??= this.read().finally(() => (this.polling = null));
    return this.polling;
  }

  private async read(): Promise<boolean> {
    let names: string[];
    try {
      names = (await readdir(this.folder)).filter(isEventFile).sort();
    } catch {
      return false; // the folder is not there yet, or no longer
    }
    for (const name of names) {
      if (this.files.has(name)) continue;
      const parser = new EventParser(this.table, this.files.size);
      this.files.set(name, { path: join(this.folder, name), parser, offset: 0, stopped: false });
    }
    let any = false;
    for (const file of this.files.values()) {
      if (!file.stopped && (await this.readFile(file))) any = true;
    }
    return any;
  }

  private async readFile(file: EventFile): Promise<boolean> {
    let handle: FileHandle;
    try {
      handle = await open(file.path, "r");
    } catch (error) {
      return this.stop(
        file,
        `could not be opened: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    try {
      const { size } = await handle.stat();
      if (size < file.offset) {
        return this.stop(
          file,
          `has become shorter than what was already read of it; reopen it to read it anew`,
        );
      }
      let buffer = Buffer.allocUnsafe(chunkBytes);
      const before = file.offset;
      while (file.offset < size) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, file.offset);
        if (bytesRead === 0) break;
        const end = file.parser.parse(buffer.subarray(0, bytesRead));
        file.offset += end.offset;
        if (end.kind === "damaged") {
          this.stop(file, `is damaged at byte ${file.offset} (${end.reason}): what comes after is not shown`);
          break;
        }
        if (end.offset > 0) continue;
        if (bytesRead < buffer.length) break; // the tail of a record that is still being written
        buffer = Buffer.allocUnsafe(buffer.length * 4); // one record larger than the buffer
      }
      return file.offset > before;
    } finally {
      await handle.close();
    }
  }

  private stop(file: EventFile, reason: string): boolean {
    file.stopped = true;
    this.problems.push(`${file.path} ${reason}.`);
    return false;
  }
}

export function isEventFile(name: string): boolean {
  return name.includes("tfevents");
}

/** Folders at or below `root` that hold event files, as TensorBoard finds its runs; at most `limit` of them. */
export function findEventFolders(root: string, limit = 1000): string[] {
  const found: string[] = [];
  const waiting = [root];
  for (let folder = waiting.pop(); folder !== undefined && found.length < limit; folder = waiting.pop()) {
    try {
      const entries = readdirSync(folder, { withFileTypes: true });
      if (entries.some((entry) => entry.isFile() && isEventFile(entry.name))) found.push(folder);
      for (const entry of entries) {
        if (entry.isDirectory() && entry.name !== "node_modules") waiting.push(join(folder, entry.name));
      }
    } catch {
      continue; // not ours to read
    }
  }
  return found.sort();
}
