// Turns the recorder's raw numbers and messages into the run's event file. Runs in the monitor worker.

import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { tags } from "../protocol.js";
import { ByteWriter } from "../store/bytes.js";
import {
  appendFileHeader,
  appendHistogram,
  appendImage,
  appendText,
  ScalarEvents,
} from "../store/eventWriter.js";
import type { Outcome, ToMonitor } from "./messages.js";
import { encodePng } from "./png.js";
import { recordHeader, RingReader, type SharedMemory } from "./shared.js";

/** What the run's record is told of. */
export interface WriterEvents {
  step(
    step: number,
    epoch: number,
    batch: number,
    batches: number | null,
    loss: number | null,
    wall: number,
  ): void;
  config(values: Record<string, unknown>): void;
  summary(values: Record<string, unknown>): void;
  note(note: string): void;
  device(name: string, description: string | null): void;
  addon(file: string): void;
  end(outcome: Outcome): void;
}

interface Layout {
  kind: "step" | "log";
  tags: string[];
  /** Parameters whose squared gradient norms follow the values of `tags`. */
  squared: string[];
  /** By which parameters have a gradient: "" when all have. */
  events: Map<string, ScalarEvents>;
  values: Float64Array;
}

export class RunWriter {
  /** Length of the event file so far. */
  bytes = 0;
  private readonly file: number;
  private readonly port: MessagePort;
  private readonly reader: RingReader;
  private readonly events: WriterEvents;
  private readonly layouts: Layout[] = [];
  private readonly out = new ByteWriter(1 << 16);
  private failed = false;

  constructor(folder: string, memory: SharedMemory, port: MessagePort, events: WriterEvents) {
    const seconds = Math.floor(Date.now() / 1000);
    const name = `events.out.tfevents.${seconds}.${hostname() || "localhost"}.${process.pid}.descent`;
    this.file = openSync(join(folder, name), "ax", 0o644);
    this.port = port;
    this.reader = new RingReader(memory);
    this.events = events;
    appendFileHeader(this.out, Date.now() / 1000);
  }

  /** Writes everything that was published or posted before the call. True when the file grew. */
  flush(): boolean {
    this.readMessages();
    this.reader.drain((ring, at) => {
      this.record(ring, at);
    });
    if (this.out.length === 0 || this.failed) return false;
    try {
      const written = this.out.written();
      for (let at = 0; at < written.length;) at += writeSync(this.file, written, at);
      this.bytes += written.length;
      this.out.clear();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  close(): void {
    try {
      fsyncSync(this.file);
      closeSync(this.file);
    } catch {
      // What could be written has been: a full disk was already reported.
    }
  }

  /** Training is worth more than its curves: it goes on, and the record says from where on they are missing. */
  private fail(error: unknown): void {
    this.failed = true;
    try {
      ftruncateSync(this.file, this.bytes); // no half record, or the file could not be read to its end
    } catch {
      // The reader takes a half record at the end for one being written.
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.events.note(`Recording ended early because the event file could not be written (${reason}).`);
  }

  private readMessages(): void {
    let received;
    while ((received = receiveMessageOnPort(this.port)) !== undefined)
      this.message(received.message as ToMonitor);
  }

  private message(message: ToMonitor): void {
    switch (message.type) {
      case "layout": {
        const count = message.tags.length + message.squared.length + 1;
        this.layouts[message.layout] = { ...message, events: new Map(), values: new Float64Array(count) };
        return;
      }
      case "config":
        this.events.config(message.values);
        this.text("config", message.values);
        return;
      case "summary":
        this.events.summary(message.values);
        this.text("summary", message.values);
        return;
      case "text":
        appendText(this.out, message.wall, message.step, message.tag, message.text);
        return;
      case "image": {
        const picture = encodePng(message.values, message.shape);
        if (picture === null)
          this.events.note(`run.image('${message.tag}') was given no picture of 1, 3 or 4 channels.`);
        else appendImage(this.out, message.wall, message.step, message.tag, picture);
        return;
      }
      case "histogram":
        appendHistogram(this.out, message.wall, message.step, message.tag, message.values);
        return;
      case "checkpoint":
        appendText(this.out, Date.now() / 1000, message.step, "checkpoint", message.path);
        return;
      case "note":
        this.events.note(message.note);
        return;
      case "device":
        this.events.device(message.name, message.description);
        return;
      case "addon":
        this.events.addon(message.file);
        return;
      case "end":
        this.events.end(message.outcome);
    }
  }

  private text(tag: string, values: Record<string, unknown>): void {
    const rows = Object.entries(values).map(([key, value]) => `| ${key} | ${cell(value)} |`);
    appendText(this.out, Date.now() / 1000, 0, tag, ["| key | value |", "|---|---|", ...rows].join("\n"));
  }

  private record(ring: Float64Array, at: number): void {
    const number = ring[at + recordHeader.layout]!;
    let layout = this.layouts[number];
    if (layout === undefined) {
      this.readMessages(); // it was posted before the record was published
      layout = this.layouts[number]!;
    }
    const step = ring[at + recordHeader.step]!;
    const wall = ring[at + recordHeader.wall]!;
    const first = at + recordHeader.values;
    const { values } = layout;
    let count = 0;
    for (; count < layout.tags.length; count++) values[count] = ring[first + count]!;
    if (layout.kind === "log") {
      this.eventsOf(layout, "", layout.tags).append(this.out, wall, step, values);
      return;
    }

    const { squared } = layout;
    const totalAt = count;
    let sum = 0;
    let absent = "";
    for (let p = 0; p < squared.length; p++) {
      const square = ring[first + totalAt + p]!;
      if (square < 0) absent += `${p},`;
      else {
        sum += square;
        values[++count] = Math.sqrt(square);
      }
    }
    values[totalAt] = Math.sqrt(sum);
    this.eventsOf(layout, absent, null).append(this.out, wall, step, values);
    const batches = ring[at + recordHeader.batches]!;
    this.events.step(
      step,
      ring[at + recordHeader.epoch]!,
      ring[at + recordHeader.batch]!,
      batches < 0 ? null : batches,
      layout.tags[0] === tags.loss ? values[0]! : null,
      wall,
    );
  }

  private eventsOf(layout: Layout, absent: string, all: string[] | null): ScalarEvents {
    let events = layout.events.get(absent);
    if (events === undefined) {
      const missing = new Set(absent.split(",").slice(0, -1).map(Number));
      const present = layout.squared
        .filter((_, p) => !missing.has(p))
        .map((name) => tags.gradNormPrefix + name);
      const gradients = present.length === 0 ? [] : [tags.gradNorm, ...present];
      events = new ScalarEvents(all ?? [...layout.tags, ...gradients]);
      layout.events.set(absent, events);
    }
    return events;
  }
}

function cell(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
