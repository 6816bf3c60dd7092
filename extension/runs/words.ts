// A run in words and numbers, as people read it: in the Runs view, the status bar, the dashboard's header.

import {
  isLive,
  type RunError,
  type RunProgress,
  type RunRecord,
  type RunState,
} from "../../engine/protocol.js";

/** "0.1234", "12.35", "1.2e-7", "NaN"; "–" before the first loss. */
export function formatLoss(loss: RunProgress["loss"]): string {
  if (loss === null) return "–";
  if (typeof loss === "string") return loss === "-Infinity" ? "−∞" : loss === "Infinity" ? "∞" : "NaN";
  if (loss === 0) return "0";
  const size = Math.abs(loss);
  if (size >= 1e6 || size < 1e-4) return loss.toExponential(2);
  return loss.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
}

/** "1,240". */
export function formatStep(step: number): string {
  return step.toLocaleString("en-US");
}

/** "8 s", "2 min 5 s", "1 h 12 min"; rounded up, so that it ends at "1 s" and not at "0 s". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return join(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  return join(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** When a run began: "16:37" today, "Nov 22" on another day. */
export function formatStart(startTime: number, now: number = Date.now()): string {
  const [start, today] = [new Date(startTime), new Date(now)];
  return start.toDateString() === today.toDateString()
    ? `${String(start.getHours()).padStart(2, "0")}:${String(start.getMinutes()).padStart(2, "0")}`
    : start.toLocaleDateString("en-US", { month: "short", day: "numeric" });
}

const stateWords: Record<RunState, string> = {
  starting: "starting",
  running: "running",
  paused: "paused",
  stopping: "stopping",
  stopped: "stopped",
  finished: "finished",
  failed: "failed",
  lost: "lost",
};

export function stateWord(state: RunState): string {
  return stateWords[state];
}

/** The run's name where there is little room: cut at 32 characters. */
export function shortName({ name }: RunRecord): string {
  const characters = Array.from(name);
  return characters.length <= 32 ? name : `${characters.slice(0, 31).join("").trimEnd()}…`;
}

/** "step 1,240 · loss 0.1234", and the device where it is not the CPU; what there is to say when there is neither. */
export function summarize(record: RunRecord): string {
  const { step, loss } = record.progress;
  if (step === 0 && loss === null) return stateWord(record.state);
  const device = record.device === "cpu" ? "" : ` · ${record.device}`;
  const numbers = `step ${formatStep(step)} · loss ${formatLoss(loss)}${device}`;
  return record.state === "running" || record.state === "finished"
    ? numbers
    : `${stateWord(record.state)} · ${numbers}`;
}

/** "opencl:0, what its driver calls it"; "cpu". */
export function deviceText({ device, deviceDescription }: RunRecord): string {
  return deviceDescription === null ? device : `${device}, ${deviceDescription}`;
}

/** The status bar's text without its icon: "train.ts 1,240 · loss 0.1234 · 2 min 5 s left". */
export function statusText(record: RunRecord): string {
  const { step, loss, secondsLeft } = record.progress;
  const parts = [`${shortName(record)} ${formatStep(step)}`];
  if (loss !== null) parts.push(`loss ${formatLoss(loss)}`);
  if (record.state === "running" && secondsLeft !== null) parts.push(`${formatDuration(secondsLeft)} left`);
  else if (record.state !== "running") parts.push(stateWord(record.state));
  return parts.join(" · ");
}

/** The one sentence a run has to say about itself: its error, its note, that it was lost. */
export function runMessage(record: RunRecord): string | null {
  if (record.error) return withoutPlace(record.error);
  if (record.note !== null) return record.note;
  if (record.state === "lost") {
    return `The process ended without a word after step ${formatStep(record.progress.step)}; every step up to there is kept.`;
  }
  if (record.state === "failed" && record.exitCode !== null) {
    return `The script ended with exit code ${record.exitCode}.`;
  }
  return null;
}

/** A syntax error's text begins with its place, which is shown beside it. */
function withoutPlace({ message, location }: RunError): string {
  const place = location ? `${location.file}:${location.line}:${location.column}: ` : "";
  return place !== "" && message.startsWith(place) ? message.slice(place.length) : message;
}

/** What a screen reader says for a run's row. */
export function describeRun(record: RunRecord): string {
  const left =
    isLive(record.state) && record.progress.secondsLeft !== null
      ? `, ${formatDuration(record.progress.secondsLeft)} left`
      : "";
  const numbers =
    record.progress.step === 0
      ? ""
      : `, step ${formatStep(record.progress.step)}, loss ${formatLoss(record.progress.loss)}`;
  const message = runMessage(record);
  const device = record.device === "cpu" ? "" : ` on ${record.device}`;
  return `${record.name}, ${stateWord(record.state)}${device}${numbers}${left}${message === null ? "" : `. ${message}`}`;
}
