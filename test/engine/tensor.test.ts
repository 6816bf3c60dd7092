// Making tensors, reading them back, indexing, converting, and the sentence each bad argument gets.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  autograd,
  cuda,
  devices,
  enableGrad,
  isGradEnabled,
  manualSeed,
  nn,
  noGrad,
  ones,
  rand,
  scope,
  slice,
  tensor,
  Tensor,
  zeros,
  type DType,
  type NestedArray,
} from "descent";
import { assertClose, assertRefused } from "./fixtures.js";

/** Read in a function, so that the compiler does not think it knows the gradient from an assignment. */
function gradOf(x: Tensor): NestedArray | null {
  return x.grad?.tolist() ?? null;
}

test("numbers become float32, booleans bool, bigints int64", () => {
  assert.equal(tensor(1).dtype, "float32");
  assert.equal(tensor([1, 2n]).dtype, "float32");
  assert.equal(tensor([true, false]).dtype, "bool");
  assert.equal(tensor([[1n], [2n]]).dtype, "int64");
  assert.equal(tensor([true, 1]).dtype, "float32");
  assert.equal(tensor([true, 1n]).dtype, "int64");
  assert.equal(tensor([]).dtype, "float32");
  assert.deepEqual(tensor([]).shape, [0]);
  assert.deepEqual(tensor([[], []]).shape, [2, 0]);
  assert.deepEqual(tensor([[[1, 2, 3]]]).shape, [1, 1, 3]);
});

test("typed arrays keep their type", () => {
  const kinds: [ArrayLike<number | bigint> & ArrayBufferView, DType][] = [
    [Float32Array.of(1, 2), "float32"],
    [Float64Array.of(1, 2), "float64"],
    [Int32Array.of(1, 2), "int32"],
    [Uint8Array.of(1, 2), "uint8"],
    [BigInt64Array.of(1n, 2n), "int64"],
    [Uint16Array.of(1, 65535), "int32"],
    [Uint32Array.of(1, 4294967295), "int64"],
  ];
  for (const [array, dtype] of kinds) {
    const x = tensor(array as Float32Array);
    assert.equal(x.dtype, dtype);
    assert.deepEqual(x.tolist(), Array.from(array, Number));
  }
  assert.deepEqual(tensor(new Float32Array(6), { shape: [2, 3] }).shape, [2, 3]);
  const source = Float32Array.of(1, 2);
  const copy = tensor(source);
  source[0] = 5;
  assert.deepEqual(copy.tolist(), [1, 2]);
});

test("a dtype given decides", () => {
  assert.deepEqual(tensor([1.9, -1.9], { dtype: "int64" }).tolist(), [1, -1]);
  assert.deepEqual(tensor([0, 2], { dtype: "bool" }).tolist(), [false, true]);
  assert.deepEqual(tensor([true, false], { dtype: "float64" }).data(), Float64Array.of(1, 0));
  assert.deepEqual(tensor([1, 2], { dtype: "int64" }).data(), BigInt64Array.of(1n, 2n));
  assert.deepEqual(tensor(2n ** 60n + 1n, { dtype: "int64" }).item<bigint>(), 2n ** 60n + 1n);
  assert.deepEqual(tensor([[1], [2]], { shape: [2] }).tolist(), [1, 2]);
});

test("values come back as they went in", () => {
  const nested = [
    [
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [7, 8],
    ],
  ];
  assert.deepEqual(tensor(nested).tolist(), nested);
  assert.deepEqual(tensor(nested).transpose(0, 2).tolist(), [
    [
      [1, 5],
      [3, 7],
    ],
    [
      [2, 6],
      [4, 8],
    ],
  ]);
  assert.deepEqual(tensor(nested).transpose(0, 2).data(), Float32Array.of(1, 5, 3, 7, 2, 6, 4, 8));
  assert.equal(tensor(3.5).item(), 3.5);
  assert.equal(tensor([[7n]]).item(), 7);
  assert.equal(tensor(true).item<boolean>(), true);
  assert.equal(tensor(3).tolist(), 3);
  assert.deepEqual(tensor([tensor([1, 2]), [3, 4]]).tolist(), [
    [1, 2],
    [3, 4],
  ]);
  assertRefused(() => tensor([1, 2]).item(), "shape", /^item: .*\[2\]/);
});

