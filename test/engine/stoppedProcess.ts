// A real training process that stands at a `debugger;` statement, driven through Node's inspector as an editor's debugger does.

import { createHash, randomBytes } from "node:crypto";
import { get, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import assert from "node:assert/strict";
import type { Asks, PinResult, TensorFacts } from "../../engine/inspection.js";
import type { RunConnection } from "../../engine/runtime/client.js";
import { connect, start, until, workspaceWith, type Started } from "./processes.js";

export interface CallFrame {
  callFrameId: string;
  functionName: string;
  /** Lines count from 0. */
  location: { scriptId: string; lineNumber: number };
}
export interface Reply {
  id?: number;
  method?: string;
  params?: { callFrames?: CallFrame[]; scriptId?: string; url?: string };
  error?: { message: string };
  result?: unknown;
}
interface Evaluated {
  result: { value?: unknown };
  exceptionDetails?: { text: string; exception?: { description?: string } };
}

/** The inspector's protocol over a WebSocket; frames as RFC 6455 has them, as far as Node uses them. */
export class Inspector {
  private readonly socket: Socket;
  private received = Buffer.alloc(0);
  private text = "";
  private next = 1;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  onEvent: (event: Reply) => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => {
      this.received = Buffer.concat([this.received, data]);
      while (this.takeFrame());
    });
    const end = (): void => {
      for (const answer of this.waiting.values()) answer({ error: { message: "the process is gone" } });
      this.waiting.clear();
    };
    socket.on("error", end);
    socket.on("close", end);
  }

  static connect(url: string): Promise<Inspector> {
    const key = randomBytes(16).toString("base64");
    const { hostname, port, pathname } = new URL(url);
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": key,
    };
    return new Promise((resolve, reject) => {
      const request = get({ hostname, port, path: pathname, headers });
      request.on("error", reject);
      request.on("upgrade", (response: IncomingMessage, socket: Socket) => {
        const accepted = createHash("sha1")
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest("base64");
        if (response.headers["sec-websocket-accept"] !== accepted) reject(new Error("no inspector"));
        else resolve(new Inspector(socket));
      });
    });
  }

  async send(method: string, params: object = {}): Promise<unknown> {
    const id = this.next++;
    const reply = await new Promise<Reply>((resolve) => {
      this.waiting.set(id, resolve);
      this.write(JSON.stringify({ id, method, params }));
    });
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result;
  }

  close(): void {
    this.socket.destroy();
  }

  private write(text: string): void {
    const body = Buffer.from(text);
    const mask = randomBytes(4);
    const length =
      body.length < 126
        ? Buffer.of(0x80 | body.length)
        : body.length < 65536
          ? Buffer.of(0x80 | 126, body.length >> 8, body.length & 255)
          : Buffer.concat([Buffer.of(0x80 | 127, 0, 0, 0, 0), uint32(body.length)]);
    this.socket.write(
      Buffer.concat([Buffer.of(0x81), length, mask, body.map((byte, k) => byte ^ mask[k % 4]!)]),
    );
  }

  /** False where the frame is not whole yet. */
  private takeFrame(): boolean {
    const { received } = this;
    if (received.length < 2) return false;
    let at = 2;
    let length = received[1]! & 127;
    if (length === 126) {
      if (received.length < 4) return false;
      length = received.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (received.length < 10) return false;
      length = Number(received.readBigUInt64BE(2));
      at = 10;
    }
    if (received.length < at + length) return false;
    this.text += received.toString("utf8", at, at + length);
    this.received = received.subarray(at + length);
    if ((received[0]! & 0x80) !== 0) {
      const text = this.text;
      this.text = "";
      if ((received[0]! & 15) < 8 && text !== "") this.take(JSON.parse(text) as Reply);
    }
    return true;
  }

  private take(reply: Reply): void {
    if (reply.id === undefined) {
      this.onEvent(reply);
      return;
    }
    this.waiting.get(reply.id)?.(reply);
    this.waiting.delete(reply.id);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface StoppedProcess extends Started {
  /** The value of an expression in the frame where the process stands; a string longer than an editor takes is an error. */
  evaluate<T = unknown>(expression: string, options?: { throwOnSideEffect?: boolean }): Promise<T>;
  /** On to the next `debugger;`. */
  resume(): Promise<void>;
  /** On, without waiting for another stop. */
  leave(): Promise<void>;
  /** Lets the debugger go; the process runs on. */
  detach(): void;
}

/** Starts a script under the import hook, and waits until it stands at its first `debugger;`. */
export async function startAndStop(
  files: Record<string, string>,
  script: string,
  env: NodeJS.ProcessEnv = {},
): Promise<StoppedProcess> {
  const nodeArguments = ["--inspect-brk=127.0.0.1:0"];
  const started = start(workspaceWith(files), script, { env, nodeArguments });
  const url = await until("the inspector's address", () => {
    if (started.child.exitCode !== null) throw new Error(`the process ended: ${started.said.err}`);
    return /ws:\/\/\S+/.exec(started.said.err)?.[0];
  });
  const inspector = await Inspector.connect(url);
  let frame: string | null = null;
  inspector.onEvent = ({ method, params }) => {
    if (method === "Debugger.paused") frame = params!.callFrames![0]!.callFrameId;
    if (method === "Debugger.resumed") frame = null;
  };
  const untilStopped = (): Promise<string> =>
    until(
      "a stop",
      () => {
        if (started.child.exitCode !== null) throw new Error(`the process ended: ${started.said.err}`);
        return frame;
      },
      60,
    );
  await inspector.send("Runtime.enable");
  await inspector.send("Debugger.enable");
  await inspector.send("Runtime.runIfWaitingForDebugger");
  await untilStopped(); // at the first line
  const resume = async (): Promise<void> => {
    frame = null;
    await inspector.send("Debugger.resume");
    await untilStopped();
  };
  await resume();
  return {
    ...started,
    async evaluate<T>(expression: string, { throwOnSideEffect = false } = {}): Promise<T> {
      const params = { callFrameId: frame, expression, returnByValue: true, throwOnSideEffect };
      const { result, exceptionDetails } = (await inspector.send(
        "Debugger.evaluateOnCallFrame",
        params,
      )) as Evaluated;
      if (exceptionDetails !== undefined)
        throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value as T;
    },
    resume,
    async leave() {
      frame = null;
      await inspector.send("Debugger.resume");
    },
    detach() {
      inspector.close();
    },
  };
}

/** The run's socket, and tensors of the frame to ask about: the script has the bridge in a variable of this name. */
export interface Asking {
  connection: RunConnection;
  /** By an expression; `options` as a text: "{ copy: true }". */
  pin: (expression: string, options?: string) => Promise<{ pin: number; facts: TensorFacts }>;
  /** The sentence of a value that cannot be pinned. */
  problemOf: (expression: string, options?: string) => Promise<string>;
  ask: <K extends keyof Asks>(pin: number, ask: Asks[K][0] & { kind: K }) => Promise<Asks[K][1]>;
}

export async function askTensorsOf(
  stopped: StoppedProcess,
  connecting: Promise<RunConnection> = connect(stopped.folder),
): Promise<Asking> {
  const connection = await connecting;
  const result = async (expression: string, options: string): Promise<PinResult> => {
    const bridge = 'globalThis[Symbol.for("descent.debug")]';
    const text = await stopped.evaluate<string>(`${bridge}.pin(${expression}, ${options})`);
    assert.ok(text.length < 1000, `${text.length} characters`);
    return JSON.parse(text) as PinResult;
  };
  return {
    connection,
    async pin(expression, options = "{}") {
      const pinned = await result(expression, options);
      if ("problem" in pinned) assert.fail(pinned.problem);
      return pinned;
    },
    async problemOf(expression, options = "{}") {
      const pinned = await result(expression, options);
      if (!("problem" in pinned)) assert.fail(`${expression} was pinned`);
      return pinned.problem;
    },
    ask: (pin, ask) => connection.request("inspect", { pin, ask }),
  };
}
