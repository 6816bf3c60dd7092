// Why deep sigmoid networks did not learn. The slope of a sigmoid is at most 1/4, so each of the 20 layers passes on
// less than a quarter of the gradient that reaches it: nothing is left for the first ones. Look at the gradient norm of each
// layer in the dashboard, then run again with --batch-norm, which spreads the inputs of every sigmoid over its steep part.
//
//   descent run train.ts
//   descent run train.ts -- --batch-norm

import { parseArgs } from "node:util";
import { data, manualSeed, nn, optim, run, type Tensor } from "descent";
import { readDigits } from "./digits.ts";

const { values: options } = parseArgs({
  options: { epochs: { type: "string", default: "30" }, "batch-norm": { type: "boolean", default: false } },
});
const epochs = Number(options.epochs);
if (!(epochs >= 0)) throw new Error(`--epochs takes a number, not '${options.epochs}'.`);
const useBatchNorm = options["batch-norm"];
const depth = 20;
const width = 64;

class DeepSigmoidNet extends nn.Module {
  layers = new nn.Sequential(...Array.from({ length: depth }, () => sigmoidLayer()));
  output = new nn.Linear(width, 10);

  /** images [N, 64] → scores [N, 10] */
  forward(images: Tensor): Tensor {
    return this.output.forward(this.layers.forward(images));
  }
}

function sigmoidLayer(): nn.Sequential {
  const linear = new nn.Linear(width, width);
  return useBatchNorm
    ? new nn.Sequential(linear, new nn.BatchNorm1d(width), new nn.Sigmoid())
    : new nn.Sequential(linear, new nn.Sigmoid());
}

manualSeed(1);

const { images, labels } = readDigits();
const loader = new data.DataLoader(new data.TensorDataset(images, labels), { batchSize: 32, shuffle: true });
const model = new DeepSigmoidNet();
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });

run.config({ epochs, depth, batchNorm: useBatchNorm });

let lastLoss = 0;
for (let epoch = 1; epoch <= epochs; epoch++) {
  for await (const [x, y] of loader) {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(x), y);
    loss.backward();
    optimizer.step();
    lastLoss = loss.item();
  }
}

// What the dashboard draws for every parameter and step, for the weights of the first and the last layer.
const first = gradientNorm("layers.0.0.weight");
const last = gradientNorm("output.weight");
run.summary({ firstGradientNorm: first, lastGradientNorm: last, ratio: first / last });
console.log(`loss at the end: ${lastLoss.toFixed(3)}; guessing gives ${Math.log(10).toFixed(3)}`);
console.log(`gradient norm: first layer ${first.toExponential(1)}, last layer ${last.toExponential(1)}`);
console.log(`first / last: ${(first / last).toExponential(1)}`);

function gradientNorm(name: string): number {
  const parameter = new Map(model.namedParameters()).get(name);
  return Math.sqrt(parameter!.grad!.square().sum().item());
}
