// Learns to write like a short story, letter by letter.
//
//   descent run train.ts                     about a minute; then it writes something
//   descent run train.ts -- --steps 100      a shorter training, and a poorer writer

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { manualSeed, nn, noGrad, optim, randint, run, stack, tensor, type Tensor } from "descent";
import { GPT } from "./gpt.ts";

const { values: options } = parseArgs({ options: { steps: { type: "string", default: "800" } } });
const steps = Number(options.steps);
if (!(steps >= 1)) throw new Error(`--steps takes a number from 1 on, not '${options.steps}'.`);

manualSeed(1); // The same start and the same batches each time.

const text = readFileSync(new URL("text.txt", import.meta.url), "utf8");
const letters = [...new Set(text)].sort();
const numbers = tensor(
  Array.from(text, (letter) => letters.indexOf(letter)),
  { dtype: "int64" },
);

const context = 64;
const batchSize = 16;
const model = new GPT({ letters: letters.length, context, width: 96, heads: 4, layers: 3 });
const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3, weightDecay: 0.01 });
const schedule = new optim.lrScheduler.CosineAnnealingLR(optimizer, steps, { etaMin: 3e-4 });

run.config({ steps, batchSize, context, lr: 3e-3 });

let loss = 0;
for (let step = 1; step <= steps; step++) {
  const [x, y] = batch();
  optimizer.zeroGrad();
  const scores = model.forward(x);
  const error = nn.functional.crossEntropy(scores.flatten(0, 1), y.flatten());
  error.backward();
  nn.utils.clipGradNorm_(model.parameters(), 1);
  optimizer.step();
  schedule.step();
  loss = error.item();
}
run.summary({ loss });
console.log(`loss at the end: ${loss.toFixed(3)} (knowing nothing: ${Math.log(letters.length).toFixed(3)})`);
console.log(`\n${write("The ferry", 400)}\n`);

/** Pieces of the text from anywhere, and the same one letter further on: what should come next. Both [batchSize, context]. */
function batch(): [Tensor, Tensor] {
  const starts = randint(0, text.length - context, [batchSize]).tolist() as number[];
  const x = stack(starts.map((start) => numbers.narrow(0, start, context)));
  const y = stack(starts.map((start) => numbers.narrow(0, start + 1, context)));
  return [x, y];
}

/** Goes on from a beginning, one letter after another, each drawn as often as the net thinks likely. */
function write(beginning: string, count: number): string {
  let written = beginning;
  model.eval();
  noGrad(() => {
    for (let k = 0; k < count; k++) {
      const seen = Array.from(written.slice(-context), (letter) => letters.indexOf(letter));
      const scores = model.forward(tensor([seen], { dtype: "int64" })).at(0, -1);
      // Divided by less than 1, likely letters become likelier still: fewer slips of the pen.
      const next = scores.div(0.7).softmax(0).multinomial(1).item();
      written += letters[next]!;
    }
  });
  return written;
}
