// The public surface, name by name: what a PyTorch user may reach for is there, and PyTorch's own results for it are recorded.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import * as descent from "descent";
import { Tensor } from "descent";
import { caseModules, readFixture, type RecordedCase } from "../reference/replay.js";

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Functions of the package; those that are methods of Tensor too stand in `methods`. */
const functions: Record<string, string[]> = {
  creation:
    words(`tensor zeros ones full rand randn arange linspace eye empty zerosLike onesLike randnLike bernoulli multinomial
    randint randperm normal tril triu`),
  pointwise:
    words(`add sub mul div pow square neg abs sign exp expm1 log log1p log2 log10 sqrt rsqrt reciprocal sin cos tan asin
    acos atan atan2 sinh cosh tanh sigmoid erf floor ceil round trunc clamp maximum minimum fmod remainder relu logicalAnd logicalOr
    logicalNot eq ne lt le gt ge isnan isinf isfinite where lerp`),
  reductions:
    words(`sum mean prod amax amin max min argmax argmin any all std var norm logsumexp cumsum cumprod countNonzero topk
    sort argsort median unique`),
  shape:
    words(`reshape flatten squeeze unsqueeze transpose permute t cat stack split chunk narrow select indexSelect gather scatter
    scatterAdd maskedSelect flip roll movedim diagonal repeatInterleave broadcastTo`),
  "linear algebra": words("matmul mm bmm mv dot outer addmm baddbmm einsum tensordot"),
  package: words("manualSeed noGrad scope slice softmax logSoftmax"),
};

const methods =
  words(`add sub mul div pow square neg abs sign exp expm1 log log1p log2 log10 sqrt rsqrt reciprocal sin cos tan asin
  acos atan atan2 sinh cosh tanh sigmoid erf floor ceil round trunc clamp maximum minimum fmod remainder relu logicalAnd logicalOr
  logicalNot eq ne lt le gt ge isnan isinf isfinite where lerp sum mean prod amax amin max min argmax argmin any all std var norm
  logsumexp cumsum cumprod countNonzero topk sort argsort median unique reshape view flatten squeeze unsqueeze transpose permute t
  expand repeat split chunk narrow select indexSelect gather scatter scatterAdd maskedFill maskedSelect index flip roll tril triu unfold
  movedim diagonal repeatInterleave broadcastTo contiguous matmul mm bmm mv dot outer addmm baddbmm bernoulli multinomial softmax
  logSoftmax add_ sub_ mul_ div_ clamp_ zero_ fill_ copy_ uniform_ normal_ bernoulli_ relu_ maskedFill_ scatter_ scatterAdd_ at to cpu
  item tolist data backward registerHook retainGrad requiresGrad_ detach clone isContiguous dispose size dim numel stride
  isFloatingPoint float double half bfloat16 int long bool`);

const functional =
  words(`relu leakyRelu prelu logsigmoid elu selu silu gelu softplus hardtanh hardswish mish sigmoid tanh softmax
  logSoftmax linear bilinear conv1d conv2d convTranspose2d maxPool1d maxPool2d avgPool1d avgPool2d adaptiveAvgPool2d batchNorm
  layerNorm groupNorm instanceNorm rmsNorm dropout dropout2d embedding oneHot pad interpolate normalize cosineSimilarity
  scaledDotProductAttention mseLoss l1Loss smoothL1Loss huberLoss crossEntropy nllLoss binaryCrossEntropy binaryCrossEntropyWithLogits klDiv
  cosineEmbeddingLoss tripletMarginLoss`);

