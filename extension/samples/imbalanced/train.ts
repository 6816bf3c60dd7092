// What class weights are for. 1,000 images show any digit but an eight, only 100 show an eight: a net that says
// 'not an eight' to everything is right 91 times in 100, and useless. Two equal nets learn from the same images;
// for the second one, an eight counts ten times as much.
//
//   descent run train.ts
//   descent run train.ts -- --epochs 60

import { parseArgs } from "node:util";
import { data, manualSeed, nn, noGrad, optim, run, tensor, type Tensor } from "descent";
import { readDigits } from "./digits.ts";

const { values: options } = parseArgs({ options: { epochs: { type: "string", default: "20" } } });
const epochs = Number(options.epochs);
if (!(epochs >= 0)) throw new Error(`--epochs takes a number, not '${options.epochs}'.`);

// Class 0: any other digit. Class 1: an eight.
const { images, labels } = readDigits();
const isEight = (labels.tolist() as number[]).map((digit) => digit === 8);
const dataset = new data.TensorDataset(images, labels.eq(8).to("int64"));

const common = indicesOf(false);
const rare = indicesOf(true);
const trainSet = new data.Subset(dataset, [...common.slice(0, 1000), ...rare.slice(0, 100)]);
const testCommon = new data.Subset(dataset, common.slice(1000));
const testRare = new data.Subset(dataset, rare.slice(100));

run.config({ epochs, batchSize: 32, lr: 0.1 });

const without = await trainAndTest("without weights", new nn.CrossEntropyLoss());
const withWeights = await trainAndTest("with weights", new nn.CrossEntropyLoss({ weight: tensor([0.1, 1]) }));

run.summary({ recallOfEightsWithoutWeights: without, recallOfEightsWithWeights: withWeights });
console.log(`The weights found ${percent(withWeights - without)} more of the eights.`);

/** Trains a new net with this loss. Returns the recall of the eights: the share of them that it finds. */
async function trainAndTest(name: string, criterion: nn.CrossEntropyLoss): Promise<number> {
  manualSeed(1); // Both nets start from the same weights and see the same batches.
  const model = new nn.Linear(64, 2);
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const loader = new data.DataLoader(trainSet, { batchSize: 32, shuffle: true });

  let recallOfEights = 0;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for await (const [x, y] of loader) {
      optimizer.zeroGrad();
      const loss = criterion.forward(model.forward(x), y);
      loss.backward();
      optimizer.step();
    }
    recallOfEights = await recall(model, testRare);
    run.log({ [`recall of eights/${name}`]: recallOfEights });
  }

  const recallOfOthers = await recall(model, testCommon);
  console.log(
    `${name}: recall of eights ${percent(recallOfEights)}, of other digits ${percent(recallOfOthers)}`,
  );
  return recallOfEights;
}

/** The share of these images, all of one class, that the model puts into their class, from 0 to 1. */
async function recall(model: nn.Linear, images: data.Subset<[Tensor, Tensor]>): Promise<number> {
  let right = 0;
  let count = 0;
  await noGrad(async () => {
    for await (const [x, y] of new data.DataLoader(images, { batchSize: 1000 })) {
      right += model.forward(x).argmax(1).eq(y).sum().item();
      count += x.shape[0]!;
    }
  });
  return right / count;
}

function indicesOf(eights: boolean): number[] {
  return [...isEight.keys()].filter((index) => isEight[index] === eights);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
