// Times cases on request: connects to the port it is given, reads lines {"case", "count"}, answers {"milliseconds"} for one run of `count`.
// With --device everything is on that device, and a time ends when the device has done what it was given.

import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { setDefaultDevice, zeros } from "descent";
import { cases } from "./cases.mjs";

const { values: options } = parseArgs({
  options: { port: { type: "string" }, device: { type: "string", default: "cpu" } },
});
if (options.device !== "cpu") setDefaultDevice(options.device);
const finish = options.device === "cpu" ? () => undefined : () => zeros([1]).item();
const socket = createConnection(Number(options.port), "127.0.0.1");
const prepared = new Map();
// Nothing else keeps this process going: it ends when run.mjs hangs up.
for await (const line of createInterface({ input: socket })) {
  const request = JSON.parse(line);
  if (!prepared.has(request.case)) prepared.set(request.case, cases[request.case]());
  finish();
  const start = performance.now();
  await prepared.get(request.case)(request.count);
  finish();
  socket.write(`${JSON.stringify({ milliseconds: performance.now() - start })}\n`);
}
