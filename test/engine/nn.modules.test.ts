// Normalisation, embedding, attention and transformer layers beside PyTorch's, step by step; and what is refused, printed and copied.

import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { autograd, manualSeed, nn, noGrad, ones, randn, tensor, zeros, type Tensor } from "descent";
import {
  compare,
  makeInput,
  makeTensor,
  readFixture,
  startGradient,
  type Precision,
  type RecordedTensor,
} from "../reference/replay.js";
import { assertClose, assertRefused } from "./fixtures.js";

type Numbers = RecordedTensor["v"];
type State = Record<string, RecordedTensor>;

interface RecordedModule {
  layer: string;
  args: unknown[];
  train: boolean;
  state: State;
  steps: {
    in: RecordedTensor[];
    /** "$k" is an input that is not positional. */
    options: Record<string, unknown>;
    out: (RecordedTensor | null)[];
    grad: (Numbers | null)[];
    parameters: Record<string, Numbers | null>;
  }[];
  stateAfter: State;
}

class SelfAttention extends nn.MultiheadAttention {
  override forward(x: Tensor, ...rest: unknown[]): [Tensor, Tensor | null] {
    return super.forward(x, x, x, rest[0] as nn.AttentionOptions);
  }
}

type AnyLayer = nn.Module & { forward(...values: unknown[]): Tensor | (Tensor | null)[] };

function make(name: string, args: unknown[]): AnyLayer {
  const classes = nn as unknown as Record<string, new (...args: unknown[]) => AnyLayer>;
  if (name === "SelfAttention") return new SelfAttention(4, 2);
  if (name !== "TransformerEncoder" && name !== "TransformerDecoder") return new classes[name]!(...args);
  const [layer, count, hasNorm] = args as [unknown[], number, boolean];
  return new classes[name]!(
    new classes[`${name}Layer`]!(...layer),
    count,
    hasNorm ? { norm: new nn.LayerNorm(4) } : {},
  );
}

describe("modules as PyTorch", () => {
  const fixtures = ["modules", "planes"].flatMap((name) => readFixture(name) as RecordedModule[]);
  for (const recorded of fixtures) {
    const mode = recorded.train ? "training" : "evaluating";
    it(`${recorded.layer}(${JSON.stringify(recorded.args).slice(1, -1)}) ${mode}`, () => {
      for (const precision of ["float64", "float32"] as const) replayModule(recorded, precision);
    });
  }
});

function replayModule(recorded: RecordedModule, precision: Precision): void {
  const module = make(recorded.layer, recorded.args).to(precision);
  module.loadStateDict(
    Object.fromEntries(
      Object.entries(recorded.state).map(([key, value]) => [key, makeTensor(value, precision)]),
    ),
  );
  module.train(recorded.train);
  recorded.steps.forEach((step, at) => {
    const made = step.in.map((input) => makeInput(input, precision));
    const named = Object.entries(step.options).filter(([, value]) => /^\$\d/.test(String(value)));
    const used = new Set(named.map(([, value]) => Number(String(value).slice(1))));
    const options = {
      ...step.options,
      ...Object.fromEntries(named.map(([key, value]) => [key, made[Number(String(value).slice(1))]!.view])),
    };
    module.zeroGrad();
    const positional = made.filter((_, k) => !used.has(k)).map(({ view }) => view);
    const result = module.forward(...positional, ...(Object.keys(options).length > 0 ? [options] : []));
    const outputs = Array.isArray(result) ? result : [result];
    assert.equal(outputs.length, step.out.length);
    outputs.forEach((output, k) => {
      const expected = step.out[k] ?? null;
      if (expected === null) assert.equal(output, null);
      else compare(`output ${k} of step ${at}`, output!, expected, precision);
    });
    const tracked = outputs.filter((output): output is Tensor => output?.requiresGrad === true);
    if (tracked.length > 0) autograd.backward(tracked, tracked.map(startGradient));
    step.grad.forEach((values, k) => {
      const { leaf } = made[k]!;
      if (values === null) assert.ok(leaf.grad === null, `input ${k} of step ${at} has no gradient`);
      else {
        const expected = { s: leaf.shape, d: "F", v: values };
        compare(`gradient of input ${k} of step ${at}`, leaf.grad!, expected, precision);
      }
    });
    const parameters = module.namedParameters();
    assert.deepEqual(parameters.map(([name]) => name).sort(), Object.keys(step.parameters).sort());
    for (const [name, parameter] of parameters) {
      const values = step.parameters[name] ?? null;
      if (values === null) assert.ok(parameter.grad === null, `${name} has no gradient`);
      else {
        const expected = { s: parameter.shape, d: "F", v: values };
        compare(`gradient of ${name} in step ${at}`, parameter.grad!, expected, precision);
      }
    }
  });
  const after = module.stateDict();
  assert.deepEqual(Object.keys(after).sort(), Object.keys(recorded.stateAfter).sort());
  for (const [key, expected] of Object.entries(recorded.stateAfter))
    compare(key, after[key]!, expected, precision);
}

