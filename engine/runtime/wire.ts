// JSON-RPC over a stream where a message may carry ArrayBuffers: JSON first, then the raw bytes. Both ends use it.
// A message without buffers is plain JSON. Otherwise: a zero byte, uint32 length of the JSON, the JSON
// { message, buffers: [[path, bytes], ...] } with null at each path, then the buffers one after the other.

import type { Socket } from "node:net";
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type Message,
  type MessageConnection,
} from "vscode-jsonrpc/node";

type Path = (string | number)[];

interface Envelope {
  message: unknown;
  buffers: [Path, number][];
}

export function encodeMessage(message: unknown): Uint8Array {
  const buffers: ArrayBuffer[] = [];
  const places: [Path, number][] = [];
  const withoutBuffers = (value: unknown, path: Path): unknown => {
    if (value instanceof ArrayBuffer) {
      buffers.push(value);
      places.push([path, value.byteLength]);
      return null;
    }
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item, k) => withoutBuffers(item, [...path, k]));
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withoutBuffers(item, [...path, key])]),
    );
  };
  const stripped = withoutBuffers(message, []);
  if (buffers.length === 0) return Buffer.from(JSON.stringify(stripped));
  const envelope: Envelope = { message: stripped, buffers: places };
  const json = Buffer.from(JSON.stringify(envelope));
  const head = Buffer.alloc(5);
  head.writeUInt32LE(json.length, 1);
  return Buffer.concat([head, json, ...buffers.map((buffer) => new Uint8Array(buffer))]);
}

/** @throws Error when the bytes are not such a message. */
export function decodeMessage(bytes: Uint8Array): unknown {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (body[0] !== 0) return JSON.parse(body.toString("utf8"));
  if (body.length < 5) throw new Error("A message with buffers is too short.");
  let at = 5 + body.readUInt32LE(1);
  if (at > body.length) throw new Error("A message with buffers is too short.");
  const { message, buffers } = JSON.parse(body.toString("utf8", 5, at)) as Envelope;
  if (!Array.isArray(buffers)) throw new Error("A message with buffers does not say where they belong.");
  for (const [path, length] of buffers) {
    if (!Array.isArray(path) || !Number.isInteger(length) || length < 0 || at + length > body.length) {
      throw new Error("A message's buffers do not fit what it says of them.");
    }
    put(message, path, body.buffer.slice(body.byteOffset + at, body.byteOffset + at + length));
    at += length;
  }
  return message;
}

function put(target: unknown, path: Path, buffer: unknown): void {
  let at = target;
  path.forEach((key, depth) => {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key))
      throw new Error("A buffer has no place.");
    const holder = at as Record<string | number, unknown>;
    if (depth === path.length - 1) holder[key] = buffer;
    else at = holder[key];
  });
}

function checkedMessage(value: unknown): Message {
  const message = value as Partial<Message> | null;
  if (typeof message !== "object" || message?.jsonrpc !== "2.0") throw new Error("It is not JSON-RPC 2.0.");
  return message as Message;
}

/** A connection over a socket; `onMessage` is called for every whole message that arrives. */
export function connectionOver(socket: Socket, onMessage?: () => void): MessageConnection {
  const reader = new StreamMessageReader(socket, {
    charset: "utf-8",
    contentTypeDecoder: {
      name: "application/json",
      decode: (bytes) => {
        onMessage?.();
        return new Promise<Message>((resolve) => {
          resolve(checkedMessage(decodeMessage(bytes)));
        });
      },
    },
  });
  reader.partialMessageTimeout = 0;
  const writer = new StreamMessageWriter(socket, {
    charset: "utf-8",
    contentTypeEncoder: {
      name: "application/json",
      encode: (message) => Promise.resolve(encodeMessage(message)),
    },
  });
  return createMessageConnection(reader, writer);
}
