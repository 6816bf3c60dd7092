// `node test/bench/loader.mjs`: how fast a loader feeds from a dataset of 2 ms an item, with workers and without. The first figure
// includes the start of the workers (about 60 ms on a quiet machine), the second is of an epoch in which they are there.

import { data } from "descent";
import { SlowDataset } from "./slow-dataset.mjs";

const items = 512;
const dataset = new SlowDataset(items);

async function epoch(loader, isSync) {
  const start = performance.now();
  let count = 0;
  if (isSync) for (const [x] of loader) count += x.shape[0];
  else for await (const [x] of loader) count += x.shape[0];
  if (count !== items) throw new Error(`${count} items came, not ${items}`);
  return (performance.now() - start) / 1000;
}

async function measure(numWorkers, isSync) {
  const loader = new data.DataLoader(dataset, {
    batchSize: 16,
    numWorkers,
    persistentWorkers: numWorkers > 0,
  });
  return [await epoch(loader, isSync), await epoch(loader, isSync)];
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

for (const isSync of [false, true]) {
  const times = { 0: [], 1: [], 2: [], 4: [] };
  for (let round = 0; round < 3; round++) {
    for (const workers of Object.keys(times)) times[workers].push(await measure(Number(workers), isSync));
  }
  const medians = (workers) => [0, 1].map((k) => median(times[workers].map((pair) => pair[k])));
  const alone = medians(0)[1];
  for (const workers of Object.keys(times)) {
    const [first, second] = medians(workers);
    const loop = (isSync ? "for" : "for await").padEnd(9);
    const speedUp = (seconds) => `${(alone / seconds).toFixed(2)} times`;
    console.log(
      `${loop}  ${workers} workers  ${String(Math.round(items / second)).padStart(5)} items/s: ` +
        `${speedUp(second)} as fast as none, ${speedUp(first)} with their start`,
    );
  }
}
