// How a run stands, in words and as a share done; no DOM.

import type { RunView } from "../../protocol.js";

/** How much of the run is done, 0 to 1; null where its length is not known. An ended run that did not finish stays where it was. */
export function progressOf(run: RunView): number | null {
  if (run.state === "finished") return 1;
  const inEpoch = run.batches === null || run.batches === 0 ? null : Math.min(1, run.batch / run.batches);
  if (run.epochs !== null && run.epochs > 0) {
    return Math.min(1, Math.max(0, (run.epoch - 1 + (inEpoch ?? 0)) / run.epochs));
  }
  return run.epoch > 0 ? inEpoch : null;
}

export interface EmptyText {
  title: string;
  text: string;
  /** A run is coming or under way. */
  waiting: boolean;
  /** Offers to start a training. */
  start: boolean;
}

/** @param ready whether the extension has said anything yet. */
export function emptyText(ready: boolean, run: RunView | null): EmptyText {
  if (!ready)
    return { title: "Connecting", text: "Asking the extension for the run.", waiting: true, start: false };
  if (run === null) {
    return {
      title: "No run yet",
      text: "Start a script that trains with descent: its loss, gradients and memory appear here while it runs.",
      waiting: false,
      start: true,
    };
  }
  if (run.live) {
    return {
      title: run.state === "starting" ? "The script is starting" : "Waiting for the first step",
      text: "The charts begin when the script calls backward() on a loss and step() on an optimizer.",
      waiting: run.state !== "paused",
      start: false,
    };
  }
  return {
    title: "This run recorded nothing",
    text: "It ended before the first optimizer step.", // why, its message says above
    waiting: false,
    start: false,
  };
}
