// autograd.Function: derivatives of one's own, in all the ways PyTorch allows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { autograd, isGradEnabled, memory, noGrad, ones, tensor, zeros, type Tensor } from "descent";
import { assertClose, assertRefused, collectGarbage } from "./fixtures.js";

type Context<Fields extends object = Record<string, unknown>> = autograd.FunctionContext<Fields>;
const leaf = (values: number[]) => tensor(values, { requiresGrad: true, dtype: "float64" });

class Exp extends autograd.Function {
  static forward(ctx: Context, x: Tensor): Tensor {
    const y = x.exp();
    ctx.saveForBackward(y);
    return y;
  }
  static backward(ctx: Context, g: Tensor): Tensor {
    const [y] = ctx.savedTensors;
    return g.mul(y!);
  }
}

test("forward is not recorded, backward is used", () => {
  const x = leaf([0, 1]);
  const y = Exp.apply(x);
  assert.equal(y.gradFn?.name, "ExpBackward");
  assert.equal(y.requiresGrad, true);
  y.sum().backward();
  assertClose(x.grad, [1, Math.E], 1e-12);
  assert.equal(noGrad(() => Exp.apply(x)).requiresGrad, false);
  assert.equal(Exp.apply(ones([2])).gradFn, null);
});

test("double backward goes through a backward written in operations", () => {
  const x = leaf([0.5, 1]);
  const [first] = autograd.grad(Exp.apply(x).sum(), x, { createGraph: true });
  const [second] = autograd.grad(first!.sum(), x, { createGraph: true });
  assertClose(second, x.exp(), 1e-12);
  assertClose(autograd.grad(second!.sum(), x)[0], x.exp(), 1e-12);
  assert.ok(autograd.gradcheck((z: Tensor) => Exp.apply(z), [x]));
  assert.ok(autograd.gradgradcheck((z: Tensor) => Exp.apply(z), [x]));
});

class Affine extends autograd.Function {
  static forward(ctx: Context<{ scale: number }>, x: Tensor, w: Tensor, scale: number, note?: string) {
    assert.equal(isGradEnabled(), false);
    ctx.scale = scale;
    ctx.saveForBackward(x, null, w);
    return [x.mul(w).mul(scale), note] as const;
  }
  static backward(ctx: Context<{ scale: number }>, g: Tensor) {
    const [x, nothing, w] = ctx.savedTensors;
    assert.equal(nothing, null);
    return [
      ctx.needsInputGrad[0] === true ? g.mul(w!).mul(ctx.scale) : null,
      ctx.needsInputGrad[1] === true ? g.mul(x!).mul(ctx.scale) : null,
      null,
      null,
    ];
  }
}

test("several arguments of any kind, and results that are no tensors", () => {
  const x = leaf([1, 2]);
  const w = leaf([3, 4]);
  const [y, note] = Affine.apply(x, w, 10, "kept");
  assert.equal(note, "kept");
  y.sum().backward();
  assert.deepEqual([x.grad?.tolist(), w.grad?.tolist()], [[30, 40], [10, 20]]); // prettier-ignore
  const frozen = tensor([5, 6], { dtype: "float64" });
  x.grad = null;
  Affine.apply(x, frozen, 1)[0].sum().backward();
  assert.deepEqual(x.grad, x.grad);
  assert.deepEqual((x.grad as Tensor | null)?.tolist(), [5, 6]);
});

test("several results: zeros or null where no gradient arrived", () => {
  const seen: unknown[] = [];
  class Two extends autograd.Function {
    static forward(ctx: Context, x: Tensor, materializes: boolean): [Tensor, Tensor] {
      ctx.setMaterializeGrads(materializes);
      return [x.mul(2), x.mul(3)];
    }
    static backward(_: Context, a: Tensor | null, b: Tensor | null) {
      seen.push([a?.tolist() ?? null, b?.tolist() ?? null]);
      return [a, null];
    }
  }
  const x = leaf([1, 2]);
  Two.apply(x, true)[0].sum().backward();
  Two.apply(x, false)[0].sum().backward();
  assert.deepEqual(seen, [
    [
      [1, 1],
      [0, 0],
    ],
    [[1, 1], null],
  ]);
});

