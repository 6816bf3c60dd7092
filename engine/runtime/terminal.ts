// What a terminal shows of a run: a bar on its last line, below the script's own output, or plain lines where there is no terminal.

import { environment } from "../protocol.js";
import { Estimate, formatDuration, formatNumber } from "./estimate.js";
import type { StepView } from "./recorder.js";

export type TerminalMode = "none" | "bar" | "plain";

const drawMilliseconds = 100;
const lineMilliseconds = 5000;

type Write = typeof process.stderr.write;

/** By DESCENT_PROGRESS; otherwise a bar on a terminal and plain lines elsewhere. */
export function terminalMode(): TerminalMode {
  const wanted = process.env[environment.progress];
  if (wanted === "none" || wanted === "bar" || wanted === "plain") return wanted;
  return process.stderr.isTTY ? "bar" : "plain";
}

export class Terminal {
  private readonly mode: TerminalMode;
  private readonly write: Write;
  private readonly estimate = new Estimate();
  private nextDraw = 0;
  private rate = NaN;
  private isDrawn = false;
  /** False while the script's output stands in the middle of a line: a bar would end it. */
  private atLineStart = true;

  constructor(mode: TerminalMode) {
    this.mode = mode;
    this.write = process.stderr.write.bind(process.stderr);
    this.nextDraw = performance.now() + (mode === "bar" ? 0 : lineMilliseconds);
    if (mode !== "bar") return;
    this.wrap(process.stderr);
    if (process.stdout.isTTY) this.wrap(process.stdout);
  }

  /** Called at every step; draws ten times a second at most. */
  step(view: Readonly<StepView>, now: number): void {
    if (now < this.nextDraw || this.mode === "none") return;
    this.nextDraw = now + (this.mode === "bar" ? drawMilliseconds : lineMilliseconds);
    const { samplesPerSecond } = view;
    if (Number.isFinite(samplesPerSecond)) {
      this.rate = Number.isNaN(this.rate) ? samplesPerSecond : 0.7 * this.rate + 0.3 * samplesPerSecond;
    }
    const left = this.estimate.secondsLeft(now / 1000, view);
    if (this.mode === "plain") {
      this.write(`${parts(view, this.rate, left, null).join(" · ")}\n`);
      return;
    }
    if (!this.atLineStart) return;
    const width = process.stderr.columns || 80;
    const bare = parts(view, this.rate, left, 0).join("  ");
    const barWidth = Math.max(0, Math.min(30, width - 1 - bare.length));
    const line = parts(view, this.rate, left, barWidth)
      .join("  ")
      .slice(0, Math.max(0, width - 1));
    this.write(`\r\x1b[K${line}`);
    this.isDrawn = true;
  }

  paused(milliseconds: number): void {
    this.estimate.exclude(milliseconds / 1000);
  }

  /** Takes the bar away, so that what follows stands alone. */
  clear(): void {
    if (!this.isDrawn) return;
    this.isDrawn = false;
    this.write("\r\x1b[K");
  }

  /** A line of ours between the script's. */
  line(text: string): void {
    if (this.mode === "none") return;
    this.clear();
    this.write(`${this.atLineStart ? "" : "\n"}${text}\n`);
    this.atLineStart = true;
  }

  private wrap(stream: NodeJS.WriteStream): void {
    const original = stream.write.bind(stream) as (...values: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]): boolean => {
      this.clear();
      const text =
        typeof chunk === "string" ? chunk : chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : "";
      if (text !== "") this.atLineStart = text.endsWith("\n");
      return original(chunk, ...rest);
    };
  }
}

/** "epoch 2/10", a bar, "132/450", "loss 0.1234", "12,345 samples/s", "00:35 left", as far as they are known. */
function parts(
  view: Readonly<StepView>,
  rate: number,
  left: number | null,
  barWidth: number | null,
): string[] {
  const { step, epoch, epochs, batch, batches, loss } = view;
  const texts: string[] = [];
  if (epoch > 0) texts.push(epochs === null ? `epoch ${epoch}` : `epoch ${epoch}/${epochs}`);
  if (batches !== null && batches > 0) {
    if (barWidth !== null) {
      const full = Math.round((barWidth * Math.min(batch, batches)) / batches);
      texts.push("█".repeat(full) + "░".repeat(barWidth - full));
    }
    texts.push(`${batch}/${batches}`);
  } else texts.push(`step ${step}`);
  texts.push(`loss ${formatNumber(loss)}`);
  if (!Number.isNaN(rate)) texts.push(`${Math.round(rate).toLocaleString("en-US")} samples/s`);
  if (left !== null) texts.push(`${formatDuration(left)} left`);
  return texts;
}
