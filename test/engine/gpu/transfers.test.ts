// Copies that run beside the kernels: what arrives is what was there, however memory is reused meanwhile.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import {
  data,
  devices,
  getDefaultDevice,
  memory,
  setDefaultDevice,
  tensor,
  zeros,
  type Tensor,
} from "descent";
import { assertRefused } from "../fixtures.js";
import { missing, runScript } from "./standIn.js";

const gpus = devices().filter((device) => device.kind !== "cpu" && device.usable);
const before = getDefaultDevice();
after(() => {
  setDefaultDevice(before);
});

/** Numbers that tell which round and place they are of. */
function marked(round: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, k) => round * 7 + (k % 1013));
}

function assertSame(x: Tensor, wanted: Float32Array, what: string): void {
  const got = x.data() as Float32Array;
  assert.equal(got.length, wanted.length);
  const at = got.findIndex((value, k) => value !== wanted[k]);
  assert.equal(at, -1, `${what}: [${at}] is ${got[at]}, not ${wanted[at]}`);
}

test("tensors are pinned and say so", { skip: gpus.length === 0 && "no GPU" }, () => {
  const x = tensor([[1, 2, 3], [4, 5, 6]]); // prettier-ignore
  assert.equal(x.isPinned(), false);
  const pinned = x.t().pinMemory();
  assert.deepEqual([pinned.isPinned(), pinned.device, pinned.shape], [true, "cpu", [3, 2]]);
  assert.deepEqual(pinned.tolist(), x.t().tolist());
  assert.equal(pinned.narrow(0, 1, 1).isPinned(), true, "views too");
  assert.equal(pinned.add(1).isPinned(), false);
  assert.equal(pinned.pinMemory().isPinned(), true);
  assert.deepEqual(zeros([0]).pinMemory().shape, [0]);
  pinned.add_(1);
  assert.deepEqual(pinned.tolist(), x.add(1).t().tolist());
});

for (const { name } of gpus) {
  describe(name, () => {
    test("pinned memory only of the CPU", () => {
      assertRefused(
        () => tensor([1]).to(name).pinMemory(),
        "device",
        /only tensors of the CPU can be pinned/,
      );
      assert.equal(tensor([1]).to(name).isPinned(), false);
    });

    test("copies ahead arrive before the kernels that use them, views and offsets too", () => {
      const count = 300_000;
      const sums: Tensor[] = [];
      let x = zeros([count], { device: name });
      for (let round = 0; round < 30; round++) {
        const pinned = tensor(marked(round, count + 5)).pinMemory();
        const there = pinned.narrow(0, 5, count).to(name, { nonBlocking: true });
        x = x.mul(0).add(there); // both queues have work at once
        sums.push(x);
      }
      sums.forEach((sum, round) => {
        assertSame(sum, marked(round, count + 5).subarray(5), `round ${round}`);
      });
    });

    test("memory that a copy or a kernel still uses is not given out again", () => {
      const count = 200_000;
      const results: Tensor[] = [];
      for (let round = 0; round < 60; round++) {
        // Everything but the result is let go at once: pinned memory, what arrived, what was computed of it.
        const pinned = tensor(marked(round, count)).pinMemory();
        const there = pinned.to({ device: name, nonBlocking: true });
        const more = there.add(1);
        results.push(more.sub(1));
        for (const each of [pinned, there, more]) each.dispose();
      }
      results.forEach((result, round) => {
        assertSame(result, marked(round, count), `round ${round}`);
      });
    });

    test("what is not pinned may be changed at once", () => {
      const x = tensor(marked(0, 100_000));
      const copies = Array.from({ length: 20 }, () => {
        const there = x.to(name, { nonBlocking: true });
        x.add_(7);
        return there;
      });
      copies.forEach((copy, round) => {
        assertSame(copy, marked(round, 100_000), `copy ${round}`);
      });
    });

    test("a block that a stream still uses is active, not allocated", () => {
      memory.emptyCache();
      const stats = (): number[] => {
        const all = memory.stats(name);
        return ["allocatedBytes", "activeBytes"].map((key) => all[`${key}.all.current`]!);
      };
      const [allocated, active] = stats() as [number, number];
      const there = zeros([1 << 20]).to(name, { nonBlocking: true });
      assert.deepEqual(stats(), [allocated + (1 << 22), active + (1 << 22)]);
      const byCategory = Object.values(memory.byCategory(name));
      assert.deepEqual(
        byCategory.reduce((a, b) => a + b, 0),
        stats()[0],
      );
      let busy = zeros([1 << 20], { device: name });
      for (let k = 0; k < 20; k++) busy = busy.add(there);
      there.dispose();
      const [now, stillActive] = stats() as [number, number];
      assert.ok(stillActive - now >= (1 << 22) - 0 || stillActive === now, "either waits or has passed");
      busy.data();
      memory.emptyCache();
      const [last, lastActive] = stats() as [number, number];
      assert.equal(last, lastActive, "nothing waits after that");
    });

    test("a loader pins its batches, or brings them to the default device", () => {
      const set = new data.TensorDataset(tensor(marked(1, 600)).reshape([100, 6]), tensor(marked(2, 100)));
      const batches = (): [Tensor, Tensor][] =>
        [...new data.DataLoader(set, { batchSize: 16, pinMemory: true })] as [Tensor, Tensor][];
      const pinned = batches();
      assert.ok(pinned.every(([x, y]) => x.isPinned() && y.isPinned() && x.device === "cpu"));
      setDefaultDevice(name);
      try {
        const there = batches();
        assert.ok(there.every(([x, y]) => x.device === name && y.device === name));
        there.forEach(([x], k) => {
          assertSame(x, pinned[k]![0].data() as Float32Array, `batch ${k}`);
        });
      } finally {
        setDefaultDevice("cpu");
      }
    });

    test("gradients go back through a copy that asks not to be waited for", () => {
      const x = tensor([1, 2, 3]).requiresGrad_();
      x.to(name, { nonBlocking: true }).mul(2).sum().backward();
      assert.deepEqual(x.grad!.tolist(), [2, 2, 2]);
      assertRefused(
        () => x.to(name, { nonBlocking: 1 as never }),
        "argument",
        /nonBlocking must be true or false/,
      );
    });
  });
}