test("results marked as not differentiable, integers, and arguments handed through", () => {
  class Mixed extends autograd.Function {
    static forward(ctx: Context, x: Tensor, y: Tensor): Tensor[] {
      const sign = x.sign();
      ctx.markNonDifferentiable(sign);
      return [sign, x.argmax(), x, y.mul(x)];
    }
    static backward(_: Context, ...g: Tensor[]): Tensor[] {
      return [g[2]!.add(g[3]!), g[3]!.mul(100)];
    }
  }
  const [x, y] = [leaf([1, -2]), leaf([3, 4])];
  const [sign, index, same, product] = Mixed.apply(x, y);
  assert.deepEqual(
    [sign, index, same, product].map((t) => t!.requiresGrad),
    [false, false, true, true],
  );
  assert.notEqual(same, x);
  assert.equal(x.isLeaf, true);
  assert.equal(same!.gradFn?.name, "MixedBackward");
  same!.sum().add(product!.sum().mul(2)).backward();
  assert.deepEqual([x.grad?.tolist(), y.grad?.tolist()], [[3, 3], [200, 200]]); // prettier-ignore
});

test("arguments changed in place, also through views", () => {
  class Double extends autograd.Function {
    static forward(ctx: Context, x: Tensor): Tensor {
      x.mul_(2);
      ctx.markDirty(x);
      return x;
    }
    static backward(_: Context, g: Tensor): Tensor {
      return g.mul(2);
    }
  }
  const x = leaf([1, 2]);
  const y = x.mul(1);
  assert.equal(Double.apply(y), y);
  assert.equal(y.gradFn?.name, "DoubleBackward");
  y.sum().backward();
  assert.deepEqual(x.grad?.tolist(), [2, 2]);
  const z = x.mul(1);
  Double.apply(z.narrow(0, 0, 1));
  x.grad = null;
  z.sum().backward();
  assert.deepEqual((x.grad as Tensor | null)?.tolist(), [2, 1]);
  assertRefused(() => Double.apply(x), "autograd", /^DoubleBackward: a leaf that requires a gradient/);
  class Forgets extends Double {
    static override forward(ctx: Context, x: Tensor): Tensor {
      ctx.markDirty(x);
      return x.mul(1);
    }
  }
  assertRefused(() => Forgets.apply(x.mul(1)), "argument", /^Forgets: every argument that is marked dirty/);
});

test("forward and setupContext apart", () => {
  class Square extends autograd.Function {
    static forward(x: Tensor): Tensor {
      return x.mul(x);
    }
    static setupContext(ctx: Context, [x]: [Tensor], _: Tensor): void {
      ctx.saveForBackward(x);
    }
    static backward(ctx: Context, g: Tensor): Tensor {
      return g.mul(ctx.savedTensors[0]!).mul(2);
    }
  }
  const x = leaf([3]);
  Square.apply(x).sum().backward();
  assert.deepEqual(x.grad?.tolist(), [6]);
});