const members: Record<string, [home: object, names: string[]]> = {
  autograd: [descent.autograd, words("backward grad Function gradcheck detectAnomaly")],
  nn: [
    descent.nn,
    words(`Module Parameter Sequential ModuleList ModuleDict Linear Bilinear Conv1d Conv2d ConvTranspose2d MaxPool1d MaxPool2d
      AvgPool1d AvgPool2d AdaptiveAvgPool2d BatchNorm1d BatchNorm2d LayerNorm GroupNorm InstanceNorm2d RMSNorm Dropout Dropout2d
      Embedding RNN LSTM GRU MultiheadAttention TransformerEncoderLayer TransformerEncoder Flatten Identity Upsample ReLU LeakyReLU
      PReLU LogSigmoid ELU SELU SiLU GELU Softplus Hardtanh Hardswish Mish Sigmoid Tanh Softmax LogSoftmax MSELoss L1Loss SmoothL1Loss
      HuberLoss CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss KLDivLoss CosineEmbeddingLoss TripletMarginLoss`),
  ],
  "nn.functional": [descent.nn.functional, functional],
  "nn.utils": [descent.nn.utils, words("clipGradNorm_ clipGradValue_ parametersToVector vectorToParameters")],
  init: [
    descent.init,
    words(`uniform_ normal_ zeros_ ones_ constant_ xavierUniform_ xavierNormal_ kaimingUniform_ kaimingNormal_ orthogonal_
      truncNormal_`),
  ],
  optim: [descent.optim, words("SGD Adam AdamW RMSprop Adagrad Adadelta NAdam RAdam LBFGS")],
  "optim.lrScheduler": [
    descent.optim.lrScheduler,
    words(`StepLR MultiStepLR ExponentialLR CosineAnnealingLR CosineAnnealingWarmRestarts LinearLR ConstantLR OneCycleLR
      ReduceLROnPlateau LambdaLR SequentialLR`),
  ],
  data: [
    descent.data,
    words(`Dataset IterableDataset TensorDataset ConcatDataset Subset randomSplit DataLoader RandomSampler SequentialSampler
      WeightedRandomSampler BatchSampler`),
  ],
  memory: [
    descent.memory,
    words("stats summary snapshot allocated maxAllocated reserved resetPeak emptyCache setLimit"),
  ],
  cuda: [
    descent.cuda,
    words(`isAvailable deviceCount getDeviceName getDeviceProperties synchronize emptyCache memoryAllocated maxMemoryAllocated
      memoryReserved memoryStats memorySummary`),
  ],
  safetensors: [descent.safetensors, words("save load")],
  npy: [descent.npy, words("save load loadNpz saveNpz")],
  run: [descent.run, words("log config summary image histogram text checkpoint")],
};

const moduleMethods =
  words(`parameters namedParameters modules namedModules buffers stateDict loadStateDict train eval to requiresGrad_
  registerForwardHook apply`);

/** Names whose results are compared elsewhere than in recorded cases: by their own tests, for the reason given. */
const otherwise: Record<string, string> = {
  tensor: "every case makes its inputs with it",
  empty: "its values are undefined",
  rand: "random",
  randn: "random",
  randnLike: "random",
  bernoulli: "random",
  multinomial: "random",
  randint: "random",
  randperm: "random",
  normal: "random",
  dropout: "random",
  dropout2d: "random",
  manualSeed: "random",
  noGrad: "no values",
  scope: "no values",
  slice: "an argument of at()",
};

describe("the public names", () => {
  for (const [group, names] of Object.entries(functions)) {
    it(`functions: ${group}`, () => {
      missing(group, descent, names);
    });
  }
  it("methods of Tensor", () => {
    missing("Tensor", Tensor.prototype, methods);
  });
  for (const [group, [home, names]] of Object.entries(members)) {
    it(group, () => {
      missing(group, home, names);
    });
  }
  it("methods of Module", () => {
    missing("Module", descent.nn.Module.prototype, moduleMethods);
    assert.equal(descent.init, descent.nn.init);
    assert.equal(typeof descent.devices, "function");
  });
});

function missing(group: string, home: object, names: readonly string[]): void {
  const absent = names.filter((name) => typeof (home as Record<string, unknown>)[name] !== "function");
  assert.deepEqual(absent, [], `${group} has not all its members`);
}

describe("PyTorch's results are recorded", () => {
  const counts = countCases();
  const fewest = 3;
  for (const [group, names] of [...Object.entries(functions), ["nn.functional", functional] as const]) {
    it(`at least ${fewest} cases for each member of: ${group}`, () => {
      const few = names.filter((name) => !(name in otherwise) && (counts.get(name) ?? 0) < fewest);
      assert.deepEqual(few, [], `too few recorded cases in ${group}`);
    });
  }
  after(() => {
    const totals = Object.entries({ ...functions, "nn.functional": functional }).map(([group, names]) => {
      const sum = names.reduce((total, name) => total + (counts.get(name) ?? 0), 0);
      return `${group}: ${sum}`;
    });
    console.log(`note: recorded cases by module: ${totals.join(", ")}`);
  });
});

function countCases(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const module of caseModules()) {
    for (const { call } of readFixture(`cases/${module}`) as RecordedCase[]) {
      const name = call.slice(call.lastIndexOf(".") + 1);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return counts;
}
