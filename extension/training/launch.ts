// What the terminal's program is told to start, left in a file that it takes away.

import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Launch {
  /** A module for Node.js: the `descent` command. */
  program: string;
  args: string[];
  cwd: string;
}

/** Writes the launch file, for this user only, and returns its path. */
export async function writeLaunch(folder: string, launch: Launch): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `launch-${randomUUID()}.json`);
  await writeFile(file, JSON.stringify(launch), { mode: 0o600 });
  return file;
}

export interface Run {
  script: string;
  /** Below whose `.descent/runs` it is recorded. */
  workspace: string;
  /** Empty: the script decides. */
  device: string;
  args: readonly string[];
}

/** `descent run --workspace W [--device D] script [-- args]`. */
export function runArguments({ script, workspace, device, args }: Run): string[] {
  return [
    ...["run", "--workspace", workspace],
    ...(device.trim() === "" ? [] : ["--device", device.trim()]),
    script,
    ...(args.length === 0 ? [] : ["--", ...args]),
  ];
}
