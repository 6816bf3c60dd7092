// The cases that are timed, on our side. Each returns a function that runs it `count` times; peer.py has the same ones by the same names.

import { readFileSync } from "node:fs";
import { arange, data, manualSeed, nn, optim, randint, randn, tensor } from "descent";

/** What `run.mjs` prints beside each name. */
export const cases = {
  simplenet,
  "simplenet-adam": simplenetAdam,
  add,
  "add-recorded": addRecorded,
  backward,
  "digits-epoch": digitsEpoch,
  lstm,
  gpt,
  "layer-norm": layerNorm,
  attention,
  embedding,
};
/** Forward and backward of one convolution: the sizes of images and weight, and the options. */
const convolutions = {
  "conv-28": [[32, 16, 28, 28], [32, 16, 3, 3], { padding: 1 }],
  "conv-14": [[32, 64, 14, 14], [64, 64, 3, 3], { padding: 1 }],
  "conv-stride": [[32, 64, 14, 14], [128, 64, 3, 3], { padding: 1, stride: 2 }],
  "conv-pointwise": [[32, 64, 14, 14], [128, 64, 1, 1], {}],
  "conv-depthwise": [[32, 64, 28, 28], [64, 1, 3, 3], { padding: 1, groups: 64 }],
};
for (const [name, sizes] of Object.entries(convolutions)) cases[name] = () => convolution(...sizes);
/** On a GPU: matrices that keep all of it busy, and elementwise ops over 64 Mi numbers. */
Object.assign(cases, {
  "bf16-8192": () => product(8192, "bfloat16"),
  "bf16-2048": () => product(2048, "bfloat16"),
  "f32-4096": () => product(4096, "float32"),
  "large-copy": () => over(1, (x) => x.clone()),
  "large-add": () => over(2, (x, y) => x.add(y)),
  "large-mul-add": () => over(3, (x, y, z) => x.addcmul(y, z)),
  "large-gelu": () => over(1, (x) => nn.functional.gelu(x)),
  "large-sum": () => over(1, (x) => x.sum()),
});
for (const size of [64, 256, 512, 1024]) cases[`matmul-${size}`] = () => matmul(size);

class SimpleNet extends nn.Module {
  fc1 = new nn.Linear(784, 128);
  fc2 = new nn.Linear(128, 10);
  relu = new nn.ReLU();
  forward(x) {
    return this.fc2.forward(this.relu.forward(this.fc1.forward(x)));
  }
}

function simplenet() {
  return trainSimpleNet((model) => new optim.SGD(model.parameters(), { lr: 1e-6 }));
}

function simplenetAdam() {
  return trainSimpleNet((model) => new optim.Adam(model.parameters(), { lr: 1e-8 }));
}

/**
 * 784-128-10, batches of 32: what a training loop does between two batches. The rate is tiny, because a net that has learnt its
 * few batches by heart has gradients so small (subnormal numbers) that processors take many times as long for them.
 */
