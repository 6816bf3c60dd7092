// A character-level GPT beside PyTorch's: the same weights and batches, the same first 50 losses. test/reference/gpt.py is the other side.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { arange, getDefaultDevice, nn, noGrad, optim, stack, tensor, type Tensor } from "descent";
import { readFixture } from "../reference/replay.js";
import { root } from "../root.js";

const [width, context, batch] = [128, 64, 8];

class GPT extends nn.Module {
  tokens: nn.Embedding;
  positions = new nn.Embedding(context, width);
  blocks = new nn.TransformerEncoder(
    new nn.TransformerEncoderLayer(width, 4, {
      dimFeedforward: 4 * width,
      dropout: 0,
      activation: "gelu",
      batchFirst: true,
      normFirst: true,
    }),
    6,
    { norm: new nn.LayerNorm(width) },
  );
  head: nn.Linear;
  mask = nn.Transformer.generateSquareSubsequentMask(context);

  constructor(vocabulary: number) {
    super();
    this.tokens = new nn.Embedding(vocabulary, width);
    this.head = new nn.Linear(width, vocabulary, { bias: false });
  }

  /** x int64 [N, T] → [N, T, vocabulary] */
  forward(x: Tensor): Tensor {
    const places = this.positions.forward(arange(0, x.size(1), 1, { dtype: "int64" }));
    const h = this.tokens.forward(x).add(places);
    return this.head.forward(this.blocks.forward(h, { mask: this.mask, isCausal: true }));
  }
}

/** Noise in ±1: the fraction of 10000 sin(k + 1), parameters in the order of their names. */
function initialise(model: nn.Module): void {
  let start = 0;
  const parameters = model.namedParameters().sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, parameter] of parameters) {
    const isScale = name.includes("norm") && name.endsWith("weight");
    const first = start;
    const values = Float64Array.from({ length: parameter.numel() }, (_, k) => {
      const x = Math.sin(first + k + 1) * 1e4;
      const noise = 2 * (x - Math.floor(x)) - 1;
      return isScale ? 1 + 0.1 * noise : 0.08 * noise;
    });
    start += parameter.numel();
    noGrad(() => parameter.copy_(tensor(values, { shape: parameter.shape, dtype: "float64" })));
  }
}

it("a GPT has PyTorch's first 50 losses to 1e-3, and gradient norms to 1e-2", () => {
  const recorded = readFixture("gpt") as { losses: number[]; norms: number[] };
  const text = readFileSync(join(root, "test/engine/fixtures/text.txt"), "utf8");
  const letters = [...new Set(text)].sort();
  const codes = tensor(
    Float64Array.from(text, (letter) => letters.indexOf(letter)),
    { dtype: "int64" },
  );
  const model = new GPT(letters.length);
  initialise(model);
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3, betas: [0.9, 0.95], weightDecay: 0.1 });
  const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, recorded.losses.length, {
    etaMin: 1e-4,
  });
  // An OpenCL device that is the processor itself takes half a second a step: it has the first ones only.
  const steps = getDefaultDevice().startsWith("opencl") ? 8 : recorded.losses.length;
  recorded.losses.slice(0, steps).forEach((expected, step) => {
    const starts = Array.from(
      { length: batch },
      (_, item) => ((step * batch + item) * 997) % (text.length - context - 1),
    );
    const x = stack(starts.map((start) => codes.narrow(0, start, context)));
    const y = stack(starts.map((start) => codes.narrow(0, start + 1, context)));
    optimizer.zeroGrad();
    const loss = nn.functional.crossEntropy(model.forward(x).flatten(0, 1), y.flatten());
    loss.backward();
    const norm = nn.utils.clipGradNorm_(model.parameters(), 1).item();
    optimizer.step();
    scheduler.step();
    close(`loss of step ${step}`, loss.item(), expected, 1e-3);
    close(`gradient norm of step ${step}`, norm, recorded.norms[step]!, 1e-2);
  });
});

function close(what: string, actual: number, expected: number, tolerance: number): void {
  const difference = Math.abs(actual - expected) / Math.abs(expected);
  assert.ok(difference <= tolerance, `${what} is ${actual}, PyTorch has ${expected}`);
}
