// The memory that the main thread and the monitor worker share: control flags, and the ring of recorded numbers.

/** Elements of the control array. `stop` is element 0 because the native core watches it too. */
export const control = {
  /** 0 go on; 1 stop asked for; 2 the stop has been thrown at the script. */
  stop: 0,
  /** 1: wait at the end of each step. */
  pause: 1,
  /** Steps that may run although paused. */
  allowance: 2,
  /** 1 while the main thread waits because of `pause`. */
  waiting: 3,
  /** Written by whoever wants a waiting main thread to look again. */
  wake: 4,
  /** 1: the worker has everything and the process may end. */
  done: 5,
  /** Counts the worker's rounds, so that a dead worker can be told from a busy one. */
  heartbeat: 6,
  /** 1: a stop was ever asked for; stays. */
  stopAsked: 7,
  /** 1: the script handles SIGINT or SIGTERM itself. */
  ownSigint: 8,
  ownSigterm: 9,
  /** Doubles ever written to and ever read from the ring, modulo 2^32. */
  head: 10,
  tail: 11,
  /** Exit status of a run that was asked to stop. */
  stopCode: 12,
  /** 1: what to stop at has changed; the message port has it. The native core watches this too. */
  breaks: 13,
  length: 16,
} as const;

/** Doubles in the ring: 4 MiB, about two seconds of the fastest steps of a small model. A power of two. */
export const ringDoubles = 1 << 19;

export interface SharedMemory {
  control: Int32Array<SharedArrayBuffer>;
  ring: Float64Array<SharedArrayBuffer>;
}

export function createSharedMemory(doubles = ringDoubles): SharedMemory {
  return {
    control: new Int32Array(new SharedArrayBuffer(control.length * 4)),
    ring: new Float64Array(new SharedArrayBuffer(doubles * 8)),
  };
}

/**
 * A record in the ring: [length, layout, step, wall, epoch, batch, batches or -1, values...]. The layout number stands for the
 * tags of the values and was announced on the message port before the record was published.
 */
export const recordHeader = {
  length: 0,
  layout: 1,
  step: 2,
  wall: 3,
  epoch: 4,
  batch: 5,
  batches: 6,
  values: 7,
} as const;

/** Layout number of the filler that ends the ring before a record that would not fit in one piece. */
export const fillerLayout = -1;

/** Writes records; only the main thread has one. */
export class RingWriter {
  /** Where the current record's values go: `ring[at + k]`. */
  readonly ring: Float64Array;
  private readonly control: Int32Array;
  private readonly mask: number;
  private head = 0;
  private free: number;
  private dead = false;

  constructor({ control: flags, ring }: SharedMemory) {
    this.control = flags;
    this.ring = ring;
    this.mask = ring.length - 1;
    this.free = ring.length;
  }

  /** Values a record may have at most. */
  get largestRecord(): number {
    return this.ring.length / 4 - recordHeader.values;
  }

  /** Room for a record of so many values, in one piece: its first index, or -1 when nobody reads any more. Waits when the ring is full. */
  claim(values: number): number {
    const length = recordHeader.values + values;
    const start = this.head & this.mask;
    const rest = this.ring.length - start;
    if (length > rest) {
      if (!this.waitFor(rest)) return -1;
      this.ring[start + recordHeader.length] = rest;
      if (rest > 1) this.ring[start + recordHeader.layout] = fillerLayout;
      this.publish(rest);
    }
    if (!this.waitFor(length)) return -1;
    const at = this.head & this.mask;
    this.ring[at + recordHeader.length] = length;
    return at;
  }

  /** Makes the record of `length` doubles at the head visible to the reader. */
  publish(length: number): void {
    this.head = (this.head + length) | 0;
    this.free -= length;
    Atomics.store(this.control, control.head, this.head);
  }

  /** Never drops anything: blocks until the worker has made room. Gives up when the worker shows no sign of life for five seconds. */
  private waitFor(doubles: number): boolean {
    if (this.free >= doubles) return true;
    if (this.dead) return false;
    let heartbeat = Atomics.load(this.control, control.heartbeat);
    let seen = performance.now();
    while (true) {
      const tail = Atomics.load(this.control, control.tail);
      this.free = this.ring.length - ((this.head - tail) | 0);
      if (this.free >= doubles) return true;
      Atomics.wait(this.control, control.tail, tail, 100);
      const beat = Atomics.load(this.control, control.heartbeat);
      if (beat !== heartbeat) {
        heartbeat = beat;
        seen = performance.now();
      } else if (performance.now() - seen > 5000) {
        this.dead = true;
        return false;
      }
    }
  }
}

/** Reads records; only the worker has one. */
export class RingReader {
  private readonly control: Int32Array;
  private readonly ring: Float64Array;
  private tail = 0;

  constructor({ control: flags, ring }: SharedMemory) {
    this.control = flags;
    this.ring = ring;
  }

  /** Hands every record published so far to `take` (valid during the call), then gives their room back. */
  drain(take: (ring: Float64Array, at: number, length: number) => void): void {
    const head = Atomics.load(this.control, control.head);
    if (head === this.tail) return;
    const half = this.ring.length / 2;
    let released = this.tail;
    while (this.tail !== head) {
      const at = this.tail & (this.ring.length - 1);
      const length = this.ring[at + recordHeader.length]!;
      if (length > 1 && this.ring[at + recordHeader.layout] !== fillerLayout) take(this.ring, at, length);
      this.tail = (this.tail + length) | 0;
      if (((this.tail - released) | 0) > half) {
        this.release();
        released = this.tail;
      }
    }
    this.release();
  }

  private release(): void {
    Atomics.store(this.control, control.tail, this.tail);
    Atomics.notify(this.control, control.tail);
  }
}
