// Tells whether the process that wrote a run record still lives, and is still the same one.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** When the operating system says a process began, in its own words; null where it cannot tell. */
export function processStart(pid: number): string | null {
  try {
    if (process.platform === "linux") return linuxProcess(pid)?.start ?? null;
    if (process.platform === "win32") return null;
    const options = { encoding: "utf8", timeout: 2000 } as const;
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], options).trim() || null;
  } catch {
    return null;
  }
}

/** False when no process has this id, or one that began at another time. */
export function isProcessAlive(pid: number, start: string | null): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false; // EPERM: it is there, and somebody else's
  }
  if (process.platform === "linux") {
    const found = linuxProcess(pid);
    // A zombie has ended; only its parent has not asked yet.
    return found !== null && found.state !== "Z" && (start === null || found.start === start);
  }
  return start === null || (processStart(pid) ?? start) === start;
}

/** From /proc/PID/stat: the state is field 3, the start in clock ticks since boot field 22. */
function linuxProcess(pid: number): { state: string; start: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the command's name may hold anything
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { state: fields[0]!, start: `${boot}:${fields[19]!}` };
  } catch {
    return null;
  }
}