test("a transformer's state has PyTorch's keys, in PyTorch's order", () => {
  const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 6 });
  const encoder = new nn.TransformerEncoder(layer, 2, { norm: new nn.LayerNorm(4) });
  const own = [
    "self_attn.in_proj_weight",
    "self_attn.in_proj_bias",
    "self_attn.out_proj.weight",
    "self_attn.out_proj.bias",
    ...["linear1", "linear2", "norm1", "norm2"].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
  ];
  assert.deepEqual(Object.keys(layer.stateDict()), own);
  assert.deepEqual(Object.keys(encoder.stateDict()), [
    ...[0, 1].flatMap((k) => own.map((key) => `layers.${k}.${key}`)),
    "norm.weight",
    "norm.bias",
  ]);
  assert.equal(
    encoder.namedModules().some(([name]) => name === "layers.1.self_attn.out_proj"),
    true,
  );
});

test("the layers of a stack begin alike and learn each for itself", () => {
  const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 6, dropout: 0 });
  const encoder = new nn.TransformerEncoder(layer, 2);
  const [first, second] = [encoder.layers.at(0), encoder.layers.at(1)];
  assert.ok(first instanceof nn.TransformerEncoderLayer && first !== layer);
  assert.deepEqual(first.linear1.weight.tolist(), second.linear1.weight.tolist());
  noGrad(() => first.linear1.weight.add_(1));
  assert.notDeepEqual(first.linear1.weight.tolist(), second.linear1.weight.tolist());
  assert.deepEqual(second.linear1.weight.tolist(), layer.linear1.weight.tolist());
  encoder
    .forward(randn([3, 2, 4]))
    .sum()
    .backward();
  assert.ok(second.linear1.weight.grad !== null && layer.linear1.weight.grad === null);
});

test("begins as PyTorch does", () => {
  manualSeed(1);
  const attention = new nn.MultiheadAttention(60, 3, { addBiasKv: true });
  const bound = Math.sqrt(6 / (60 + 180));
  const largest = attention.inProjWeight!.abs().max().item();
  assert.ok(largest <= bound && largest > bound * 0.99);
  assertClose(attention.inProjBias!, zeros([180]).tolist());
  assertClose(attention.outProj.bias!, zeros([60]).tolist());
  assert.ok(attention.biasK!.abs().max().item() > 0);
  const embedding = new nn.Embedding(100, 50, { paddingIdx: -3 });
  assert.ok(Math.abs(embedding.weight.detach().std().item() - 1) < 0.05);
  assert.equal(embedding.weight.select(0, 97).abs().max().item(), 0);
  const norm = new nn.LayerNorm([2, 3]);
  assertClose(norm.weight!, ones([2, 3]).tolist());
});

test("prints as PyTorch does", () => {
  const lines: [nn.Module, string][] = [
    [new nn.LayerNorm([3, 4]), "LayerNorm([3, 4], eps=0.00001, elementwiseAffine=true, bias=true)"],
    [new nn.RMSNorm(4), "RMSNorm([4], eps=null, elementwiseAffine=true)"],
    [new nn.GroupNorm(2, 4), "GroupNorm(2, 4, eps=0.00001, affine=true)"],
    [
      new nn.InstanceNorm2d(4),
      "InstanceNorm2d(4, eps=0.00001, momentum=0.1, affine=false, trackRunningStats=false)",
    ],
    [new nn.Embedding(5, 3, { paddingIdx: -1, maxNorm: 2 }), "Embedding(5, 3, paddingIdx=4, maxNorm=2)"],
    [new nn.Dropout2d(0.2), "Dropout2d(p=0.2)"],
  ];
  for (const [module, line] of lines) assert.equal(module.toString(), line);
  const encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(4, 2), 2);
  assert.equal(encoder.toString().split("\n")[1], "  (layers): ModuleList(");
  assert.match(encoder.toString(), /^ {6}\(self_attn\): MultiheadAttention\($/m);
});

test("an embedding takes rows that are there already", () => {
  const rows = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const frozen = nn.Embedding.fromPretrained(rows, { paddingIdx: 0 });
  assert.deepEqual([frozen.numEmbeddings, frozen.embeddingDim, frozen.paddingIdx], [3, 2, 0]);
  assertClose(frozen.forward(tensor([0n, 2n])), [
    [1, 2],
    [5, 6],
  ]);
  assert.equal(frozen.weight.requiresGrad, false);
  assert.equal(nn.Embedding.fromPretrained(rows, { freeze: false }).weight.requiresGrad, true);
  assertRefused(() => nn.Embedding.fromPretrained(ones([3])), "shape", /^fromPretrained: /);
});

test("dropout of attention weights drops while training only", () => {
  manualSeed(3);
  const attention = new nn.MultiheadAttention(4, 2, { dropout: 0.5 });
  const x = randn([6, 2, 4]);
  const [, weights] = attention.forward(x, x, x, { averageAttnWeights: false });
  const dropped = weights!.eq(0).sum().item();
  assert.ok(dropped > 40 && dropped < 104, `${dropped} of 144 dropped`);
  attention.eval();
  const [whole, all] = attention.forward(x, x, x);
  assert.equal(all!.eq(0).sum().item(), 0);
  assertClose(attention.forward(x, x, x, { needWeights: false })[0], whole.tolist(), 1e-5);
});

