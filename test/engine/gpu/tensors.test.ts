// Tensors of a GPU beyond their kernels: how they come there, go back, mix with those of the CPU, are saved and trained.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  arange,
  autograd,
  bernoulli,
  cat,
  checkpoint,
  devices,
  empty,
  manualSeed,
  memory,
  nn,
  npy,
  oneHot,
  ones,
  onesLike,
  optim,
  rand,
  randnLike,
  safetensors,
  tensor,
  where,
  zeros,
  zerosLike,
  type DType,
  type Tensor,
} from "descent";
import { collectGarbage } from "../fixtures.js";

const gpus = devices().filter((device) => device.kind !== "cpu" && device.usable);
const folder = mkdtempSync(join(tmpdir(), "descent-gpu-"));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

for (const { name: gpu } of gpus) {
  describe(gpu, () => {
    it("tensors are made there, and read from there", () => {
      const x = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { device: gpu },
      );
      assert.equal(x.device, gpu);
      assert.deepEqual(x.t().tolist(), [
        [1, 3],
        [2, 4],
      ]);
      assert.deepEqual(Array.from(x.t().data(), Number), [1, 3, 2, 4]);
      assert.equal(x.select(0, 1).select(0, 0).item(), 3);
      assert.match(String(x), /device='/);
      for (const y of [zerosLike(x), onesLike(x), randnLike(x), x.clone(), x.detach(), x.add(1)])
        assert.equal(y.device, gpu);
      assert.deepEqual(zeros([2], { device: gpu }).tolist(), [0, 0]);
      assert.deepEqual(arange(3, { device: gpu }).tolist(), [0, 1, 2]);
      assert.deepEqual(empty([0], { device: gpu }).tolist(), []);
    });

    it("every dtype goes there and comes back, and one element of each is read as it is", () => {
      const dtypes: DType[] = [
        "float32",
        "float64",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
      ];
      for (const dtype of dtypes) {
        const x = tensor([1, 0, 1], { dtype });
        const there = x.to(gpu);
        assert.equal(there.dtype, dtype);
        assert.deepEqual(there.cpu().tolist(), x.tolist(), dtype);
        assert.equal(there.select(0, 2).item(), x.select(0, 2).item(), dtype);
        assert.deepEqual(there.tolist(), x.tolist(), dtype);
      }
      const big = tensor([9007199254740993n], { dtype: "int64" }).to(gpu);
      assert.equal(big.item(), 9007199254740993n);
    });

    it("to() takes a device, a dtype, both, or a tensor like which it is to be", () => {
      const x = tensor([1.5, -2.5]);
      const y = x.to({ device: gpu, dtype: "int32" });
      assert.deepEqual([y.device, y.dtype, y.tolist()], [gpu, "int32", [1, -2]]);
      assert.deepEqual([x.to(y).device, x.to(y).dtype], [gpu, "int32"]);
      assert.equal(y.to(gpu), y);
      const z = y.to({ device: "cpu", dtype: "float64" });
      assert.deepEqual([z.device, z.dtype, z.tolist()], ["cpu", "float64", [1, -2]]);
      assert.deepEqual(x.expand([3, 2]).t().to(gpu).tolist(), [
        [1.5, 1.5, 1.5],
        [-2.5, -2.5, -2.5],
      ]);
    });

    it("moving is recorded: the gradient goes back to where the tensor lies", () => {
      const x = tensor([1, 2, 3], { requiresGrad: true });
      const y = x.to(gpu).mul(tensor([2, 3, 4], { device: gpu }));
      y.sum().backward();
      assert.equal(x.grad!.device, "cpu");
      assert.deepEqual(x.grad!.tolist(), [2, 3, 4]);
      const there = tensor([1, 2], { device: gpu, requiresGrad: true });
      there
        .cpu()
        .mul(tensor([5, 6]))
        .sum()
        .backward();
      assert.equal(there.grad!.device, gpu);
      assert.deepEqual(there.grad!.tolist(), [5, 6]);
      const twice = tensor([3], { requiresGrad: true });
      const [first] = autograd.grad(twice.to(gpu).pow(3).sum(), twice, { createGraph: true });
      first!.backward();
      assert.deepEqual(twice.grad!.tolist(), [18]);
    });

    it("copy_ and fill_ take from the other device, and pass the gradient on", () => {
      const x = tensor([1, 2], { requiresGrad: true });
      const there = zeros([2, 2], { device: gpu });
      there.copy_(x);
      there.sum().backward();
      assert.deepEqual(there.tolist(), [
        [1, 2],
        [1, 2],
      ]);
      assert.deepEqual([x.grad!.device, x.grad!.tolist()], ["cpu", [2, 2]]);
      assert.deepEqual(zeros([2], { device: gpu }).fill_(tensor(7)).tolist(), [7, 7]);
      assert.deepEqual(
        zeros([2])
          .fill_(tensor(7, { device: gpu }))
          .tolist(),
        [7, 7],
      );
    });

    it("a scalar of the CPU goes with a tensor of the GPU as a number does", () => {
      const x = tensor([1, 2, 3], { device: gpu });
      const two = tensor(2, { requiresGrad: true });
      const y = x.mul(two);
      assert.deepEqual([y.device, y.tolist()], [gpu, [2, 4, 6]]);
      y.sum().backward();
      assert.deepEqual([two.grad!.device, two.grad!.item()], ["cpu", 6]);
      assert.deepEqual(tensor(1).sub(x).tolist(), [0, -1, -2]);
      assert.deepEqual(x.gt(tensor(2)).tolist(), [false, false, true]);
      assert.deepEqual(where(x.gt(1), tensor(9), x).tolist(), [1, 9, 9]);
      assert.equal(x.add(tensor(1, { dtype: "float64" })).dtype, "float32");
      assert.equal(tensor([1], { device: gpu, dtype: "int64" }).add(tensor(0.5)).dtype, "float32");
      x.add_(tensor(1));
      assert.deepEqual(x.tolist(), [2, 3, 4]);
    });

    it("numbers beside tensors of half precision count as on the CPU", () => {
      const calls: ((x: Tensor) => Tensor)[] = [
        (x) => x.add(0.1),
        (x) => x.sub(1e-3, { alpha: 3 }),
        (x) => x.mul(1.0001),
        (x) => x.div(3),
        (x) => x.pow(0.3),
        (x) => x.gt(0.3),
        (x) => x.eq(0.1),
        (x) => x.clampMin(0.333),
        (x) => where(x.gt(0), 0.1, x),
        (x) => where(x.gt(0), 0.1, 0.7),
        (x) => x.add(1e6),
        (x) => x.maximum(tensor(1e-9)),
      ];
      for (const dtype of ["float16", "bfloat16"] as const) {
        const x = tensor([0.1, 0.3, 1, 2, 7], { dtype });
        calls.forEach((call, k) => {
          const there = call(x.to(gpu));
          assert.deepEqual([there.dtype, there.tolist()], [call(x).dtype, call(x).tolist()], `${dtype} ${k}`);
        });
      }
    });

    it("tanh is 1 where nothing is nearer, so that derivatives vanish", () => {
      for (const dtype of ["float32", "float64"] as const) {
        const x = tensor([-30, 20, 9.5, 1e30, -Infinity, NaN, -0], {
          dtype,
          device: gpu,
          requiresGrad: true,
        });
        const valuesOf = (y: Tensor): number[] => Array.from(y.data(), Number);
        const wanted = valuesOf(x.cpu().tanh());
        assert.deepEqual(valuesOf(x.tanh()).slice(0, 2), [-1, 1]);
        assert.deepEqual(valuesOf(x.tanh()).slice(3), wanted.slice(3));
        nn.functional.gelu(x, { approximate: "tanh" }).sum().backward();
        assert.equal(Math.abs(valuesOf(x.grad!)[0]!), 0);
      }
    });

    it("tensors of two devices are refused in one sentence", () => {
      const there = ones([2], { device: gpu });
      const here = ones([2]);
      const refused = { name: "DescentError", code: "device", message: /on different devices/ };
      assert.throws(() => there.add(here), refused);
      assert.throws(() => here.add(there), refused);
      assert.throws(() => tensor(1).add_(there.sum()), refused);
      assert.throws(() => here.add_(there), refused);
      assert.throws(() => here.add(tensor(1, { device: gpu })), refused);
      assert.throws(() => where(here.gt(0), tensor(1), there), refused);
      assert.throws(() => cat([there, here]), refused);
      assert.throws(() => ones([2, 2]).matmul(ones([2, 2], { device: gpu })), refused);
      assert.throws(() => there.gather(0, tensor([0n])), refused);
      assert.throws(() => there.indexSelect(0, tensor([0n])), refused);
      assert.throws(() => here.at(tensor([0n], { device: gpu })), refused);
      assert.throws(
        () => nn.functional.crossEntropy(ones([2, 3], { device: gpu }), tensor([0n, 1n])),
        refused,
      );
      assert.throws(() => nn.functional.mseLoss(there, here), refused);
      assert.throws(() => nn.functional.linear(ones([1, 2]), ones([2, 2], { device: gpu })), refused);
      assert.throws(() => {
        there.requiresGrad_().mul(2).backward(here);
      }, /must be on/);
      assert.throws(() => {
        there.grad = here;
      }, /must be on/);
    });

    it("indices of the CPU pick from tensors of the GPU", () => {
      const x = tensor(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        { device: gpu },
      );
      assert.deepEqual(x.at(tensor([1n, -2n])).tolist(), [
        [4, 5, 6],
        [1, 2, 3],
      ]);
      assert.deepEqual(x.at([0, 1], [2, -1]).tolist(), [3, 6]);
      assert.deepEqual(x.at(x.gt(2)).tolist(), [3, 4, 5, 6]);
      assert.deepEqual(x.at("...", tensor([2n, 0n], { device: gpu })).tolist(), [
        [3, 1],
        [6, 4],
      ]);
      assert.deepEqual(x.maskedSelect(x.gt(4)).tolist(), [5, 6]);
      x.indexPut_([tensor([0n]), tensor([1n])], 9);
      assert.deepEqual(x.tolist(), [
        [1, 9, 3],
        [4, 5, 6],
      ]);
    });

    it("an index out of range is found by the device, whichever of several it is", () => {
      const x = ones([3, 5], { device: gpu });
      const read = (): unknown => x.at(tensor([0n, 0n]), tensor([1n, 7n])).tolist();
      assert.throws(read, /index 7 at position 1 is outside \[0, 5\)/);
      assert.throws(() => x.at(tensor([-4n])).tolist(), /is outside \[0, 3\)/);
      assert.deepEqual(x.sum().item(), 15);
    });

    it("what is wrong with values is found by the device, and said with the op when somebody waits for it", () => {
      const lossOf = (...values: number[]): number =>
        nn.functional.binaryCrossEntropy(tensor(values, { device: gpu }), ones([2], { device: gpu })).item();
      assert.ok(lossOf(0.5, 1) > 0);
      const wrong = (message: RegExp): object => ({ name: "DescentError", code: "argument", message });
      assert.throws(() => lossOf(0.5, 1.5), wrong(/^binaryCrossEntropy: .*1\.5 at position 1/));
      assert.throws(() => lossOf(NaN, 0.5), wrong(/within \[0, 1\] is nan at position 0/));
      const whole = (values: number[]): Tensor => tensor(values, { dtype: "int32", device: gpu });
      assert.deepEqual(
        whole([7, -7])
          .floorDivide(whole([2, 2]))
          .tolist(),
        [3, -4],
      );
      assert.throws(
        () =>
          whole([7, 7])
            .floorDivide(whole([2, 0]))
            .tolist(),
        wrong(/divided by zero, it is at position 1/),
      );
      assert.throws(() => bernoulli(tensor([0.5, -1], { device: gpu })).tolist(), wrong(/-1 at position 1/));
      assert.deepEqual(oneHot(whole([1, 0]), 2).tolist(), [
        [0, 1],
        [1, 0],
      ]);
      assert.throws(
        () => oneHot(whole([1, 2]), 2).tolist(),
        /^DescentError: oneHot: index 2 at position 1 is outside \[0, 2\)/,
      );
      assert.deepEqual(whole([1]).tolist(), [1], "the device goes on");
    });

    it("a module moves with its buffers and gradients, and trains as on the CPU", () => {
      const train = (device: string): number[] => {
        manualSeed(3);
        const model = new nn.Sequential(
          new nn.Linear(6, 8),
          new nn.BatchNorm1d(8),
          new nn.ReLU(),
          new nn.Linear(8, 3),
        ).to(device);
        const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
        const x = rand([12, 6]).to(device);
        const target = tensor(
          Int32Array.from({ length: 12 }, (_, k) => k % 3),
          { dtype: "int64", device },
        );
        const losses: number[] = [];
        for (let step = 0; step < 5; step++) {
          optimizer.zeroGrad();
          const loss = nn.functional.crossEntropy(model.forward(x), target);
          loss.backward();
          optimizer.step();
          losses.push(loss.item());
        }
        for (const value of Object.values(model.stateDict())) assert.equal(value.device, device);
        return losses;
      };
      const here = train("cpu");
      train(gpu).forEach((loss, step) => {
        assert.ok(Math.abs(loss - here[step]!) < 1e-3, `${loss} ${here[step]!}`);
      });
    });

    it("gradients move with their module; an optimizer's state does not, and says so", () => {
      const model = new nn.Linear(2, 2);
      const optimizer = new optim.Adam(model.parameters());
      const step = (device: string): void => {
        model
          .forward(ones([1, 2], { device }))
          .sum()
          .backward();
        optimizer.step();
      };
      step("cpu");
      model.to(gpu);
      assert.equal(model.weight.grad!.device, gpu);
      assert.throws(
        () => {
          step(gpu);
        },
        { name: "DescentError", code: "device" },
      );
      optimizer.loadStateDict(optimizer.stateDict());
      step(gpu);
    });

    it("a tensor moved between use and backward is refused", () => {
      const model = new nn.Linear(2, 2);
      const loss = model
        .forward(ones([1, 2]))
        .pow(2)
        .sum();
      model.to(gpu);
      assert.throws(() => {
        loss.backward();
      }, /before it is/);
    });

    it("files hold what lies on the GPU, and load to it", () => {
      const x = rand([3, 4]);
      const state = { plain: x.to(gpu), turned: x.to(gpu).t(), half: x.to(gpu).half() };
      const path = join(folder, `${gpu.replace(":", "-")}.safetensors`);
      safetensors.save(path, { ...state, turned: state.turned.contiguous() });
      assert.deepEqual(safetensors.load(path)["plain"]!.tolist(), x.tolist());
      assert.equal(safetensors.load(path, { device: gpu })["half"]!.device, gpu);
      npy.save(`${path}.npy`, state.turned);
      assert.deepEqual(npy.load(`${path}.npy`).tolist(), x.t().tolist());
      const model = new nn.Linear(4, 2).to(gpu);
      const other = new nn.Linear(4, 2);
      other.loadStateDict(model.stateDict());
      assert.deepEqual([other.weight.device, other.weight.tolist()], ["cpu", model.weight.tolist()]);
      model.loadStateDict(other.stateDict());
      assert.equal(model.weight.device, gpu);
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      model
        .forward(ones([1, 4], { device: gpu }))
        .sum()
        .backward();
      optimizer.step();
      checkpoint.save(`${path}.checkpoint`, { model, optimizer });
      checkpoint.load(`${path}.checkpoint`, {
        model: other,
        optimizer: new optim.SGD(other.parameters(), { lr: 1, momentum: 0.9 }),
      });
      assert.deepEqual(other.weight.tolist(), model.weight.tolist());
    });

    it("hooks see gradients of the GPU", () => {
      const x = tensor([1, 2], { requiresGrad: true });
      const y = x.to(gpu);
      const seen: string[] = [];
      y.registerHook((g) => {
        seen.push(g.device);
        return g.mul(2);
      });
      x.registerHook((g) => void seen.push(g.device));
      y.sum().backward();
      assert.deepEqual(
        [seen, x.grad!.tolist()],
        [
          [gpu, "cpu"],
          [2, 2],
        ],
      );
    });

    it("a training loop reaches a steady state of memory", () => {
      const model = new nn.Sequential(
        new nn.Linear(16, 32),
        new nn.Tanh(),
        new nn.Dropout(0.2),
        new nn.Linear(32, 4),
      ).to(gpu);
      const optimizer = new optim.AdamW(model.parameters());
      const x = rand([32, 16], { device: gpu });
      const step = (): void => {
        optimizer.zeroGrad();
        model.forward(x).pow(2).mean().backward();
        optimizer.step();
      };
      const used = (): number => {
        collectGarbage();
        return memory.allocated(gpu);
      };
      for (let k = 0; k < 5; k++) step();
      const reserved = memory.reserved(gpu);
      const before = used();
      for (let k = 0; k < 300; k++) step();
      assert.ok(used() <= before + 65_536, `${before} bytes became ${used()}`);
      assert.ok(
        memory.reserved(gpu) <= 4 * reserved + (8 << 20),
        `${reserved} reserved became ${memory.reserved(gpu)}`,
      );
    });
  });
}
