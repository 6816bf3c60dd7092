// What set-up prints: one line for each piece of work, with how long it took, and one sentence where it fails.

import { spawn } from "node:child_process";

/** A failure the user can do something about: its message is all that is printed. */
export class SetupError extends Error {}

/** Runs `work` below a line that says what it is */
export async function step(title, work) {
  const start = Date.now();
  const seconds = () => `${((Date.now() - start) / 1000).toFixed(1)} s`;
  const isTerminal = process.stdout.isTTY === true;
  process.stdout.write(isTerminal ? `… ${title}` : `… ${title}\n`);
  const clock = setInterval(
    () =>
      process.stdout.write(isTerminal ? `\r… ${title} (${seconds()})` : `… ${title}: ${seconds()} so far\n`),
    isTerminal ? 1000 : 30_000,
  );
  try {
    await work();
    process.stdout.write(`${isTerminal ? "\r" : ""}✓ ${title} (${seconds()})\n`);
  } catch (error) {
    process.stdout.write(`${isTerminal ? "\r" : ""}✗ ${title} (${seconds()})\n`);
    throw error;
  } finally {
    clearInterval(clock);
  }
}

/**
 * Runs a command quietly. Where it fails, the end of what it printed is shown and a SetupError with the sentence
 * `advice` is thrown. Returns what it printed on stdout.
 */
export function execute(command, args, { cwd, env, advice, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32" && command.endsWith(".cmd"),
    });
    let stdout = "";
    let tail = "";
    const listen = (stream, isStdout) =>
      stream.setEncoding("utf8").on("data", (text) => {
        if (isStdout) stdout += text;
        tail = (tail + text).slice(-4000);
        if (onLine) for (const line of text.split("\n")) if (line !== "") onLine(line);
      });
    listen(child.stdout, true);
    listen(child.stderr, false);
    const failed = (reason) => {
      const shown = tail.trim().split("\n").slice(-20).join("\n");
      const what = `'${[command, ...args].join(" ")}' ${reason}`;
      reject(new SetupError(`${shown === "" ? "" : `${shown}\n`}${what}. ${advice ?? ""}`.trim()));
    };
    child.on("error", (error) =>
      failed(error.code === "ENOENT" ? "is not installed" : `failed (${error.message})`),
    );
    child.on("close", (code, signal) =>
      code === 0 ? resolve(stdout) : failed(`ended with ${signal ?? code}`),
    );
  });
}

/** For the last line of a script: a SetupError is its sentence, anything else its stack. */
export function reportAndExit(error) {
  process.stderr.write(`${error instanceof SetupError ? error.message : (error?.stack ?? error)}\n`);
  process.exit(1);
}
