// Measures two processes side by side: each connects back and times one case on request, in turns, so that both see the same
// machine.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const workers = [];

/** Lets every process go that was started. */
export function endWorkers() {
  for (const worker of workers) worker.end();
}

/** Microseconds of one time, of each side, measured in turns: the median, and the fastest for machines that are busy. */
export async function interleave(name, first, second, { milliseconds = 40, rounds = 21 } = {}) {
  const sides = [];
  for (const worker of [first, second])
    sides.push({ worker, count: await countFor(name, worker, milliseconds), times: [] });
  for (let round = 0; round < rounds; round++) {
    for (const { worker, count, times } of sides) {
      const { milliseconds } = await worker.ask({ case: name, count });
      times.push((milliseconds * 1000) / count);
    }
  }
  return sides.map(({ times }) => ({ median: median(times), fastest: Math.min(...times) }));
}

/** How many times make one measurement on this side; asking warms it up, too. */
async function countFor(name, worker, aim) {
  let count = 1;
  for (;;) {
    const { milliseconds } = await worker.ask({ case: name, count });
    if (milliseconds >= aim / 2) {
      return Math.max(1, Math.round((count * aim) / milliseconds));
    }
    count *= 4;
  }
}

/** A process that connects back and answers one line with one line. */
export function startWorker(name, command, args, { say, env = process.env, cwd = root }) {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      server.close();
      const replies = [];
      let failure = null;
      createInterface({ input: socket }).on("line", (line) => replies.shift()?.resolve(JSON.parse(line)));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        failure = new Error(`${name} ended in the middle of a measurement`);
        for (const reply of replies) reply.reject(failure);
      });
      const worker = {
        ask: (request) =>
          new Promise((answer, reject) => {
            if (failure) return reject(failure);
            replies.push({ resolve: answer, reject });
            socket.write(`${JSON.stringify(request)}\n`);
          }),
        end: () => socket.end(),
        ended,
      };
      workers.push(worker);
      resolve(worker);
    });
    let ended;
    server.listen(0, "127.0.0.1", () => {
      const port = String(server.address().port);
      const child = spawn(
        command,
        args.map((argument) => (argument === "PORT" ? port : argument)),
        {
          cwd,
          env,
          stdio: ["ignore", "ignore", "pipe"],
        },
      );
      let complaint = "";
      child.stderr.on("data", (chunk) => (complaint = (complaint + chunk).slice(-2000)));
      ended = new Promise((done) => child.on("exit", done));
      child.on("exit", (code) => {
        server.close();
        if (code !== 0) say(`${name} is skipped: it ended with exit code ${code}.\n${complaint}`);
        resolve(null);
      });
    });
  });
}

/** Microseconds as a text. */
export function time(microseconds) {
  const text =
    microseconds < 1000 ? `${microseconds.toFixed(2)} µs` : `${(microseconds / 1000).toFixed(2)} ms`;
  return text.padStart(12);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
