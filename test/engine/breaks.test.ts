// Stops at the first NaN or infinity, in real processes under Node's inspector: on the line that a person would name.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readBreakConditions, type BreakCondition } from "../../engine/breaks/conditions.js";
import { stopsOf, type Stop } from "./breakingProcess.js";
import { gpus } from "./gpus.js";
import { connect } from "./processes.js";

const both = { nan: true, infinity: true };

interface Program {
  name: string;
  script: string;
  /** The user's line of the first stop, and what is said there. */
  at: string;
  says: RegExp;
  created: boolean;
  what: "NaN" | "Inf";
  named?: string;
  /** Further stops that are right. */
  more?: number;
  breakWhen?: { nan?: boolean; infinity?: boolean };
}

const head = `import { tensor, zeros, ones, randn, full, nn, optim, data, safetensors, manualSeed } from "descent";\nmanualSeed(1);\n`;

const programs: Program[] = [
  {
    name: "the square root of a negative number",
    script: `const x = tensor([4, -1, 9]);
const scaled = x.mul(2);
const roots = scaled.sqrt();
const sum = roots.sum();`,
    at: "const roots = scaled.sqrt();",
    says: /^sqrt created NaN \(1 of 3 elements\): its inputs had none\.$/,
    created: true,
    what: "NaN",
  },
  {
    name: "the logarithm of zero",
    script: `const x = tensor([1, 0.5, 0], { requiresGrad: true });
const y = x.log();
const z = y.mul(2);`,
    at: "const y = x.log();",
    says: /^log created infinity \(1 of 3 elements\)/,
    created: true,
    what: "Inf",
  },
  {
    name: "0/0",
    script: `const a = zeros([4]), b = zeros([4]);
const share = a.div(b);
const used = share.add(1).mean();`,
    at: "const share = a.div(b);",
    says: /^div created NaN \(4 of 4 elements\): its inputs had none/,
    created: true,
    what: "NaN",
  },
  {
    name: "exp overflows, then inf - inf: the infinity first",
    script: `const x = tensor([1, 200]);
const e = x.exp();
const d = e.sub(e);`,
    at: "const e = x.exp();",
    says: /^exp created infinity/,
    created: true,
    what: "Inf",
    more: 1,
  },
  {
    name: "exp overflows, then inf - inf: NaN alone is looked for",
    script: `const x = tensor([1, 200]);
const e = x.exp();
const d = e.sub(e);`,
    at: "const d = e.sub(e);",
    says: /^sub created NaN \(1 of 2 elements\)/,
    created: true,
    what: "NaN",
    breakWhen: { nan: true },
  },
  {
    name: "the gradient of a square root at 0",
    script: `const x = tensor([0, 1], { requiresGrad: true });
const root = x.sqrt();
const loss = root.sum();
loss.backward();`,
    at: "loss.backward();",
    named: "const root = x.sqrt();",
    says: /^SqrtBackward0 created infinity .*the gradient that arrived had none\. The forward call is at train\.mjs:/,
    created: true,
    what: "Inf",
  },
  {
    name: "a NaN in the data",
    script: `const model = new nn.Linear(2, 1);
const x = tensor([[1, 2], [NaN, 4]]);
const y = model.forward(x);
const loss = y.mean();
loss.backward();`,
    at: "const x = tensor([[1, 2], [NaN, 4]]);",
    says: /^tensor was given NaN \(1 of 4 elements\)\.$/,
    created: true,
    what: "NaN",
  },
  {
    name: "a NaN in the weights of a loaded file",
    script: `const model = new nn.Linear(2, 1);
(await import("./broken.mjs")).write("w.safetensors");
const state = safetensors.load("w.safetensors");
model.loadStateDict(state);
const y = model.forward(ones([1, 2]));`,
    at: "model.loadStateDict(state);",
    says: /^copy_? passed on NaN that came in with input 'source'/,
    created: false,
    what: "NaN",
  },
  {
    name: "an infinity in a loss far from its cause",
    script: `const model = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 1));
const target = ones([3, 1]);
const out = model.forward(randn([3, 4]));
const score = out.sub(out.detach()).abs();
const weight = score.reciprocal();
const mixed = weight.mul(0.5).add(1);
const loss = mixed.mul(target).mean();
loss.backward();`,
    at: "const weight = score.reciprocal();",
    says: /^reciprocal created infinity \(3 of 3 elements\)/,
    created: true,
    what: "Inf",
  },
  {
    name: "a gradient that arrives as NaN",
    script: `(await import("./broken.mjs")).write("w.safetensors");
const gradient = safetensors.load("w.safetensors").weight;
const x = ones([1, 2], { requiresGrad: true });
const y = x.mul(3);
y.backward(gradient);`,
    at: "y.backward(gradient);",
    named: "const y = x.mul(3);",
    says: /^The gradient that arrived at MulBackward0 had NaN already, which it passed on\. The forward call is at train\.mjs:/,
    created: false,
    what: "NaN",
  },
  {
    name: "in place, of a tensor with itself",
    script: `const x = ones([2]);
x.sub_(1);
x.div_(x);
const y = x.mul(2);`,
    at: "x.div_(x);",
    says: /^div_ created NaN/,
    created: true,
    what: "NaN",
  },
  {
    name: "an operation written in others names the one within",
    script: `const x = zeros([2, 3]);
const masked = x.maskedFill(x.eq(0), -Infinity);
const p = masked.softmax(1);`,
    at: "const p = masked.softmax(1);",
    says: /^softmax created NaN/,
    created: true,
    what: "NaN",
  },
  {
    name: "a step that is too large",
    script: `const model = new nn.Linear(2, 1);
const optimizer = new optim.SGD(model.parameters(), { lr: 1e38 });
model.forward(full([1, 2], 1e3)).sum().backward();
optimizer.step();
optimizer.zeroGrad();`,
    at: "optimizer.step();",
    says: /^The step made weight infinity .*its gradient was finite/,
    created: true,
    what: "Inf",
  },
];

