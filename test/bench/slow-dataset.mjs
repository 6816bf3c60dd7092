// A dataset that takes 2 ms an item, as decoding a picture does: for test/bench/loader.mjs, whose workers import it.

import { data, randn } from "descent";

export class SlowDataset extends data.Dataset {
  constructor(length) {
    super();
    this.length = length;
    this.table = randn([64, 256]);
  }

  /** Keeps its thread for 2 ms without keeping a processor, so that the figure is of the loader and not of the machine. */
  get(index) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    return [this.table.select(0, index % 64), index % 10];
  }
}
