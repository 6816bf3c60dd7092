// Sees Ctrl+C in the monitor worker, because a training loop that never returns to the event loop would never see it.
// Node offers signals to the main thread only; its own signal handle works in a worker too. Where it cannot be had, `watch`
// returns false and the main thread passes signals on, which then arrive between two turns of its event loop.

import { createRequire } from "node:module";
import { constants } from "node:os";

interface SignalHandle {
  onsignal: (signal: number) => void;
  start(signal: number): number;
  unref(): void;
}

export type WatchedSignal = "SIGINT" | "SIGTERM" | "SIGHUP";
export const watchedSignals: readonly WatchedSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** What the worker must be started with for this to work on every Node. */
export const signalWorkerOptions = ["--expose-internals", "--no-warnings"];

export function watchSignals(heard: (signal: WatchedSignal) => void): boolean {
  try {
    const Signal = signalHandleClass();
    for (const name of watchedSignals) {
      const handle = new Signal();
      handle.unref();
      handle.onsignal = () => {
        heard(name);
      };
      if (handle.start(constants.signals[name]) !== 0) return false;
    }
    return true;
  } catch {
    return false;
  }
}

function signalHandleClass(): new () => SignalHandle {
  const require = createRequire(import.meta.url);
  const internals = require("internal/test/binding") as { internalBinding(name: string): unknown };
  return (internals.internalBinding("signal_wrap") as { Signal: new () => SignalHandle }).Signal;
}
