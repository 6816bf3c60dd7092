// Layers of signals and images: what they print, how they begin, what they save and what they refuse. Their values stand beside
// PyTorch's in nn.modules.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { manualSeed, nn, ones, randn, tensor, type Tensor } from "descent";
import { assertClose, assertRefused } from "./fixtures.js";

test("prints as PyTorch does, in our spelling", () => {
  const lines: [nn.Module, string][] = [
    [new nn.Conv2d(3, 16, 3), "Conv2d(3, 16, kernelSize=(3, 3), stride=(1, 1))"],
    [
      new nn.Conv2d(4, 8, [3, 1], { stride: 2, padding: [1, 0], dilation: 2, groups: 4, bias: false }),
      "Conv2d(4, 8, kernelSize=(3, 1), stride=(2, 2), padding=(1, 0), dilation=(2, 2), groups=4, bias=false)",
    ],
    [
      new nn.Conv1d(1, 2, 5, { padding: "same", paddingMode: "circular" }),
      "Conv1d(1, 2, kernelSize=(5,), stride=(1,), padding=same, paddingMode=circular)",
    ],
    [
      new nn.ConvTranspose2d(4, 2, 3, { stride: 2, padding: 1, outputPadding: 1 }),
      "ConvTranspose2d(4, 2, kernelSize=(3, 3), stride=(2, 2), padding=(1, 1), outputPadding=(1, 1))",
    ],
    [new nn.MaxPool2d(2), "MaxPool2d(kernelSize=2, stride=2, padding=0, dilation=1, ceilMode=false)"],
    [
      new nn.MaxPool1d([3], { stride: 1 }),
      "MaxPool1d(kernelSize=(3,), stride=1, padding=0, dilation=1, ceilMode=false)",
    ],
    [new nn.AvgPool2d([2, 3], { stride: 1 }), "AvgPool2d(kernelSize=(2, 3), stride=1, padding=0)"],
    [new nn.AdaptiveAvgPool2d([1, null]), "AdaptiveAvgPool2d(outputSize=(1, null))"],
    [new nn.AdaptiveMaxPool2d(1), "AdaptiveMaxPool2d(outputSize=1)"],
    [new nn.Upsample({ scaleFactor: 2, mode: "bilinear" }), "Upsample(scaleFactor=2, mode='bilinear')"],
    [new nn.UpsamplingNearest2d({ size: [4, 5] }), "UpsamplingNearest2d(size=(4, 5), mode='nearest')"],
    [new nn.ZeroPad2d([1, 2, 0, -1]), "ZeroPad2d((1, 2, 0, -1))"],
    [new nn.PixelShuffle(2), "PixelShuffle(upscaleFactor=2)"],
  ];
  for (const [module, line] of lines) assert.equal(module.toString(), line);
});

test("convolutions begin even in ±1/√(inputs of a unit), as PyTorch's", () => {
  manualSeed(1);
  const layers: [nn.Module & { weight: Tensor; bias: Tensor | null }, number[], number][] = [
    [new nn.Conv2d(16, 32, 3, { groups: 2 }), [32, 8, 3, 3], 8 * 9],
    [new nn.Conv1d(10, 300, 5), [300, 10, 5], 50],
    [new nn.ConvTranspose2d(16, 32, [3, 2], { groups: 2 }), [16, 16, 3, 2], 16 * 6],
  ];
  for (const [layer, shape, inputs] of layers) {
    assert.deepEqual(layer.weight.shape, shape);
    const bound = 1 / Math.sqrt(inputs);
    for (const values of [layer.weight, layer.bias!]) {
      const largest = values.abs().max().item();
      assert.ok(
        largest <= bound && largest > bound * 0.85,
        `${layer.constructor.name}: ${largest} of ${bound}`,
      );
    }
  }
});

test("states have PyTorch's keys", () => {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 2, 3, { bias: false }),
    new nn.MaxPool2d(2),
    new nn.ConvTranspose2d(2, 1, 2),
  );
  assert.deepEqual(Object.keys(model.stateDict()), ["0.weight", "2.weight", "2.bias"]);
  assert.deepEqual(model.forward(ones([1, 1, 8, 8])).shape, [1, 1, 4, 4]);
});

test("a pooling layer gives indices to whoever asks, and one tensor to others", () => {
  const pool = new nn.MaxPool2d(2, { returnIndices: true });
  const [values, indices] = pool.forward(
    tensor([
      [
        [1, 5, 2, 0],
        [3, 4, 7, 6],
      ],
    ]),
  );
  assertClose(values, [[[5, 7]]]);
  assert.equal(indices.dtype, "int64");
  assert.deepEqual(indices.tolist(), [[[1, 6]]]);
  const alone: Tensor = new nn.AdaptiveMaxPool2d(1).forward(ones([1, 2, 2]));
  assertClose(alone, [[[1]]]);
});

test("a window in the padding alone has no gradient to give", () => {
  const x = ones([1, 1, 2, 2], { requiresGrad: true });
  const y = nn.functional.maxPool2d(x, [1, 2], { padding: [0, 1], dilation: [1, 3] });
  assertClose(y, [[[[-Infinity], [-Infinity]]]]);
  y.sum().backward();
  assertClose(x.grad!, [
    [
      [
        [0, 0],
        [0, 0],
      ],
    ],
  ]);
});

