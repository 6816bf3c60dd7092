// unique and nonzero as a user writes them: what comes back for which options, and what is refused.

import assert from "node:assert/strict";
import { it } from "node:test";
import { DescentError, nonzero, tensor, unique, type Tensor } from "descent";

const x = tensor([3, 1, 3, 2], { dtype: "int64" });

it("unique gives one tensor, or as many as its options ask for", () => {
  const values: Tensor = unique(x);
  assert.deepEqual(values.tolist(), [1, 2, 3]);
  const [same, counts]: [Tensor, Tensor] = x.unique({ returnCounts: true });
  assert.deepEqual(
    [same.tolist(), counts.tolist()],
    [
      [1, 2, 3],
      [1, 1, 2],
    ],
  );
  const [, inverse, again]: [Tensor, Tensor, Tensor] = unique(x, { returnInverse: true, returnCounts: true });
  assert.deepEqual(
    [inverse.tolist(), again.tolist()],
    [
      [2, 0, 2, 1],
      [1, 1, 2],
    ],
  );
});

it("unique takes its dim in its place or as an option", () => {
  const rows = tensor([
    [2, 1],
    [1, 5],
    [2, 1],
  ]);
  const expected = [
    [1, 5],
    [2, 1],
  ];
  assert.deepEqual(rows.unique(0).tolist(), expected);
  assert.deepEqual(unique(rows, { dim: -2 }).tolist(), expected);
  const [, counts]: [Tensor, Tensor] = rows.unique(0, { returnCounts: true });
  assert.deepEqual(counts.tolist(), [1, 2]);
  assert.deepEqual(rows.unique(null).tolist(), [1, 2, 5]);
});

it("unique and nonzero are not differentiated", () => {
  const tracked = tensor([1, 0, 2]).requiresGrad_();
  assert.equal(unique(tracked).requiresGrad, false);
  assert.equal(nonzero(tracked).requiresGrad, false);
});

it("nonzero gives places as rows, or one vector for each dim, which pick the elements", () => {
  const matrix = tensor([
    [0, 4, 0],
    [5, 0, 6],
  ]);
  const places: Tensor = nonzero(matrix);
  assert.deepEqual(places.tolist(), [
    [0, 1],
    [1, 0],
    [1, 2],
  ]);
  const vectors: Tensor[] = matrix.nonzero({ asTuple: true });
  assert.deepEqual(matrix.at(...vectors).tolist(), [4, 5, 6]);
});

it("what they refuse, they refuse in their name", () => {
  const cases: [() => unknown, RegExp][] = [
    [() => unique(x, { returnCount: true } as never), /^unique: no option 'returnCount'/],
    [() => unique(x, { returnCounts: 1 } as never), /^unique: returnCounts must be true or false/],
    [() => unique(x, 1), /^unique: .*dim/],
    [() => unique(x, "0" as never), /^unique: /],
    [() => unique([1] as never), /^unique: x must be a tensor/],
    [() => nonzero(x, { asTuple: "yes" } as never), /^nonzero: asTuple must be true or false/],
    [() => nonzero(null as never), /^nonzero: x must be a tensor/],
  ];
  for (const [call, message] of cases) {
    assert.throws(call, (error) => {
      assert.ok(error instanceof DescentError);
      assert.match(error.message, message);
      return true;
    });
  }
});
