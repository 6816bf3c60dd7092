// `node test/bench/gpu.mjs [--device=cuda:0 --save=FILE --quick]`: training steps, matrix products and elementwise ops on a GPU beside
// PyTorch on the same card, in turns. A time ends when the device has done what it was given; times are medians. Says for each of the
// targets whether it is met, and fails where one is not. --quick only looks whether everything runs.

import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endWorkers, interleave, root, startWorker, time } from "./measure.mjs";

const { values: options } = parseArgs({
  options: {
    device: { type: "string", default: "cuda:0" },
    save: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
const bench = join(root, "test/bench");
/** What one time is; the most that the ratio to PyTorch may be. */
const steps = {
  simplenet: ["SimpleNet step (784-128-10, batch 32, SGD)", 0.8],
  "simplenet-adam": ["SimpleNet step (784-128-10, batch 32, Adam)", null],
  gpt: ["GPT step (6 layers of 128, 8 × 64 letters, AdamW)", 0.8],
  attention: ["causal attention, 2 × 8 heads, 512 × 64, with gradients", null],
  "layer-norm": ["layer norm of 2048 × 768, with gradients", null],
  "conv-14": ["3 × 3 convolution, 64 → 64 channels, 32 × 14 × 14, with gradients", null],
};
/** Matrix products: their size. */
const products = { "bf16-8192": 8192, "bf16-2048": 2048, "f32-4096": 4096 };
/** Elementwise ops over 64 Mi numbers: how many of them are read and written. */
const passes = { "large-copy": 2, "large-add": 3, "large-mul-add": 4, "large-gelu": 2, "large-sum": 1 };
const measurement = options.quick ? { milliseconds: 1, rounds: 1 } : { milliseconds: 60, rounds: 15 };
const missed = [];

try {
  await main();
} finally {
  endWorkers();
}
if (missed.length > 0) {
  say(`missed: ${missed.join("; ")}`);
  if (!options.quick) process.exitCode = 1;
}

async function main() {
  const ours = await start({});
  if (ours === null) return void (process.exitCode = 1);
  const torch = await startTorch();
  say(
    `${"on ".concat(options.device).padEnd(66)}${"Descent".padStart(12)}${"PyTorch".padStart(12)}${"ratio".padStart(9)}`,
  );
  for (const [name, [what, most]] of Object.entries(steps)) {
    const [first, second] = await measure(name, ours, torch);
    report(what, time(first), second && time(second), second && first / second);
    if (most !== null && second) hold(`${name} at most ${most} of PyTorch's time`, first / second <= most);
  }
  const withoutLibrary = await start({ DESCENT_CUBLASLT_LIBRARY: "none" });
  for (const [name, size] of Object.entries(options.quick ? {} : products)) {
    const rate = (microseconds) => (2 * size ** 3) / microseconds / 1e6;
    const [first, second] = await measure(name, ours, torch);
    const [alone] = await measure(name, withoutLibrary, torch);
    const text = (microseconds) => `${rate(microseconds).toFixed(1)} TFLOP/s`.padStart(15);
    report(`matrix product ${name}`, text(first), second && text(second), second && second / first);
    report("  with our own kernels alone", text(alone), "", second && second / alone);
    if (!second || name !== "bf16-8192") continue;
    hold("bf16 product at least 0.9 of PyTorch's rate", second / first >= 0.9);
    hold("bf16 product by our own kernels at least 0.5 of PyTorch's rate", second / alone >= 0.5);
  }
  let copy = 0;
  for (const [name, count] of Object.entries(options.quick ? {} : passes)) {
    const bandwidth = (microseconds) => (count * 4 * 2 ** 26) / microseconds / 1e3;
    const [first, second] = await measure(name, ours, torch);
    copy = Math.max(copy, name === "large-copy" ? bandwidth(Math.min(first, second ?? Infinity)) : 0);
    const text = (microseconds) => `${bandwidth(microseconds).toFixed(0)} GB/s`.padStart(15);
    report(`${name} of 64 Mi float32`, text(first), second && text(second), bandwidth(first) / copy);
    if (name === "large-add" || name === "large-mul-add")
      hold(`${name} at least 0.85 of the copy bandwidth`, bandwidth(first) / copy >= 0.85);
  }
}

/** Medians in microseconds: ours, PyTorch's (null without it). */
async function measure(name, ours, torch) {
  const [first, second] = await interleave(name, ours, torch ?? ours, measurement);
  return [first.median, torch ? second.median : null];
}

function start(environment) {
  const program = [join(bench, "worker.mjs"), "--port", "PORT", "--device", options.device];
  return startWorker("Descent", process.execPath, program, { say, env: { ...process.env, ...environment } });
}

async function startTorch() {
  const python = process.env.DESCENT_BENCH_PYTHON ?? "python3";
  const script = "import torch; print(torch.__version__, torch.cuda.get_device_name(0))";
  try {
    if (!options.device.startsWith("cuda")) throw new Error("PyTorch has no OpenCL");
    const quiet = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    say(`PyTorch ${execFileSync(python, ["-c", script], quiet).trim()}`);
  } catch {
    say(`PyTorch is skipped: ${python} has none that sees this card.`);
    return null;
  }
  return startWorker("PyTorch", python, [join(bench, "peer.py"), "PORT", "cuda"], { say });
}

function report(what, first, second, ratio) {
  say(
    `${what.padEnd(66)}${first.padStart(12)}${(second || "").padStart(12)}${ratio ? ratio.toFixed(3).padStart(9) : ""}`,
  );
}

function hold(target, isMet) {
  if (!isMet) missed.push(target);
}

function say(line) {
  console.log(line);
  if (options.save) appendFileSync(options.save, `${line}\n`);
}