test("layers follow to other precisions", () => {
  const layer = new nn.Conv2d(2, 3, 3).to("float64");
  assert.equal(layer.forward(randn([1, 2, 4, 4], { dtype: "float64" })).dtype, "float64");
  assertRefused(() => layer.forward(randn([1, 2, 4, 4])), "dtype", /^conv2d: the weight must be float32/);
  assert.equal(new nn.Conv1d(2, 3, 1, { dtype: "float64" }).weight.dtype, "float64");
});

test("bad arguments get one sentence", () => {
  const image = ones([1, 4, 5, 5]);
  const refusals: [() => unknown, string, RegExp][] = [
    [
      () => new nn.Conv2d(3, 4, 3, { groups: 2 }),
      "argument",
      /^Conv2d: groups must divide inChannels, they are 2 and 3/,
    ],
    [() => new nn.Conv2d(4, 3, 3, { groups: 2 }), "argument", /^Conv2d: groups must divide outChannels/],
    [
      () => new nn.Conv2d(0, 3, 3),
      "argument",
      /^Conv2d: inChannels must be a whole number at least 1, it is 0/,
    ],
    [() => new nn.Conv2d(3, 3, 0), "argument", /^Conv2d: kernelSize must be a whole number at least 1/],
    [
      () => new nn.Conv2d(3, 3, [1, 2, 3]),
      "argument",
      /^Conv2d: kernelSize must be a number or an array of 2/,
    ],
    [
      () => new nn.Conv2d(3, 3, 3, { padding: "full" as never }),
      "argument",
      /^Conv2d: padding must be one of/,
    ],
    [
      () => new nn.Conv2d(3, 3, 3, { padding: "same", stride: 2 }),
      "argument",
      /^Conv2d: padding 'same' goes with/,
    ],
    [
      () => new nn.Conv2d(3, 3, 3, { paddingMode: "mirror" as never }),
      "argument",
      /^Conv2d: paddingMode must be/,
    ],
    [() => new nn.Conv2d(3, 3, 3, { stride: [1, -1] }), "argument", /^Conv2d: stride\[1\] must be/],
    [() => new nn.Conv2d(3, 3, 3, { kernel: 2 } as object), "argument", /^Conv2d: no option 'kernel'/],
    [
      () => new nn.Conv2d(3, 2, 3).forward(image),
      "shape",
      /^conv2d: the weight \[2, 3, 3, 3\] .* needs 3 channels/,
    ],
    [() => new nn.Conv2d(4, 2, 6).forward(image), "shape", /^conv2d: the kernel .* reaches over 6 places/],
    [() => new nn.Conv2d(4, 2, 3).forward(null as never), "argument", /^conv2d: .*null|^conv2d: needs x/],
    [
      () => new nn.ConvTranspose2d(4, 2, 3, { outputPadding: 1 }).forward(image),
      "argument",
      /outputPadding must be below/,
    ],
    [
      () => new nn.ConvTranspose2d(4, 2, 3, { stride: 2 }).forward(image, { outputSize: [13, 11] }),
      "argument",
      /^ConvTranspose2d: outputSize\[0\] must be a whole number at least 11 and at most 12, it is 13/,
    ],
    [
      () => new nn.ConvTranspose2d(4, 2, 3).forward(image, { outputSize: [7] }),
      "argument",
      /^ConvTranspose2d: outputSize must have 2 or 4 sizes/,
    ],
    [
      () => new nn.MaxPool2d(2, { padding: 2 }).forward(image),
      "argument",
      /^maxPool2d: padding must be at most half/,
    ],
    [() => new nn.MaxPool2d(0), "argument", /^MaxPool2d: kernelSize must be/],
    [() => new nn.MaxPool1d(2).forward(image), "shape", /^maxPool1d: the input must be \(N, C, L\)/],
    [
      () => new nn.AvgPool2d(2, { divisorOverride: 0 }).forward(image),
      "argument",
      /divisorOverride must not be 0/,
    ],
    [() => new nn.AdaptiveAvgPool2d([1, 2, 3]), "argument", /^AdaptiveAvgPool2d: outputSize must be/],
    [() => new nn.ZeroPad2d([1, 2, 3]), "argument", /^ZeroPad2d: the padding must be a number or/],
    [
      () => new nn.Conv1d(4, 2, 3, { padding: 5, paddingMode: "reflect" }).forward(ones([1, 4, 5])),
      "shape",
      /^pad: mode "reflect" can add at most 4/,
    ],
    [() => new nn.Upsample().forward(image), "argument", /^interpolate: needs size or scaleFactor/],
    [() => new nn.Upsample({ mode: "cubic" as never }), "argument", /^Upsample: mode must be one of/],
    [
      () => new nn.Upsample({ scaleFactor: 0 }),
      "argument",
      /^Upsample: scaleFactor must be a number above 0/,
    ],
    [() => new nn.PixelShuffle(3).forward(image), "shape", /^pixelShuffle: the channels .* multiple of 9/],
  ];
  for (const [call, code, message] of refusals) assertRefused(call, code, message);
});
