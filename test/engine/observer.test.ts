// What the engine tells a recorder, which no call of the user's asks for; and what `run` adds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, optim, run, tensor, type Tensor } from "descent";
import { observer, type StepInfo } from "../../engine/observer.js";
import { assertClose, assertRefused } from "./fixtures.js";

type Heard = [what: string, ...values: unknown[]];

/** Runs `body` while everything said to the recorder is written down. */
function listen(body: () => void): Heard[] {
  const heard: Heard[] = [];
  const before = observer.current;
  const note =
    (what: string) =>
    (...values: unknown[]) => {
      heard.push([what, ...values]);
    };
  observer.current = {
    attach: note("attach"),
    backward: (loss) => heard.push(["backward", loss.item()]),
    step: (info: StepInfo) =>
      heard.push(["step", [...info.names], [...info.squaredNorms], [...info.learningRates], info.names]),
    epoch: note("epoch"),
    batch: note("batch"),
    log: note("log"),
    config: note("config"),
    summary: note("summary"),
    text: note("text"),
    image: note("image"),
    histogram: note("histogram"),
    checkpoint: note("checkpoint"),
    id: "some-run",
    dir: "/runs/some-run",
  };
  try {
    body();
  } finally {
    observer.current = before;
  }
  return heard;
}

class Net extends nn.Module {
  used = new nn.Parameter(tensor([3, 4]));
  unused = new nn.Parameter(tensor([1]));
  forward(x: Tensor): Tensor {
    return this.used.mul(x).sum();
  }
}

test("a step tells names, squared gradient norms and learning rates", () => {
  const net = new Net();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.5 });
  const x = tensor([3, 4]);
  const heard = listen(() => {
    for (let k = 0; k < 2; k++) {
      optimizer.zeroGrad();
      net.forward(x).backward();
      optimizer.step();
      optimizer.paramGroups[0]!.lr = 0.25;
    }
  });
  assert.deepEqual(
    heard.map(([what]) => what),
    ["backward", "step", "backward", "step"],
  );
  assertClose(heard[0]![1], 25); // 3·3 + 4·4
  assert.deepEqual(heard[1]!.slice(1, 4), [["used", "unused"], [25, -1], [0.5]]); // gradient x; -1: none
  assert.deepEqual(heard[3]![3], [0.25]);
  assert.equal(heard[1]![4], heard[3]![4], "the names are one array while nothing changed");
});

test("every group reports, and a name that comes twice is told apart", () => {
  const [first, second] = [new nn.Linear(1, 1), new nn.Linear(1, 1)];
  const optimizer = new optim.Adam([
    { params: first.parameters() },
    { params: second.parameters(), lr: 1 },
    { params: [tensor([1], { requiresGrad: true })] },
  ]);
  const [step] = listen(() => {
    optimizer.step();
  });
  assert.deepEqual(step?.slice(1, 4), [
    ["weight", "bias", "weight#2", "bias#3", "param4"],
    [-1, -1, -1, -1, -1],
    [0.001, 1, 0.001],
  ]);
});

test("run passes on what it is given, once it is known to be right", () => {
  const image = tensor([[0, 1]]);
  const heard = listen(() => {
    run.log({ accuracy: 0.5, loss: tensor([2]) }, { step: 3 });
    run.log({ more: 1 });
    run.config({ epochs: 3 });
    run.summary({ best: 1 });
    run.text("note", "words", { step: 0 });
    run.image("sample", image);
    run.histogram("weights", image);
    run.checkpoint("model.safetensors");
    assert.equal(run.id, "some-run");
    assert.equal(run.dir, "/runs/some-run");
  });
  assert.deepEqual(heard, [
    ["log", { accuracy: 0.5, loss: 2 }, 3],
    ["log", { more: 1 }, undefined],
    ["config", { epochs: 3 }],
    ["summary", { best: 1 }],
    ["text", "note", "words", 0],
    ["image", "sample", image, undefined],
    ["histogram", "weights", image, undefined],
    ["checkpoint", "model.safetensors"],
  ]);
  assertRefused(
    () => {
      run.log(3 as never);
    },
    "argument",
    /^run\.log: give a record/,
  );
  assertRefused(
    () => {
      run.log({ a: "b" } as never);
    },
    "argument",
    /'a' must be a number/,
  );
  assertRefused(
    () => {
      run.log({}, { step: -1 });
    },
    "argument",
    /step must be/,
  );
  assertRefused(
    () => {
      run.image("x", tensor([1]));
    },
    "shape",
    /give \[H, W\]/,
  );
  assertRefused(
    () => {
      run.text("", "x");
    },
    "argument",
    /the tag/,
  );
});

test("without a recorder run does nothing, and has no id", () => {
  if (observer.current !== null) return;
  run.log({ loss: 1 });
  assert.equal(run.id, null);
  assert.equal(run.dir, null);
});
