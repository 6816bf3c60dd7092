// Talks to a live run's monitor. For the extension and the command line: loads no addon.

import { createConnection, type Socket } from "node:net";
import { ErrorCodes, ResponseError } from "vscode-jsonrpc/node";
import {
  isLive,
  protocolVersion,
  type MonitorEvents,
  type MonitorRequests,
  type RunRecord,
} from "../protocol.js";
import { readRun, renameEndedRun } from "../store/runs.js";
import { connectionOver } from "./wire.js";

const goneCodes = new Set<number>([ErrorCodes.MessageWriteError, ErrorCodes.PendingResponseRejected]);

export interface RunConnection {
  /** The newest record heard of. */
  readonly record: RunRecord;
  /** @throws Error with one sentence when the monitor refuses or the run has ended meanwhile. */
  request<K extends keyof MonitorRequests>(
    name: K,
    params: MonitorRequests[K][0],
  ): Promise<MonitorRequests[K][1]>;
  /** Each returns what ends the listening. */
  on<K extends keyof MonitorEvents>(event: K, listener: (value: MonitorEvents[K]) => void): () => void;
  /** The process ended, or the connection broke. Called at once when that has already happened. */
  onClosed(listener: () => void): () => void;
  close(): void;
}

/** @throws Error with one sentence when the run has no monitor or it does not let us in. */
export async function connectToRun(record: RunRecord, client = "descent"): Promise<RunConnection> {
  if (record.socket === null || record.token === null)
    throw new Error(`Run ${record.id} is not live (${record.state}).`);
  const socket = await open(record.socket, record.id);
  const connection = connectionOver(socket);
  let newest = record;
  let closed = false;
  const closedListeners = new Set<() => void>();
  const listeners: { [K in keyof MonitorEvents]: Set<(value: MonitorEvents[K]) => void> } = {
    changed: new Set(),
    flushed: new Set(),
  };
  connection.onNotification("changed", (value: RunRecord) => {
    newest = value;
    for (const listener of listeners.changed) listener(value);
  });
  connection.onNotification("flushed", (value: MonitorEvents["flushed"]) => {
    for (const listener of listeners.flushed) listener(value);
  });
  connection.onError(() => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    // The last messages are in, but the library hands them out one by one over some turns of the event loop.
    afterTurns(100, () => {
      closed = true;
      for (const listener of closedListeners) listener();
      connection.dispose();
    });
  });
  connection.listen();

  const request: RunConnection["request"] = async (name, params) => {
    if (closed) throw new Error(`Run ${record.id} has ended.`);
    // A pending request never settles when the other side goes away: the end of the connection ends it.
    let fail: () => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      fail = () => {
        reject(new Error("closed"));
      };
      closedListeners.add(fail);
    });
    try {
      return await Promise.race([
        connection.sendRequest<MonitorRequests[typeof name][1]>(name, params),
        ended,
      ]);
    } catch (error) {
      // Of a socket that is closing the library says so in words of its own.
      if (error instanceof ResponseError && !goneCodes.has(error.code)) throw error;
      throw new Error(`Run ${record.id} ended before it answered '${name}'.`, { cause: error });
    } finally {
      closedListeners.delete(fail);
    }
  };
  try {
    newest = (await request("hello", { version: protocolVersion, token: record.token, client })).record;
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    get record() {
      return newest;
    },
    request,
    on: (event, listener) => {
      listeners[event].add(listener);
      return () => listeners[event].delete(listener);
    },
    onClosed: (listener) => {
      if (closed) listener();
      else closedListeners.add(listener);
      return () => closedListeners.delete(listener);
    },
    close: () => {
      socket.destroy();
    },
  };
}

/** Renames a run, live or ended. */
export async function renameRun(folder: string, name: string): Promise<RunRecord> {
  const { record } = readRun(folder);
  if (!isLive(record.state)) return renameEndedRun(folder, name);
  const connection = await connectToRun(record, "rename");
  try {
    return await connection.request("rename", { name });
  } finally {
    connection.close();
  }
}

function afterTurns(turns: number, then: () => void): void {
  if (turns === 0) then();
  else setImmediate(afterTurns, turns - 1, then);
}

function open(path: string, id: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => {
      reject(new Error(`Run ${id} cannot be reached: ${error.message}`));
    });
  });
}
