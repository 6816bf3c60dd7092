// A character model with a two-layer LSTM learns a text beside PyTorch: same weights, same batches, same losses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { nn, noGrad, optim, tensor, type Tensor } from "descent";
import { formulaWeights, readFixture } from "../reference/replay.js";
import { root } from "../root.js";

class CharacterModel extends nn.Module {
  embedding: nn.Embedding;
  lstm = new nn.LSTM(24, 64, { numLayers: 2, batchFirst: true });
  head: nn.Linear;

  constructor(vocabulary: number) {
    super();
    this.embedding = new nn.Embedding(vocabulary, 24);
    this.head = new nn.Linear(64, vocabulary);
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(this.lstm.forward(this.embedding.forward(x))[0]);
  }
}

/** Each parameter from where the one before it ends in the formula's numbers, in PyTorch's order of the layers. */
function fill(model: CharacterModel): void {
  let start = 0;
  for (const [prefix, layer] of Object.entries({
    embedding: model.embedding,
    lstm: model.lstm,
    head: model.head,
  })) {
    for (const [, parameter] of layer.namedParameters()) {
      const scale = prefix === "embedding" ? 1 : 0.125;
      noGrad(() => parameter.copy_(formulaWeights(parameter.shape, scale, start)));
      start += parameter.numel();
    }
  }
}

it("an LSTM that learns a text has PyTorch's first 50 losses to 1e-3", () => {
  const recorded = readFixture("lstm") as { losses: number[]; norms: number[] };
  const text = readFileSync(join(root, "test/engine/fixtures/text.txt"), "utf8");
  const letters = [...new Set(text)].sort();
  const codes = Array.from(text, (letter) => letters.indexOf(letter));
  const [batch, length] = [16, 32];
  const windows = (step: number, shift: number): Tensor =>
    tensor(
      Array.from({ length: batch }, (_, k) => {
        const start = (((step * batch + k) * 97) % (codes.length - length - 1)) + shift;
        return codes.slice(start, start + length);
      }),
      { dtype: "int64" },
    );
  const model = new CharacterModel(letters.length);
  fill(model);
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
  recorded.losses.forEach((expected, step) => {
    optimizer.zeroGrad();
    const logits = model.forward(windows(step, 0));
    const loss = nn.functional.crossEntropy(logits.flatten(0, 1), windows(step, 1).flatten());
    loss.backward();
    const norm = nn.utils.clipGradNorm_(model.parameters(), 0.25);
    optimizer.step();
    closeTo(`loss of step ${step}`, loss.item(), expected);
    closeTo(`gradient norm of step ${step}`, norm.item(), recorded.norms[step]!);
  });
});

function closeTo(what: string, actual: number, expected: number): void {
  const difference = Math.abs(actual - expected) / Math.abs(expected);
  assert.ok(difference <= 1e-3, `${what} is ${actual}, PyTorch has ${expected}`);
}