test("a ragged or wrong array gets one sentence", () => {
  assertRefused(
    () => tensor([[1, 2], [3]]),
    "shape",
    /^tensor: ragged array: element \[1\] is an array of 1/,
  );
  assertRefused(() => tensor([1, [2]]), "shape", /^tensor: ragged array: element \[1\] is an array of 1/);
  assertRefused(() => tensor([[1], 2]), "shape", /^tensor: ragged array: element \[1\] is 2 where/);
  const bad = (value: unknown) => () => tensor(value as number);
  assertRefused(bad(null), "argument", /^tensor: the value is null, give numbers/);
  assertRefused(bad(undefined), "argument", /undefined/);
  assertRefused(bad("1"), "argument", /'1'/);
  assertRefused(bad([1, "2"]), "argument", /^tensor: element \[1\] is '2'/);
  assertRefused(bad([[1], [{}]]), "argument", /^tensor: element \[1\]\[0\] is an object/);
  assertRefused(() => tensor([1, 2], { shape: [3] }), "shape", /shape \[3\] holds 3 elements, there are 2/);
  assertRefused(() => tensor([1], { shape: [-1] }), "shape", /shape\[0\]/);
  assertRefused(() => tensor([1], { dtype: "float" as DType }), "dtype", /no dtype 'float', there are/);
  assertRefused(() => tensor([1], { device: "tpu" }), "device", /no device 'tpu'/);
  assertRefused(
    () => tensor([1], { device: "cuda:7" }),
    "device",
    /'cuda:7' is not usable here, there is cpu/,
  );
  assertRefused(
    () => tensor([1], { requires_grad: true } as object),
    "argument",
    /it is called requiresGrad here/,
  );
  assertRefused(() => tensor([1n], { requiresGrad: true }), "dtype", /floating.*int64/);
});

test("at() is PyTorch's x[...]", () => {
  const x = tensor(
    Float32Array.from({ length: 24 }, (_, k) => k),
    { shape: [2, 3, 4] },
  );
  assert.deepEqual(x.at(1).shape, [3, 4]);
  assert.equal(x.at(1, 2, 3).item(), 23);
  assert.equal(x.at(-1, -1, -1).item(), 23);
  assert.deepEqual(x.at(0, slice(1, 3)).tolist(), [
    [4, 5, 6, 7],
    [8, 9, 10, 11],
  ]);
  assert.deepEqual(x.at("...", 0).tolist(), [
    [0, 4, 8],
    [12, 16, 20],
  ]);
  assert.deepEqual(x.at(slice(), null, 0).shape, [2, 1, 4]);
  assert.deepEqual(x.at(0, 0, slice(null, null, 2)).tolist(), [0, 2]);
  assert.deepEqual(x.at(0, 0, slice(-3, -1)).tolist(), [1, 2]);
  assert.deepEqual(x.at(0, 0, slice(3, 1)).shape, [0]);
  assert.deepEqual(x.at(0, [2, 0], 1).tolist(), [9, 1]);
  assert.deepEqual(x.at(0, tensor([[0n], [-1n]])).shape, [2, 1, 4]);
  assert.deepEqual(x.at(x.gt(21)).tolist(), [22, 23]);
  assert.deepEqual(x.at(tensor([true, false]), slice(0, 1)).shape, [1, 1, 4]);
  assert.deepEqual(x.at(tensor([true, false])).shape, [1, 3, 4]);
  x.at(0, 0, slice(0, 2)).fill_(-1);
  assert.deepEqual(x.at(0, 0).tolist(), [-1, -1, 2, 3]);
  assertRefused(() => x.at(2), "index", /^at: index 2 is outside dim 0 of \[2, 3, 4\]/);
  assertRefused(() => x.at(0, 0, 0, 0), "index", /4 indices for the 3 dims/);
  assertRefused(() => x.at("...", "..."), "argument", /may stand once/);
  assertRefused(() => x.at({} as never), "argument", /an index is/);
  assertRefused(() => slice("a" as never), "argument", /^slice: start/);
});

