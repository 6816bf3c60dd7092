// Training scripts that scenarios open: small, and as long as a scenario needs them.

/** `steps` steps with a rest of `rest` milliseconds after each. */
export function slowTraining({ steps = 3000, rest = 20 } = {}): string {
  return `import { manualSeed, nn, optim, randn } from "descent";

manualSeed(1);
const model = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 1));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });

for (let step = 0; step < ${steps}; step++) {
  const x = randn([32, 4]);
  const loss = model.forward(x).sub(x.sum(1, { keepdim: true })).square().mean();
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  await new Promise((resolve) => setTimeout(resolve, ${rest}));
}
`;
}

/** The line of slowTraining at which `loss` has its value. */
export const backwardLine = 11;

/** Throws in its third step, at throwingLine. */
export const throwing = `import { nn, optim, randn } from "descent";

const model = new nn.Linear(4, 2);
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
for (let step = 0; step < 10; step++) {
  optimizer.zeroGrad();
  const x = randn([8, step < 2 ? 4 : 5]);
  model.forward(x).mean().backward();
  optimizer.step();
}
`;
export const throwingLine = 8;
