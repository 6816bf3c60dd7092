// What an open dashboard costs the run it shows: a client that says hello to the monitor and reads every event as it is flushed.

import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

/** Attaches to the one live run below `folder`. */
export async function watchRun(folder) {
  const { record, directory } = await findRun(join(folder, ".descent/runs"));
  const socket = createConnection(record.socket);
  const connection = createMessageConnection(
    new StreamMessageReader(socket),
    new StreamMessageWriter(socket),
  );
  let bytes = 0;
  let file = null;
  const buffer = Buffer.alloc(1 << 20);
  connection.onNotification("flushed", () => {
    file ??= openEvents(directory);
    if (file === null) return;
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) bytes += read;
  });
  connection.onError(() => undefined);
  connection.listen();
  await connection.sendRequest("hello", { version: record.version, token: record.token, client: "bench" });
  return {
    bytes: () => bytes,
    close: () => {
      connection.dispose();
      socket.destroy();
      if (file !== null) closeSync(file);
    },
  };
}

async function findRun(runs) {
  for (;;) {
    const record = existsSync(runs) ? readRecord(runs) : null;
    if (record !== null) return record;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function readRecord(runs) {
  for (const id of readdirSync(runs)) {
    const path = join(runs, id, "run.json");
    if (!existsSync(path)) continue;
    const record = JSON.parse(readFileSync(path, "utf8"));
    if (record.socket !== null) return { record, directory: join(runs, id) };
  }
  return null;
}

function openEvents(directory) {
  const name = readdirSync(directory).find((entry) => entry.startsWith("events"));
  return name === undefined ? null : openSync(join(directory, name));
}
