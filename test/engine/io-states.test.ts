// A state of PyTorch's with every kind of layer that has one: loaded as it is, with PyTorch's outputs, and written again alike.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { nn, noGrad, randn, safetensors, type Tensor } from "descent";
import { root } from "../root.js";
import { assertClose } from "./fixtures.js";

const fixture = join(root, "test/reference/fixtures/files/states.safetensors");
// DESCENT_STATES names a folder to leave the written state in: `python test/reference/states.py FOLDER/states.safetensors` reads it.
const folder = process.env["DESCENT_STATES"] ?? mkdtempSync(join(tmpdir(), "descent-states-"));
after(() => {
  if (process.env["DESCENT_STATES"] === undefined) rmSync(folder, { recursive: true, force: true });
});

const layer = { dimFeedforward: 12, dropout: 0, batchFirst: true };

/** The model of test/reference/states.py. */
class Everything extends nn.Module {
  conv = new nn.Conv2d(2, 4, 3, { padding: 1, groups: 2 });
  batchNorm = new nn.BatchNorm2d(4);
  groupNorm = new nn.GroupNorm(2, 4);
  instanceNorm = new nn.InstanceNorm2d(4, { affine: true, trackRunningStats: true });
  up = new nn.ConvTranspose2d(4, 2, 2, { stride: 2, bias: false });
  conv1d = new nn.Conv1d(2, 3, 2, { dilation: 2, padding: 1 });
  batchNorm1d = new nn.BatchNorm1d(3, { affine: false });
  prelu = new nn.PReLU({ numParameters: 3 });
  embedding = new nn.Embedding(10, 8, { paddingIdx: 0 });
  layerNorm = new nn.LayerNorm(8);
  rmsNorm = new nn.RMSNorm(8);
  attention = new nn.MultiheadAttention(8, 2, { batchFirst: true, kdim: 6, vdim: 5 });
  encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, layer), 2, {
    norm: new nn.LayerNorm(8),
  });
  decoder = new nn.TransformerDecoderLayer(8, 2, layer);
  rnn = new nn.RNN(8, 4, { nonlinearity: "relu" });
  lstm = new nn.LSTM(8, 5, { numLayers: 2, bidirectional: true, projSize: 3, batchFirst: true });
  gru = new nn.GRU(8, 4, { bias: false });
  bilinear = new nn.Bilinear(4, 8, 3);
  parts = new nn.ModuleDict({
    list: new nn.ModuleList([new nn.Linear(8, 8), new nn.Sequential(new nn.Linear(8, 2), new nn.Tanh())]),
  });

  forward(image: Tensor, words: Tensor, key: Tensor, value: Tensor): Record<string, Tensor> {
    const normed = this.instanceNorm.forward(
      this.groupNorm.forward(this.batchNorm.forward(this.conv.forward(image))),
    );
    const row = this.up.forward(normed).mean(2);
    const line = this.prelu.forward(this.batchNorm1d.forward(this.conv1d.forward(row)));
    const x = this.rmsNorm.forward(this.layerNorm.forward(this.embedding.forward(words)));
    const [attended] = this.attention.forward(x, key, value);
    const decoded = this.decoder.forward(x, this.encoder.forward(attended));
    const [lstm, [hidden, cell]] = this.lstm.forward(decoded);
    const [gru] = this.gru.forward(decoded);
    const [rnn] = this.rnn.forward(decoded);
    const [first, second] = this.parts.get("list") as unknown as [nn.Linear, nn.Sequential];
    return {
      line,
      lstm,
      hidden,
      cell,
      both: this.bilinear.forward(gru.add(rnn), decoded),
      last: second.forward(first.forward(decoded)),
    };
  }
}

const part = (tensors: Record<string, Tensor>, prefix: string): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, x]) => [name.slice(prefix.length), x]),
  );

const named = (prefix: string, tensors: Record<string, Tensor>): [string, Tensor][] =>
  Object.entries(tensors).map(([name, x]) => [prefix + name, x]);

function run(model: Everything, input: Record<string, Tensor>): Record<string, Tensor> {
  model.eval();
  return noGrad(() => model.forward(input["image"]!, input["words"]!, input["key"]!, input["value"]!));
}

test("a state of PyTorch's is loaded strictly, and gives PyTorch's outputs", () => {
  const tensors = safetensors.load(fixture);
  const model = new Everything();
  assert.deepEqual(model.loadStateDict(part(tensors, "state.")), { missingKeys: [], unexpectedKeys: [] });
  const expected = part(tensors, "output.");
  const outputs = run(model, part(tensors, "input."));
  assert.deepEqual(Object.keys(outputs).sort(), Object.keys(expected).sort());
  for (const [name, x] of Object.entries(outputs)) assertClose(x, expected[name]!.tolist(), 3e-4, name);
});

test("a state written here has PyTorch's names, shapes and dtypes", () => {
  const model = new Everything();
  noGrad(() => {
    for (const parameter of model.parameters()) parameter.add_(randn(parameter.shape).mul(0.05));
  });
  const input = part(safetensors.load(fixture), "input.");
  const file = join(folder, "states.safetensors");
  const tensors = [
    ...named("state.", model.stateDict()),
    ...named("input.", input),
    ...named("output.", run(model, input)),
  ];
  safetensors.save(file, Object.fromEntries(tensors));
  const sorted = (path: string): unknown => safetensors.list(path).sort((a, b) => (a.name < b.name ? -1 : 1));
  assert.deepEqual(sorted(file), sorted(fixture));
  const again = new Everything();
  again.loadStateDict(part(safetensors.load(file), "state."));
  for (const [name, x] of Object.entries(run(again, input)))
    assertClose(x, run(model, input)[name]!.tolist(), 0, name);
});