function check(stops: Stop[], program: Program): void {
  assert.ok(stops.length > 0, "it never stopped");
  const [stop] = stops;
  assert.equal(stop!.source, program.at, JSON.stringify(stops));
  assert.match(stop!.sentence, program.says);
  assert.equal(stop!.frame, stop!.sentence);
  assert.equal(stop!.created, program.created);
  assert.equal(stop!.what, program.what);
  if (program.named !== undefined) assert.equal(stop!.named, program.named);
  assert.ok(stop!.outputs > 0);
  assert.equal(stops.length, 1 + (program.more ?? 0), JSON.stringify(stops));
}

/** Writes a file of weights that has a NaN, as another program would. */
const broken = `import { writeFileSync } from "node:fs";
export function write(path) {
  const header = Buffer.from(JSON.stringify({
    weight: { dtype: "F32", shape: [1, 2], data_offsets: [0, 8] },
    bias: { dtype: "F32", shape: [1], data_offsets: [8, 12] },
  }).padEnd(128));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([size, header, Buffer.from(new Float32Array([0.5, NaN, 0]).buffer)]));
}`;

describe("programs that make a NaN or an infinity stop on the line that a person would name", () => {
  for (const program of programs) {
    test(program.name, async () => {
      check(
        await stopsOf(head + program.script, {
          breakWhen: program.breakWhen ?? both,
          files: { "broken.mjs": broken },
        }),
        program,
      );
    });
  }
});

const gpu = gpus[0];
describe("the same on a GPU", { skip: gpu === undefined ? "no GPU and no PoCL here" : false }, () => {
  for (const program of programs.slice(0, 6)) {
    test(program.name, async () => {
      const env = { DESCENT_DEVICE: gpu! };
      check(await stopsOf(head + program.script, { breakWhen: program.breakWhen ?? both, env }), program);
    });
  }
});

/** A small training with a loader-less loop of `steps` steps. */
const training = (body: string, steps = 6): string => `${head}
const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Sigmoid(), new nn.ReLU(), new nn.Linear(8, 1));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
const x = randn([16, 4]), target = randn([16, 1]);
for (let k = 0; k < ${steps}; k++) {
  optimizer.zeroGrad();
  const loss = nn.functional.mseLoss(model.forward(x), target);
  loss.backward();
  ${body}
  optimizer.step();
}
`;