function trainSimpleNet(makeOptimizer) {
  manualSeed(0);
  const model = new SimpleNet();
  const criterion = new nn.CrossEntropyLoss({ weight: tensor([0.1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) });
  const optimizer = makeOptimizer(model);
  const batches = Array.from({ length: 16 }, () => [randn([32, 784]), randint(0, 10, [32])]);
  return (count) => {
    for (let k = 0; k < count; k++) {
      const [x, y] = batches[k % 16];
      optimizer.zeroGrad();
      const loss = criterion.forward(model.forward(x), y);
      loss.backward();
      optimizer.step();
    }
  };
}

/** Two layers of 128 over 64 steps of 32 sequences, and a head: as a character model has them. */
function lstm() {
  manualSeed(0);
  const layers = new nn.LSTM(128, 128, { numLayers: 2 });
  const head = new nn.Linear(128, 50);
  const optimizer = new optim.Adam([...layers.parameters(), ...head.parameters()], { lr: 1e-8 });
  const x = randn([64, 32, 128]);
  const y = randint(0, 50, [64 * 32]);
  return (count) => {
    for (let k = 0; k < count; k++) {
      optimizer.zeroGrad();
      const logits = head.forward(layers.forward(x)[0]).flatten(0, 1);
      nn.functional.crossEntropy(logits, y).backward();
      optimizer.step();
    }
  };
}

function add() {
  const x = randn([10]);
  const y = randn([10]);
  return (count) => {
    for (let k = 0; k < count; k++) x.add(y);
  };
}

function addRecorded() {
  const x = randn([10]).requiresGrad_();
  const y = randn([10]);
  return (count) => {
    for (let k = 0; k < count; k++) x.add(y);
  };
}

function backward() {
  const x = randn([10]).requiresGrad_();
  const y = randn([10]);
  return (count) => {
    for (let k = 0; k < count; k++) {
      x.grad = null;
      x.mul(y).sum().backward();
    }
  };
}

function convolution(images, kernels, options) {
  const x = randn(images).requiresGrad_();
  const weight = randn(kernels).requiresGrad_();
  const bias = randn([kernels[0]]).requiresGrad_();
  const forward = () => nn.functional.conv2d(x, weight, bias, options);
  const gradient = randn(forward().shape);
  return (count) => {
    for (let k = 0; k < count; k++) {
      x.grad = weight.grad = bias.grad = null;
      forward().backward(gradient);
    }
  };
}

function over(inputs, apply) {
  const made = Array.from({ length: inputs }, () => randn([1 << 26]));
  return (count) => {
    for (let k = 0; k < count; k++) apply(...made).dispose();
  };
}

function product(size, dtype) {
  const [a, b] = [randn([size, size]).to(dtype), randn([size, size]).to(dtype)];
  return (count) => {
    for (let k = 0; k < count; k++) a.matmul(b).dispose();
  };
}

function matmul(size) {
  const a = randn([size, size]);
  const b = randn([size, size]);
  return (count) => {
    for (let k = 0; k < count; k++) a.matmul(b);
  };
}

/** One pass over the digits as the sample makes it, loader included. */
function digitsEpoch() {
  const bytes = readFileSync(new URL("../../extension/samples/digits/digits.bin", import.meta.url));
  const images = tensor(bytes.subarray(0, 1797 * 64), { shape: [1797, 64], dtype: "float32" }).div(16);
  const labels = tensor(bytes.subarray(1797 * 64), { dtype: "int64" });
  const loader = new data.DataLoader(new data.TensorDataset(images, labels), {
    batchSize: 16,
    shuffle: true,
  });
  manualSeed(0);
  const model = new nn.Sequential(
    ...[new nn.Linear(64, 256), new nn.BatchNorm1d(256), new nn.ReLU(), new nn.Dropout(0.3)],
    ...[new nn.Linear(256, 128), new nn.ReLU(), new nn.Dropout(0.3), new nn.Linear(128, 10)],
  );
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  return async (count) => {
    for (let k = 0; k < count; k++) {
      for await (const [x, y] of loader) {
        optimizer.zeroGrad();
        const loss = criterion.forward(model.forward(x), y);
        loss.backward();
        optimizer.step();
      }
    }
  };
}

/** A step of a GPT of 6 layers, 4 heads, width 128, 8 pieces of 64 letters, AdamW. */
function gpt() {
  manualSeed(0);
  const mask = nn.Transformer.generateSquareSubsequentMask(64);
  const options = {
    dimFeedforward: 512,
    dropout: 0,
    activation: "gelu",
    batchFirst: true,
    normFirst: true,
  };
  const layer = new nn.TransformerEncoderLayer(128, 4, options);
  const blocks = new nn.TransformerEncoder(layer, 6, { norm: new nn.LayerNorm(128) });
  const [letters, places] = [new nn.Embedding(64, 128), new nn.Embedding(64, 128)];
  const head = new nn.Linear(128, 64, { bias: false });
  const parameters = [letters, places, blocks, head].flatMap((module) => module.parameters());
  const optimizer = new optim.AdamW(parameters, { lr: 1e-6 });
  const [x, y] = [randint(0, 64, [8, 64]), randint(0, 64, [8, 64])];
  const order = arange(0, 64, 1, { dtype: "int64" });
  return (count) => {
    for (let k = 0; k < count; k++) {
      optimizer.zeroGrad();
      const h = blocks.forward(letters.forward(x).add(places.forward(order)), { mask, isCausal: true });
      const loss = nn.functional.crossEntropy(head.forward(h).flatten(0, 1), y.flatten());
      loss.backward();
      nn.utils.clipGradNorm_(parameters, 1);
      optimizer.step();
    }
  };
}

/** Runs forward and backward `count` times, the gradients of `inputs` dropped before each. */
function bothWays(inputs, forward) {
  const g = randn(forward().shape);
  return (count) => {
    for (let k = 0; k < count; k++) {
      for (const input of inputs) input.grad = null;
      forward().backward(g);
    }
  };
}

function layerNorm() {
  const [x, weight, bias] = [[2048, 768], [768], [768]].map((shape) => randn(shape).requiresGrad_());
  return bothWays([x, weight, bias], () => nn.functional.layerNorm(x, [768], { weight, bias }));
}

function attention() {
  const [q, k, v] = [1, 2, 3].map(() => randn([2, 8, 512, 64]).requiresGrad_());
  return bothWays([q, k, v], () => nn.functional.scaledDotProductAttention(q, k, v, { isCausal: true }));
}

function embedding() {
  const weight = randn([1000, 128]).requiresGrad_();
  const x = randint(0, 1000, [32, 64]);
  return bothWays([weight], () => nn.functional.embedding(x, weight));
}
