// Runs inside the editor's terminal: starts the training, and keeps the terminal open afterwards until a key is pressed.
// A terminal is used, and not a child of the extension host, because it outlives the extension host and a window reload.

import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { argv, execPath, exit, stdin, stdout } from "node:process";
import type { Launch } from "./launch.js";

/** The exit code of a training that Ctrl+C stopped. */
const interrupted = 130;

const launch = take(argv[2] ?? "");
if (launch === null) {
  // The editor restores terminals after a restart by running their program again; the training must not start twice.
  waitForKey(
    "This terminal is from an earlier session of the editor; its training does not start again by itself.",
  );
} else {
  train(launch);
}

/** Reads what to start and removes it, so that it is started once. */
function take(file: string): Launch | null {
  try {
    const read = JSON.parse(readFileSync(file, "utf8")) as Launch;
    rmSync(file);
    return read;
  } catch {
    return null;
  }
}

function train({ program, args, cwd }: Launch): void {
  const child = spawn(execPath, [program, ...args], {
    cwd,
    stdio: "inherit",
  });
  // Ctrl+C reaches the training too, which ends in its own way.
  process.on("SIGINT", () => undefined);
  let isClosed = false;
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      isClosed = true;
      child.kill(signal);
    });
  }
  child.on("error", (error) => {
    waitForKey(`The training could not be started: ${error.message}.`);
  });
  child.on("exit", (code, signal) => {
    if (isClosed || signal === "SIGHUP") exit(1); // the terminal is gone: nobody will press a key
    waitForKey(
      code === 0
        ? "The training has ended."
        : code === interrupted
          ? "The training was stopped."
          : signal === null
            ? `The training has ended with exit code ${code}.`
            : `The training was ended by ${signal}.`,
    );
  });
}

function waitForKey(sentence: string): void {
  stdout.write(`\n\x1b[2m${sentence} Press any key to close the terminal.\x1b[0m\n`);
  process.removeAllListeners("SIGHUP");
  process.removeAllListeners("SIGTERM");
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.resume();
  stdin.once("data", () => exit(0));
  stdin.once("end", () => exit(0));
}
