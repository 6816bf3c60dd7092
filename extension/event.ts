// A list of listeners: the one event type of the parts that know nothing of the editor.

export interface Disposable {
  dispose(): void;
}

export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  /** Calls `listener` for every value from now on, until the result is disposed. */
  readonly on = (listener: (value: T) => void): Disposable => {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  };

  fire(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }

  dispose(): void {
    this.#listeners.clear();
  }
}

/** Does `work` at once, and again as often as it is asked for, but never sooner than `milliseconds` after the last time. */
export class Throttle {
  readonly #milliseconds: number;
  readonly #work: () => void;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number, work: () => void) {
    this.#milliseconds = milliseconds;
    this.#work = work;
  }

  ask(): void {
    if (this.#timer) return;
    const wait = this.#last + this.#milliseconds - Date.now();
    if (wait <= 0) this.now();
    else {
      this.#timer = setTimeout(() => {
        this.now();
      }, wait);
    }
  }

  now(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#last = Date.now();
    this.#work();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
