// data: datasets, samplers, and the loader that makes batches of them.

export { defaultCollate, type Collated } from "./collate.js";
export { ConcatDataset, Dataset, IterableDataset, randomSplit, Subset, TensorDataset } from "./dataset.js";
export { DataLoader, type DataLoaderOptions } from "./loader.js";
export type { LoaderState } from "./loaderState.js";
export { getWorkerInfo, type WorkerInfo } from "./workerThread.js";
export {
  BatchSampler,
  RandomSampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type RandomSamplerOptions,
  type Sampler,
} from "./samplers.js";
export { Generator } from "../random.js";