test("without a GPU pinning is refused, and a loader does without", { skip: missing ?? false }, async () => {
  const script = `
    import { data, tensor } from "descent";
    try { tensor([1]).pinMemory(); } catch (error) { console.log(error.code, error.message); }
    console.log(tensor([1]).isPinned(), [...new data.DataLoader(new data.TensorDataset(tensor([1, 2])), { pinMemory: true })].length);`;
  const { out } = await runScript(script, { STAND_IN_NO: "device" });
  assert.match(
    out,
    /^device pinMemory: memory is pinned for copies to a GPU, and no GPU can be used here.*\nfalse 2\n$/,
  );
});

// On a driver where copies, or kernels, begin late, what is not ordered shows.
for (const slow of ["copies", "kernels"]) {
  test(`${slow} that begin late change nothing`, { skip: missing ?? false }, async () => {
    const script = `
      import { memory, tensor } from "descent";
      const count = 5000;
      const seen = [];
      let waited = 0;
      for (let round = 0; round < 12; round++) {
        const pinned = tensor(new Float32Array(count).fill(round)).pinMemory();
        const there = pinned.to("gpu", { nonBlocking: true });
        seen.push(there.mul(2).add(1));
        pinned.dispose();
        there.dispose();
        const stats = memory.stats("gpu");
        const waiting = stats["activeBytes.all.current"] - stats["allocatedBytes.all.current"];
        const blocks = memory.snapshot("gpu").flatMap((segment) => segment.blocks);
        const awaiting = blocks.filter(({ state }) => state === "active_awaiting_free");
        const shown = awaiting.reduce((sum, { size }) => sum + size, 0);
        if (shown !== waiting) throw new Error(\`the snapshot has \${shown} bytes waiting, not \${waiting}\`);
        waited = Math.max(waited, waiting);
      }
      console.log(JSON.stringify({ waited, values: seen.map((x) => [...new Set(x.data())]) }));`;
    const { out, err } = await runScript(script, { STAND_IN_SLOW: slow });
    assert.notEqual(out, "", err);
    const { waited, values } = JSON.parse(out) as { waited: number; values: number[][] };
    assert.deepEqual(
      values,
      Array.from({ length: 12 }, (_, round) => [round * 2 + 1]),
    );
    assert.ok(waited > 0, "blocks in use are active while they wait");
  });
}

test(
  "a driver that fails in the middle of a copy ahead leaves one error",
  { skip: missing ?? false },
  async () => {
    const script = `
    import { tensor } from "descent";
    const seen = [];
    for (let round = 0; round < 4; round++) {
      try {
        const there = tensor(new Float32Array(5000).fill(round)).to("gpu", { nonBlocking: true }).add(1);
        seen.push(there.sum().data()[0]);
      } catch (error) { seen.push(error.code); }
    }
    console.log(JSON.stringify(seen));`;
    const right = [5000, 10000, 15000, 20000];
    const calls = [
      "EnqueueWriteBuffer",
      "EnqueueMarkerWithWaitList",
      "EnqueueBarrierWithWaitList",
      "EnqueueMapBuffer",
    ];
    for (const name of calls) {
      for (const at of [1, 2]) {
        const { code, out, err } = await runScript(script, { STAND_IN_FAIL: `${name}:${at}:-30` });
        assert.equal(code, 0, err);
        const seen = JSON.parse(out) as unknown[];
        seen.forEach((value, k) => {
          assert.ok(value === right[k] || value === "device", `${name}: ${out}`);
        });
      }
    }
    // Without a second queue everything goes through the one.
    const { out, log } = await runScript(script, { STAND_IN_FAIL: "CreateCommandQueue:2:-6" });
    assert.deepEqual(JSON.parse(out), right);
    assert.equal(log.get("EnqueueMarkerWithWaitList"), 0);
  },
);