test("to() converts and keeps what is right already", () => {
  const x = tensor([1.5, 2.5]);
  assert.equal(x.to("float32"), x);
  assert.equal(x.to("cpu"), x);
  assert.equal(x.to({ device: "cpu" }), x);
  assert.equal(x.double().dtype, "float64");
  assert.deepEqual(x.long().tolist(), [1, 2]);
  assert.equal(x.to({ dtype: "int32", device: "cpu" }).dtype, "int32");
  assert.equal(x.to(tensor([1n])).dtype, "int64");
  const leaf = tensor([1, 2], { requiresGrad: true });
  leaf.double().sum().backward();
  assert.equal(leaf.grad?.dtype, "float32");
  assertRefused(() => x.to("float128"), "argument", /give a dtype/);
  assertRefused(() => x.to(null as never), "argument", /not null/);
  assertRefused(() => x.to("cuda"), "device", /not usable here/);
});

test("gradients are read, set and dropped", () => {
  const x = tensor([1, 2, 3], { requiresGrad: true });
  assert.equal(gradOf(x), null);
  assert.equal(x.isLeaf, true);
  assert.equal(x.gradFn, null);
  const y = x.mul(x);
  assert.equal(y.isLeaf, false);
  assert.equal(y.requiresGrad, true);
  assert.equal(y.gradFn?.name, "MulBackward0");
  y.sum().backward();
  assert.deepEqual(gradOf(x), [2, 4, 6]); // d/dx x² = 2x
  x.mul(3).sum().backward();
  assert.deepEqual(gradOf(x), [5, 7, 9]); // added to
  x.grad = null;
  assert.equal(gradOf(x), null);
  x.mul(2).backward({ gradient: tensor([1, 10, 100]) });
  assert.deepEqual(gradOf(x), [2, 20, 200]);
  assert.equal(x.detach().requiresGrad, false);
  assert.equal(noGrad(() => x.mul(2)).requiresGrad, false);
  assertRefused(
    () => {
      tensor([1, 2]).sum().backward();
    },
    "autograd",
    /^backward: /,
  );
  assertRefused(
    () => {
      x.mul(2).backward();
    },
    "autograd",
    /gradient|scalar/,
  );
  assertRefused(
    () => {
      x.sum().backward({ retain_graph: true } as object);
    },
    "argument",
    /retainGraph/,
  );
  assertRefused(
    () => {
      x.grad = 3 as never;
    },
    "argument",
    /must be a tensor/,
  );
});

test("autograd.grad gives gradients as values, also second ones", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  const [first] = autograd.grad(x.pow(3).sum(), x, { createGraph: true });
  assertClose(first, [3, 12]); // 3x²
  const [second] = autograd.grad(first!.sum(), x);
  assertClose(second, [6, 12]); // 6x
  assert.equal(gradOf(x), null);
  const unused = tensor([1], { requiresGrad: true });
  assert.deepEqual(autograd.grad(x.sum(), [unused], { allowUnused: true }), [null]);
  assertRefused(() => autograd.grad(x.sum(), [unused]), "autograd", /grad/);
  assertRefused(() => autograd.grad(3 as never, x), "argument", /outputs must be a tensor/);
  autograd.backward([x.sum(), x.mul(2).sum()]);
  assert.deepEqual(gradOf(x), [3, 3]);
});

