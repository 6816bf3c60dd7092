// run: what a script adds to its record. In a process that nobody records, these do nothing.

import { save, type Parts } from "./io/checkpoint.js";
import { checkNumber, fail, show } from "./errors.js";
import { observer } from "./observer.js";
import { requireTensor, Tensor } from "./tensor.js";

export interface StepOption {
  /** The optimizer step the values belong to; the current one when not given. */
  step?: number;
}

function log(values: Record<string, number | Tensor>, options?: StepOption): void {
  const record = requireRecord("run.log", values);
  const numbers: Record<string, number> = {};
  for (const [tag, value] of Object.entries(record)) {
    const number =
      value instanceof Tensor && value.numel() === 1
        ? Number(value.item<number | bigint | boolean>())
        : value;
    if (typeof number !== "number") {
      fail("run.log", `'${tag}' must be a number or a tensor of one, it is ${show(value)}`, { tag });
    }
    numbers[tag] = number;
  }
  const step = readStep("run.log", options);
  observer.current?.log(numbers, step);
}

function config(values: Record<string, unknown>): void {
  const record = requireRecord("run.config", values);
  observer.current?.config(record);
}

function summary(values: Record<string, unknown>): void {
  const record = requireRecord("run.summary", values);
  observer.current?.summary(record);
}

function text(tag: string, value: string, options?: StepOption): void {
  requireTag("run.text", tag);
  if (typeof value !== "string") fail("run.text", `the text must be a string, it is ${show(value)}`);
  const step = readStep("run.text", options);
  observer.current?.text(tag, value, step);
}

function image(tag: string, value: Tensor, options?: StepOption): void {
  requireTag("run.image", tag);
  const { shape } = requireTensor("run.image", "the image", value);
  const channels = [1, 3, 4];
  const isImage =
    shape.length === 2 ||
    (shape.length === 3 && (channels.includes(shape[0]!) || channels.includes(shape[2]!)));
  if (!isImage || shape.includes(0)) {
    fail("run.image", `give [H, W], [C, H, W] or [H, W, C], not [${shape.join(", ")}]`, {}, "shape");
  }
  const step = readStep("run.image", options);
  observer.current?.image(tag, value, step);
}

function histogram(tag: string, values: Tensor, options?: StepOption): void {
  requireTag("run.histogram", tag);
  requireTensor("run.histogram", "the values", values);
  const step = readStep("run.histogram", options);
  observer.current?.histogram(tag, values, step);
}

function checkpoint(path: string, parts?: Parts): void {
  if (typeof path !== "string" || path === "") fail("run.checkpoint", `give a path, not ${show(path)}`);
  if (parts !== undefined) save(path, parts);
  observer.current?.checkpoint(path);
}

export const run = {
  /** Numbers of your own for the charts: `run.log({ accuracy: 0.97 })`. */
  log,
  /**
   * What the run was started with: `run.config({ epochs: 3, lr: 0.1 })`. `epochs`, or `steps` in a loop without a DataLoader, lets
   * the editor tell the time left.
   */
  config,
  /** What the run came to: `run.summary({ testAccuracy: 0.98 })`. */
  summary,
  /** A text beside the curves; Markdown is not interpreted. */
  text,
  /** A picture: [H, W], [C, H, W] or [H, W, C] with 1, 3 or 4 channels; floats of 0 to 1, or uint8. */
  image,
  /** The distribution of a tensor's values. */
  histogram,
  /**
   * Notes in the record that a checkpoint lies at `path`. With parts, it is saved there first, as `checkpoint.save` does:
   * `run.checkpoint("last.safetensors", { model, optimizer, loader, extra: { epoch } })`.
   */
  checkpoint,
  /** The name of this run in the run store; null where nobody records. */
  get id(): string | null {
    return observer.current?.id ?? null;
  },
  /** The folder of this run; null where nobody records. */
  get dir(): string | null {
    return observer.current?.dir ?? null;
  },
};

function requireRecord(op: string, values: unknown): Record<string, unknown> {
  if (
    typeof values === "object" &&
    values !== null &&
    !Array.isArray(values) &&
    !(values instanceof Tensor)
  ) {
    return values as Record<string, unknown>;
  }
  return fail(op, `give a record such as { loss: 0.5 }, not ${show(values)}`);
}

function requireTag(op: string, tag: unknown): void {
  if (typeof tag !== "string" || tag === "") fail(op, `the tag must be a string, it is ${show(tag)}`);
}

function readStep(op: string, options: StepOption | undefined): number | undefined {
  const step = (options as StepOption | null | undefined)?.step;
  return step === undefined ? undefined : checkNumber(op, "step", step, { min: 0, integer: true });
}