test("a wrong number or kind of gradients is one clear sentence", () => {
  const giving = (result: () => unknown) => {
    class Wrong extends autograd.Function {
      static forward(_: Context, x: Tensor, k: number): Tensor {
        return x.mul(k);
      }
      static backward(): Tensor[] {
        return result() as Tensor[];
      }
    }
    const x = leaf([1, 2]);
    Wrong.apply(x, 2).sum().backward();
    return x.grad!.tolist();
  };
  const g = (shape: number[]) => ones(shape, { dtype: "float64" });
  assertRefused(() => giving(() => g([2])), "autograd", /^WrongBackward: backward must return one gradient for each of the 2 arguments of forward, null where there is none, it returned 1/); // prettier-ignore
  assertRefused(() => giving(() => [g([2]), null, g([2])]), "autograd", /it returned 3/);
  assertRefused(() => giving(() => [g([2]), g([2])]), "autograd", /for argument 1 of forward a gradient, but that is no tensor/); // prettier-ignore
  assertRefused(() => giving(() => [g([3]), null]), "shape", /for argument 0 of forward a gradient of \[3\] and float64, the argument is \[2\] of float64/); // prettier-ignore
  assertRefused(() => giving(() => [5, null]), "autograd", /^Wrong: backward must return tensors or null, at 0 it returned 5/); // prettier-ignore
  assertRefused(() => giving(() => [g([2]).long(), null]), "shape", /int64/);
  // As in PyTorch: nulls too many are taken, a broadcast gradient is summed, another dtype converted.
  assert.deepEqual(
    giving(() => [g([2]), null, null]),
    [1, 1],
  );
  assert.deepEqual(
    giving(() => [g([3, 2]), null]),
    [3, 3],
  );
  assert.deepEqual(
    giving(() => [ones([2]), null]),
    [1, 1],
  );
});

test("what is missing or misplaced is refused, and errors pass through unchanged", () => {
  class Empty extends autograd.Function {}
  assertRefused(() => Empty.apply.call(Empty as never), "argument", /^Empty: it has no static forward/);
  class NoBackward extends autograd.Function {
    static forward(_: Context, x: Tensor): Tensor {
      return x.mul(2);
    }
  }
  const untyped = (of: unknown) => of as { apply(x: Tensor): Tensor };
  assertRefused(() => { untyped(NoBackward).apply(leaf([1])).sum().backward(); }, "autograd", /^NoBackward: it has no static backward/); // prettier-ignore
  class Number extends NoBackward {
    static override forward(): Tensor {
      return 5 as unknown as Tensor;
    }
  }
  assertRefused(() => untyped(Number).apply(leaf([1])), "argument", /^Number: forward must return a tensor/);
  const mine = new Error("mine");
  class Throws extends autograd.Function {
    static forward(_: Context, x: Tensor, early: boolean): Tensor {
      if (early) throw mine;
      return x.mul(2);
    }
    static backward(): Tensor {
      throw mine;
    }
  }
  assert.throws(() => Throws.apply(leaf([1]), true), mine);
  assert.equal(isGradEnabled(), true);
  const y = Throws.apply(leaf([1]), false);
  assert.throws(() => {
    y.sum().backward();
  }, mine);
  let kept: Context | undefined;
  class Keeps extends Exp {
    static override forward(ctx: Context, x: Tensor): Tensor {
      kept = ctx;
      return Exp.forward(ctx, x);
    }
  }
  Keeps.apply(leaf([1]));
  assertRefused(
    () => kept!.savedTensors,
    "argument",
    /^Keeps: savedTensors can be read in forward and backward/,
  );
});

test("a saved value that was changed, and a graph used twice", () => {
  const x = leaf([1, 2]);
  const y = Exp.apply(x);
  y.mul_(2);
  assertRefused(
    () => {
      y.sum().backward();
    },
    "autograd",
    /^ExpBackward: a value of shape \[2\] needed/,
  );
  const loss = Exp.apply(x).sum();
  loss.backward({ retainGraph: true });
  loss.backward();
  assertRefused(
    () => {
      loss.backward();
    },
    "autograd",
    /^ExpBackward: backward came through a second time/,
  );
  // With nothing saved a second time is fine, as in PyTorch.
  class Reverse extends autograd.Function {
    static forward(ctx: Context<{ by: number }>, z: Tensor, by: number): Tensor {
      ctx.by = by;
      return z.clone();
    }
    static backward(ctx: Context<{ by: number }>, g: Tensor) {
      return [g.mul(-ctx.by), null];
    }
  }
  x.grad = null;
  const once = (() => Reverse.apply(x, 3).add(1))();
  once.sum().backward();
  collectGarbage();
  once.sum().backward();
  assert.deepEqual((x.grad as Tensor | null)?.tolist(), [-6, -6]);
});

