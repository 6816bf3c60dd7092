// Listens to what js-debug and the editor say to each other in the sessions of a training.

import type { DebugAdapterTracker, DebugAdapterTrackerFactory, DebugSession } from "vscode";
import type { Editor } from "../app.js";
import type { Disposable } from "../event.js";
import { deemphasizeBreakpoint, markTensors, shortenNames } from "./edits.js";
import { isTraining } from "./provider.js";
import type { Trainings } from "./trainings.js";

/** A message of the debug adapter protocol, as far as anything here looks at it. */
interface Message {
  type?: unknown;
  event?: unknown;
  command?: unknown;
  seq?: unknown;
  request_seq?: unknown;
  success?: unknown;
  arguments?: Record<string, unknown>;
  body?: Record<string, unknown>;
}

export class TrainingTrackers implements DebugAdapterTrackerFactory {
  readonly #trainings: Trainings;

  constructor(trainings: Trainings) {
    this.#trainings = trainings;
  }

  createDebugAdapterTracker(session: DebugSession): DebugAdapterTracker | undefined {
    return isTraining(session) ? new TrainingTracker(session, this.#trainings) : undefined;
  }
}

class TrainingTracker implements DebugAdapterTracker {
  readonly #session: DebugSession;
  readonly #trainings: Trainings;
  /** Where the frames asked for begin, by the request's number. */
  readonly #stackRequests = new Map<number, number>();

  constructor(session: DebugSession, trainings: Trainings) {
    this.#session = session;
    this.#trainings = trainings;
  }

  onWillStartSession(): void {
    this.#trainings.started(this.#session);
  }

  /** From the editor. */
  onWillReceiveMessage(message: Message): void {
    if (message.command !== "stackTrace" || typeof message.seq !== "number") return;
    const first = message.arguments?.["startFrame"];
    this.#stackRequests.set(message.seq, typeof first === "number" ? first : 0);
  }

  /** From js-debug; the same object goes on to the editor when this returns. */
  onDidSendMessage(message: Message): void {
    if (message.type === "event") this.#onEvent(message);
    else if (message.type === "response" && message.success === true) this.#onResponse(message);
  }

  onWillStopSession(): void {
    this.#trainings.ended(this.#session);
  }

  onExit(): void {
    this.#trainings.ended(this.#session);
  }

  #onEvent({ event, body = {} }: Message): void {
    if (event === "stopped") this.#trainings.stopped(this.#session, body);
    else if (event === "continued") this.#trainings.continued(this.#session);
    else if (event === "terminated" || event === "exited") this.#trainings.ended(this.#session);
  }

  #onResponse({ command, request_seq: request, body = {} }: Message): void {
    if (command === "variables") {
      if (markTensors(body["variables"])) this.#trainings.described(this.#session);
    } else if (command === "stackTrace") {
      shortenNames(body["stackFrames"]);
      deemphasizeBreakpoint(body["stackFrames"]);
      const first = this.#stackRequests.get(request as number) ?? 0;
      this.#stackRequests.delete(request as number);
      this.#trainings.stack(this.#session, first, body["stackFrames"]);
    }
  }
}

/** js-debug's type for Node.js: what a configuration of ours becomes. */
export function registerTracker(editor: Editor, trainings: Trainings): Disposable {
  return editor.debug.registerDebugAdapterTrackerFactory("pwa-node", new TrainingTrackers(trainings));
}
