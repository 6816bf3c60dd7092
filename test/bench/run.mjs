// `npm run bench [-- WORD... --threads=N --save]`: every case beside its peer in the same run. Prints medians of interleaved rounds
// and their ratio. Peers: PyTorch, in the Python that DESCENT_BENCH_PYTHON names or else python3; and, for the recorder's cost, our own
// training step recorded by `descent run` with a client attached, beside the same step unrecorded.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { watchRun } from "./client.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const threads = process.argv
  .find((argument) => argument.startsWith("--threads="))
  ?.slice("--threads=".length);
const environment = threads
  ? { ...process.env, DESCENT_NUM_THREADS: threads, OMP_NUM_THREADS: threads }
  : process.env;
const words = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const isSaving = process.argv.includes("--save");

/** Name → what one time is. */
const plan = {
  simplenet: "SimpleNet step (784-128-10, batch 32, SGD)",
  "simplenet-adam": "SimpleNet step (784-128-10, batch 32, Adam)",
  add: "add of 10 numbers",
  "add-recorded": "add of 10 numbers, for a gradient",
  backward: "mul, sum, backward of 10 numbers",
  "matmul-64": "matmul 64 × 64",
  "matmul-256": "matmul 256 × 256",
  "matmul-512": "matmul 512 × 512",
  "matmul-1024": "matmul 1024 × 1024",
  "conv-28": "3 × 3 convolution, 16 → 32 channels, 32 × 28 × 28, with gradients",
  "conv-14": "3 × 3 convolution, 64 → 64 channels, 32 × 14 × 14, with gradients",
  "conv-stride": "3 × 3 convolution in steps of 2, 64 → 128 channels, 32 × 14 × 14, with gradients",
  "conv-pointwise": "1 × 1 convolution, 64 → 128 channels, 32 × 14 × 14, with gradients",
  "conv-depthwise": "depthwise 3 × 3 convolution, 64 channels, 32 × 28 × 28, with gradients",
  lstm: "LSTM step (2 × 128, 64 steps of 32, Adam)",
  gpt: "GPT step (6 layers of 128, 8 × 64 letters, AdamW)",
  "layer-norm": "layer norm of 2048 × 768, with gradients",
  attention: "causal attention, 2 × 8 heads, 512 × 64, with gradients",
  embedding: "embedding of 2048 indices, 1000 × 128, with gradients",
  "digits-epoch": "epoch of the digits sample (113 steps, Adam)",
};
const rounds = 21;
/** How long one measurement takes, about; the recorder's take in several flushes to disk each. */
const measurementMilliseconds = 40;
const recorderMilliseconds = 400;

const workers = [];
const lines = [];

try {
  await main();
} finally {
  for (const worker of workers) worker.end();
}

async function main() {
  if (!existsSync(join(root, "dist/engine/index.mjs"))) {
    console.log("There is no build to measure: run 'npm run build' first.");
    process.exitCode = 1;
    return;
  }
  const load = loadavg()[0];
  say(
    `${new Date().toISOString().slice(0, 16)}Z, ${cpus().length} × ${cpus()[0].model}, Node ${process.version}`,
  );
  if (load > 0.5) say(`The machine was busy (load ${load.toFixed(1)}): take the ratios with care.`);
  const ours = await startWorker("Descent", process.execPath, [join(here, "worker.mjs"), "--port", "PORT"]);
  const torch = await startTorch();
  const names = Object.keys(plan).filter(
    (name) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  if (torch !== null) {
    title("beside PyTorch", "Descent", "PyTorch");
    for (const name of names) report(plan[name], await interleave(name, ours, torch));
  }
  if (names.includes("simplenet")) await measureRecorder(ours, torch);
  if (isSaving) save();
}

/** What recording costs: the same step in a process that `descent run` started, with a client that reads every event. */
async function measureRecorder(ours, torch) {
  const folder = mkdtempSync(join(tmpdir(), "descent-bench-"));
  const script = join(folder, "train.mjs");
  writeFileSync(script, `await import(${JSON.stringify(new URL("worker.mjs", import.meta.url).href)});\n`);
  const cli = join(root, "dist/cli/descent.mjs");
  const recorded = await startWorker(
    "recorded",
    process.execPath,
    [cli, "run", script, "--", "--port", "PORT"],
    folder,
  );
  if (recorded === null) return;
  const client = await watchRun(folder);
  try {
    title("recorder on, dashboard client attached", "recorded", "plain");
    report(plan.simplenet, await interleave("simplenet", recorded, ours, recorderMilliseconds));
    if (torch !== null) {
      title("recorder on, beside PyTorch", "recorded", "PyTorch");
      report(plan.simplenet, await interleave("simplenet", recorded, torch, recorderMilliseconds));
    }
    say(`the client read ${client.bytes()} bytes of events`);
  } finally {
    client.close();
    recorded.end();
    await recorded.ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Microseconds of one time, of each side, measured in turns: the median, and the fastest for machines that are busy. */
async function interleave(name, first, second, milliseconds = measurementMilliseconds) {
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

function report(what, [first, second]) {
  const ratios = ["median", "fastest"].map((which) => (first[which] / second[which]).toFixed(3).padStart(9));
  say(`${what.padEnd(48)}${time(first.median)}${time(second.median)}${ratios.join("")}`);
}

function time(microseconds) {
  const text =
    microseconds < 1000 ? `${microseconds.toFixed(2)} µs` : `${(microseconds / 1000).toFixed(2)} ms`;
  return text.padStart(12);
}

/** The title line of a table. */
function title(what, first, second) {
  say(
    `\n${what.padEnd(48)}${first.padStart(12)}${second.padStart(12)}${"ratio".padStart(9)}${"fastest".padStart(9)}`,
  );
}

async function startTorch() {
  const python = process.env.DESCENT_BENCH_PYTHON ?? "python3";
  try {
    const version = execFileSync(
      python,
      ["-c", "import torch, numpy; print(torch.__version__, torch.get_num_threads())"],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
        env: environment,
      },
    );
    const [release, used] = version.trim().split(" ");
    say(`PyTorch ${release} with ${used} threads`);
  } catch {
    say(
      `PyTorch is skipped: ${python} has none. Name a Python that has torch and numpy in DESCENT_BENCH_PYTHON.`,
    );
    return null;
  }
  return startWorker("PyTorch", python, [join(here, "peer.py"), "PORT"]);
}

/** A process that connects back and answers one line with one line. */
function startWorker(name, command, args, cwd = root) {
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
          env: environment,
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

function save() {
  const folder = join(here, "results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().slice(0, 10)}.txt`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  console.log(`\nsaved to ${file}`);
}

function say(line) {
  lines.push(...line.split("\n"));
  console.log(line);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