test("bad arguments get one sentence", () => {
  const x = ones([3, 2, 4]);
  const attention = new nn.MultiheadAttention(4, 2);
  const mask = ones([3, 3]);
  const refusals: [() => unknown, string, RegExp][] = [
    [() => new nn.MultiheadAttention(5, 2), "argument", /^MultiheadAttention: numHeads must divide embedDim/],
    [() => new nn.MultiheadAttention(4, 0), "argument", /^MultiheadAttention: numHeads must be/],
    [
      () => attention.forward(ones([3, 2, 5]), x, x),
      "shape",
      /^MultiheadAttention: query must be .* E = 4, it is \[3, 2, 5\]/,
    ],
    [
      () => attention.forward(x, ones([3, 4]), x),
      "shape",
      /^MultiheadAttention: key must be .* as many dims as query/,
    ],
    [
      () => attention.forward(x, ones([5, 2, 4]), x),
      "shape",
      /^MultiheadAttention: .* key and value of one length/,
    ],
    [
      () => attention.forward(x, ones([3, 3, 4]), ones([3, 3, 4])),
      "shape",
      /^MultiheadAttention: .* one batch/,
    ],
    [
      () => attention.forward(x, x, x, { attnMask: ones([3, 4]) }),
      "shape",
      /attnMask must be \[3, 3\], it is \[3, 4\]/,
    ],
    [
      () => attention.forward(x, x, x, { attnMask: tensor([[1n]]) }),
      "dtype",
      /attnMask must be bool or floating/,
    ],
    [
      () => attention.forward(x, x, x, { keyPaddingMask: mask }),
      "shape",
      /keyPaddingMask must be \[2, 3\], it is \[3, 3\]/,
    ],
    [() => attention.forward(x, x, x, { isCausal: true }), "argument", /isCausal is a hint/],
    [() => attention.forward(null as never, x, x), "argument", /query must be a tensor, it is null/],
    [() => new nn.LayerNorm([]), "shape", /^LayerNorm: normalizedShape must name at least one dim/],
    [() => new nn.LayerNorm(4).forward(ones([2, 3])), "shape", /^layerNorm: x must end in/],
    [() => new nn.GroupNorm(3, 4), "argument", /^GroupNorm: numGroups must divide numChannels/],
    [
      () => new nn.BatchNorm2d(3).forward(ones([2, 3, 4])),
      "shape",
      /^BatchNorm2d: the input must be \[N, 3, H, W\]/,
    ],
    [
      () => new nn.InstanceNorm2d(3, { affine: true }).forward(ones([2, 4, 2, 2])),
      "shape",
      /must have 3 channels/,
    ],
    [() => new nn.Embedding(3, 2, { paddingIdx: 3 }), "argument", /^Embedding: paddingIdx must be/],
    [() => new nn.Embedding(3, 2).forward(tensor([3n])), "index", /^embedding: index 3 at position 0/],
    [() => new nn.Embedding(3, 2).forward(ones([2])), "dtype", /^embedding: indices must be/],
    [
      () => new nn.TransformerEncoderLayer(4, 2, { activation: "tanh" as never }),
      "argument",
      /activation must be one of 'relu', 'gelu'/,
    ],
    [
      () => new nn.TransformerEncoder(3 as never, 2),
      "argument",
      /^TransformerEncoder: the layer must be a module/,
    ],
  ];
  for (const [call, code, message] of refusals) assertRefused(call, code, message);
});

test("half precision is normalised in float32, with weights of either", () => {
  const x = randn([6, 4]);
  for (const weight of [ones([4]), ones([4]).half()]) {
    const bias = weight.mul(0);
    const { batchNorm, layerNorm, groupNorm, rmsNorm } = nn.functional;
    const pairs = [
      [layerNorm(x.half(), [4], { weight, bias }), layerNorm(x, [4])],
      [rmsNorm(x.half(), [4], { weight }), rmsNorm(x, [4])],
      [groupNorm(x.half(), 2, { weight, bias }), groupNorm(x, 2)],
      [
        batchNorm(x.half(), null, null, { weight, bias, training: true }),
        batchNorm(x, null, null, { training: true }),
      ],
    ] as const;
    for (const [half, single] of pairs) {
      assert.equal(half.dtype, "float16");
      assertClose(half.float(), single.tolist(), 5e-3);
    }
  }
  const norm = new nn.BatchNorm1d(4);
  assert.equal(norm.forward(x.half()).dtype, "float16");
  assert.equal(norm.runningMean!.dtype, "float32");
});

test("an empty batch leaves running values as they are", () => {
  const norm = new nn.BatchNorm1d(2);
  norm.forward(zeros([0, 2]));
  assertClose(norm.runningMean!, [0, 0]);
  assertClose(norm.runningVar!, [1, 1]);
});

test("the causal mask of a transformer", () => {
  const mask = nn.Transformer.generateSquareSubsequentMask(3);
  assert.deepEqual(mask.tolist(), [
    [0, -Infinity, -Infinity],
    [0, 0, -Infinity],
    [0, 0, 0],
  ]);
});
