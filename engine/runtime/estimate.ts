// How long a run will still take, from how far it has come. Shared by the terminal and the monitor.

export interface Position {
  epoch: number;
  epochs: number | null;
  batch: number;
  batches: number | null;
}

export class Estimate {
  private startTime = NaN;
  private startProgress = 0;
  private paused = 0;

  /** Time in which nothing could move, in the unit of `now`. */
  exclude(seconds: number): void {
    this.paused += seconds;
  }

  /** Seconds to the end of the run where `epochs` is known, else of the epoch; null when there is nothing to go by. */
  secondsLeft(now: number, { epoch, epochs, batch, batches }: Position): number | null {
    if (batches === null || batches === 0 || epoch === 0) return null;
    const progress = epoch - 1 + batch / batches; // in epochs
    if (Number.isNaN(this.startTime)) {
      this.startTime = now;
      this.startProgress = progress;
      return null;
    }
    const done = progress - this.startProgress;
    const target = epochs ?? epoch;
    if (done <= 0 || target < progress) return target <= progress ? 0 : null;
    return ((target - progress) * (now - this.startTime - this.paused)) / done;
  }
}

/** "2:05:09", "05:09": for people. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** A loss as people read it: four significant digits, NaN and Inf by name. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Inf" : "-Inf";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return value.toPrecision(4);
}
