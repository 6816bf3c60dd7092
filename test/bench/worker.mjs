// Times cases on request: connects to the port it is given, reads lines {"case", "count"}, answers {"milliseconds"} for one run of `count`.

import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { cases } from "./cases.mjs";

const { values: options } = parseArgs({ options: { port: { type: "string" } } });
const socket = createConnection(Number(options.port), "127.0.0.1");
const prepared = new Map();
// Nothing else keeps this process going: it ends when run.mjs hangs up.
for await (const line of createInterface({ input: socket })) {
  const request = JSON.parse(line);
  if (!prepared.has(request.case)) prepared.set(request.case, cases[request.case]());
  const start = performance.now();
  await prepared.get(request.case)(request.count);
  socket.write(`${JSON.stringify({ milliseconds: performance.now() - start })}\n`);
}
