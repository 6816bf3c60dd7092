// Learns to read handwritten digits: 1,437 images of 8×8 pixels to train on, 360 to test on.
//
//   descent run train.ts                  some ten seconds, about 98 % of the test images right
//   descent run train.ts -- --epochs 5    a shorter training

import { parseArgs } from "node:util";
import { data, manualSeed, nn, noGrad, optim, run, type Tensor } from "descent";
import { readDigits } from "./digits.ts";

const { values: options } = parseArgs({ options: { epochs: { type: "string", default: "300" } } });
const epochs = Number(options.epochs);
if (!(epochs >= 0)) throw new Error(`--epochs takes a number, not '${options.epochs}'.`);

manualSeed(1); // The same start and the same batches each time; take another number to see how much luck matters.

const { images, labels } = readDigits();
const [trainSet, testSet] = data.randomSplit(new data.TensorDataset(images, labels), [1437, 360]);
const trainLoader = new data.DataLoader(trainSet!, { batchSize: 16, shuffle: true });
const testLoader = new data.DataLoader(testSet!, { batchSize: 360 });

class DigitNet extends nn.Module {
  hidden1 = new nn.Linear(64, 256);
  norm1 = new nn.BatchNorm1d(256);
  hidden2 = new nn.Linear(256, 128);
  relu = new nn.ReLU();
  dropout = new nn.Dropout(0.3);
  output = new nn.Linear(128, 10);

  /** images [N, 64] → scores [N, 10], the highest at the digit the net believes in */
  forward(images: Tensor): Tensor {
    let x = this.relu.forward(this.norm1.forward(this.hidden1.forward(images)));
    x = this.relu.forward(this.hidden2.forward(this.dropout.forward(x)));
    return this.output.forward(this.dropout.forward(x));
  }
}

const model = new DigitNet();
const criterion = new nn.CrossEntropyLoss();
const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });

run.config({ epochs, batchSize: 16, lr: 1e-3 });

let accuracy = 0;
for (let epoch = 1; epoch <= epochs; epoch++) {
  model.train();
  for await (const [x, y] of trainLoader) {
    optimizer.zeroGrad();
    const loss = criterion.forward(model.forward(x), y);
    loss.backward();
    optimizer.step();
  }
  accuracy = await testAccuracy();
  run.log({ testAccuracy: accuracy });
}
run.summary({ testAccuracy: accuracy });
console.log(`test accuracy ${(100 * accuracy).toFixed(1)} %`);

/** The share of the test images that the net reads right, from 0 to 1. */
async function testAccuracy(): Promise<number> {
  model.eval(); // Dropout lets everything through, and batch norm uses what it has learnt.
  let right = 0;
  await noGrad(async () => {
    for await (const [x, y] of testLoader) {
      right += model.forward(x).argmax(1).eq(y).sum().item();
    }
  });
  return right / 360;
}