describe("conditions", () => {
  const condition = (one: BreakCondition) => ({ breakWhen: { conditions: [one] } });
  const rows: [string, BreakCondition, string, RegExp, string?][] = [
    [
      "gradient norm of a parameter",
      { kind: "gradNorm", parameter: "3.*", compare: "above", value: 1e-9 },
      "optimizer.step();",
      /^The gradient norm of 3\.weight is .* \(Gradient norm of 3\.\* above /,
    ],
    [
      "gradient norm of all",
      { kind: "totalGradNorm", compare: "below", value: 1e9 },
      "optimizer.step();",
      /^The gradient norm of all parameters is .* below 1000000000|^The gradient norm of all/,
    ],
    [
      "loss above",
      { kind: "lossAbove", value: 1e-9 },
      "loss.backward();",
      /^The loss is .* \(Loss above 1e-9\)/,
    ],
    [
      "loss not finite",
      { kind: "lossNotFinite" },
      "if (k === 2) ones([], { requiresGrad: true }).mul(Infinity).backward();",
      /^The loss is Infinity/,
      "if (k === 2) ones([], { requiresGrad: true }).mul(Infinity).backward();",
    ],
    [
      "saturated",
      { kind: "saturated", share: 0.5, steps: 2 },
      "const loss = nn.functional.mseLoss(model.forward(x), target);",
      /^100 % of what sigmoid makes here is saturated \(.* for 2 steps in a row\)/,
      "if (k === 0) noGrad(() => model.parameters()[1].fill_(50));",
    ],
    [
      "dead",
      { kind: "dead", share: 0.9, steps: 1 },
      "const dead = model.forward(x).sub(100).relu();",
      /^100 % of what relu makes here is zero/,
      "const dead = model.forward(x).sub(100).relu();",
    ],
    [
      "memory",
      { kind: "memory", device: "cpu", bytes: 1 << 20 },
      "optimizer.step();",
      /^Tensors use .* MiB on cpu \(More than 1 MiB in use on cpu\)/,
      "if (k === 2) globalThis.kept = zeros([1 << 20]);",
    ],
    [
      "allocation by a line",
      { kind: "allocation", file: "train.mjs", line: 11 },
      "const taken = x.mul(2);",
      /^mul took memory here/,
      "const taken = x.mul(2);",
    ],
    [
      "a write to a parameter",
      { kind: "written", parameter: "0.bias" },
      "noGrad(() => model.parameters()[1].mul_(0.5));",
      /^mul_ wrote to a watched tensor \(Write to 0\.bias\)/,
      "noGrad(() => model.parameters()[1].mul_(0.5));",
    ],
  ];
  for (const [name, one, at, says, body = ""] of rows) {
    test(name, async () => {
      const script = training(body).replace("tensor, zeros", "noGrad, tensor, zeros");
      const stops = await stopsOf(script, condition(one));
      assert.ok(stops.length > 0, "it never stopped");
      assert.equal(stops[0]!.source, at, JSON.stringify(stops));
      assert.match(stops[0]!.sentence, says);
      // As long as it goes on, nobody is told again: but for writes and allocations, which happen anew.
      if (one.kind !== "written" && one.kind !== "allocation") assert.equal(stops.length, 1);
    });
  }

  test("none of them costs a stop where nothing happens", async () => {
    const stops = await stopsOf(training(""), {
      breakWhen: {
        ...both,
        conditions: [
          { kind: "gradNorm", parameter: "*", compare: "above", value: 1e6 },
          { kind: "lossNotFinite" },
          { kind: "memory", device: "cpu", bytes: 1e12 },
          { kind: "dead", share: 1, steps: 1 },
        ],
      },
    });
    assert.deepEqual(stops, []);
  });
});

describe("while it runs", () => {
  test("armed and disarmed through the monitor, also while it stands", async () => {
    const script = `${head}
let k = 0;
for (; k < 3; k++) {
  const bad = zeros([2]).div(zeros([2]));
  const other = zeros([2]).log();
}
`;
    // Begins with NaN alone; at the first stop infinities are asked for instead.
    let changed = false;
    const stops = await stopsOf(script, {
      breakWhen: { nan: true },
      onStop: async (_, { folder }) => {
        if (changed) return;
        changed = true;
        const connection = await connect(folder);
        await connection.request("breakWhen", { breakWhen: { nan: false, infinity: true, conditions: [] } });
        connection.close();
      },
    });
    assert.equal(stops[0]!.source, "const bad = zeros([2]).div(zeros([2]));");
    assert.deepEqual(
      stops.map(({ what }) => what),
      ["NaN", "Inf"],
    );
    assert.equal(stops[1]!.source, "const other = zeros([2]).log();");
  });

  test("what is no condition is refused with a sentence", () => {
    for (const [value, says] of [
      [3, /must be an object/],
      [{ nan: 1 }, /'nan' and 'infinity' must be true or false/],
      [{ conditions: [{ kind: "x" }] }, /Condition 1 is of no known kind/],
      [
        { conditions: [{ kind: "lossAbove", value: "1" }] },
        /Condition 1 \(lossAbove\): 'value' is missing or wrong/,
      ],
    ] as const) {
      assert.throws(() => readBreakConditions(value), says);
    }
  });
});

describe("what is meant is nothing to stop for", () => {
  test("masks of attention, infinities as numbers, pools, dropout", async () => {
    const stops = await stopsOf(
      `import { cat, full, manualSeed, nn, ones, optim, randint, randn, tensor, zeros } from "descent";
manualSeed(1);
const block = new nn.TransformerEncoderLayer(16, 2, { dimFeedforward: 32 });
const optimizer = new optim.AdamW(block.parameters(), { lr: 1e-3 });
const scale = full([1], -Infinity);
for (let k = 0; k < 3; k++) {
  const x = randn([2, 5, 16], { requiresGrad: true });
  const mask = ones([5, 5]).tril().eq(0);
  const scores = x.matmul(x.transpose(1, 2)).maskedFill(mask, -Infinity);
  const weights = scores.softmax(2);
  const out = block.forward(weights.matmul(x));
  const q = nn.functional.scaledDotProductAttention(x, x, x, { isCausal: true });
  const pooled = nn.functional.maxPool2d(randn([1, 1, 4, 4]), 3, { padding: 1 });
  const most = cat([tensor([-Infinity]), pooled.flatten()]).max();
  out.add(q).square().mean().add(most.mul(0)).backward();
  optimizer.step();
  optimizer.zeroGrad();
}
`,
      { breakWhen: both },
    );
    assert.deepEqual(stops, []);
  });
});
