// The error that ends a run which was asked to stop: thrown inside the script, so that its `finally` blocks run.

/** Exit status of a stopped run, as shells have it for an interrupted command. */
export const stoppedExitCode = 130;

export class StopRun extends Error {
  override readonly name = "StopRun";
  /** The same code as the DescentError that the native core throws. */
  readonly code = "stop";

  constructor() {
    super("The run was asked to stop.");
  }
}

export function isStop(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "stop";
}
