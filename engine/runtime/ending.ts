// How a run ended, from what the process tells as it leaves: the state, the error, and a sentence where there is nothing to show.

import type { Outcome } from "./messages.js";
import type { Recorder } from "./recorder.js";
import { describeFailure, type UserCode } from "./failure.js";
import { isStop } from "./stop.js";

export interface Leaving {
  exitCode: number;
  /** What was thrown and not caught; undefined when nothing was. */
  thrown: { value: unknown } | undefined;
  stopAsked: boolean;
  /** The stop was thrown at the script, so its `finally` blocks ran. */
  stopThrown: boolean;
}

export function outcomeOf(leaving: Leaving, recorder: Recorder, user: UserCode): Outcome {
  const { exitCode, thrown, stopAsked, stopThrown } = leaving;
  const failed = thrown !== undefined && !isStop(thrown.value) && exitCode !== 0;
  const error = failed ? describeFailure(thrown.value, user) : null;
  if (stopAsked) {
    const note = stopThrown
      ? null
      : "Stopped while no training step was running: `finally` blocks did not run.";
    return { state: "stopped", exitCode, error, note };
  }
  if (exitCode === 0) return { state: "finished", exitCode, error: null, note: emptyNote(recorder) };
  return { state: "failed", exitCode, error, note: failed ? null : exitNote(exitCode) };
}

function exitNote(exitCode: number): string {
  return exitCode === 13
    ? "The script ended while it awaited something that never happened (exit code 13)."
    : `The script ended itself with exit code ${exitCode}.`;
}

/** Why a run that ended well has no curves. */
function emptyNote({ seen, steps }: Recorder): string | null {
  if (steps > 0 || seen.log) return null;
  if (!seen.engine) return 'The script does not import "descent", so there was nothing to record.';
  if (!seen.backward) return "The script never called backward() on a loss, so there was nothing to record.";
  return "No step was recorded: the script called backward() but never optimizer.step(). That is fine for a program that does not train.";
}
