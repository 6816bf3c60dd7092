// Messages that carry raw buffers: they arrive as they were sent, and torn ones are refused.

import assert from "node:assert/strict";
import { createServer, createConnection, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectionOver, decodeMessage, encodeMessage } from "../../engine/runtime/wire.js";

const message = {
  jsonrpc: "2.0",
  id: 1,
  params: [
    { name: "größe", data: Float32Array.from([1, NaN, -0]).buffer },
    { $buffer: 0, none: new ArrayBuffer(0) },
    null,
  ],
};

test("a message with buffers comes back as it was", () => {
  assert.deepEqual(decodeMessage(encodeMessage(message)), message);
});

test("a message without buffers is plain JSON, so that any JSON-RPC peer can read it", () => {
  const plain = { jsonrpc: "2.0", method: "pause", params: { a: [1, "x", null] } };
  assert.deepEqual(JSON.parse(Buffer.from(encodeMessage(plain)).toString()), plain);
  assert.deepEqual(decodeMessage(encodeMessage(plain)), plain);
});

test("a torn or false message is refused wherever it is cut", () => {
  const whole = encodeMessage(message);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeMessage(whole.subarray(0, length)), `cut at ${length}`);
  }
  const forged = (envelope: unknown): Uint8Array => {
    const json = Buffer.from(JSON.stringify(envelope));
    const head = Buffer.alloc(5);
    head.writeUInt32LE(json.length, 1);
    return Buffer.concat([head, json, Buffer.alloc(8)]);
  };
  const polluting = { message: {}, buffers: [[["__proto__", "x"], 8]] };
  assert.throws(() => decodeMessage(forged(polluting)), /no place/);
  assert.throws(() => decodeMessage(forged({ message: {}, buffers: [[["x"], -1]] })), /do not fit/);
  assert.throws(() => decodeMessage(forged({ message: { x: null }, buffers: [[["x"], 9]] })), /do not fit/);
  assert.throws(() => decodeMessage(forged({ message: {} })), /where they belong/);
});

test("16 MiB go over a socket and back, in order with small messages", async () => {
  const folder = mkdtempSync(join(tmpdir(), "descent-wire-"));
  const server = createServer((socket) => {
    const connection = connectionOver(socket);
    connection.onRequest("double", (x: { values: ArrayBuffer }) => ({
      values: Float64Array.from(new Float64Array(x.values), (value) => 2 * value).buffer,
    }));
    connection.listen();
  });
  const path = process.platform === "win32" ? `\\\\.\\pipe\\descent-wire-${process.pid}` : join(folder, "s");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const socket = await new Promise<Socket>((resolve) => {
    const made = createConnection(path, () => {
      resolve(made);
    });
  });
  const connection = connectionOver(socket);
  connection.listen();
  const big = new Float64Array(2 ** 21).fill(1.5);
  const [first, second] = await Promise.all(
    [big, Float64Array.of(21)].map((values) =>
      connection.sendRequest<{ values: ArrayBuffer }>("double", { values: values.buffer }),
    ),
  );
  assert.deepEqual(new Float64Array(second!.values), Float64Array.of(42));
  const doubled = new Float64Array(first!.values);
  assert.equal(doubled.length, big.length);
  assert.ok(doubled.every((value) => value === 3));
  connection.dispose();
  socket.destroy();
  server.close();
  rmSync(folder, { recursive: true });
});
