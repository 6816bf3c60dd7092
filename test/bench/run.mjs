// `npm run bench [-- WORD... --threads=N --save]`: every case beside its peer in the same run. Prints medians of interleaved rounds
// and their ratio. Peers: PyTorch, in the Python that DESCENT_BENCH_PYTHON names or else python3; and, for what a debugger and
// the recorder cost, our own training step with a debugger attached, and recorded by `descent run` with a client attached, beside the plain step.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { watchRun } from "./client.mjs";
import { endWorkers, interleave, root, startWorker, time } from "./measure.mjs";

const here = dirname(fileURLToPath(import.meta.url));
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
/** How long one measurement of the recorder's cost takes, about: several flushes to disk each. */
const milliseconds = 400;

const lines = [];
const options = { say, env: environment };

try {
  await main();
} finally {
  endWorkers();
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
  const ours = await startWorker(
    "Descent",
    process.execPath,
    [join(here, "worker.mjs"), "--port", "PORT"],
    options,
  );
  const torch = await startTorch();
  const names = Object.keys(plan).filter(
    (name) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  if (torch !== null) {
    title("beside PyTorch", "Descent", "PyTorch");
    for (const name of names) report(plan[name], await interleave(name, ours, torch));
  }
  if (names.includes("simplenet")) {
    await measureDebugger(ours);
    await measureRecorder(ours, torch);
  }
  if (isSaving) save();
}

/** What a debugger costs that is attached and stops nowhere. */
async function measureDebugger(ours) {
  const attach = ["--inspect=127.0.0.1:0", "--import", new URL("debugged.mjs", import.meta.url).href];
  const debugged = await startWorker(
    "debugged",
    process.execPath,
    [...attach, join(here, "worker.mjs"), "--port", "PORT"],
    options,
  );
  if (debugged === null) return;
  title("debugger attached, no breakpoint", "debugged", "plain");
  report(plan.simplenet, await interleave("simplenet", debugged, ours));
  debugged.end();
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
    { ...options, cwd: folder },
  );
  if (recorded === null) return;
  const client = await watchRun(folder);
  try {
    title("recorder on, dashboard client attached", "recorded", "plain");
    report(plan.simplenet, await interleave("simplenet", recorded, ours, { milliseconds }));
    if (torch !== null) {
      title("recorder on, beside PyTorch", "recorded", "PyTorch");
      report(plan.simplenet, await interleave("simplenet", recorded, torch, { milliseconds }));
    }
    say(`the client read ${client.bytes()} bytes of events`);
  } finally {
    client.close();
    recorded.end();
    await recorded.ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function report(what, [first, second]) {
  const ratios = ["median", "fastest"].map((which) => (first[which] / second[which]).toFixed(3).padStart(9));
  say(`${what.padEnd(48)}${time(first.median)}${time(second.median)}${ratios.join("")}`);
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
  return startWorker("PyTorch", python, [join(here, "peer.py"), "PORT"], options);
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