test("noGrad and enableGrad nest, and come back after an error", async () => {
  assert.equal(isGradEnabled(), true);
  assert.equal(
    noGrad(() => enableGrad(isGradEnabled)),
    true,
  );
  assert.equal(noGrad(isGradEnabled), false);
  assert.throws(() =>
    noGrad(() => {
      throw new Error("x");
    }),
  );
  assert.equal(isGradEnabled(), true);
  assert.equal(
    await noGrad(async () => {
      await Promise.resolve();
      return isGradEnabled();
    }),
    false,
  );
  assert.equal(isGradEnabled(), true);
  assertRefused(() => noGrad(3 as never), "argument", /^noGrad: the body must be a function/);
});

test("dispose frees, later use says so", () => {
  const x = zeros([2]);
  x.dispose();
  x.dispose();
  assert.equal(x.isDisposed, true);
  assertRefused(() => x.add(1), "disposed", /^add: /);
  assertRefused(() => x.item(), "disposed", /^item: /);
  {
    using y = zeros([2]);
    assert.equal(y.isDisposed, false);
  }
});

test("a scope frees what it does not return", async () => {
  const seen: Tensor[] = [];
  const note = (x: Tensor) => {
    seen.push(x);
    return x;
  };
  const { kept } = scope(() => {
    const inner = scope(() => note(ones([2])));
    note(inner.add(1));
    return { kept: [note(inner.mul(2))] };
  });
  assert.deepEqual(
    seen.map((x) => x.isDisposed),
    [true, true, false],
  );
  assert.deepEqual(kept[0]?.tolist(), [2, 2]);
  const later = await scope(async () => {
    const first = note(zeros([1]));
    await Promise.resolve();
    return first.add(note(ones([1])));
  });
  assert.equal(later.item(), 1);
  assert.deepEqual(
    seen.slice(3).map((x) => x.isDisposed),
    [true, true],
  );
  const outside = zeros([1]);
  assert.throws(() =>
    scope(() => {
      note(zeros([1]));
      throw new Error("x");
    }),
  );
  assert.equal(seen.at(-1)?.isDisposed, true);
  assert.equal(outside.isDisposed, false);
});

test("the state of a model belongs to no scope", () => {
  const models: nn.BatchNorm1d[] = [];
  scope(() => {
    models.push(new nn.BatchNorm1d(2));
  });
  assert.deepEqual(models[0]?.forward(ones([2, 2])).shape, [2, 2]);
  models[0].eval();
  assert.deepEqual(models[0].forward(ones([2, 2])).shape, [2, 2]);
});

test("the same seed gives the same numbers", () => {
  manualSeed(5);
  const first = rand([4]).tolist();
  manualSeed(5n);
  assert.deepEqual(rand([4]).tolist(), first);
  assert.notDeepEqual(rand([4]).tolist(), first);
  assertRefused(
    () => {
      manualSeed("a" as never);
    },
    "argument",
    /^manualSeed: /,
  );
  assertRefused(
    () => {
      manualSeed(1.5);
    },
    "argument",
    /1\.5/,
  );
});

test("devices are told as they are", () => {
  assert.ok(devices().some((device) => device.kind === "cpu" && device.usable));
  assert.equal(cuda.deviceCount() > 0, cuda.isAvailable());
  if (!cuda.isAvailable()) {
    assert.equal(cuda.memoryAllocated(), 0);
    assertRefused(() => cuda.getDeviceName(), "device", /^cuda: cuda:0 is not usable here: /);
  }
});

test("geometry", () => {
  const x = zeros([2, 3]);
  assert.deepEqual([x.ndim, x.dim(), x.numel(), x.size(1), x.size(-2)], [2, 2, 6, 3, 2]);
  assert.deepEqual(x.size(), [2, 3]);
  assert.deepEqual(x.stride(), [3, 1]);
  assert.deepEqual(x.t().stride(), [1, 3]);
  assert.equal(x.t().isContiguous(), false);
  assertRefused(() => x.size(2), "index", /^size: no dim 2 in \[2, 3\]/);
});
