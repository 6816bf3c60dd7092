// The monitor's socket: who may connect, what a peer may ask, and what happens to peers that send nonsense.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { ErrorCodes, ResponseError, type MessageConnection } from "vscode-jsonrpc/node";
import { protocolVersion, type MonitorEvents, type MonitorRequests, type RunRecord } from "../protocol.js";
import { isProcessAlive } from "../store/processes.js";
import { connectionOver, encodeMessage } from "./wire.js";

/** Bytes a peer may send without completing a message: little before it has said who it is. */
const limits = { stranger: 64 * 1024, guest: 16 * 1024 * 1024 };
const helloMilliseconds = 5000;

type RequestName = Exclude<keyof MonitorRequests, "hello">;
/** `guest` stands for the connection that asks. */
export type Handlers = {
  [K in RequestName]: (
    params: MonitorRequests[K][0],
    guest: object,
  ) => MonitorRequests[K][1] | Promise<MonitorRequests[K][1]>;
};

export class MonitorServer {
  /** Known once it listens. */
  path = "";
  readonly token = randomBytes(32).toString("hex");
  private readonly server: Server;
  private readonly guests = new Set<{ connection: MessageConnection; socket: Socket }>();
  private readonly handlers: Handlers;
  private readonly record: () => RunRecord;
  private readonly left: (guest: object) => void;

  /** `left`: a connection is closed. */
  constructor(record: () => RunRecord, handlers: Handlers, left: (guest: object) => void = () => undefined) {
    this.record = record;
    this.handlers = handlers;
    this.left = left;
    this.server = createServer((socket) => {
      this.welcome(socket);
    });
  }

  /** @throws Error when no socket can be made. */
  listen(): Promise<void> {
    this.path = socketPath();
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.path, () => {
        if (process.platform !== "win32") chmodSync(this.path, 0o600);
        this.server.removeListener("error", reject);
        this.server.on("error", () => undefined); // one failed accept is no reason to end a run
        resolve();
      });
    });
  }

  /** Resolves once it is on its way to every client. */
  async send<K extends keyof MonitorEvents>(event: K, value: MonitorEvents[K]): Promise<void> {
    await Promise.allSettled(
      [...this.guests].map(({ connection }) => connection.sendNotification(event, value)),
    );
  }

  get isWatched(): boolean {
    return this.guests.size > 0;
  }

  close(): void {
    this.server.close();
    for (const { connection, socket } of this.guests) {
      connection.dispose();
      socket.end();
    }
    if (process.platform !== "win32" && this.path !== "") rmSync(this.path, { force: true });
  }

  private welcome(socket: Socket): void {
    let known = false;
    let pending = 0;
    const dismiss = (code: number, reason: string): void => {
      if (socket.destroyed) return;
      connection.dispose();
      const error = { jsonrpc: "2.0", id: null, error: { code, message: `descent: ${reason}` } };
      const body = encodeMessage(error);
      socket.end(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]), () =>
        socket.destroy(),
      );
    };
    socket.on("data", (data: Buffer) => {
      pending += data.length;
      if (pending > (known ? limits.guest : limits.stranger))
        dismiss(ErrorCodes.InvalidRequest, "message too large");
    });
    socket.on("error", () => socket.destroy());
    const connection = connectionOver(socket, () => (pending = 0));
    const guest = { connection, socket };
    const patience = setTimeout(() => {
      if (!known) dismiss(ErrorCodes.InvalidRequest, "no hello within five seconds");
    }, helloMilliseconds);
    socket.on("close", () => {
      clearTimeout(patience);
      if (this.guests.delete(guest)) this.left(guest);
      connection.dispose();
    });

    connection.onError(([error]) => {
      dismiss(ErrorCodes.ParseError, `not a message of this protocol (${error.message.split("\n")[0]!})`);
    });
    connection.onUnhandledNotification(() => undefined);
    connection.onRequest("hello", (params: Partial<MonitorRequests["hello"][0]> | undefined) => {
      if (params?.version !== protocolVersion) {
        const text = `protocol ${protocolVersion} is spoken here, not ${String(params?.version)}: update the older side of Descent`;
        return refuse(socket, text);
      }
      if (!this.isToken(params.token)) return refuse(socket, "wrong token");
      known = true;
      clearTimeout(patience);
      this.guests.add(guest);
      return { version: protocolVersion, record: this.record() };
    });
    for (const [name, handle] of Object.entries(this.handlers)) {
      connection.onRequest(name, async (params: unknown) => {
        if (!known) return refuse(socket, "say hello first");
        try {
          return await (handle as (params: unknown, guest: object) => unknown)(params ?? {}, guest);
        } catch (error) {
          // The sentence alone: the library would put the request's name before it.
          return new ResponseError(
            ErrorCodes.InternalError,
            error instanceof Error ? error.message : String(error),
          );
        }
      });
    }
    connection.listen();
  }

  private isToken(token: unknown): boolean {
    const given = Buffer.from(typeof token === "string" ? token : "");
    const right = Buffer.from(this.token);
    return given.length === right.length && timingSafeEqual(given, right);
  }
}

/** Answers with the reason and hangs up after the answer. */
function refuse(socket: Socket, reason: string): ResponseError {
  setTimeout(() => socket.end(), 20);
  return new ResponseError(ErrorCodes.InvalidRequest, `descent: ${reason}`);
}

/** A socket in a folder that only this user may enter, or a pipe with an unguessable name. Sockets of dead processes are swept. */
function socketPath(): string {
  const random = randomBytes(6).toString("hex");
  if (process.platform === "win32") return `\\\\.\\pipe\\descent-${process.pid}-${random}`;
  const folder = join(process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), `descent-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = lstatSync(folder);
  if (!status.isDirectory() || status.uid !== userInfo().uid || (status.mode & 0o077) !== 0) {
    throw new Error(`${folder} is not a folder that only you may enter: remove it.`);
  }
  for (const name of readdirSync(folder)) {
    const pid = Number(name.split("-")[0]);
    if (pid !== process.pid && !isProcessAlive(pid, null)) rmSync(join(folder, name), { force: true });
  }
  return join(folder, `${process.pid}-${random}.sock`);
}
