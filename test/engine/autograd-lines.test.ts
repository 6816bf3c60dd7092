// Lines: errors begin at the user's, know where a value was saved and changed, and detectAnomaly finds where a NaN began.

import assert from "node:assert/strict";
import { test } from "node:test";
import { autograd, DescentError, nn, noGrad, ones, tensor, zeros } from "descent";
import { assertRefused } from "./fixtures.js";
import { runToEnd } from "./processes.js";

const leaf = (values: number[]) => tensor(values, { requiresGrad: true });

/** What the call throws. */
function thrown(call: () => unknown): DescentError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof DescentError);
    return error;
  }
  return assert.fail("it does not throw");
}

/** The function that the first frame of a stack stands in. */
function firstFrame(error: Error): string {
  return error.stack!.slice(`${error.name}: ${error.message}\n`.length).split("\n")[0]!;
}

test("the stack of an error begins in the user's function, however deep the engine was", () => {
  const mine = () => ones([2]).add(ones([3]));
  const shallow = thrown(mine);
  assert.match(firstFrame(shallow), /^ {4}at mine .*autograd-lines\.test/);
  const layers = Array.from({ length: 30 }, () => new nn.Sequential(new nn.Identity()));
  const deep = new nn.Sequential(...layers, new nn.Linear(4, 2));
  const theirs = () => deep.forward(ones([1, 3]));
  assert.match(firstFrame(thrown(theirs)), /^ {4}at theirs /);
  const fromOptions = () => new nn.Linear(2, -1);
  assert.match(firstFrame(thrown(fromOptions)), /^ {4}at fromOptions /);
  assert.equal(shallow.stack!.split("\n").length <= 11, true);
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 2;
  assert.equal(thrown(mine).stack!.split("\n").length, 3);
  Error.stackTraceLimit = 0;
  assert.equal(thrown(mine).message.startsWith("add:"), true);
  Error.stackTraceLimit = stackTraceLimit;
});

test("a module of the user's own between the engine's is where it begins", () => {
  class Inner extends nn.Module {
    override forward(x: ReturnType<typeof ones>) {
      return x.matmul(ones([5, 5]));
    }
  }
  const model = new nn.Sequential(new Inner());
  assert.match(firstFrame(thrown(() => model.forward(ones([1, 3])))), /^ {4}at (\w+\.)?forward /);
});

const script = (body: string) => `import { autograd, optim, tensor } from "descent";
interface Ignored { size: number }
const x = tensor([1, 4], { requiresGrad: true });
${body}
`;

test("a value changed in place: the op, the line that saved it, the line that changed it", async () => {
  const body = script(`const y = x.exp();

y.mul_(2);
y.sum().backward();`);
  const { record, said, folder, code } = await runToEnd({ "train.ts": body }, "train.ts");
  const line = "y.sum().backward();";
  assert.ok(said.err.startsWith(`${folder}/train.ts:7\n${line}\n        ^\n\nDescentError: exp: `), said.err);
  assert.equal(code, 1);
  assert.match(
    record.error!.message,
    /^exp: a value of shape \[2\] needed for the gradient was changed in place after exp used it at train\.ts:4:13, by mul_ at train\.ts:6:3 \(/,
  );
  assert.equal(record.error!.location?.line, 7);
  assert.ok(!record.error!.message.includes("DESCENT_CALL_SITES"));
});

test("an optimizer's step between forward and backward is named too", async () => {
  const body = script(`const optimizer = new optim.SGD([x], { lr: 1 });
const loss = x.mul(x).sum();
loss.backward({ retainGraph: true });
optimizer.step();
loss.backward();`);
  const { record } = await runToEnd({ "train.ts": body }, "train.ts");
  assert.match(
    record.error!.message,
    /^mul: .* used it at train\.ts:5:16, by \w*[sS]tep\w* at train\.ts:7:11/,
  );
});

test("where lines are not kept, the sentence says how to get them", async () => {
  const body = script(`const y = x.exp();
y.mul_(2);
y.sum().backward();`);
  const env = { DESCENT_CALL_SITES: "0" };
  const { record } = await runToEnd({ "train.ts": body }, "train.ts", { env });
  assert.match(record.error!.message, /used it, by mul_ \(it is at version 1, 0 was expected\)/);
  assert.match(record.error!.message, /DESCENT_CALL_SITES=1 or within autograd\.detectAnomaly/);
});

test("detectAnomaly names the op, its forward line, and whether its result was NaN already", async () => {
  const body = script(`autograd.detectAnomaly(true);
const y = x.sub(1).sqrt();
const z = y.mul(0);
z.sum().backward();`);
  const { record } = await runToEnd({ "train.ts": body }, "train.ts");
  assert.match(
    record.error!.message,
    /^SqrtBackward0: its gradient with respect to its tensor 0 has NaN; it was called at train\.ts:5:20, and what it computed there had none\. The gradient that arrived had none$/,
  );
});

test("detectAnomaly within a body, async bodies and off again", async () => {
  const nan = () => leaf([0]).sqrt().mul(0).sum();
  nan().backward();
  assertRefused(
    () => {
      autograd.detectAnomaly(() => {
        nan().backward();
      });
    },
    "autograd",
    /^SqrtBackward0: /,
  );
  assert.equal(autograd.isAnomalyEnabled(), false);
  nan().backward();
  const slow = autograd.detectAnomaly(async () => {
    await Promise.resolve();
    nan().backward();
  });
  assert.equal(autograd.isAnomalyEnabled(), true);
  await assert.rejects(slow, { code: "autograd" });
  assert.equal(autograd.isAnomalyEnabled(), false);
  autograd.detectAnomaly(true, { checkNan: false });
  nan().backward();
  autograd.detectAnomaly(true);
  assert.throws(() => {
    nan().backward();
  }, DescentError);
  autograd.detectAnomaly(false);
  nan().backward();
  const already = thrown(() => {
    autograd.detectAnomaly(() => {
      tensor([-1], { requiresGrad: true }).log().sum().mul(0).backward();
      leaf([-1]).pow(0.5).sum().backward();
    });
  });
  assert.equal(already.facts["forwardHadNaN"], "true");
  assert.match(already.message, /what it computed there had NaN already/);
  assertRefused(
    () => {
      autograd.detectAnomaly(5 as never);
    },
    "argument",
    /^autograd\.detectAnomaly: the body/,
  );
});

test("a function of the user's own is named by its class", () => {
  class Bad extends autograd.Function {
    static forward(_: autograd.FunctionContext, x: ReturnType<typeof zeros>) {
      return x.mul(2);
    }
    static backward(_: autograd.FunctionContext, g: ReturnType<typeof zeros>) {
      return g.mul(NaN);
    }
  }
  const error = thrown(() => {
    autograd.detectAnomaly(() => {
      Bad.apply(leaf([1]))
        .sum()
        .backward();
    });
  });
  assert.match(error.message, /^BadBackward: its gradient .* it was called at .*autograd-lines\.test/);
});

test("lines of what was made before can be asked for later", () => {
  const y = leaf([1, 2]).exp();
  noGrad(() => y.mul_(1));
  const error = thrown(() => {
    y.sum().backward();
  });
  assert.match(error.facts["saved"]!, /autograd-lines\.test\.mjs:\d+:\d+$/);
  assert.match(error.facts["changed"]!, /autograd-lines\.test\.mjs:\d+:\d+$/);
  assert.equal(error.facts["changedBy"], "mul_");
});
