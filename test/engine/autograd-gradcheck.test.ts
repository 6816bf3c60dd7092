// gradcheck and gradgradcheck: right gradients pass, wrong ones are found and shown in one sentence.

import assert from "node:assert/strict";
import { test } from "node:test";
import { autograd, nn, ones, randn, tensor, type Tensor } from "descent";
import { assertRefused } from "./fixtures.js";

const { gradcheck, gradgradcheck } = autograd;
const double = (shape: number[]) => randn(shape, { dtype: "float64", requiresGrad: true });

/** 2x, with a gradient that says `slope`. */
function wrong(slope: (g: Tensor) => Tensor | null) {
  class Wrong extends autograd.Function {
    static forward(_: autograd.FunctionContext, x: Tensor): Tensor {
      return x.mul(2);
    }
    static backward(_: autograd.FunctionContext, g: Tensor): Tensor | null {
      return slope(g);
    }
  }
  return (x: Tensor) => Wrong.apply(x);
}

test("operations, layers, several inputs and outputs, inputs of other kinds", () => {
  assert.equal(
    gradcheck((x: Tensor) => x.sin().mul(x), double([3, 2])),
    true,
  );
  assert.equal(
    gradcheck(
      (x: Tensor, y: Tensor, k: number) => [x.matmul(y).mul(k), x.sum()],
      [double([2, 3]), double([3, 2]), 3],
    ),
    true,
  );
  const layer = new nn.Linear(3, 2).double();
  assert.equal(
    gradcheck(() => layer.forward(ones([2, 3], { dtype: "float64" })), [layer.weight, layer.bias!]),
    true,
  );
  const index = tensor([1, 0], { dtype: "int64" });
  assert.equal(
    gradcheck((x: Tensor, i: Tensor) => [x.indexSelect(0, i), i, x.argmax()], [double([2, 2]), index]),
    true,
  );
  const base = double([2, 3]);
  assert.equal(
    gradcheck((x: Tensor) => x.exp(), base.mul(2).t()),
    true,
  ); // no leaf, not in order
  base.exp().sum().backward(); // what was checked is as it was
  assert.equal(
    gradgradcheck((x: Tensor, y: Tensor) => x.mul(y).tanh(), [double([3]), double([3])]),
    true,
  );
  assert.equal(
    gradgradcheck((x: Tensor) => x.pow(3), double([2]), ones([2], { dtype: "float64", requiresGrad: true })),
    true,
  );
});

test("a wrong gradient: which output, which input, where, and both numbers", () => {
  const x = tensor([[1, 2], [3, 4]], { dtype: "float64", requiresGrad: true }); // prettier-ignore
  assertRefused(
    () => gradcheck((y: Tensor, z: Tensor) => [y.sum(), wrong((g) => g.mul(3))(z)], [double([1]), x]),
    "autograd",
    /^gradcheck: output 1 at \[0, 0\] with respect to input 1 at \[0, 0\]: numerical (2|1\.99999\d*|2\.00000\d*), analytical 3$/,
  );
  assert.equal(
    gradcheck(wrong((g) => g.mul(3)), x, { raiseException: false }),
    false,
  ); // prettier-ignore
  assertRefused(
    () =>
      gradcheck(
        wrong(() => null),
        x,
      ),
    "autograd",
    /analytical 0$/,
  );
  assertRefused(
    () => gradcheck((y: Tensor) => y.detach().mul(2), x),
    "autograd",
    /analytical 0 \(the output does not/,
  );
  // The detached factor is right once and wrong twice.
  assert.equal(
    gradcheck(wrong((g) => g.mul(2)), x),
    true,
  ); // prettier-ignore
  const cube = (y: Tensor) => {
    class Cube extends autograd.Function {
      static forward(ctx: autograd.FunctionContext, z: Tensor): Tensor {
        ctx.saveForBackward(z);
        return z.mul(z).mul(z);
      }
      static backward(ctx: autograd.FunctionContext, g: Tensor): Tensor {
        const z = ctx.savedTensors[0]!.detach();
        return g.mul(z).mul(z).mul(3);
      }
    }
    return Cube.apply(y);
  };
  assert.equal(gradcheck(cube, x), true);
  assertRefused(
    () => gradgradcheck(cube, x),
    "autograd",
    /^gradgradcheck: output 0 at \[0, 0\] with respect to input 0/,
  );
});

test("tolerances and steps are as asked", () => {
  const x = tensor([1], { dtype: "float64", requiresGrad: true });
  const off = wrong((g) => g.mul(2.01));
  assert.equal(gradcheck(off, x, { raiseException: false }), false);
  assert.equal(gradcheck(off, x, { rtol: 0.1 }), true);
  assert.equal(gradcheck(off, x, { atol: 0.1, rtol: 0 }), true);
  assert.equal(gradcheck((y: Tensor) => y.exp(), x, { eps: 0.5, raiseException: false }), false); // prettier-ignore
});

test("a backward that is not the same twice, or takes no gradient for something else than zeros", () => {
  let calls = 0;
  assertRefused(
    () =>
      gradcheck(
        wrong((g) => g.mul(2 + 1e-9 * calls++)),
        double([1]),
      ),
    "autograd",
    /^gradcheck: backward is not deterministic: for output 0 and input 0/,
  );
  class Missing extends autograd.Function {
    static forward(ctx: autograd.FunctionContext, x: Tensor): [Tensor, Tensor] {
      ctx.setMaterializeGrads(false);
      return [x.mul(2), x.mul(3)];
    }
    static backward(_: autograd.FunctionContext, a: Tensor | null, b: Tensor | null): Tensor {
      return a === null ? b!.mul(300) : b === null ? a.mul(200) : a.mul(2).add(b.mul(3));
    }
  }
  assertRefused(
    () => gradcheck((x: Tensor) => Missing.apply(x), double([1])),
    "autograd",
    /^gradcheck: output 0 at|no gradient for output 0 must count as zeros/,
  );
});

test("what cannot be checked is refused", () => {
  const x = double([2]);
  assertRefused(() => gradcheck((y: Tensor) => y, randn([2], { requiresGrad: true })), "dtype", /^gradcheck: input 0 is float32, but differences need float64/); // prettier-ignore
  assertRefused(
    () => gradcheck((y: Tensor) => y, ones([2])),
    "argument",
    /no input is a tensor that requires/,
  );
  assertRefused(() => gradcheck((y: Tensor) => y, double([1]).expand(3)), "argument", /repeats elements/);
  assertRefused(() => gradcheck(5 as never, x), "argument", /^gradcheck: fn must be a function/);
  assertRefused(
    () => gradcheck((() => 5) as never, x),
    "argument",
    /output 0 of the function must be a tensor/,
  );
  assertRefused(() => gradcheck((y: Tensor) => y, x, { eps: 0 }), "argument", /eps must be/);
  assertRefused(() => gradcheck((y: Tensor) => y, x, { step: 1 } as never), "argument", /no option 'step'/);
  assertRefused(
    () => gradgradcheck((y: Tensor) => y.exp(), x, [x, x]),
    "argument",
    /2 gradients for 1 outputs/,
  );
  const mine = new Error("mine");
  const throws = () => {
    throw mine;
  };
  assert.throws(() => gradcheck(throws, x, { raiseException: false }), mine);
});