test("a function within a function, and ops of other graphs in backward", () => {
  class Outer extends autograd.Function {
    static forward(ctx: Context, x: Tensor): Tensor {
      ctx.saveForBackward(x);
      return Exp.apply(x).sin();
    }
    static backward(ctx: Context, g: Tensor): Tensor {
      const [x] = ctx.savedTensors;
      const e = Exp.apply(x!);
      return g.mul(e.cos()).mul(e);
    }
  }
  const x = leaf([0.3, 0.7]);
  assert.ok(autograd.gradcheck((z: Tensor) => Outer.apply(z), x));
  assert.ok(autograd.gradgradcheck((z: Tensor) => Outer.apply(z), x));
});

test("nothing is kept alive: neither by what is saved, nor by fields that lead back to the graph", () => {
  class Cyclic extends autograd.Function {
    static forward(ctx: Context, x: Tensor): Tensor {
      const y = x.mul(2);
      ctx.saveForBackward(x, y);
      ctx["result"] = y;
      return y;
    }
    static backward(ctx: Context, g: Tensor): Tensor {
      assert.equal(ctx.savedTensors.length, 2);
      return g.mul(2);
    }
  }
  class Saves extends autograd.Function {
    static forward(ctx: Context, x: Tensor): Tensor {
      const y = x.mul(2);
      ctx.saveForBackward(x, y);
      return y;
    }
    static backward(_: Context, g: Tensor): Tensor {
      return g;
    }
  }
  const before = memory.allocated();
  for (let step = 0; step < 400; step++) {
    const x = ones([64, 1024], { requiresGrad: true }); // 256 KiB
    Cyclic.apply(x).sum().backward();
    Saves.apply(x); // never walked
  }
  collectGarbage();
  assert.ok(memory.allocated() - before < 20 * 2 ** 20, `${memory.allocated() - before} bytes`);
});

test("what is saved is freed by backward itself", () => {
  const x = zeros([256, 1024], { requiresGrad: true });
  const held: Tensor[] = [];
  const before = memory.allocated();
  for (let step = 0; step < 20; step++) {
    const loss = Exp.apply(x).sum();
    loss.backward();
    held.push(loss);
  }
  x.grad = null;
  collectGarbage();
  assert.ok(memory.allocated() - before < 2 * 2 ** 20, `${memory.allocated() - before} bytes`);
});

test("what is disposed too early is refused, and a result that is an argument is not changed in place", () => {
  const making = (spoil: (y: Tensor, z: Tensor) => void) => {
    class Spoiled extends autograd.Function {
      static forward(ctx: Context, x: Tensor): Tensor {
        const [y, z] = [x.mul(2), x.mul(3)];
        ctx.saveForBackward(z);
        spoil(y, z);
        return y;
      }
      static backward(_: Context, g: Tensor): Tensor {
        return g;
      }
    }
    return () => Spoiled.apply(leaf([1]));
  };
  const early = making((y) => {
    y.dispose();
  });
  assertRefused(early, "disposed", /^Spoiled: a result of forward was disposed/);
  const saved = making((_, z) => {
    z.dispose();
  });
  assertRefused(saved, "disposed", /^Spoiled: a saved tensor was disposed/);
  class Same extends autograd.Function {
    static forward(_: Context, x: Tensor): Tensor {
      return x;
    }
    static backward(_: Context, g: Tensor): Tensor {
      return g.mul(10);
    }
  }
  const x = leaf([1, 2]);
  const y = x.mul(1);
  const same = Same.apply(y);
  assertRefused(() => same.mul_(2), "autograd", /cannot be changed in place while ops are recorded/);
  same.sum().backward();
  assert.deepEqual(x.grad?.tolist(), [10, 10]);
});
